//! What this device has sent and received lately: a log with a small chart.

use super::frame::use_here;
use crate::components::icon::Icon;
use crate::components::states::{Empty, failed, loading};
use crate::hooks::use_ask;
use crate::platform::clock;
use crate::text::activity::{HOURS, by_hour, outcomes, places, title};
use crate::text::{count, time};
use sync_client::api::{ActivityInfo, Answer, Command, Event};
use yew::prelude::*;

/// The screen.
#[component]
pub fn Activity() -> Html {
    let here = use_here();
    let ask = use_ask(
        (),
        |()| Command::Activity,
        |answer| if let Answer::Activity(all) = answer { Some(all) } else { None },
        |(), event| matches!(event, Event::Changed { .. } | Event::Status(_)),
    );
    let now = clock::now();
    let label =
        |id: &sync_protocol::CollectionId| here.collection(id).map(|info| info.collection.label.clone());
    let body = match &ask.data {
        None if ask.failure.is_some() => Html::default(),
        None => loading("Reading the log"),
        Some(all) if all.is_empty() => html! {
            <Empty title="Nothing was sent or received yet" icon={Icon::Sort} test="activity-empty">
                <div class="pf-v6-c-empty-state__body">{ "Changes that this device sends to the server, and changes of others that it receives, are listed here." }</div>
            </Empty>
        },
        Some(all) => html! {
            <>
                { chart(all) }
                // nothing else here takes the focus, and by keys alone one scrolls what has it
                <ul class="mooring-activity" role="list" tabindex="0" aria-labelledby="activity-title">
                    { for all.iter().map(|entry| html! {
                        <li data-test="activity-item">
                            <time class="mooring-muted" title={clock::exact(entry.at)}>{ time::ago(now, entry.at) }</time>
                            <span><strong>{ title(entry) }</strong>{ " " }<span class="mooring-muted" dir="auto">{ places(entry, label) }</span></span>
                            <span class="mooring-activity-outcomes">{ for outcomes(entry).into_iter().map(|text| html! { <span class="mooring-chip">{ text }</span> }) }</span>
                        </li>
                    }) }
                </ul>
            </>
        },
    };
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="activity-title">
            <div class="mooring-heading"><h1 class="pf-v6-c-title pf-m-2xl" id="activity-title">{ "Activity" }</h1></div>
            if let Some(failure) = &ask.failure {
                { failed(failure, &ask.reload) }
            }
            { body }
        </section>
    }
}

/// The last hours: what was sent upwards, what was received downwards.
fn chart(all: &[ActivityInfo]) -> Html {
    let hours = by_hour(all, clock::now());
    let most = hours.iter().flat_map(|(sent, received)| [*sent, *received]).max().unwrap_or_default().max(1);
    let (sent, received) = hours.iter().fold((0, 0), |(a, b), (sent, received)| (a + sent, b + received));
    // what is little is seen as well beside what is much
    let high = |n: u64| if n == 0 { 0.0 } else { 2.0 + 38.0 * (n as f64).ln_1p() / (most as f64).ln_1p() };
    let says = format!(
        "In the last {HOURS} hours {} sent, {} received",
        count::number(sent),
        count::number(received)
    );
    html! {
        <figure class="mooring-chart">
            <svg viewBox={format!("0 0 {} 84", HOURS * 10)} preserveAspectRatio="none" role="img" aria-label={says.clone()}>
                { for hours.iter().enumerate().map(|(at, (sent, received))| {
                    let x = (at * 10 + 1).to_string();
                    let (up, down) = (high(*sent), high(*received));
                    html! {
                        <>
                            <rect class="mooring-sent" x={x.clone()} y={(41.0 - up).to_string()} width="8" height={up.to_string()} />
                            <rect class="mooring-received" {x} y="43" width="8" height={down.to_string()} />
                        </>
                    }
                }) }
                <line x1="0" x2={(HOURS * 10).to_string()} y1="42" y2="42" />
            </svg>
            <figcaption class="mooring-muted">{ says }</figcaption>
        </figure>
    }
}
