//! Everything that policies and people decided where edits met, as a file.

use super::button::{Button, Look};
use super::icon::Icon;
use super::progress::Progress;
use crate::backend::Outcome;
use crate::hooks::{use_call, use_event, use_status, use_toaster};
use crate::platform::file;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, FileFormat, Transport};
use yew::prelude::*;

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Running {
    done: usize,
    total: usize,
    /// The person has asked it to stop.
    stopping: bool,
}

/// Two buttons; while it runs, how far it is and how to stop it.
#[component]
pub fn AuditExport() -> Html {
    let (call, toaster, status) = (use_call(), use_toaster(), use_status());
    let running = use_state_eq(|| None::<Running>);
    // what callbacks see: a state handle remembers the value of its own rendering
    let now = use_mut_ref(|| None::<Running>);
    let set = {
        let (running, now) = (running.setter(), now.clone());
        Rc::new(move |next: Option<Running>| {
            *now.borrow_mut() = next;
            running.set(next);
        })
    };
    {
        let (set, now) = (set.clone(), now.clone());
        let heard = use_callback((), move |event: Event, ()| {
            let current = *now.borrow();
            if let (Event::Working { done, total }, Some(current)) = (event, current) {
                set(Some(Running { done, total, ..current }));
            }
        });
        use_event(heard);
    }
    let start = |format: FileFormat| {
        let (call, toaster, set, now) = (call.clone(), toaster.clone(), set.clone(), now.clone());
        Callback::from(move |_: MouseEvent| {
            set(Some(Running { done: 0, total: 0, stopping: false }));
            let (toaster, set, now) = (toaster.clone(), set.clone(), now.clone());
            let done = Callback::from(move |outcome: Outcome| {
                let stopped = now.borrow().is_some_and(|running| running.stopping);
                set(None);
                let (name, kind) = match format {
                    FileFormat::Csv => ("mooring-decisions.csv", "text/csv"),
                    FileFormat::Json => ("mooring-decisions.json", "application/json"),
                };
                match outcome {
                    Ok(Answer::Text(text)) => match file::download(name, kind, &text) {
                        Ok(()) => toaster.done(format!("{name} is in your downloads.")),
                        Err(_) => toaster.note("The file was not taken. Try again."),
                    },
                    Ok(_) => {}
                    Err(failure) if stopped => toaster.note(failure.message),
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((Command::ExportAudit { format }, done));
        })
    };
    let stop = {
        let (call, set, now) = (call.clone(), set.clone(), now.clone());
        Callback::from(move |_: MouseEvent| {
            let current = *now.borrow();
            set(current.map(|current| Running { stopping: true, ..current }));
            call.emit((Command::CancelBulk, Callback::noop()));
        })
    };
    if let Some(Running { done, total, stopping }) = *running {
        return html! {
            <div class="mooring-export" data-test="export-running">
                <Progress label="Reading every decision from the server" done={done as u64} total={total as u64} />
                <Button look={Look::Link} text="Stop" busy={stopping} onclick={stop} test="export-stop" />
            </div>
        };
    }
    let offline = status.transport == Transport::Offline;
    html! {
        <div class="mooring-actions" role="group" aria-label="Export every decision">
            if offline {
                <span class="mooring-muted" data-test="export-offline">{ "Exporting needs the network." }</span>
            }
            <Button icon={Icon::Download} text="Export CSV" disabled={offline} onclick={start(FileFormat::Csv)} test="export-csv"
                title="Every decision of people and rules, one row per field, for a spreadsheet" />
            <Button text="Export JSON" disabled={offline} onclick={start(FileFormat::Json)} test="export-json"
                title="The same for programs" />
        </div>
    }
}
