//! Everything behind the pill, and what a person can do about it.

use super::button::{Button, Look};
use super::link::{Link, use_go};
use super::progress::Progress;
use super::states::{Notice, Tint};
use crate::hooks::{use_call, use_status, use_toaster};
use crate::pages::sign_in_again::SignInAgain;
use crate::platform::{clock, file};
use crate::route::Route;
use crate::text::{count, time};
use gloo::timers::callback::Interval;
use sync_client::api::{Answer, Command, Phase, Status, Transport};
use sync_protocol::Timestamp;
use yew::prelude::*;

#[derive(Clone, PartialEq, Properties)]
pub struct StatusDetailsProps {
    /// The open workspace's name in addresses.
    pub workspace: AttrValue,
    pub close: Callback<()>,
}

/// The panel below the pill.
#[component]
pub fn StatusDetails(props: &StatusDetailsProps) -> Html {
    let status = use_status();
    let now = use_now();
    let signing_in = use_state_eq(|| false);
    let sync = use_errand(Command::SyncNow, "");
    let check = use_errand(Command::Verify, "");
    let export = use_export();

    let to_activity = {
        let (go, close, workspace) = (use_go(), props.close.clone(), props.workspace.to_string());
        Callback::from(move |_: MouseEvent| {
            close.emit(());
            go.emit(Route::Activity { workspace: workspace.clone() });
        })
    };
    let lines = lines(&status, now);
    let sign_in = {
        let signing_in = signing_in.setter();
        Callback::from(move |_: MouseEvent| signing_in.set(true))
    };
    let signed_in = {
        let (signing_in, close) = (signing_in.setter(), props.close.clone());
        Callback::from(move |()| {
            signing_in.set(false);
            close.emit(());
        })
    };
    html! {
        <div class="pf-v6-c-panel pf-m-raised mooring-details" role="dialog" aria-label="Sync details" data-test="pill-details">
            <div class="pf-v6-c-panel__main"><div class="pf-v6-c-panel__main-body">
                if let Some(problem) = &status.problem {
                    <Notice tint={Tint::Danger} title={problem.clone()} test="problem" />
                }
                if storage_at_risk(&status) {
                    <Notice tint={Tint::Warning} title={risk(&status)} test="storage-warning">
                        { at_risk(&status) }
                    </Notice>
                }
                if let Some((done, total)) = status.progress {
                    <Progress label="Receiving records" {done} {total} />
                }
                <dl class="pf-v6-c-description-list pf-m-horizontal pf-m-compact">
                    { for lines.into_iter().map(|(name, value, test)| html! {
                        <div class="pf-v6-c-description-list__group">
                            <dt class="pf-v6-c-description-list__term">
                                <span class="pf-v6-c-description-list__text">{ name }</span>
                            </dt>
                            <dd class="pf-v6-c-description-list__description">
                                <div class="pf-v6-c-description-list__text" data-test={test}>{ value }</div>
                            </dd>
                        </div>
                    }) }
                </dl>
            </div></div>
            <div class="pf-v6-c-panel__footer mooring-actions">
                if status.phase == Phase::NeedsSignIn {
                    <Button look={Look::Primary} text="Sign in" onclick={sign_in} test="sign-in-again" />
                } else if status.phase == Phase::Local {
                    <Link to={Route::Home} class="pf-v6-c-button pf-m-secondary" test="connect-server">{ "Connect with a server" }</Link>
                } else {
                    <Button look={Look::Primary} text="Sync now" busy={sync.1} onclick={sync.0} test="sync-now" />
                    <Button text="Check now" busy={check.1} onclick={check.0} test="verify"
                        title="Compares what is stored on this device with the server" />
                }
                if status.phase != Phase::Local {
                    <Button look={Look::Link} text="Activity" onclick={to_activity} test="to-activity" />
                }
                if status.pending > 0 {
                    <Button look={Look::Link} text="Export unsent changes" onclick={export} test="export-unsent" />
                }
            </div>
            if *signing_in {
                <SignInAgain onclose={signed_in} />
            }
        </div>
    }
}

/// What is at risk.
pub fn risk(status: &Status) -> &'static str {
    if status.phase == Phase::Local {
        "This browser may clear these records"
    } else {
        "This browser may clear unsent changes"
    }
}

/// What to do about it.
pub fn at_risk(status: &Status) -> &'static str {
    if status.phase == Phase::Local {
        "It has not promised to keep this site's data, and these records are nowhere else. Connect the workspace with a server, or export what matters."
    } else if status.transport == Transport::Offline {
        "It has not promised to keep this site's data. Go online soon, or export the unsent changes."
    } else {
        "It has not promised to keep this site's data. They are being sent; keep this page open until then."
    }
}

