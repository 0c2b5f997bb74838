//! Several at once: what is selected, the rule, what it would do, how far it is.

use super::collection_label;
use super::filters::is_narrow;
use super::looking::title;
use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::form::{control, input_text, select_arrow};
use crate::components::progress::Progress;
use crate::components::states::{Notice, Tint, spinner};
use crate::hooks::{use_backend, use_event, use_toaster};
use crate::pages::frame::{Here, use_here};
use crate::platform::storage;
use crate::text::count;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{
    Answer, BulkReport, BulkRule, Command, Event as News, Facets, Failure, Review as List, ReviewFilter,
    ReviewTab, Which,
};
use sync_protocol::ChangeId;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct SelectionProps {
    pub list: Rc<List>,
    pub selected: BTreeSet<ChangeId>,
    pub filter: ReviewFilter,
    pub may_edit: bool,
    pub onselect: Callback<(Vec<ChangeId>, bool)>,
    pub onclear: Callback<()>,
}

/// Above the list: select all, and what to do with what is selected.
#[component]
pub fn Selection(props: &SelectionProps) -> Html {
    let everything = use_state_eq(|| false);
    let deciding = use_state(|| None::<Which>);
    let (backend, toaster) = (use_backend(), use_toaster());
    {
        let everything = everything.setter();
        use_effect_with((props.filter.clone(), props.selected.is_empty()), move |_| everything.set(false));
    }
    if !props.may_edit {
        return Html::default();
    }
    let ids: Vec<ChangeId> = props.list.items.iter().map(|item| item.id).collect();
    let page = ids.iter().filter(|id| props.selected.contains(id)).count();
    let (all, some) = (page == ids.len(), page > 0);
    let onchange = {
        let onselect = props.onselect.clone();
        let ids = ids.clone();
        Callback::from(move |_: Event| onselect.emit((ids.clone(), !all)))
    };
    let box_node = use_node_ref();
    {
        let node = box_node.clone();
        use_effect_with((all, some), move |(all, some)| {
            if let Some(input) = node.cast::<HtmlInputElement>() {
                input.set_indeterminate(*some && !*all);
            }
        });
    }
    let n = if *everything { props.list.matching } else { props.selected.len() };
    let settled = props.filter.tab == ReviewTab::Settled;
    let decide = {
        let (deciding, filter, selected, everything) =
            (deciding.setter(), props.filter.clone(), props.selected.clone(), *everything);
        Callback::from(move |_: MouseEvent| {
            let which = if everything {
                Which::Filter(filter.clone())
            } else {
                Which::Ids(selected.iter().copied().collect())
            };
            deciding.set(Some(which));
        })
    };
    let take_back = {
        let (selected, onclear) = (props.selected.clone(), props.onclear.clone());
        Callback::from(move |_: MouseEvent| {
            let (backend, toaster) = (backend.clone(), toaster.clone());
            let conflicts: Vec<ChangeId> = selected.iter().copied().collect();
            onclear.emit(());
            spawn_local(async move {
                match backend.call(Command::TakeBack { conflicts }).await {
                    Ok(Answer::Bulk(report)) => {
                        toaster.done(format!("{} taken back", count::decisions(report.done.len())));
                    }
                    Ok(_) => {}
                    Err(failure) => toaster.failure(&failure),
                }
            });
        })
    };
    let choose_all = {
        let everything = everything.setter();
        Callback::from(move |_: MouseEvent| everything.set(true))
    };
    let done = {
        let (deciding, onclear) = (deciding.setter(), props.onclear.clone());
        Callback::from(move |decided: bool| {
            deciding.set(None);
            if decided {
                onclear.emit(());
            }
        })
    };
    let more = !settled && all && !*everything && props.list.matching > props.selected.len();
    html! {
        <div class={classes!("mooring-bulk", (n > 0).then_some("mooring-bulk-on"))} role="group" aria-label="Selection" data-test="review-bulk">
            <label class="mooring-item-select">
                <input type="checkbox" ref={box_node} checked={all && some} {onchange} aria-label="Select all on this page" data-test="select-page" />
            </label>
            if n == 0 {
                <span class="mooring-muted">{ "Select to decide about several at once" }</span>
            } else {
                <span data-test="selected-count"><strong>{ count::number(n as u64) }</strong>{ " selected" }</span>
                if more {
                    <Button look={Look::Link} onclick={choose_all} test="select-everything"
                        text={format!("Select all {} {}", count::number(props.list.matching as u64), if is_narrow(&props.filter) { "that match" } else { "of them" })} />
                }
                <Button look={Look::Link} text="Select none" onclick={props.onclear.reform(|_: MouseEvent| ())} test="select-none" />
                <span class="mooring-space"></span>
                if settled {
                    <Button look={Look::Primary} text={format!("Take back {}", count::decisions(n))} onclick={take_back} test="take-back-selected" />
                } else {
                    <Button look={Look::Primary} text={format!("Decide about {}", count::number(n as u64))} onclick={decide} test="bulk-decide" />
                }
            }
            if let Some(which) = &*deciding {
                <Bulk which={which.clone()} facets={props.list.facets.clone()} {done} />
            }
        </div>
    }
}

