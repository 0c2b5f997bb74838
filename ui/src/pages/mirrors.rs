//! The tables that are kept in step with collections: how each stands, and what to do about it. For owners.

mod card;
mod columns;
mod new;

pub use new::NewMirrorPage;

use super::frame::use_here;
use crate::components::icon::Icon;
use crate::components::link::Link;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::use_ask;
use crate::route::Route;
use card::Card;
use gloo::timers::callback::Interval;
use sync_client::api::{Answer, Command, Event, MirrorAsk, MirrorTold};
use sync_protocol::mirror::Mirror;
use yew::prelude::*;

/// How often the page looks again.
const AGAIN_MS: u32 = 2_000;

/// The list.
#[component]
pub fn MirrorsPage() -> Html {
    let here = use_here();
    let ask = use_ask(
        (),
        |()| Command::Mirror(Box::new(MirrorAsk::List)),
        pick_all,
        |(), event| matches!(event, Event::SessionChanged),
    );
    {
        // one that has failed asks only when somebody says so
        let (reload, well) = (ask.reload.clone(), ask.failure.is_none());
        use_effect_with((reload, well), |(reload, well)| {
            let reload = reload.clone();
            let ticking = well.then(|| Interval::new(AGAIN_MS, move || reload.emit(())));
            move || drop(ticking)
        });
    }
    let to_new = Route::NewMirror { workspace: here.name.to_string() };
    let body = match &ask.data {
        None if ask.failure.is_some() => Html::default(),
        None => loading("Asking the server"),
        Some(all) if all.is_empty() => html! {
            <Empty title="No table is mirrored" icon={Icon::Table} test="mirrors-empty">
                <div class="pf-v6-c-empty-state__body">
                    { "A table of your organisation’s database, which other programs write, can be kept in step with a collection: their changes appear on every device, and people’s changes appear in the table." }
                </div>
                <div class="pf-v6-c-empty-state__footer">
                    <Link to={to_new.clone()} class="pf-v6-c-button pf-m-primary" test="mirror-new">{ "Mirror a table" }</Link>
                </div>
            </Empty>
        },
        Some(all) => html! {
            <ul class="mooring-reviews" role="list">
                { for all.iter().map(|mirror| html! {
                    <Card key={mirror.id.to_string()} mirror={mirror.clone()} changed={ask.reload.clone()} />
                }) }
            </ul>
        },
    };
    let some = ask.data.as_ref().is_some_and(|all| !all.is_empty());
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="mirrors-title" data-test="mirrors">
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="mirrors-title">{ "Mirrored tables" }</h1>
                <span class="mooring-space"></span>
                if some {
                    <Link to={to_new} class="pf-v6-c-button pf-m-primary" test="mirror-new">{ "Mirror a table" }</Link>
                }
            </div>
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { body }
        </section>
    }
}

/// For everybody else.
pub fn only_owners() -> Html {
    html! {
        <Empty title="Owners see to this" icon={Icon::Table} page=true>
            <div class="pf-v6-c-empty-state__body">
                { "Which tables are mirrored is for owners of the workspace. Where a collection is kept in step with a table, its page says so." }
            </div>
        </Empty>
    }
}

fn pick_all(answer: Answer) -> Option<Vec<Mirror>> {
    match told(answer)? {
        MirrorTold::All(all) => Some(all),
        _ => None,
    }
}

/// What an answer says about mirrors.
fn told(answer: Answer) -> Option<MirrorTold> {
    match answer {
        Answer::Mirror(told) => Some(*told),
        _ => None,
    }
}
