//! What goes on around a review: who was asked to look, until when it is put off, what was said.

use crate::components::button::{Button, Look};
use crate::components::form::{control, input_text, select_arrow};
use crate::components::icon::{Icon, icon};
use crate::components::menu::{Entry, Menu};
use crate::components::signature::initials;
use crate::hooks::{use_ask, use_call, use_session, use_toaster};
use crate::live::use_live;
use crate::pages::frame::use_here;
use crate::platform::clock;
use crate::text::{count, time};
use crate::unsaved::{Draft, Unsaved};
use std::rc::Rc;
use sync_client::api::{Answer, Command, ConflictInfo, Event as News};
use sync_protocol::{ChangeId, CollectionId, Timestamp, UserId};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct AroundProps {
    pub info: Rc<ConflictInfo>,
    pub may_edit: bool,
}

/// Asked of whom, and put off until when.
#[component]
pub fn Around(props: &AroundProps) -> Html {
    let item = &props.info.item;
    let id = item.id;
    let me = use_session().session.user.as_ref().map(|user| user.id);
    let people = use_ask(
        (),
        |()| Command::People,
        |answer| if let Answer::People(people) = answer { Some(people) } else { None },
        |(), event| matches!(event, News::Changed { collections } if collections.iter().any(CollectionId::is_reserved)),
    );
    let send = use_send();
    let date = use_state_eq(|| false);
    let assign = send.reform(move |event: Event| {
        let to = input_text(&event).parse::<UserId>().ok();
        (
            Command::Assign { conflict: id, to },
            if to.is_some() { "Asked" } else { "Nobody is asked any more" },
        )
    });
    let until = |at: fn() -> Timestamp| {
        let send = send.clone();
        Callback::from(move |()| send.emit(put_off(id, Some(at()))))
    };
    let on_date = {
        let (send, date) = (send.clone(), date.setter());
        Callback::from(move |event: Event| {
            let nine = clock::from_input(&format!("{}T09:00", input_text(&event)), None);
            if let Some(at) = nine.ok().and_then(|utc| Timestamp::from_text(&utc)) {
                date.set(false);
                send.emit(put_off(id, Some(at)));
            }
        })
    };
    let ask_date = {
        let date = date.setter();
        Callback::from(move |()| date.set(true))
    };
    let entries = vec![
        Entry::new("Later today", until(|| Timestamp(clock::now().0 + LATER_MS))).test("snooze-later"),
        Entry::new("Tomorrow at 9", until(|| clock::at_hour(1, 9))).test("snooze-tomorrow"),
        Entry::new("Next week, Monday at 9", until(|| clock::at_hour(clock::to_monday(), 9)))
            .test("snooze-week"),
        Entry::new("On a date", ask_date).test("snooze-date"),
    ];
    let assigned = item.assigned.as_ref();
    let mut known: Vec<_> = people.data.iter().flat_map(|people| people.iter().cloned()).collect();
    known.extend(assigned.filter(|person| !known.contains(person)).cloned());
    if !props.may_edit || item.settled.is_some() {
        return html! {
            if let Some(person) = assigned {
                <p class="mooring-author">{ initials(&person.name) }{ format!("Asked of {}", person.name) }</p>
            }
        };
    }
    html! {
        <section class="mooring-beside mooring-around" aria-label="Who and when">
            <label class="mooring-around-line">
                <span>{ "Ask somebody" }</span>
                { control(None, false, html! {
                    <>
                        <select onchange={assign} data-test="assign">
                            <option value="" selected={assigned.is_none()}>{ "Nobody" }</option>
                            { for known.iter().map(|person| html! {
                                <option value={person.user.to_string()} selected={assigned.is_some_and(|a| a.user == person.user)}>
                                    { if Some(person.user) == me { format!("{} (me)", person.name) } else { person.name.clone() } }
                                </option>
                            }) }
                        </select>
                        { select_arrow() }
                    </>
                }) }
            </label>
            <div class="mooring-around-line">
                if let Some(at) = item.snoozed {
                    <span data-test="snoozed-until">{ icon(Icon::Clock) }{ format!(" Put off until {}", clock::moment(at)) }</span>
                    <Button look={Look::Link} text="Take it up again" onclick={send.reform(move |_: MouseEvent| put_off(id, None))} test="snooze-end" />
                } else {
                    <Menu toggle={html! { { "Put off" } }} label="Put off" groups={vec![(AttrValue::default(), entries)]} test="snooze" />
                }
                if *date {
                    { control(None, false, html! { <input type="date" aria-label="Put off until" min={today()} onchange={on_date} data-test="snooze-input" /> }) }
                }
            </div>
        </section>
    }
}

