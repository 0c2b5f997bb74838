//! A workspace that is called something else while it is on the screen: its address follows.

use crate::components::link;
use crate::platform;
use crate::route::{Route, name_of};
use sync_client::api::Session;
use sync_protocol::WorkspaceId;
use sync_protocol::message::Workspace;
use yew::prelude::*;
use yew_router::Routable;
use yew_router::hooks::use_navigator;

/// Goes to the same screen under the new name; whether it is on the way there. `found`: the workspace of the name in the
/// address.
#[hook]
pub fn use_renamed(session: &Session, name: &AttrValue, found: Option<&Workspace>) -> bool {
    let known = use_mut_ref(|| None::<(AttrValue, WorkspaceId)>);
    if let Some(workspace) = found {
        known.replace(Some((name.clone(), workspace.id)));
    }
    let known = known.borrow().clone().filter(|(before, _)| found.is_none() && before == name);
    let now = known.and_then(|(_, id)| name_of(session, id));
    let navigator = use_navigator();
    use_effect_with(now.clone(), move |now| {
        let (Some(now), Some(navigator)) = (now, navigator) else { return };
        let path = platform::path();
        let mut parts: Vec<&str> = path.split('/').collect();
        if let Some(name) = parts.get_mut(2) {
            *name = now;
        }
        if let Some(route) = Route::recognize(&parts.join("/")) {
            let query = platform::window().location().search().unwrap_or_default();
            link::show(&navigator, &route, query.trim_start_matches('?'), true);
        }
    });
    now.is_some()
}
