//! One review: both sides, field by field, and a decision.

mod beside;
mod draft;
mod fields;
mod life;
mod preview;
mod state;

pub use draft::{Case, Draft, Picked};

use super::looking::title;
use super::{Looking, collection_label, on_news, reader};
use crate::components::button::{Button, Look};
use crate::components::icon::{Icon, icon};
use crate::components::link::{Link, use_go};
use crate::components::states::{Empty, loading};
use crate::hooks::{use_ask, use_call, use_status, use_toaster};
use crate::live::{Live, use_keys, use_live};
use crate::pages::frame::use_here;
use crate::platform::{dom, storage};
use crate::route::{KeyText, Route};
use crate::text::{count, review};
use beside::{Around, Comments};
use draft::Whole;
use fields::{Choices, choices};
use life::life;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{Answer, Command, ConflictInfo, Review as List, ReviewQuery, Transport};
use sync_protocol::record::per_field;
use sync_protocol::{ChangeId, FieldName, Value};
use yew::prelude::*;

/// Items asked for before and after this one, to know where to go next.
const AROUND: usize = 41;

#[derive(PartialEq, Properties)]
pub struct DecideProps {
    pub id: ChangeId,
}

/// The screen.
#[component]
pub fn Decide(props: &DecideProps) -> Html {
    let here = use_here();
    let looking: Looking = use_context().expect("a workspace's frame provides it");
    let ask = use_ask(
        props.id,
        |id| Command::Conflict { id: *id },
        |answer| if let Answer::Conflict(info) = answer { Some(*info) } else { None },
        |_, event| on_news(event),
    );
    let around = use_ask(
        (props.id, looking.list().0),
        |(id, filter)| {
            let query = ReviewQuery { filter: filter.clone(), around: Some(*id), limit: AROUND, offset: 0 };
            Command::Review(query)
        },
        super::pick_review,
        |_, event| on_news(event),
    );
    match &ask.data {
        // who decides is led to the next one: that is known first
        Some(info) if around.data.is_some() || around.failure.is_some() => {
            html! { <Open info={info.clone()} around={around.data.clone()} /> }
        }
        None if ask.failure.is_some() => html! {
            <section class="mooring-narrow">
                <Empty title="Nothing left to review here" icon={Icon::Check} test="review-gone">
                    <div class="pf-v6-c-empty-state__body">{ "It was settled a while ago, or has not arrived on this device yet. The record's history has both versions." }</div>
                    <div class="pf-v6-c-empty-state__footer">
                        <Link to={Route::Review { workspace: here.name.to_string() }} class="pf-v6-c-button pf-m-primary">{ "To what needs review" }</Link>
                    </div>
                </Empty>
            </section>
        },
        _ => loading("Reading both versions"),
    }
}

#[derive(PartialEq, Properties)]
struct OpenProps {
    info: Rc<ConflictInfo>,
    around: Option<Rc<List>>,
}

