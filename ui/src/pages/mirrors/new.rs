//! A new mirror: which table, which collection, which way; a look at what would happen; then it begins.

use super::columns::{Columns, samples};
use super::told;
use crate::components::button::{Button, Look};
use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::components::icon::Icon;
use crate::components::link::{Link, use_go};
use crate::components::states::{Empty, Notice, Tint, failed, loading};
use crate::hooks::{use_ask, use_call, use_toaster};
use crate::pages::frame::use_here;
use crate::route::Route;
use crate::text::mirror::{direction, direction_hint, plan as plan_lines};
use sync_client::api::{Answer, Command, Failure, MirrorAsk, MirrorTold};
use sync_protocol::mirror::{Direction, MirrorPlan, MirrorTables, NewMirror};
use yew::prelude::*;

/// What was found out about a wish.
#[derive(Clone, PartialEq)]
enum Looked {
    Not,
    Looking,
    At(Box<MirrorPlan>),
    Failed(Failure),
}

/// The screen.
#[component]
pub fn NewMirrorPage() -> Html {
    let here = use_here();
    let ask = use_ask((), |()| Command::Mirror(Box::new(MirrorAsk::Tables)), pick_tables, |(), _| false);
    let back = Route::Mirrors { workspace: here.name.to_string() };
    let body = match &ask.data {
        None => match &ask.failure {
            Some(failure) => failed(failure, &ask.reload),
            None => loading("Asking the server for its tables"),
        },
        Some(all) if all.is_empty() => html! {
            <Empty title="No tables may be mirrored from here" icon={Icon::Table} test="mirror-none">
                <div class="pf-v6-c-empty-state__body">
                    { "Whoever runs the server says which keyspaces owners may mirror, with --mirror-keyspaces." }
                </div>
            </Empty>
        },
        Some(all) => html! { <Form tables={(**all).clone()} /> },
    };
    html! {
        <section class="mooring-narrow mooring-wide" aria-labelledby="mirror-new-title" data-test="mirror-new-page">
            <p class="mooring-back"><Link to={back} test="mirror-back">{ "‹ Mirrored tables" }</Link></p>
            <div class="mooring-heading">
                <h1 class="pf-v6-c-title pf-m-2xl" id="mirror-new-title">{ "Mirror a table" }</h1>
            </div>
            { body }
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct FormProps {
    tables: Vec<MirrorTables>,
}

#[component]
fn Form(props: &FormProps) -> Html {
    let here = use_here();
    let (call, toaster, go) = (use_call(), use_toaster(), use_go());
    let wish = use_state_eq(|| NewMirror {
        keyspace: props.tables.first().map(|first| first.keyspace.clone()).unwrap_or_default(),
        ..NewMirror::default()
    });
    let looked = use_state_eq(|| Looked::Not);
    let starting = use_state_eq(|| false);
    // a look at what was wished before says nothing of what is wished now
    let newest = use_mut_ref(NewMirror::default);

    let look = {
        let (call, looked, newest) = (call.clone(), looked.setter(), newest.clone());
        Callback::from(move |wish: NewMirror| {
            *newest.borrow_mut() = wish.clone();
            looked.set(Looked::Looking);
            let (looked, newest, asked) = (looked.clone(), newest.clone(), wish.clone());
            let done = Callback::from(move |outcome: Result<Answer, Failure>| {
                if *newest.borrow() == asked {
                    looked.set(match outcome.map(pick_plan) {
                        Ok(Some(plan)) => Looked::At(Box::new(plan)),
                        Ok(None) => Looked::Not,
                        Err(failure) => Looked::Failed(failure),
                    });
                }
            });
            call.emit((Command::Mirror(Box::new(MirrorAsk::Plan(wish))), done));
        })
    };
    let change = {
        let (wish, looked, newest) = (wish.clone(), looked.setter(), newest.clone());
        move |make: fn(&mut NewMirror, String)| {
            let (wish, looked, newest) = (wish.clone(), looked.clone(), newest.clone());
            Callback::from(move |text: String| {
                let mut next = (*wish).clone();
                make(&mut next, text);
                *newest.borrow_mut() = NewMirror::default();
                looked.set(Looked::Not);
                wish.set(next);
            })
        }
    };
    let start = {
        let (wish, starting, workspace) = (wish.clone(), starting.setter(), here.name.to_string());
        Callback::from(move |_: MouseEvent| {
            starting.set(true);
            let (starting, toaster, go, workspace) =
                (starting.clone(), toaster.clone(), go.clone(), workspace.clone());
            let done = Callback::from(move |outcome| {
                starting.set(false);
                match outcome {
                    Ok(_) => {
                        toaster.done("The mirror begins");
                        go.emit(Route::Mirrors { workspace: workspace.clone() });
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((Command::Mirror(Box::new(MirrorAsk::Add((*wish).clone()))), done));
        })
    };
    let by_event = |change: Callback<String>| change.reform(|event: Event| input_text(&event));
    let set_keyspace = by_event(change(|wish, text| {
        (wish.keyspace, wish.table, wish.map) = (text, String::new(), Default::default());
    }));
    let set_table = by_event(change(|wish, text| (wish.table, wish.map) = (text, Default::default())));
    let type_table = change(|wish, text| wish.table = text);
    let set_publish = by_event(change(|wish, text| {
        wish.publish = text == "new";
        (wish.table, wish.map, wish.collection) = (String::new(), Default::default(), None);
    }));
    let set_collection = by_event(change(|wish, text| wish.collection = (!text.is_empty()).then_some(text)));
    let set_direction =
        by_event(change(|wish, text| wish.direction = Direction::from_name(&text).unwrap_or_default()));
    let set_map = {
        let (wish, look) = (wish.clone(), look.clone());
        Callback::from(move |map| {
            let next = NewMirror { map, ..(*wish).clone() };
            wish.set(next.clone());
            look.emit(next);
        })
    };
    let tables = props.tables.iter().find(|each| each.keyspace == wish.keyspace);
    let tables = tables.map(|each| each.tables.as_slice()).unwrap_or_default();
    let ready = !wish.table.trim().is_empty() && (!wish.publish || wish.collection.is_some());
    let look_now = {
        let (look, wish) = (look, (*wish).clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if ready {
                look.emit(wish.clone());
            }
        })
    };
    let chosen = wish.collection.as_ref().and_then(|name| {
        here.collections.iter().find(|info| info.id.as_str() == name).map(|info| info.collection.clone())
    });
    let directions: &[Direction] =
        if wish.publish { &[Direction::Both, Direction::Out] } else { &Direction::ALL };
    html! {
        <>
            <form class="pf-v6-c-form mooring-plan" onsubmit={look_now} novalidate=true>
                <div class="mooring-plan-head">
                    <Group id="mirror-keyspace" label="Keyspace">
                        { select("mirror-keyspace", set_keyspace, html! {
                            { for props.tables.iter().map(|each| html! {
                                <option value={each.keyspace.clone()} selected={each.keyspace == wish.keyspace}>{ &each.keyspace }</option>
                            }) }
                        }) }
                    </Group>
                    <Group id="mirror-which" label="Table">
                        { select("mirror-which", set_publish, html! {
                            <>
                                <option value="there" selected={!wish.publish}>{ "one that is there" }</option>
                                <option value="new" selected={wish.publish}>{ "a new one, for a collection" }</option>
                            </>
                        }) }
                    </Group>
                    if wish.publish {
                        <TextField id="mirror-table" label="Name of the new table" value={wish.table.clone()} oninput={type_table}
                            required=true hint="Small letters, digits and _" test="mirror-table" />
                    } else {
                        <Group id="mirror-table" label="Its name">
                            { select("mirror-table", set_table, html! {
                                <>
                                    <option value="" selected={wish.table.is_empty()}>{ if tables.is_empty() { "no tables here" } else { "choose one" } }</option>
                                    { for tables.iter().map(|table| html! {
                                        <option value={table.clone()} selected={*table == wish.table}>{ table }</option>
                                    }) }
                                </>
                            }) }
                        </Group>
                    }
                    <Group id="mirror-collection" label="Collection">
                        { select("mirror-collection", set_collection, html! {
                            <>
                                <option value="" selected={wish.collection.is_none()}>
                                    { if wish.publish { "choose one" } else { "a new one, called like the table" } }
                                </option>
                                { for here.collections.iter().filter(|info| info.mirror.is_none()).map(|info| html! {
                                    <option value={info.id.to_string()} selected={wish.collection.as_deref() == Some(info.id.as_str())}>{ &info.collection.label }</option>
                                }) }
                            </>
                        }) }
                    </Group>
                    <Group id="mirror-direction" label="Changes go" hint={direction_hint(wish.direction)}>
                        { select("mirror-direction", set_direction, html! {
                            { for directions.iter().map(|each| html! {
                                <option value={each.name()} selected={*each == wish.direction}>{ direction(*each) }</option>
                            }) }
                        }) }
                    </Group>
                </div>
                <div class="mooring-actions">
                    <Button submit=true text="Look at what would happen" disabled={!ready} busy={*looked == Looked::Looking} test="mirror-look" />
                </div>
            </form>
            { match &*looked {
                Looked::Not | Looked::Looking => Html::default(),
                Looked::Failed(failure) => html! {
                    <Notice tint={Tint::Danger} title={failure.message.clone()} test="mirror-refusal" />
                },
                Looked::At(plan) => html! {
                    <>
                        <h2 class="pf-v6-c-title pf-m-lg mooring-refused-title">{ "What would happen" }</h2>
                        <ul class="pf-v6-c-list mooring-gap" data-test="mirror-plan">
                            { for plan_lines(plan, wish.direction).into_iter().map(|line| html! { <li>{ line }</li> }) }
                        </ul>
                        if !plan.reasons.is_empty() {
                            <Notice tint={Tint::Warning} title="Why rows cannot be taken">
                                <ul class="pf-v6-c-list">{ for plan.reasons.iter().map(|(why, n)| html! { <li>{ format!("{n}: {why}") }</li> }) }</ul>
                            </Notice>
                        }
                        if let Some(create) = &plan.create {
                            <pre class="mooring-json">{ create }</pre>
                        } else {
                            <Columns plan={(**plan).clone()} map={wish.map.clone()} onmap={set_map} collection={chosen} />
                        }
                        { samples(plan, true) }
                        { samples(plan, false) }
                        <div class="mooring-actions mooring-import-foot">
                            <Button look={Look::Primary} text="Begin" busy={*starting} onclick={start} test="mirror-begin" />
                        </div>
                    </>
                },
            } }
        </>
    }
}

fn select(id: &'static str, onchange: Callback<Event>, options: Html) -> Html {
    control(
        None,
        false,
        html! {
            <>
                <select {id} {onchange} data-test={id}>{ options }</select>
                { select_arrow() }
            </>
        },
    )
}

fn pick_tables(answer: Answer) -> Option<Vec<MirrorTables>> {
    match told(answer)? {
        MirrorTold::Tables(tables) => Some(tables),
        _ => None,
    }
}

fn pick_plan(answer: Answer) -> Option<MirrorPlan> {
    match told(answer)? {
        MirrorTold::Plan(plan) => Some(*plan),
        _ => None,
    }
}