/// Whether unsent changes are kept where the browser may clear them.
pub fn storage_at_risk(status: &Status) -> bool {
    (status.pending > 0 || status.phase == Phase::Local) && status.usage.persisted == Some(false)
}

/// Hands the person everything unsent as a file.
#[hook]
pub fn use_export() -> Callback<MouseEvent> {
    let (call, toaster) = (use_call(), use_toaster());
    use_callback((call, toaster), |_: MouseEvent, (call, toaster)| {
        let toaster = toaster.clone();
        let done = Callback::from(move |outcome| match outcome {
            Ok(Answer::Text(text)) => {
                match file::download("mooring-unsent-changes.json", "application/json", &text) {
                    Ok(()) => toaster.done("The unsent changes are in your downloads."),
                    Err(_) => toaster.note("The browser did not take the file. Try again."),
                }
            }
            Ok(_) => {}
            Err(failure) => toaster.failure(&failure),
        });
        call.emit((Command::ExportUnsent, done));
    })
}

/// A command without an answer of interest: how to start it, and whether it runs.
#[hook]
fn use_errand(command: Command, success: &'static str) -> (Callback<MouseEvent>, bool) {
    let (call, toaster) = (use_call(), use_toaster());
    let busy = use_state_eq(|| false);
    let start = {
        let busy = busy.setter();
        Callback::from(move |_: MouseEvent| {
            busy.set(true);
            let (busy, toaster) = (busy.clone(), toaster.clone());
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Err(failure) => toaster.failure(&failure),
                    Ok(_) if !success.is_empty() => toaster.done(success),
                    Ok(_) => {}
                }
            });
            call.emit((command.clone(), done));
        })
    };
    (start, *busy)
}

/// The time, every second: ages grow while one looks at them.
#[hook]
fn use_now() -> Timestamp {
    let now = use_state(clock::now);
    {
        let now = now.setter();
        use_effect_with((), move |()| {
            let ticking = Interval::new(1_000, move || now.set(clock::now()));
            move || drop(ticking)
        });
    }
    *now
}

fn lines(status: &Status, now: Timestamp) -> Vec<(&'static str, String, &'static str)> {
    if status.phase == Phase::Local {
        let mut lines =
            vec![("Records", "on this device only, nothing is sent anywhere".into(), "status-local")];
        lines.extend(storage(status).map(|storage| ("Storage", storage, "status-storage")));
        return lines;
    }
    let mut lines = vec![("Unsent", unsent(status, now), "status-pending")];
    lines.push((
        "Last contact",
        status.caught_up_at.map_or("not yet".into(), |at| time::ago(now, at)),
        "status-contact",
    ));
    lines.push((
        "Verified",
        match (status.verified_at, status.verified) {
            (None, _) => "not yet".into(),
            (Some(at), true) if status.pending == 0 => {
                format!("{}: this device holds exactly what the server holds", time::ago(now, at))
            }
            (Some(at), true) => {
                format!("{}: this device holds what the server holds, and what is unsent", time::ago(now, at))
            }
            (Some(at), false) => format!("{}; to be compared again", time::ago(now, at)),
        },
        "status-verified",
    ));
    lines.push((
        "Needs review",
        match (status.conflicts, status.rejected) {
            (0, 0) => "nothing".into(),
            (n, 0) => count::of(n, "decision to make", "decisions to make"),
            (0, n) => count::of(n, "refused change", "refused changes"),
            (n, m) => format!(
                "{}, {}",
                count::of(n, "decision to make", "decisions to make"),
                count::of(m, "refused change", "refused changes")
            ),
        },
        "status-review",
    ));
    if let Some(cause) = &status.cause {
        lines.push(("Offline", cause.clone(), "status-cause"));
    }
    if let Some(at) = status.retry_at {
        lines.push(("Next try", time::until(now, at), "status-retry"));
    }
    if let Some(storage) = storage(status) {
        lines.push(("Storage", storage, "status-storage"));
    }
    if status.follower {
        lines.push(("Syncing", "done by another tab of Mooring on this device".into(), "status-follower"));
    }
    lines
}

fn unsent(status: &Status, now: Timestamp) -> String {
    match (status.pending, status.oldest_pending) {
        (0, _) => "nothing, everything is on the server".into(),
        (n, Some(oldest)) => format!("{}, the oldest made {}", count::changes(n), time::ago(now, oldest)),
        (n, None) => count::changes(n),
    }
}

fn storage(status: &Status) -> Option<String> {
    let used = count::bytes(status.usage.used?);
    let of = status.usage.quota.map_or(String::new(), |quota| format!(" of {}", count::bytes(quota)));
    let kept = match status.usage.persisted {
        Some(true) => ", kept until you remove it",
        Some(false) => ", the browser may clear it when space runs low",
        None => "",
    };
    Some(format!("{used}{of}{kept}"))
}