#[component]
fn Open(props: &OpenProps) -> Html {
    let (here, status, go) = (use_here(), use_status(), use_go());
    let (call, toaster) = (use_call(), use_toaster());
    let looking: Looking = use_context().expect("a workspace's frame provides it");
    let info = &props.info;
    let item = &info.item;
    let id = item.id;
    let case = Case::new(&here, info.clone());
    let draft = use_live(|| {
        let returned = || info.returned.as_ref().map(|(outcome, _)| case.draft_of(outcome));
        looking.draft(id).or_else(returned).unwrap_or_default()
    });
    let errors = use_live(BTreeMap::<FieldName, String>::new);
    let active = use_live(|| None::<FieldName>);
    let busy = use_live(|| false);
    // what was on the screen first: what moves while somebody looks is pointed out
    let first = use_memo((), |()| (info.record_rev, info.conflict.rev, item.settled.is_some()));
    let open = item.settled.is_none() && item.pending.is_none() && here.may_edit();

    let seen = use_mut_ref(BTreeMap::new);
    keep_fresh(&seen, &case, &draft, &looking);
    let set = {
        let (draft, errors, looking) = (draft.clone(), errors.clone(), looking.clone());
        Callback::from(move |next: Draft| {
            looking.keep_draft(id, Some(&next));
            errors.set(BTreeMap::new());
            draft.set(next);
        })
    };
    let pick = {
        let (set, draft) = (set.clone(), draft.clone());
        Callback::from(move |(name, picked): (FieldName, Picked)| {
            let mut next = Draft { whole: None, ..(*draft.get()).clone() };
            next.picks.insert(name, picked);
            set.emit(next);
        })
    };
    let pick_whole = {
        let (set, draft) = (set.clone(), draft.clone());
        Callback::from(move |whole: Whole| {
            let now = draft.get();
            let off = now.whole == Some(whole) && whole == Whole::Both;
            set.emit(Draft { whole: (!off).then_some(whole), ..(*now).clone() });
        })
    };
    let to = {
        let (go, workspace) = (go.clone(), here.name.to_string());
        Callback::from(move |id: Option<ChangeId>| {
            let workspace = workspace.clone();
            go.emit(match id {
                Some(id) => Route::Decide { workspace, id: id.to_string() },
                None => Route::Review { workspace },
            });
        })
    };
    let place = Place::of(props.around.as_deref(), id);
    let save = {
        let (case, draft, errors, busy) = (case.clone(), draft.clone(), errors.clone(), busy.clone());
        let (call, toaster) = (call.clone(), toaster.clone());
        let (to, next, looking, offline) =
            (to.clone(), place.open, looking.clone(), status.transport == Transport::Offline);
        Callback::from(move |()| {
            let draft = draft.get();
            let command = match case.command(&draft) {
                Some(Ok(command)) if !*busy.get() => command,
                Some(Err(wrong)) => {
                    if let Some(name) = wrong.keys().next() {
                        fields::focus_own(name);
                    }
                    return errors.set(wrong);
                }
                _ => return,
            };
            busy.set(true);
            let says = case.says(&draft);
            let (busy, errors, toaster, to, looking) =
                (busy.clone(), errors.clone(), toaster.clone(), to.clone(), looking.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => {
                        storage::ask_to_persist();
                        looking.keep_draft(id, None);
                        let how = if offline {
                            "Saved on this device, applies when online"
                        } else {
                            "Saved on this device"
                        };
                        // "Save these 2 choices" is what the button says
                        toaster.decided(
                            format!("{how}: {}", says.strip_prefix("Save ").unwrap_or(&says)),
                            vec![id],
                        );
                        to.emit(next);
                    }
                    Err(sync_client::api::Failure { field: Some(field), message, .. }) => {
                        errors.set(per_field([(field, message)]));
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command, done));
        })
    };
    let take_back = {
        Callback::from(move |_: MouseEvent| {
            let toaster = toaster.clone();
            let done = Callback::from(move |outcome| match outcome {
                Ok(Answer::Bulk(report)) => {
                    toaster.done(format!("{} taken back", count::decisions(report.done.len())));
                }
                Ok(_) => {}
                Err(failure) => toaster.failure(&failure),
            });
            call.emit((Command::TakeBack { conflicts: vec![id] }, done));
        })
    };
    let write = {
        let (case, draft, pick) = (case.clone(), draft.clone(), pick.clone());
        Callback::from(move |name: FieldName| {
            if !matches!(draft.get().picks.get(&name), Some(Picked::Own(_))) {
                let text = case
                    .field(&name)
                    .map(|field| crate::components::field_input::to_input(field, case.now(&name)));
                pick.emit((name.clone(), Picked::Own(text.unwrap_or_default())));
            }
            fields::focus_own(&name);
        })
    };
    let key = {
        let (case, draft, active) = (case.clone(), draft.clone(), active.clone());
        let (pick, pick_whole, save, to) = (pick.clone(), pick_whole.clone(), save.clone(), to.clone());
        let around = props.around.clone();
        Callback::from(move |event: KeyboardEvent| {
            // a key may come before the page is drawn that the one before it led to: ways count from there, and nobody
            // decides about what is not to be seen yet
            let named = addressed();
            let field = || case.field_for_keys(&draft.get(), (*active.get()).as_ref());
            let choose = |picked: Picked, whole: Whole| match field() {
                Some(name) if case.by_field() => {
                    pick.emit((name, picked));
                    go_on(&case, &draft.get(), &active);
                }
                _ => pick_whole.emit(whole),
            };
            match event.key().as_str() {
                way @ ("j" | "J" | "k" | "K") => {
                    let place = named.map(|named| Place::of(around.as_deref(), named));
                    let on = way.eq_ignore_ascii_case("j");
                    let other = place.and_then(|place| if on { place.after } else { place.before });
                    other.into_iter().for_each(|other| to.emit(Some(other)));
                }
                _ if named != Some(id) => return,
                "1" if open => choose(Picked::Current, Whole::Current),
                "2" if open => choose(Picked::Incoming, Whole::Incoming),
                "b" | "B" if open && case.may_keep_both() => pick_whole.emit(Whole::Both),
                "e" | "E" if open && case.by_field() => field().into_iter().for_each(|name| write.emit(name)),
                "Enter" if open && !dom::on_control(&event) => save.emit(()),
                _ => return,
            }
            event.prevent_default();
        })
    };
    use_keys(key);
    use_effect_with((), |()| dom::focus("#decide-title"));

    let shown = match (&item.settled, &item.pending) {
        (Some(settled), _) => case.draft_of(&settled.outcome),
        (None, Some(outcome)) => case.draft_of(outcome),
        (None, None) => (*draft.get()).clone(),
    };
    let onactive = {
        let active = active.clone();
        Callback::from(move |name| active.set(Some(name)))
    };
    let ondone = {
        let (case, draft, active) = (case.clone(), draft.clone(), active.clone());
        Callback::from(move |name: FieldName| {
            dom::focus(&fields::section_of(&name));
            go_on(&case, &draft.get(), &active);
        })
    };
    let keys_for = if open { case.field_for_keys(&draft.get(), (*active.get()).as_ref()) } else { None };
    html! {
        <section class="mooring-narrow mooring-decide" aria-labelledby="decide-title" data-test="review-screen">
            { top(&here.name, &place, &to) }
            <div class="mooring-decide-head">
                <h1 class="pf-v6-c-title pf-m-2xl" id="decide-title" tabindex="-1">{ title(item, &collection_label(&here, &info.conflict.record.collection)) }</h1>
                <p class="mooring-muted">
                    { format!("{} · {}", collection_label(&here, &info.conflict.record.collection), review::what_happened(info.conflict.kind, item.clashing.len())) }
                    { record_link(&here.name, info) }
                </p>
            </div>
            if !here.may_edit() {
                { reader() }
            }
            { state::notices(&here, &case, first.0 != info.record_rev || first.1 != info.conflict.rev, !first.2 && item.settled.is_some(), &take_back) }
            <div class="mooring-decide-body">
                <div class="mooring-decide-main">
                    if open && shown.whole == Some(Whole::Both) {
                        { preview::two_records(&here, &case, &shown) }
                    } else if case.by_field() {
                        if open && case.fields.len() > 1 {
                            { whole_buttons(&case, &set) }
                        }
                        { choices(&Choices { case: case.clone(), draft: shown.clone(), errors: (*errors.get()).clone(), open, active: keys_for, onpick: pick, onactive, ondone }) }
                    } else {
                        { life(&case, &shown, open, &pick_whole) }
                    }
                    if open {
                        { bar(&case, &draft.get(), *busy.get(), &save, &pick_whole, &to, place.after) }
                    }
                </div>
                <aside class="mooring-decide-aside" aria-label="Preview and comments">
                    if open && shown.whole != Some(Whole::Both) {
                        { preview::preview(&here, &case, &shown) }
                    }
                    <Around info={info.clone()} may_edit={here.may_edit()} />
                    <Comments info={info.clone()} may_edit={here.may_edit()} />
                </aside>
            </div>
        </section>
    }
}