/// What there is to choose from, before a name is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Current,
    Incoming,
    Newest,
    Person,
    Device,
}

const KINDS: [(Kind, &str, &str, &str); 5] = [
    (
        Kind::Current,
        "Leave the records as they are",
        "The other changes stay readable in each record's history.",
        "rule-current",
    ),
    (
        Kind::Incoming,
        "Take the other changes",
        "What was changed elsewhere replaces what is in the records now.",
        "rule-incoming",
    ),
    (
        Kind::Newest,
        "Take the newest edit of each field",
        "By the time at which each of the two was made.",
        "rule-newest",
    ),
    (
        Kind::Person,
        "Take one person's side",
        "Decisions with that person on both sides, or on none, stay open.",
        "rule-person",
    ),
    (
        Kind::Device,
        "Take one device's side",
        "Decisions with that device on both sides, or on none, stay open.",
        "rule-device",
    ),
];

#[derive(PartialEq, Properties)]
struct BulkProps {
    which: Which,
    facets: Facets,
    /// True: something was decided.
    done: Callback<bool>,
}

/// What the dialog is at.
#[derive(Clone, PartialEq)]
enum Step {
    /// No rule is complete yet.
    Choosing,
    /// What the rule would do is being counted.
    Counting,
    Counted(Rc<BulkReport>),
    Running(u64, u64),
    Failed(Failure),
}

/// The dialog: a rule, what it would do, how far it is.
#[component]
fn Bulk(props: &BulkProps) -> Html {
    let (here, backend, toaster) = (use_here(), use_backend(), use_toaster());
    let kind = use_state_eq(|| None::<Kind>);
    let name = use_state(String::new);
    let step = use_state(|| Step::Choosing);
    let rule = kind.and_then(|kind| rule(kind, &name));
    {
        // what it would do is told before anybody decides
        let (backend, step, which) = (backend.clone(), step.setter(), props.which.clone());
        use_effect_with(rule.clone(), move |rule| {
            let alive = Rc::new(std::cell::Cell::new(true));
            let still = alive.clone();
            match rule.clone() {
                None => step.set(Step::Choosing),
                Some(rule) => {
                    step.set(Step::Counting);
                    spawn_local(async move {
                        let outcome = backend.call(Command::ResolveMany { which, rule, dry_run: true }).await;
                        if still.get() {
                            match outcome {
                                Ok(Answer::Bulk(report)) => step.set(Step::Counted(Rc::new(report))),
                                Ok(_) => {}
                                Err(failure) => step.set(Step::Failed(failure)),
                            }
                        }
                    });
                }
            }
            move || alive.set(false)
        });
    }
    let running = matches!(*step, Step::Running(..));
    let progress = step.setter();
    let listener = use_callback(running, move |event: News, running| {
        if let (true, News::Working { done, total }) = (*running, event) {
            progress.set(Step::Running(done as u64, total as u64));
        }
    });
    use_event(listener);
    let start = {
        let (backend, toaster, step, which, rule, done) =
            (backend.clone(), toaster, step.setter(), props.which.clone(), rule.clone(), props.done.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(rule) = rule.clone() else { return };
            step.set(Step::Running(0, 0));
            let (backend, toaster, step, which, done) =
                (backend.clone(), toaster.clone(), step.clone(), which.clone(), done.clone());
            spawn_local(async move {
                match backend.call(Command::ResolveMany { which, rule, dry_run: false }).await {
                    Ok(Answer::Bulk(report)) => {
                        storage::ask_to_persist();
                        toaster.decided(told(&report), report.done);
                        done.emit(true);
                    }
                    Ok(_) => {}
                    Err(failure) => step.set(Step::Failed(failure)),
                }
            });
        })
    };
    let stop = Callback::from(move |_: MouseEvent| {
        let backend = backend.clone();
        spawn_local(async move {
            // the report of what was done until then comes as the answer to the decision
            let _ = backend.call(Command::CancelBulk).await;
        });
    });
    let cancel = props.done.reform(|_: MouseEvent| false);
    let close = {
        let done = props.done.clone();
        Callback::from(move |()| {
            if !running {
                done.emit(false);
            }
        })
    };
    let ready = match &*step {
        Step::Counted(report) => report.done.len(),
        _ => 0,
    };
    let actions = if running {
        html! { <Button text="Stop" onclick={stop} test="bulk-stop" /> }
    } else {
        html! {
            <>
                <Button look={Look::Primary} disabled={ready == 0} onclick={start} test="bulk-start"
                    text={if ready == 0 { "Decide".to_owned() } else { format!("Make {}", count::decisions(ready)) }} />
                <Button look={Look::Link} text="Cancel" onclick={cancel} test="bulk-cancel" />
            </>
        }
    };
    html! {
        <Dialog title={if running { "Deciding" } else { "Decide about several at once" }} onclose={close} {actions} test="bulk-dialog">
            if let Step::Running(done, total) = *step {
                <Progress label={if total == 0 { "Deciding".to_owned() } else { format!("{} of {}", count::number(done), count::number(total)) }} {done} {total} />
            } else {
                { rules(*kind, &name, &props.facets, kind.setter(), name.setter()) }
                <div role="status" data-test="bulk-preview">{ preview(&here, &step) }</div>
            }
        </Dialog>
    }
}

