//! The deleted records of a collection: who, when, and back again. What this device has deleted and not sent is there without a
//! network; what the server keeps is looked for piece by piece.

use super::frame::use_here;
use crate::components::author::byline;
use crate::components::button::{Button, Look};
use crate::components::field_value::quoted;
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Empty, Notice, Tint, failed, loading};
use crate::hooks::{use_backend, use_call, use_event, use_status, use_title, use_toaster};
use crate::live::{Live, use_live};
use crate::text::count;
use gloo::timers::callback::Timeout;
use std::collections::BTreeSet;
use std::rc::Rc;
use sync_client::api::{
    self, Answer, Command, DeletedInfo, Failure, FailureKind, Op, Phase, Transport, Types,
};
use sync_protocol::record::value_of;
use sync_protocol::{CollectionId, RecordId, RecordKey};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Records that are listed at most, and pieces that are asked for one after the other.
const MOST: usize = 1_000;
const PIECES: usize = 200;
/// Changes within this many milliseconds are looked at together.
const GATHER_MS: u32 = 400;

#[derive(Clone, Default, PartialEq)]
struct Found {
    /// Newest first.
    records: Rc<Vec<DeletedInfo>>,
    busy: bool,
    /// Whether there may be more than is listed.
    cut: bool,
    failure: Option<Failure>,
}

#[derive(PartialEq, Properties)]
pub struct DeletedPageProps {
    pub id: CollectionId,
}

/// The screen.
#[component]
pub fn DeletedPage(props: &DeletedPageProps) -> Html {
    let here = use_here();
    let status = use_status();
    let found = use_live(|| Found { busy: true, ..Found::default() });
    let ticked = use_live(BTreeSet::<RecordKey>::new);
    let again = use_state_eq(|| 0u32);
    let collection = here.collection(&props.id).map(|info| info.collection.clone()).unwrap_or_default();
    use_title(&format!("Deleted · {} · {}", collection.label, here.workspace.name));
    let changed = use_changed(&props.id);
    use_look(&props.id, status.transport == Transport::Online, (*again, changed), &found);
    let restore = use_restore(&props.id, &found, &ticked);
    let retry = {
        let again = again.clone();
        Callback::from(move |()| again.set(*again + 1))
    };

    let now = found.get();
    let chosen = ticked.get();
    let may_edit = here.may_edit();
    let offline = now.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Offline);
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="deleted-title" data-test="deleted">
            <p class="mooring-back"><Link to={here.to_collection(&props.id)} test="deleted-back">{ format!("← {}", collection.label) }</Link></p>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="deleted-title">{ "Deleted records" }</h1>
                if !now.records.is_empty() {
                    <span class="mooring-muted" data-test="deleted-count">{ count::records(now.records.len() as u64) }</span>
                }
                if !chosen.is_empty() {
                    <Button look={Look::Primary} icon={Icon::Undo} text={format!("Restore {}", count::records(chosen.len() as u64))}
                        onclick={let (restore, keys) = (restore.clone(), (*chosen).clone()); Callback::from(move |_: MouseEvent| restore.emit(keys.clone()))} test="restore-selected" />
                }
            </div>
            if offline || (status.phase != Phase::Local && status.transport == Transport::Offline) {
                <div class="mooring-gap"><Notice tint={Tint::Info} title="Offline: only what was deleted here and is not sent yet" test="deleted-offline">
                    { "What was deleted before that is kept by the server, and is listed as soon as this device is online." }
                </Notice></div>
            } else if let Some(failure) = &now.failure {
                { failed(failure, &retry) }
            }
            <ul class="mooring-inbox" role="list">
                { for now.records.iter().map(|record| {
                    let key = record.key.clone();
                    let tick = {
                        let (ticked, key) = (ticked.clone(), key.clone());
                        Callback::from(move |_: Event| ticked.change(|ticked| {
                            if !ticked.remove(&key) {
                                ticked.insert(key.clone());
                            }
                        }))
                    };
                    let onclick = {
                        let (restore, key) = (restore.clone(), key.clone());
                        Callback::from(move |_: MouseEvent| restore.emit([key.clone()].into()))
                    };
                    let values = collection.ordered().into_iter().filter_map(|field| {
                        let value = value_of(&record.fields, &field.name);
                        (!value.is_absent()).then(|| format!("{}: {}", field.label, quoted(field, value)))
                    });
                    html! {
                        <li key={record.key.to_text()} class="mooring-item mooring-deleted" data-test="deleted-item" data-key={record.key.to_string()}>
                            if may_edit {
                                <label class="mooring-item-select"><input type="checkbox" checked={chosen.contains(&record.key)} onchange={tick} aria-label={format!("Select {}", record.title)} /></label>
                            }
                            <div class="mooring-item-main">
                                <strong dir="auto">{ &record.title }</strong>
                                <span class="mooring-muted mooring-deleted-values" dir="auto">{ values.take(4).collect::<Vec<_>>().join(" · ") }</span>
                                <span>{ byline(&record.by) }{ if record.unsent { " · not sent yet" } else { "" } }</span>
                            </div>
                            if may_edit {
                                <Button icon={Icon::Undo} text="Restore" {onclick} test="restore" />
                            }
                        </li>
                    }
                }) }
            </ul>
            if now.busy {
                { loading("Looking for deleted records") }
            } else if now.records.is_empty() && now.failure.is_none() {
                <Empty title="Nothing deleted" icon={Icon::Trash} test="deleted-empty">
                    <div class="pf-v6-c-empty-state__body">{ "Records that are deleted are kept for a while, and can be had back from here." }</div>
                </Empty>
            } else if now.cut {
                <p class="mooring-muted">{ format!("There are more than these {}.", count::number(now.records.len() as u64)) }</p>
            }
        </section>
    }
}

