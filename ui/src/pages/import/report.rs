//! What the import did.

use super::sample::refused;
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Notice, Tint};
use crate::pages::frame::use_here;
use crate::platform::file;
use crate::text::count;
use crate::text::csv;
use std::rc::Rc;
use sync_client::api::ImportReport;
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
    let (tint, title) = if report.cancelled {
        (Tint::Info, format!("Stopped. {saved} saved on this device"))
    } else {
        (Tint::Success, format!("{saved} saved on this device"))
    };
    let download = {
        let report = report.clone();
        Callback::from(move |_: MouseEvent| {
            let rows = report
                .refused
                .iter()
                .map(|row| [row.row.to_string(), row.column.clone(), row.reason.clone()]);
            let text = csv::write(&["Row", "Column", "Reason"], rows);
            // a browser that takes no file says so itself
            let _ = file::download("refused-rows.csv", "text/csv", &text);
        })
    };
    html! {
        <div class="mooring-stack" data-test="import-done" role="status">
            <Notice {tint} {title}>{ "They are sent to the server in the background; you can go on working." }</Notice>
            { refused(&report.refused, report.refused_total, false) }
            <div class="mooring-actions">
                <Link to={here.to_collection(&report.collection)} class="pf-v6-c-button pf-m-primary" test="import-open">{ "Show the records" }</Link>
                if report.refused_total > 0 {
                    <Button icon={Icon::Download} onclick={download} test="import-refused-download"
                        text={if report.refused_total > report.refused.len() { format!("Download the first {} refused rows", report.refused.len()) } else { "Download the refused rows".to_owned() }} />
                }
                <Button look={Look::Link} text="Import another file" onclick={props.onagain.reform(|_: MouseEvent| ())} />
            </div>
        </div>
    }
}
