//! One refused change: why, what it wanted, and what can be done about it.

use super::looking::title;
use super::{collection_label, field_of};
use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::field_value::full;
use crate::components::link::Link;
use crate::components::signature::author_line;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::pages::frame::{Here, use_here};
use crate::platform::clock;
use crate::route::{KeyText, Route};
use crate::text::field::key_label;
use crate::text::{review, time};
use sync_client::api::{Command, RejectedInfo, ReviewItem, SettledInfo};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct RefusedCardProps {
    pub info: RejectedInfo,
}

/// The card.
#[component]
pub fn RefusedCard(props: &RefusedCardProps) -> Html {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let asking = use_state_eq(|| false);
    let busy = use_state_eq(|| false);
    let info = &props.info;
    let send = {
        let (busy, asking) = (busy.setter(), asking.setter());
        Callback::from(move |(command, success): (Command, &'static str)| {
            busy.set(true);
            let (busy, asking, toaster) = (busy.clone(), asking.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                asking.set(false);
                match outcome {
                    Ok(_) => toaster.done(success),
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command, done));
        })
    };
    let counter = info.counter;
    if let Some(item) = &info.about {
        let read = send.reform(move |_: MouseEvent| (Command::Discard { counter }, "Put away"));
        return late(&here, info, item, *busy, read);
    }
    let retry = send.reform(move |_: MouseEvent| (Command::Retry { counter }, "It is sent once more"));
    let discard = send.reform(move |()| (Command::Discard { counter }, "The change is discarded"));
    let ask = |on: bool| {
        let asking = asking.setter();
        Callback::from(move |()| asking.set(on))
    };
    let label = collection_label(&here, &info.id.collection);
    // a key that nobody chose says nothing
    let named = key_label(&info.id.key).is_some() || info.title != info.id.key.to_string();
    let name = if named { info.title.clone() } else { format!("A record in {label}") };
    let to = Route::Record {
        workspace: here.name.to_string(),
        collection: info.id.collection.to_string(),
        key: KeyText(info.id.key.clone()),
    };
    html! {
        <li class="pf-v6-c-card mooring-review" data-test="rejected-item" data-key={info.id.key.to_string()}>
            <div>
                <div>
                    <h3 class="pf-v6-c-title pf-m-md">{ name }</h3>
                    <p class="mooring-muted">{ format!("{label} · Your change of {} was refused.", time::ago(clock::now(), info.at)) }</p>
                </div>
            </div>
            <Notice tint={Tint::Danger} title={info.message.clone()} test="rejected-reason" />
            if !info.wanted.is_empty() {
                <dl class="pf-v6-c-description-list pf-m-horizontal pf-m-compact">
                    { for info.wanted.iter().map(|(name, value)| {
                        let field = field_of(&here, &info.id.collection, name, value);
                        html! {
                            <div class="pf-v6-c-description-list__group">
                                <dt class="pf-v6-c-description-list__term"><span class="pf-v6-c-description-list__text">{ &field.label }</span></dt>
                                <dd class="pf-v6-c-description-list__description"><div class="pf-v6-c-description-list__text">{ full(&field, value) }</div></dd>
                            </div>
                        }
                    }) }
                </dl>
            }
            <div class="mooring-actions">
                <Button text="Try again" busy={*busy} onclick={retry} test="retry" />
                if !info.id.collection.is_reserved() {
                    <Link {to} class="pf-v6-c-button pf-m-link">{ "Open the record" }</Link>
                }
                <Button look={Look::Link} class="pf-m-danger" text="Discard" onclick={ask(true).reform(|_: MouseEvent| ())} test="discard" />
            </div>
            if *asking {
                <Confirm title="Discard this change?" action="Discard the change" busy={*busy} onconfirm={discard} oncancel={ask(false)}>
                    <p>{ "What it wanted is thrown away for good. The record stays as the server has it." }</p>
                </Confirm>
            }
        </li>
    }
}

fn first(item: &ReviewItem, settled: &SettledInfo) -> String {
    if !settled.decided {
        return review::told(item, settled);
    }
    format!("{} decided before you: {}", review::who(&settled.by), review::how(item, &settled.outcome))
}

/// A decision that came too late: who was first, and how that was.
fn late(here: &Here, info: &RejectedInfo, item: &ReviewItem, busy: bool, read: Callback<MouseEvent>) -> Html {
    let label = collection_label(here, &info.id.collection);
    let to = Route::Decide { workspace: here.name.to_string(), id: item.id.to_string() };
    html! {
        <li class="pf-v6-c-card mooring-review" data-test="rejected-item" data-key={info.id.key.to_string()}>
            <div>
                <h3 class="pf-v6-c-title pf-m-md">{ title(item, &label) }</h3>
                <p class="mooring-muted">{ format!("{label} · Your decision of {} was not applied.", time::ago(clock::now(), info.at)) }</p>
            </div>
            if let Some(settled) = &item.settled {
                <Notice tint={Tint::Warning} title={first(item, settled)} test="rejected-reason">
                    { author_line(&settled.by, review::done(settled)) }
                </Notice>
            } else {
                <Notice tint={Tint::Warning} title={info.message.clone()} test="rejected-reason" />
            }
            <div class="mooring-actions">
                <Button text="Got it" {busy} onclick={read} test="discard" />
                <Link {to} class="pf-v6-c-button pf-m-link" test="late-open">{ "Look at both versions" }</Link>
            </div>
        </li>
    }
}