impl Case {
    /// The field that a key without a field means.
    fn field_for_keys(&self, draft: &Draft, active: Option<&FieldName>) -> Option<FieldName> {
        let first = || self.missing(draft).first().map(|field| field.name.clone());
        let known = active.filter(|name| self.field(name).is_some()).cloned();
        let asked = || self.names().find(|name| self.needs_choice(name)).cloned();
        known.or_else(first).or_else(asked).or_else(|| self.names().next().cloned())
    }
}

/// Keys are for the next field that needs a choice, if any does.
fn go_on(case: &Case, draft: &Draft, active: &Live<Option<FieldName>>) {
    if let Some(next) = case.missing(draft).first() {
        active.set(Some(next.name.clone()));
        dom::focus(&fields::section_of(&next.name));
    }
}

/// A pick of "as it is now" counts for what was seen: where that has changed, it is asked for anew. While it is drawn,
/// so that a key which comes next is for what is seen then.
fn keep_fresh(
    seen: &RefCell<BTreeMap<FieldName, Value>>,
    case: &Case,
    draft: &Live<Draft>,
    looking: &Looking,
) {
    let now = per_field(case.names().map(|name| (name.clone(), case.now(name).clone())));
    let before = seen.replace(now.clone());
    let moved = |name: &FieldName| before.get(name).is_some_and(|value| now.get(name) != Some(value));
    let mut next = (*draft.get()).clone();
    next.picks.retain(|name, picked| *picked != Picked::Current || !moved(name));
    if draft.put(next) {
        looking.keep_draft(case.info.item.id, Some(&draft.get()));
    }
}

/// Where a review is among the others.
struct Place {
    /// From 1, and of how many.
    at: Option<(usize, usize)>,
    before: Option<ChangeId>,
    after: Option<ChangeId>,
    /// The next one that waits for a decision, where to go after this one.
    open: Option<ChangeId>,
}

impl Place {
    fn of(list: Option<&List>, id: ChangeId) -> Self {
        let Some(list) = list else { return Self { at: None, before: None, after: None, open: None } };
        let here = list.items.iter().position(|item| item.id == id);
        let other = |at: Option<usize>| at.and_then(|at| list.items.get(at)).map(|item| item.id);
        let waiting = |item: &&sync_client::api::ReviewItem| {
            item.id != id && item.pending.is_none() && item.settled.is_none()
        };
        let later = list.items.iter().skip(here.map_or(0, |at| at + 1)).find(waiting);
        Self {
            at: here.map(|at| (list.first + at + 1, list.matching)),
            before: other(here.and_then(|at| at.checked_sub(1))),
            after: other(Some(here.map_or(0, |at| at + 1))),
            open: later.or_else(|| list.items.iter().find(waiting)).map(|item| item.id),
        }
    }
}

