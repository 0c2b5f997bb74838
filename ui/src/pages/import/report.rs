//! What the import did.

use super::sample::{fates, refused};
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::pages::frame::use_here;
use crate::platform::file;
use crate::text::count;
use std::rc::Rc;
use sync_client::api::{Answer, Command, ImportReport};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ReportProps {
    pub report: Rc<ImportReport>,
    pub onagain: Callback<()>,
}

/// The report.
#[component]
pub fn Report(props: &ReportProps) -> Html {
    let here = use_here();
    let report = &props.report;
    let saved = count::records(report.saved as u64);
    let (tint, title) = match (report.cancelled, report.saved, report.refused_total) {
        (true, ..) => (Tint::Info, format!("Stopped. {saved} saved on this device")),
        (false, 0, 0) => (Tint::Info, "Nothing to save: the file says what is there already".to_owned()),
        (false, 0, _) => (Tint::Danger, format!("{saved} saved on this device")),
        (false, _, 0) => (Tint::Success, format!("{saved} saved on this device")),
        (false, ..) => (Tint::Warning, format!("{saved} saved on this device")),
    };
    let (call, toaster) = (use_call(), use_toaster());
    let download = Callback::from(move |_: MouseEvent| {
        let toaster = toaster.clone();
        let done = Callback::from(move |outcome| match outcome {
            Ok(Answer::Text(text)) => match file::download("refused-rows.csv", "text/csv", &text) {
                Ok(()) => toaster.done("refused-rows.csv is in your downloads."),
                Err(_) => toaster.note("The file was not taken. Try again."),
            },
            Ok(_) => {}
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((Command::RefusedRows, done));
    });
    html! {
        <div class="mooring-stack" data-test="import-done" role="status">
            <Notice {tint} {title}>
                { fates(&report.counts, report.refused_total) }
                if report.saved > 0 {
                    { "They are sent to the server in the background; you can go on working." }
                }
            </Notice>
            { refused(&report.refused, report.refused_total, false) }
            <div class="mooring-actions">
                <Link to={here.to_collection(&report.collection)} class="pf-v6-c-button pf-m-primary" test="import-open">{ "Show the records" }</Link>
                if report.refused_total > 0 {
                    <Button icon={Icon::Download} onclick={download} test="import-refused-download"
                        text="Download the refused rows" title="Their cells and the reasons: mend them there and import the file" />
                }
                <Button look={Look::Link} text="Import another file" onclick={props.onagain.reform(|_: MouseEvent| ())} />
            </div>
        </div>
    }
}
