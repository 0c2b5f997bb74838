//! All records of a collection as a file.

use super::icon::{Icon, icon};
use super::menu::{Entry, Menu};
use crate::backend::Outcome;
use crate::hooks::{use_call, use_toaster};
use crate::platform::file;
use sync_client::api::{Answer, CollectionInfo, Command, FileFormat};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct CollectionExportProps {
    pub info: CollectionInfo,
}

/// A button with the two forms.
#[component]
pub fn CollectionExport(props: &CollectionExportProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let start = |format: FileFormat, ending: &'static str, kind: &'static str| {
        let (call, toaster, info) = (call.clone(), toaster.clone(), props.info.clone());
        Callback::from(move |()| {
            let toaster = toaster.clone();
            let name = format!("{}.{ending}", file_stem(&info.collection.label));
            let done = Callback::from(move |outcome: Outcome| match outcome {
                Ok(Answer::Text(text)) => match file::download(&name, kind, &text) {
                    Ok(()) => toaster.done(format!("{name} is in your downloads.")),
                    Err(_) => toaster.note("The file was not taken. Try again."),
                },
                Ok(_) => {}
                Err(failure) => toaster.failure(&failure),
            });
            call.emit((Command::Export { collection: info.id.clone(), format }, done));
        })
    };
    let groups = vec![(
        AttrValue::Static("Export all records"),
        vec![
            Entry::new("For a spreadsheet (CSV)", start(FileFormat::Csv, "csv", "text/csv"))
                .test("export-records-csv"),
            Entry::new("For programs (JSON)", start(FileFormat::Json, "json", "application/json"))
                .test("export-records-json"),
        ],
    )];
    html! { <Menu plain=true end=true toggle={icon(Icon::Download)} label="Export all records" {groups} test="export-records" /> }
}

/// A collection's name as a file may be called everywhere.
fn file_stem(label: &str) -> String {
    let stem: String =
        label.chars().map(|c| if c.is_control() || "/\\:*?\"<>|".contains(c) { '-' } else { c }).collect();
    let stem = stem.trim_matches(['.', ' ']);
    if stem.is_empty() { "records".to_owned() } else { stem.to_owned() }
}
