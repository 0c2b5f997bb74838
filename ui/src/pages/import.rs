//! Import: choose a file, look at what it would become, import it, read the report.

mod choose;
mod plan;
mod reading;
mod report;
mod sample;

use super::frame::use_here;
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::components::progress::Progress;
use crate::components::states::{Notice, Tint, loading};
use crate::hooks::{use_backend, use_call, use_event};
use crate::platform::{file, handed, storage};
use crate::text::count;
use choose::Choose;
use js_sys::JsString;
use plan::PlanForm;
use reading::ReadingForm;
use report::Report;
use sample::{fates, refused, sample};
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, Failure, ImportPlan, ImportReport, Preview};
use sync_client::import::check_file;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::prelude::*;

/// Where one is.
#[derive(Clone, PartialEq)]
enum Step {
    Choose,
    /// Being read and looked at.
    Reading,
    Preview(Rc<Preview>),
    Running,
    Report(Rc<ImportReport>),
}

/// A chosen file.
#[derive(Clone, PartialEq)]
struct Chosen {
    name: String,
    file: File,
    text: JsString,
    encoding: AttrValue,
}

/// The screen.
#[component]
pub fn Import() -> Html {
    let here = use_here();
    let call = use_call();
    let step = use_state(|| Step::Choose);
    let chosen = use_state(|| None::<Chosen>);
    // a name is no reason to look at the file again: it goes into the plan when the import starts
    let label = use_state(String::new);
    let failure = use_state(|| None::<Failure>);
    let looking = use_state_eq(|| false);
    let progress = use_state_eq(|| (0u64, 0u64));
    {
        let progress = progress.setter();
        let listener = use_callback((), move |event, ()| {
            if let Event::Importing { done, total } = event {
                progress.set((done as u64, total as u64));
            }
        });
        use_event(listener);
    }

    // asks what would become of the file, with the plan so far
    let look = {
        let (step, failure, looking, label, backend) =
            (step.setter(), failure.setter(), looking.setter(), label.setter(), use_backend());
        Callback::from(move |(file, plan): (Chosen, Option<ImportPlan>)| {
            looking.set(true);
            failure.set(None);
            let (step, failure, looking, label, backend) =
                (step.clone(), failure.clone(), looking.clone(), label.clone(), backend.clone());
            spawn_local(async move {
                let first = plan.is_none();
                let outcome = backend.preview(file.name, &file.text, plan).await;
                looking.set(false);
                match outcome {
                    Ok(Answer::Preview(preview)) => {
                        if first {
                            label.set(preview.plan.label.clone());
                        }
                        step.set(Step::Preview(Rc::from(preview)));
                    }
                    Ok(_) => {}
                    Err(why) => {
                        failure.set(Some(why));
                        if first {
                            step.set(Step::Choose);
                        }
                    }
                }
            });
        })
    };
    // reads a file, as one knows or as a person says it is encoded
    let open = {
        let (step, chosen, failure, look) = (step.setter(), chosen.setter(), failure.setter(), look.clone());
        Callback::from(move |(picked, encoding): (File, Option<String>)| {
            let (step, chosen, failure, look) = (step.clone(), chosen.clone(), failure.clone(), look.clone());
            step.set(Step::Reading);
            spawn_local(async move {
                match file::read(&picked, encoding.as_deref()).await {
                    Ok((text, encoding)) => {
                        let name = file::text_name(&picked.name());
                        let file = Chosen { name, file: picked, text, encoding: encoding.into() };
                        chosen.set(Some(file.clone()));
                        look.emit((file, None));
                    }
                    Err(why) => {
                        failure.set(Some(Failure::input(why)));
                        step.set(Step::Choose);
                    }
                }
            });
        })
    };
    let onfile = {
        let (failure, open) = (failure.setter(), open.clone());
        Callback::from(move |picked: File| {
            failure.set(None);
            match check_file(&file::text_name(&picked.name()), picked.size() as u64) {
                Ok(()) => open.emit((picked, None)),
                Err(why) => failure.set(Some(why)),
            }
        })
    };
    {
        // dropped elsewhere, or opened with Mooring; what is being imported is finished first
        let onfile = onfile.clone();
        use_effect_with(*step == Step::Running, move |running| {
            let listener = (!running).then(|| {
                if let Some(file) = handed::take() {
                    onfile.emit(file);
                }
                handed::listen(move |file| onfile.emit(file))
            });
            move || drop(listener)
        });
    }
    let onencoding = {
        let chosen = chosen.clone();
        Callback::from(move |encoding: String| {
            if let Some(chosen) = &*chosen {
                open.emit((chosen.file.clone(), Some(encoding)));
            }
        })
    };
    let onplan = {
        let (chosen, look) = (chosen.clone(), look);
        Callback::from(move |plan: ImportPlan| {
            if let Some(file) = &*chosen {
                look.emit((file.clone(), Some(plan)));
            }
        })
    };
    let restart = {
        let (step, chosen) = (step.setter(), chosen.setter());
        Callback::from(move |()| {
            chosen.set(None);
            step.set(Step::Choose);
        })
    };
    let start = {
        let (step, failure, progress, call) =
            (step.clone(), failure.setter(), progress.setter(), call.clone());
        Callback::from(move |plan: ImportPlan| {
            let before = (*step).clone();
            failure.set(None);
            progress.set((0, 0));
            step.set(Step::Running);
            let (step, failure) = (step.setter(), failure.clone());
            let done = Callback::from(move |outcome| match outcome {
                Ok(Answer::Imported(report)) => {
                    storage::ask_to_persist();
                    step.set(Step::Report(Rc::new(report)));
                }
                Ok(_) => {}
                Err(why) => {
                    failure.set(Some(why));
                    step.set(before.clone());
                }
            });
            call.emit((Command::Import { plan }, done));
        })
    };
    let cancel = Callback::from(move |_: MouseEvent| call.emit((Command::CancelImport, Callback::noop())));
    let failed = failure.as_ref().map(|failure| {
        html! { <Notice tint={Tint::Danger} title={failure.message.clone()} test="import-failed" /> }
    });
    let beside_button = matches!(&*step, Step::Preview(_));

    let body = match &*step {
        Step::Choose => html! { <Choose {onfile} /> },
        Step::Reading => loading("Reading the file"),
        Step::Preview(preview) => {
            let rows = (preview.counts.new + preview.counts.change) as u64;
            let go = {
                let plan = ImportPlan { label: (*label).clone(), ..preview.plan.clone() };
                start.reform(move |_: MouseEvent| plan.clone())
            };
            let onlabel = {
                let label = label.setter();
                Callback::from(move |text| label.set(text))
            };
            let encoding = chosen.as_ref().map(|chosen| chosen.encoding.clone()).unwrap_or_default();
            html! {
                <div class="mooring-stack">
                    <PlanForm plan={preview.plan.clone()} label={(*label).clone()} {onlabel} onplan={onplan.clone()} />
                    <ReadingForm preview={preview.clone()} {encoding} {onencoding} {onplan} />
                    { for preview.notes.iter().map(|note| html! { <Notice tint={Tint::Info} title={note.clone()} test="import-note" /> }) }
                    { refused(&preview.refused, preview.refused_total, true) }
                    { sample(preview, *looking) }
                    <div class="mooring-import-foot">
                        { for failed.clone() }
                        { fates(&preview.counts, preview.refused_total) }
                        <div class="mooring-actions">
                            <Button look={Look::Primary} icon={Icon::Upload} text={format!("Import {}", count::records(rows))}
                                disabled={*looking || rows == 0} onclick={go} test="import-start" />
                            <Button look={Look::Link} text="Choose another file" onclick={restart.reform(|_: MouseEvent| ())} />
                        </div>
                    </div>
                </div>
            }
        }
        Step::Running => {
            let (done, total) = *progress;
            html! {
                <div class="mooring-stack" data-test="import-running">
                    <Progress label={if total == 0 { "Starting".to_owned() } else { format!("{} of {} saved on this device", count::number(done), count::records(total)) }} {done} {total} />
                    <div class="mooring-actions">
                        <Button text="Stop" onclick={cancel} test="import-cancel" />
                        <span class="mooring-muted">{ "What is saved so far stays." }</span>
                    </div>
                </div>
            }
        }
        Step::Report(report) => html! { <Report report={report.clone()} onagain={restart} /> },
    };
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="import-title">
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="import-title">{ "Import" }</h1>
                if let Some(file) = &*chosen {
                    <span class="mooring-muted">{ file.file.name() }</span>
                }
            </div>
            if !beside_button {
                { for failed }
            }
            if here.may_edit() { { body } } else {
                <Notice tint={Tint::Info} title="You can read this workspace, but not add to it" />
            }
        </section>
    }
}
