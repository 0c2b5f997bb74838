//! One mirror: how it stands, what is in its way, what to do.

use crate::components::button::{Button, Look};
use crate::components::dialog::Confirm;
use crate::components::link::Link;
use crate::components::progress::Progress;
use crate::components::states::{Notice, Tint};
use crate::hooks::{use_call, use_toaster};
use crate::pages::frame::use_here;
use crate::platform::clock;
use crate::route::Route;
use crate::text::mirror::{Standing, direction, figures, span, standing};
use crate::text::{count, time};
use sync_client::api::{Command, MirrorAsk};
use sync_protocol::mirror::{Mirror, MirrorStatus};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct CardProps {
    pub mirror: Mirror,
    /// Something was done: look again.
    pub changed: Callback<()>,
}

/// What is asked before it is done.
#[derive(Clone, Copy, PartialEq)]
enum Asking {
    Remove,
    Loss,
}

/// The card.
#[component]
pub fn Card(props: &CardProps) -> Html {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let busy = use_state_eq(|| false);
    let asking = use_state_eq(|| None::<Asking>);
    let mirror = &props.mirror;
    let id = mirror.id;
    let send = {
        let (busy, asking, changed) = (busy.setter(), asking.setter(), props.changed.clone());
        Callback::from(move |(ask, said): (MirrorAsk, &'static str)| {
            busy.set(true);
            asking.set(None);
            let (busy, toaster, changed) = (busy.clone(), toaster.clone(), changed.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(_) => toaster.done(said),
                    Err(failure) => toaster.failure(&failure),
                }
                changed.emit(());
            });
            call.emit((Command::Mirror(Box::new(ask)), done));
        })
    };
    let does = |ask: MirrorAsk, said: &'static str| send.reform(move |_: MouseEvent| (ask.clone(), said));
    let asks = |what: Asking| {
        let asking = asking.setter();
        Callback::from(move |_: MouseEvent| asking.set(Some(what)))
    };
    let nothing = {
        let asking = asking.setter();
        Callback::from(move |()| asking.set(None))
    };
    let (stands, word) = standing(mirror);
    let colour = match stands {
        Standing::InStep => "pf-m-green",
        Standing::Busy => "pf-m-blue",
        Standing::Stopped => "pf-m-orange",
        Standing::Ended => "pf-m-grey",
    };
    let collection = here.collection(&mirror.collection);
    let label =
        collection.map_or_else(|| mirror.collection.to_string(), |info| info.collection.label.clone());
    let paused = mirror.state == "paused";
    html! {
        <li class="pf-v6-c-card mooring-review" data-test="mirror" data-table={mirror.table.clone()}>
            <div class="mooring-review-head">
                <div>
                    <h2 class="pf-v6-c-title pf-m-md">
                        if collection.is_some() {
                            <Link to={here.to_collection(&mirror.collection)} test="mirror-collection">{ &label }</Link>
                        } else {
                            { &label }
                        }
                        <span class="mooring-muted">{ " · " }</span>
                        <span class="mooring-json">{ &mirror.table }</span>
                    </h2>
                    <p class="mooring-muted">{ direction(mirror.direction) }</p>
                </div>
                <span class={classes!("pf-v6-c-label", colour)} data-test="mirror-standing">
                    <span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{ word }</span></span>
                </span>
            </div>
            if let Some(reason) = &mirror.reason {
                <Notice tint={Tint::Warning} title="Nothing goes either way" test="mirror-reason">
                    { reason }
                </Notice>
            }
            if let Some(status) = &mirror.status {
                { stand(&here.name, status) }
            }
            <div class="mooring-actions">
                if mirror.loss {
                    <Button look={Look::Primary} text="Go on" busy={*busy} onclick={asks(Asking::Loss)} test="mirror-resume" />
                } else if paused || stands == Standing::Ended {
                    <Button look={Look::Primary} text="Go on" busy={*busy}
                        onclick={does(MirrorAsk::Resume { id, accept_loss: false }, "The mirror goes on")} test="mirror-resume" />
                } else {
                    <Button text="Pause" busy={*busy} onclick={does(MirrorAsk::Pause { id }, "Paused")} test="mirror-pause" />
                    <Button text="Compare all rows" busy={*busy}
                        onclick={does(MirrorAsk::Resync { id }, "All rows will be compared")} test="mirror-resync" />
                }
                <Button look={Look::Link} text="Remove…" disabled={*busy} onclick={asks(Asking::Remove)} test="mirror-remove" />
            </div>
            if *asking == Some(Asking::Remove) {
                <Confirm title={format!("Stop mirroring {}?", mirror.table)} action="Stop mirroring" oncancel={nothing.clone()}
                    onconfirm={send.reform(move |()| (MirrorAsk::Remove { id }, "Not mirrored any more"))}>
                    <p>{ "The table and the records stay as they are. From then on a change in one of them is not made in the other." }</p>
                </Confirm>
            }
            if *asking == Some(Asking::Loss) {
                <Confirm title="Were the rows meant to go?" action="Delete their records" oncancel={nothing}
                    onconfirm={send.reform(move |()| (MirrorAsk::Resume { id, accept_loss: true }, "The mirror goes on"))}>
                    <p>{ "Most rows of the table are gone. If that is what was meant, their records are deleted on every device, too. If it was not, put the rows back first." }</p>
                </Confirm>
            }
        </li>
    }
}

fn stand(workspace: &str, status: &MirrorStatus) -> Html {
    html! {
        <>
            if let Some(progress) = status.progress.filter(|progress| progress.of > 0 && progress.done < progress.of) {
                <Progress label={format!("{} of {} rows", count::number(progress.done), count::number(progress.of))}
                    done={progress.done} total={progress.of} />
            }
            <p data-test="mirror-figures">
                { figures(status) }
                if let Some(at) = status.in_step_at {
                    <span class="mooring-muted" title={clock::exact(at)}>{ format!(" Last in step {}.", time::ago(clock::now(), at)) }</span>
                }
            </p>
            if status.parked > 0 {
                <p data-test="mirror-parked">
                    <Link to={Route::Review { workspace: workspace.to_owned() }}>{ count::of(status.parked, "row waits", "rows wait") }</Link>
                    { " for a person to decide." }
                </p>
            }
            if let Some(trouble) = &status.trouble {
                <Notice tint={Tint::Info} title="Something is in the way; it is tried again by itself">{ trouble }</Notice>
            }
            if let Some(ahead) = &status.ahead {
                <Notice tint={Tint::Warning} title={format!("A program’s clock is {} ahead", span(ahead.by_ms))}>
                    { format!("It wrote the row {}. Until that time has come, nothing that anybody else writes to the same values counts. Set that machine’s clock.", ahead.key) }
                </Notice>
            }
            if status.refused > 0 {
                <details class="mooring-more" data-test="mirror-refused">
                    <summary>{ format!("{} cannot be taken as they are", count::of(status.refused, "row", "rows")) }</summary>
                    <ul class="pf-v6-c-list" role="list">
                        { for status.refused_rows.iter().map(|row| html! { <li><b dir="auto">{ &row.key }</b>{ ": " }{ &row.reason }</li> }) }
                    </ul>
                    if status.refused > status.refused_rows.len() as u64 {
                        <p class="mooring-muted">{ format!("The first {} are listed.", status.refused_rows.len()) }</p>
                    }
                </details>
            }
        </>
    }
}