fn rule(kind: Kind, name: &str) -> Option<BulkRule> {
    let named = |rule: fn(String) -> BulkRule| (!name.is_empty()).then(|| rule(name.to_owned()));
    match kind {
        Kind::Current => Some(BulkRule::Current),
        Kind::Incoming => Some(BulkRule::Incoming),
        Kind::Newest => Some(BulkRule::Newest),
        Kind::Person => named(BulkRule::Person),
        Kind::Device => named(BulkRule::Device),
    }
}

fn rules(
    chosen: Option<Kind>,
    name: &str,
    facets: &Facets,
    set: UseStateSetter<Option<Kind>>,
    set_name: UseStateSetter<String>,
) -> Html {
    let names = |kind: Kind| match kind {
        Kind::Person => Some(("Person", &facets.people)),
        Kind::Device => Some(("Device", &facets.devices)),
        Kind::Current | Kind::Incoming | Kind::Newest => None,
    };
    html! {
        <fieldset class="mooring-rules">
            <legend class="pf-v6-screen-reader">{ "How" }</legend>
            { for KINDS.into_iter().map(|(kind, text, more, test)| {
                let on = chosen == Some(kind);
                let (set, clear) = (set.clone(), set_name.clone());
                let onchange = Callback::from(move |_: Event| { set.set(Some(kind)); clear.set(String::new()); });
                let choose = set_name.clone();
                let onname = Callback::from(move |event: Event| choose.set(input_text(&event)));
                html! {
                    <div class={classes!("mooring-rule", on.then_some("mooring-rule-on"))}>
                        <label>
                            <input type="radio" name="rule" checked={on} {onchange} data-test={test} />
                            <span>
                                <strong>{ text }</strong>
                                <span class="mooring-muted mooring-block">{ more }</span>
                            </span>
                        </label>
                        if let Some((label, found)) = names(kind).filter(|_| on) {
                            { control(None, false, html! {
                                <>
                                    <select aria-label={label} onchange={onname} data-test="rule-name">
                                        <option value="" selected={name.is_empty()}>{ format!("Choose a {}", label.to_lowercase()) }</option>
                                        { for found.keys().map(|one| html! { <option value={one.clone()} selected={one == name}>{ one.clone() }</option> }) }
                                    </select>
                                    { select_arrow() }
                                </>
                            }) }
                        }
                    </div>
                }
            }) }
        </fieldset>
    }
}

/// What the rule would do.
fn preview(here: &Here, step: &Step) -> Html {
    let report = match step {
        Step::Choosing | Step::Running(..) => {
            return html! { <p class="mooring-muted">{ "Choose how. You see what it would do before anything is decided." }</p> };
        }
        Step::Counting => {
            return html! { <p class="mooring-muted">{ spinner("pf-m-md") }{ " Counting" }</p> };
        }
        Step::Failed(failure) => {
            return html! { <Notice tint={Tint::Danger} title={failure.message.clone()} test="bulk-failed" /> };
        }
        Step::Counted(report) => report,
    };
    let line = |n: usize, text: &'static str, test: &'static str| {
        html! {
            if n > 0 {
                <li data-test={test}><strong>{ count::number(n as u64) }</strong>{ text }</li>
            }
        }
    };
    html! {
        <>
            <ul class="mooring-counts">
                { line(report.keep, " keep the record as it is", "bulk-keep") }
                { line(report.take, " take the other change", "bulk-take") }
                { line(report.mixed, " take some fields of each", "bulk-mixed") }
                { line(report.left_total, " stay open", "bulk-left") }
            </ul>
            if !report.left.is_empty() {
                { left(here, report) }
            }
        </>
    }
}

/// What stays open, and why.
fn left(here: &Here, report: &BulkReport) -> Html {
    html! {
        <div class="mooring-left" tabindex="0" role="region" aria-label="What stays open">
            <ul>
                { for report.left.iter().map(|(item, why)| {
                    let label = collection_label(here, &item.record.collection);
                    html! { <li><strong>{ title(item, &label) }</strong><span class="mooring-muted mooring-block">{ why }</span></li> }
                }) }
                if report.left_total > report.left.len() {
                    <li class="mooring-muted">{ format!("and {} more", count::number((report.left_total - report.left.len()) as u64)) }</li>
                }
            </ul>
        </div>
    }
}

fn told(report: &BulkReport) -> String {
    let mut text = format!("{} saved on this device", count::decisions(report.done.len()));
    if report.cancelled {
        text.push_str(", then stopped");
    } else if report.left_total > 0 {
        text.push_str(&format!(", {} left open", count::number(report.left_total as u64)));
    }
    text
}
