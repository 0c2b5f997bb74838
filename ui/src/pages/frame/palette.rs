//! Ctrl+K: go anywhere and do anything by name. Collections, things to do and records of all collections in one list.

use super::used::{self, Used};
use super::{Here, Place, use_here};
use crate::components::dialog::use_modal;
use crate::components::form::input_text;
use crate::components::icon::{Icon, icon};
use crate::components::link::use_go;
use crate::hooks::{use_backend, use_status};
use crate::live::{Live, use_live};
use crate::pages::record::title;
use crate::platform::dom;
use crate::platform::theme::{self, Theme};
use crate::route::{KeyText, Route};
use crate::text::{count, palette};
use gloo::timers::callback::Timeout;
use sync_client::api::{Answer, Command, Phase, RowsQuery};
use sync_protocol::RecordId;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Records are looked for once a person has paused for this long.
const PAUSE_MS: u32 = 150;
/// Records that are listed of one collection, and of all.
const OF_ONE: usize = 5;
const OF_ALL: usize = 12;
/// What was used last, that is listed before all else.
const FIRST: usize = 4;
/// Collections that are searched, the ones used last first.
const SEARCHED: usize = 40;

#[derive(Clone, PartialEq, Properties)]
pub struct PaletteProps {
    pub place: Place,
    pub onclose: Callback<()>,
    /// Shows the keys of the screen instead.
    pub onkeys: Callback<()>,
}

/// One line.
#[derive(Clone, PartialEq)]
struct Line {
    drawn: Icon,
    text: String,
    /// What is said beside it.
    more: String,
    does: Does,
}

#[derive(Clone, PartialEq)]
enum Does {
    Go(Route),
    Colours(Theme),
    Keys,
}

#[derive(Clone, Default, PartialEq)]
struct State {
    text: String,
    /// Records that were found for it.
    records: Vec<Line>,
    /// The line that Enter takes.
    at: usize,
    /// Whether records are still being looked for.
    busy: bool,
}

/// The palette.
#[component]
pub fn Palette(props: &PaletteProps) -> Html {
    let (here, go, backend, status) = (use_here(), use_go(), use_backend(), use_status());
    let state: Live<State> = use_live(State::default);
    let timer = use_mut_ref(|| None::<Timeout>);
    let node = use_modal();
    let is_local = status.phase == Phase::Local;
    let lines = use_memo((here.clone(), props.place.clone(), is_local), |(here, place, is_local)| {
        known(here, place, *is_local)
    });

    let find = {
        let (state, here) = (state.clone(), here.clone());
        Callback::from(move |text: String| {
            let searches = text.trim().chars().count() > 1;
            state.set(State { text: text.clone(), busy: searches, ..State::default() });
            let (state, here, backend) = (state.clone(), here.clone(), backend.clone());
            *timer.borrow_mut() = searches.then(|| {
                Timeout::new(PAUSE_MS, move || {
                    spawn_local(async move {
                        for info in Used::of(here.workspace.id).recent(&here).into_iter().take(SEARCHED) {
                            let query = RowsQuery {
                                collection: info.id.clone(),
                                search: text.trim().to_owned(),
                                sort: None,
                                descending: false,
                                only: None,
                                offset: 0,
                                limit: OF_ONE,
                            };
                            let Ok(Answer::Rows(found)) = backend.call(Command::Rows(query)).await else {
                                continue;
                            };
                            if state.get().text != text {
                                // something else is looked for meanwhile
                                return;
                            }
                            let lines = found.rows.into_iter().map(|row| {
                                let name = title(&info.collection, &row.key, Some(&row.fields));
                                to_record(&here, &RecordId::new(info.id.clone(), row.key), name)
                            });
                            let lines: Vec<Line> = lines.collect();
                            state.change(|state| state.records.extend(lines));
                            if state.get().records.len() >= OF_ALL {
                                break;
                            }
                        }
                        state.change(|state| state.busy = false);
                    })
                })
            });
        })
    };
    let oninput = find.reform(|event: InputEvent| input_text(&event));

    let now = state.get();
    let places = palette::best(&now.text, lines.iter().map(|line| (line.text.as_str(), line.more.as_str())));
    let shown: Vec<&Line> =
        places.into_iter().map(|at| &lines[at]).chain(&now.records).take(palette::MOST).collect();
    let act = {
        let (onclose, onkeys) = (props.onclose.clone(), props.onkeys.clone());
        Callback::from(move |does: Does| {
            match does {
                Does::Keys => onkeys.emit(()),
                Does::Go(route) => {
                    onclose.emit(());
                    go.emit(route);
                }
                Does::Colours(theme) => {
                    onclose.emit(());
                    theme::choose(theme);
                }
            };
        })
    };
    let at = now.at.min(shown.len().saturating_sub(1));
    let onkeydown = {
        let (state, act, count) = (state.clone(), act.clone(), shown.len());
        let chosen = shown.get(at).map(|line| line.does.clone());
        Callback::from(move |event: KeyboardEvent| {
            event.stop_propagation();
            if event.is_composing() {
                return;
            }
            let to = match (event.key().as_str(), &chosen) {
                ("ArrowDown", Some(_)) => (at + 1) % count,
                ("ArrowUp", Some(_)) => (at + count - 1) % count,
                ("Enter", Some(does)) => {
                    event.prevent_default();
                    return act.emit(does.clone());
                }
                _ => return,
            };
            event.prevent_default();
            state.change(|state| state.at = to);
            dom::show_soon(&format!("#palette-{to}"));
        })
    };
    let oncancel = props.onclose.reform(|event: Event| event.prevent_default());
    // a click beside it is at the dialog itself
    let onbeside = {
        let (onclose, node) = (props.onclose.clone(), node.clone());
        Callback::from(move |event: MouseEvent| {
            if dom::is_at(&node, &event) {
                onclose.emit(());
            }
        })
    };
    html! {
        <dialog ref={node} class="mooring-palette" aria-label="Go anywhere" {oncancel} onmousedown={onbeside} data-test="palette">
            <div class="mooring-palette-box">
                <div class="mooring-palette-head">
                    { icon(Icon::Search) }
                    <input type="text" value={now.text.clone()} {oninput} {onkeydown} role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
                        aria-activedescendant={format!("palette-{at}")} aria-label="Collections, records, actions" placeholder="Collections, records, actions" autocomplete="off"
                        spellcheck="false" dir="auto" autofocus=true data-test="palette-input" />
                </div>
                <ul id="palette-list" role="listbox" aria-label="What fits" class="mooring-palette-list">
                    { for shown.iter().enumerate().map(|(place, line)| {
                        let onclick = act.reform({ let does = line.does.clone(); move |_: MouseEvent| does.clone() });
                        html! {
                            <li id={format!("palette-{place}")} role="option" aria-selected={(place == at).to_string()} {onclick} data-test="palette-line">
                                { icon(line.drawn) }
                                <span class="mooring-palette-text" dir="auto">{ &line.text }</span>
                                <span class="mooring-muted">{ &line.more }</span>
                            </li>
                        }
                    }) }
                </ul>
                <p class="mooring-muted mooring-palette-foot" role="status">
                    { match (shown.is_empty(), now.busy) {
                        (_, true) => "Looking through the records",
                        (true, false) => "Nothing of that name",
                        (false, false) => "↑ ↓ to choose, Enter to go there",
                    } }
                </p>
            </div>
        </dialog>
    }
}