/// Counts changes of a collection, those of a moment as one.
#[hook]
fn use_changed(id: &CollectionId) -> u32 {
    let count = use_state_eq(|| 0u32);
    let timer = use_mut_ref(|| None::<Timeout>);
    let (now, setter) = (*count, count.setter());
    let listener = use_callback((id.clone(), now), move |event: api::Event, (id, now)| {
        let api::Event::Changed { collections } = event else { return };
        if collections.contains(id) && timer.borrow().is_none() {
            let (setter, next, ended) = (setter.clone(), now + 1, timer.clone());
            *timer.borrow_mut() = Some(Timeout::new(GATHER_MS, move || {
                *ended.borrow_mut() = None;
                setter.set(next);
            }));
        }
    });
    use_event(listener);
    now
}

/// Looks for deleted records, from the beginning wherever the network comes back or the collection changes: what is listed
/// stays until all is known.
#[hook]
fn use_look(id: &CollectionId, online: bool, again: (u32, u32), found: &Live<Found>) {
    let backend = use_backend();
    let newest = use_mut_ref(|| 0u64);
    let found = found.clone();
    use_effect_with((id.clone(), online, again), move |(id, ..)| {
        let (id, ended) = (id.clone(), newest.clone());
        *newest.borrow_mut() += 1;
        let number = *newest.borrow();
        spawn_local(async move {
            let (mut resume, mut records) = (None, Vec::<DeletedInfo>::new());
            let mut failure = None;
            for piece in 0..PIECES {
                let answer =
                    backend.call(Command::Deleted { collection: id.clone(), resume: resume.take() }).await;
                if *newest.borrow() != number {
                    return;
                }
                match answer {
                    Ok(Answer::Deleted(page)) => {
                        records.extend(page.records);
                        resume = page.next;
                    }
                    Ok(_) => {}
                    Err(other) => failure = Some(other),
                }
                let before = found.get();
                let more =
                    resume.is_some() && failure.is_none() && records.len() < MOST && piece + 1 < PIECES;
                sync_protocol::sort_few(&mut records, |a, b| b.by.at.cmp(&a.by.at));
                let shown: Vec<DeletedInfo> = records.iter().take(MOST).cloned().collect();
                let fewer = more && shown.len() < before.records.len();
                found.set(Found {
                    records: if fewer { before.records.clone() } else { Rc::new(shown) },
                    busy: more,
                    cut: !more && resume.is_some(),
                    failure: failure.clone(),
                });
                if !more {
                    return;
                }
            }
        });
        // what comes after the screen has gone is dropped
        move || *ended.borrow_mut() += 1
    });
}

/// Has records back, in one step that can be taken back.
#[hook]
fn use_restore(
    id: &CollectionId,
    found: &Live<Found>,
    ticked: &Live<BTreeSet<RecordKey>>,
) -> Callback<BTreeSet<RecordKey>> {
    let (call, toaster) = (use_call(), use_toaster());
    let (id, found, ticked) = (id.clone(), found.clone(), ticked.clone());
    Callback::from(move |keys: BTreeSet<RecordKey>| {
        let records = found.get().records.clone();
        let ops = records.iter().filter(|record| keys.contains(&record.key));
        let ops = ops.map(|record| Op::Put {
            id: RecordId::new(id.clone(), record.key.clone()),
            fields: record.fields.clone(),
        });
        let command = Command::Write {
            ops: ops.collect(),
            label: Some("Restore".to_owned()),
            types: Types::new(),
            memos: Vec::new(),
        };
        let (found, ticked, toaster) = (found.clone(), ticked.clone(), toaster.clone());
        let done = Callback::from(move |outcome| match outcome {
            Ok(_) => {
                let n = keys.len() as u64;
                toaster.step(format!(
                    "{} {} back, saved on this device",
                    count::records(n),
                    if n == 1 { "is" } else { "are" }
                ));
                let left = found
                    .get()
                    .records
                    .iter()
                    .filter(|record| !keys.contains(&record.key))
                    .cloned()
                    .collect();
                found.change(|found| found.records = Rc::new(left));
                ticked.set(BTreeSet::new());
            }
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((command, done));
    })
}