/// The review that the address names.
fn addressed() -> Option<ChangeId> {
    match Route::here()? {
        Route::Decide { id, .. } => ChangeId::try_from(id).ok(),
        _ => None,
    }
}

fn top(workspace: &AttrValue, place: &Place, to: &Callback<Option<ChangeId>>) -> Html {
    let step = |id: Option<ChangeId>| to.reform(move |_: MouseEvent| id);
    html! {
        <nav class="mooring-decide-top" aria-label="Reviews">
            <Link to={Route::Review { workspace: workspace.to_string() }} class="mooring-back" test="review-back">{ icon(Icon::ChevronLeft) }{ "Needs review" }</Link>
            <span class="mooring-space"></span>
            if let Some((at, of)) = place.at {
                <span class="mooring-muted" data-test="review-place">{ format!("{} of {}", count::number(at as u64), count::number(of as u64)) }</span>
            }
            <Button look={Look::Plain} icon={Icon::ChevronLeft} text="Previous (K)" disabled={place.before.is_none()} onclick={step(place.before)} test="decide-previous" />
            <Button look={Look::Plain} icon={Icon::ChevronRight} text="Next (J)" disabled={place.after.is_none()} onclick={step(place.after)} test="decide-next" />
        </nav>
    }
}

/// To the record, where there is one to see.
fn record_link(workspace: &AttrValue, info: &ConflictInfo) -> Html {
    let record = &info.conflict.record;
    if info.record.is_none() || record.collection.is_reserved() {
        return Html::default();
    }
    let to = Route::Record {
        workspace: workspace.to_string(),
        collection: record.collection.to_string(),
        key: KeyText(record.key.clone()),
    };
    html! { <>{ " " }<Link {to} test="review-record">{ "Open the record" }</Link></> }
}

/// Everything from one side.
fn whole_buttons(case: &Case, set: &Callback<Draft>) -> Html {
    let all = |picked: Picked| {
        let picks = per_field(case.names().map(|name| (name.clone(), picked.clone())));
        let draft = Draft { picks, whole: None };
        set.reform(move |_: MouseEvent| draft.clone())
    };
    html! {
        <div class="mooring-actions mooring-gap" role="group" aria-label="All fields">
            <Button text={format!("Choose all from {}", case.current)} onclick={all(Picked::Current)} test="take-current" />
            <Button text={format!("Choose all from {}", case.incoming)} onclick={all(Picked::Incoming)} test="take-incoming" />
        </div>
    }
}

/// At the bottom, always in reach: save, keep both, skip, and what the keys do.
fn bar(
    case: &Case,
    draft: &Draft,
    busy: bool,
    save: &Callback<()>,
    pick_whole: &Callback<Whole>,
    to: &Callback<Option<ChangeId>>,
    after: Option<ChangeId>,
) -> Html {
    let ready = matches!(case.command(draft), Some(Ok(_)) | Some(Err(_)));
    let both = draft.whole == Some(Whole::Both);
    let gone = case.is_gone() && case.by_field();
    let key = |key: &'static str, what: &str| html! { <span class="mooring-key-help"><kbd>{ key }</kbd>{ what.to_owned() }</span> };
    html! {
        <div class="mooring-decide-bar">
            <div class="mooring-actions">
                <Button look={Look::Primary} text={case.says(draft)} {busy} disabled={!ready} onclick={save.reform(|_: MouseEvent| ())} test="resolve" />
                if case.may_keep_both() {
                    <Button text={if both { "Choose field by field" } else { "Keep both as two records" }} onclick={pick_whole.reform(|_: MouseEvent| Whole::Both)} test="keep-both" />
                }
                if gone {
                    <Button text="Leave it deleted" onclick={pick_whole.reform(|_: MouseEvent| Whole::Current)} test="leave-deleted" />
                }
                <Button look={Look::Link} text="Skip" onclick={to.reform(move |_: MouseEvent| after)} test="skip" />
            </div>
            <p class="mooring-keys" data-test="keys-help">
                { key("1", &case.current) }
                { key("2", &case.incoming) }
                if case.by_field() {
                    { key("E", "write your own") }
                }
                if case.may_keep_both() {
                    { key("B", "keep both") }
                }
                { key("Enter", "save") }
                <span class="mooring-key-help"><kbd>{ "J" }</kbd><kbd>{ "K" }</kbd>{ "next, previous" }</span>
            </p>
        </div>
    }
}