/// What there is without looking for it: what was used last, all collections, all there is to do.
fn known(here: &Here, place: &Place, is_local: bool) -> Vec<Line> {
    let workspace = || here.name.to_string();
    let go = |drawn, text: &str, more: &str, route| Line {
        drawn,
        text: text.to_owned(),
        more: more.to_owned(),
        does: Does::Go(route),
    };
    let mut lines: Vec<Line> =
        used::records(here.workspace.id).into_iter().map(|(id, name)| to_record(here, &id, name)).collect();
    lines.truncate(FIRST);
    let mut collections = Used::of(here.workspace.id).recent(here).into_iter().map(|info| {
        let drawn = Icon::of(&info.collection).unwrap_or(Icon::Table);
        go(drawn, &info.collection.label, &count::records(info.records), here.to_collection(&info.id))
    });
    // the rest comes behind what there is to do, where nothing is written
    lines.extend(collections.by_ref().take(FIRST));
    if let Some(info) = place.collection().and_then(|id| here.collection(id)) {
        let (label, collection) = (&info.collection.label, info.id.to_string());
        if here.may_edit() {
            lines.push(go(
                Icon::Plus,
                "New record",
                label,
                Route::NewRecord { workspace: workspace(), collection: collection.clone() },
            ));
        }
        lines.push(go(
            Icon::Settings,
            "Collection settings",
            label,
            Route::Settings { workspace: workspace(), collection },
        ));
    }
    lines.push(go(Icon::Split, "Needs review", "", Route::Review { workspace: workspace() }));
    lines.push(go(Icon::Merge, "Merged automatically", "", Route::Merges { workspace: workspace() }));
    if !is_local {
        lines.push(go(
            Icon::Sort,
            "Activity",
            "what was sent and received",
            Route::Activity { workspace: workspace() },
        ));
    }
    if here.may_shape() {
        lines.push(go(Icon::Plus, "New collection", "", Route::NewCollection { workspace: workspace() }));
    }
    if here.may_edit() {
        lines.push(go(Icon::Upload, "Import a file", "", Route::Import { workspace: workspace() }));
    }
    if here.may_manage() && !is_local {
        lines.push(go(Icon::Anchor, "Mirrored tables", "", Route::Mirrors { workspace: workspace() }));
    }
    let settings = || Route::WorkspaceSettings { workspace: workspace() };
    if !is_local {
        lines.push(go(Icon::User, "Members", "who works here, and as what", settings()));
        if here.may_manage() {
            lines.push(go(Icon::User, "Invitations", "invite people by a link", settings()));
        }
        lines.push(go(Icon::User, "Account", "name, password, devices, sign-ins", Route::Account));
    }
    lines.push(go(Icon::Settings, "Workspace settings", "", settings()));
    lines.push(go(Icon::Menu, "All workspaces", "", Route::Home));
    lines.push(Line {
        drawn: Icon::Info,
        text: "Keys of this screen".to_owned(),
        more: "?".to_owned(),
        does: Does::Keys,
    });
    lines.extend(Theme::ALL.map(|theme| Line {
        drawn: Icon::Settings,
        text: format!("Colours: {}", theme.label()),
        more: String::new(),
        does: Does::Colours(theme),
    }));
    lines.extend(collections);
    lines
}

fn to_record(here: &Here, id: &RecordId, text: String) -> Line {
    let (collection, key) = (id.collection.to_string(), KeyText(id.key.clone()));
    let more = here.collection(&id.collection).map_or(String::new(), |info| info.collection.label.clone());
    let does = Does::Go(Route::Record { workspace: here.name.to_string(), collection, key });
    Line { drawn: Icon::File, text, more, does }
}
