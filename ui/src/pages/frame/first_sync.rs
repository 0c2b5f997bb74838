//! While a workspace comes to this device for the first time: nothing is missing, it is on its way.

use crate::components::icon::Icon;
use crate::components::progress::Progress;
use crate::components::states::Empty;
use crate::hooks::use_status;
use sync_client::api::{Phase, Status, Transport};
use yew::prelude::*;

/// Whether what is not here may still be on its way.
pub fn is_arriving(status: &Status) -> bool {
    matches!(status.phase, Phase::Closed | Phase::FirstSync)
}

#[derive(PartialEq, Properties)]
pub struct FirstSyncProps {
    /// Whether it is all that the page holds.
    #[prop_or_default]
    pub page: bool,
}

/// Says so, with how far it is.
#[component]
pub fn FirstSync(props: &FirstSyncProps) -> Html {
    let status = use_status();
    let (done, total) = status.progress.unwrap_or_default();
    let body = if status.transport == Transport::Offline {
        "There is no network now. It goes on by itself as soon as there is."
    } else {
        "This happens once; from then on they are here, with or without a network."
    };
    html! {
        <Empty title="The records are on their way to this device" icon={Icon::Download} page={props.page} test="first-sync">
            <div class="pf-v6-c-empty-state__body">{ body }</div>
            <div class="pf-v6-c-empty-state__footer mooring-first-sync">
                <Progress label="Receiving records" {done} {total} />
            </div>
        </Empty>
    }
}