/// "Later today" is in so many milliseconds.
const LATER_MS: i64 = 4 * 60 * 60 * 1000;

fn today() -> String {
    let text = clock::to_input(&clock::now().to_text().unwrap_or_default());
    text.chars().take(10).collect()
}

fn put_off(conflict: ChangeId, until: Option<Timestamp>) -> (Command, &'static str) {
    (Command::Snooze { conflict, until }, if until.is_some() { "Put off" } else { "Taken up again" })
}

/// Sends a command, and says what came of it.
#[hook]
fn use_send() -> Callback<(Command, &'static str)> {
    let (call, toaster) = (use_call(), use_toaster());
    Callback::from(move |(command, success): (Command, &'static str)| {
        let toaster = toaster.clone();
        let done = Callback::from(move |outcome| match outcome {
            Ok(_) => toaster.done(success),
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((command, done));
    })
}

/// What was said, and saying something.
#[component]
pub fn Comments(props: &AroundProps) -> Html {
    let (call, toaster) = (use_call(), use_toaster());
    let unsaved = use_context::<Unsaved>().expect("the app provides it");
    let id = props.info.item.id;
    let here = use_here();
    let form = format!("{} comment {id}", here.workspace.id);
    // kept as the drafts of records are
    let text = use_live(|| unsaved.kept(&form).key);
    let busy = use_live(|| false);
    let keep = {
        let text = text.clone();
        Callback::from(move |written: String| {
            unsaved.keep(&form, &Draft { key: written.clone(), ..Draft::default() });
            text.set(written);
        })
    };
    let comments = &props.info.comments;
    let oninput = keep.reform(|event: InputEvent| input_text(&event));
    let send = {
        let (text, busy) = (text.clone(), busy.clone());
        Callback::from(move |()| {
            let sent = text.get();
            if *busy.get() || sent.trim().is_empty() {
                return;
            }
            busy.set(true);
            let (busy, text, toaster, keep) = (busy.clone(), text.clone(), toaster.clone(), keep.clone());
            let command = Command::Comment { conflict: id, text: (*sent).clone() };
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    // what was written meanwhile stays
                    Ok(_) => {
                        let now = text.get();
                        keep.emit(now.strip_prefix(sent.as_str()).unwrap_or(&now).to_owned());
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command, done));
        })
    };
    let onsubmit = send.reform(|event: SubmitEvent| event.prevent_default());
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                event.prevent_default();
                send.emit(());
            }
        })
    };
    html! {
        <section class="mooring-beside" aria-labelledby="comments-title">
            <h2 class="mooring-part" id="comments-title">
                { if comments.is_empty() { "Comments".to_owned() } else { count::of(comments.len() as u64, "comment", "comments") } }
            </h2>
            if !comments.is_empty() {
                <ul class="mooring-comments" role="list">
                    { for comments.iter().map(|comment| html! {
                        <li data-test="comment">
                            { initials(&comment.person) }
                            <div>
                                <span><strong>{ if comment.own { "You".to_owned() } else { comment.person.clone() } }</strong>
                                    <time class="mooring-muted" title={clock::exact(comment.at)}>{ format!(" {}", time::ago(clock::now(), comment.at)) }</time></span>
                                <p class="mooring-text">{ &comment.text }</p>
                                if comment.unsent {
                                    <span class="mooring-muted" data-test="comment-unsent">{ "Not sent yet" }</span>
                                }
                            </div>
                        </li>
                    }) }
                </ul>
            }
            if props.may_edit {
                <form class="mooring-comment-form" {onsubmit}>
                    { control(Some("pf-m-textarea pf-m-resize-vertical"), false, html! {
                        <textarea rows="2" aria-label="Comment" placeholder="Say something to everybody who looks at this" value={(*text.get()).clone()} {oninput} {onkeydown} dir="auto" data-test="comment-text" />
                    }) }
                    <Button submit=true text="Comment" busy={*busy.get()} disabled={text.get().trim().is_empty()} test="comment-send" />
                </form>
            } else if comments.is_empty() {
                <p class="mooring-muted">{ "Nobody said anything yet." }</p>
            }
        </section>
    }
}
