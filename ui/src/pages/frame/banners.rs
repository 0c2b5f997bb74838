//! Things to know on every screen.

use crate::components::button::{Button, Look};
use crate::components::states::{Notice, Tint};
use crate::components::status_details::{at_risk, storage_at_risk};
use crate::hooks::use_status;
use crate::platform::update;
use yew::prelude::*;

/// A new release, unsent changes at risk, what happened to this device's records.
#[component]
pub fn Banners() -> Html {
    let status = use_status();
    let update_ready = use_state_eq(update::ready);
    {
        let update_ready = update_ready.setter();
        use_effect_with((), move |()| {
            let listener = update::on_ready(move || update_ready.set(true));
            move || drop(listener)
        });
    }
    let reload = Callback::from(|_: MouseEvent| update::reload());
    let read = use_state_eq(|| None::<String>);
    let notice = status.notice.clone().filter(|notice| read.as_ref() != Some(notice));
    let close = {
        let (read, notice) = (read.setter(), notice.clone());
        Callback::from(move |_: MouseEvent| read.set(notice.clone()))
    };
    html! {
        <>
            if *update_ready {
                <div class="mooring-banner">
                    <Notice tint={Tint::Info} title="A new version of Mooring is ready" test="update-ready"
                        actions={html! { <Button look={Look::Link} text="Reload to update" onclick={reload} test="update" /> }} />
                </div>
            }
            if let Some(notice) = notice {
                <div class="mooring-banner">
                    <Notice tint={Tint::Warning} title={notice} test="notice"
                        actions={html! { <Button look={Look::Link} text="Close" onclick={close} test="notice-close" /> }} />
                </div>
            }
            if storage_at_risk(&status) && status.oldest_pending.is_some_and(|at| crate::platform::clock::now().0 - at.0 > AT_RISK_MS) {
                <div class="mooring-banner">
                    <Notice tint={Tint::Warning} title="Unsent changes are waiting on this device" test="storage-warning-banner">
                        { at_risk(&status) }
                    </Notice>
                </div>
            }
        </>
    }
}

/// A change that waits longer than this (in milliseconds) is worth a warning on every screen.
const AT_RISK_MS: i64 = 60 * 60 * 1000;
