//! The bar at the top: where one is, how the sync is, who one is.

use crate::backend::{in_shell, shell};
use crate::components::button::{Button, Look};
use crate::components::icon::{Icon, icon};
use crate::components::link::{Link, use_go};
use crate::components::menu::{Entry, Menu};
use crate::components::pill::StatusPill;
use crate::hooks::{use_session, use_toaster};
use crate::pages::later::{Wanted, later};
use crate::pages::sign_out::SignOutProps;
use crate::platform::theme::{self, Theme};
use crate::route::{Route, workspace_name, workspace_of};
use sync_client::api::{Failure, Unsent};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct MastheadProps {
    /// The open workspace's name in addresses.
    #[prop_or_default]
    pub current: Option<AttrValue>,
    /// Opens and closes the navigation, where there is one.
    #[prop_or_default]
    pub toggle: Option<Callback<()>>,
    #[prop_or_default]
    pub nav_open: bool,
    /// Shows the keys of the screen.
    #[prop_or_default]
    pub onhelp: Option<Callback<()>>,
    /// Whether what needs review waits for this person.
    #[prop_or_default]
    pub may_decide: bool,
}

/// The bar.
#[component]
pub fn Masthead(props: &MastheadProps) -> Html {
    html! {
        <header class={classes!("pf-v6-c-masthead", "pf-m-display-inline", "mooring-masthead", props.toggle.is_some().then_some("mooring-inside"))}>
            <div class="pf-v6-c-masthead__main">
                if let Some(toggle) = &props.toggle {
                    <span class="pf-v6-c-masthead__toggle mooring-nav-toggle">
                        <Button look={Look::Plain} icon={Icon::Menu} test="nav-toggle"
                            text={if props.nav_open { "Close the navigation" } else { "Open the navigation" }}
                            onclick={toggle.reform(|_: MouseEvent| ())} />
                    </span>
                }
                <div class="pf-v6-c-masthead__brand">
                    <Link to={Route::Home} class="mooring-brand" label="Mooring: all workspaces">
                        <span class="mooring-brand-mark">{ icon(Icon::Anchor) }</span>
                        <span class="mooring-brand-name">{ "Mooring" }</span>
                    </Link>
                </div>
            </div>
            <div class="pf-v6-c-masthead__content">
                if let Some(current) = &props.current {
                    <Switcher current={current.clone()} />
                }
                <span class="mooring-space"></span>
                if let Some(current) = &props.current {
                    <StatusPill workspace={current.clone()} may_decide={props.may_decide} />
                }
                <UserMenu onhelp={props.onhelp.clone()} />
            </div>
        </header>
    }
}

#[derive(PartialEq, Properties)]
struct SwitcherProps {
    current: AttrValue,
}

/// The open workspace, and the others.
#[component]
fn Switcher(props: &SwitcherProps) -> Html {
    let session = use_session().session;
    let go = use_go();
    let label =
        workspace_of(&session, &props.current).map_or(String::new(), |workspace| workspace.name.clone());
    let entries = session
        .workspaces
        .iter()
        .chain(&session.local)
        .map(|workspace| {
            let name = workspace_name(&session, workspace);
            let current = name == props.current.as_str();
            let go = go.clone();
            let open = Callback::from(move |()| go.emit(Route::Workspace { workspace: name.clone() }));
            Entry::new(workspace.name.clone(), open).current(current).test("workspace-switch")
        })
        .collect();
    let to = |route: Route| go.reform(move |()| route.clone());
    let settings = Route::WorkspaceSettings { workspace: props.current.to_string() };
    let all = vec![
        Entry::new("Workspace settings", to(settings)).test("workspace-settings-open"),
        Entry::new("All workspaces", to(Route::Home)).test("all-workspaces"),
    ];
    html! {
        <Menu toggle={html! { <span class="mooring-switcher">{ &label }</span> }} label={format!("Workspace: {label}")}
            groups={vec![(AttrValue::from("Workspaces"), entries), (AttrValue::default(), all)]} test="workspace-switcher" />
    }
}

#[derive(PartialEq, Properties)]
struct UserMenuProps {
    onhelp: Option<Callback<()>>,
}

/// Who one is; colours; help; signing out.
#[component]
fn UserMenu(props: &UserMenuProps) -> Html {
    let session = use_session().session;
    let signing_out = use_state_eq(|| None);
    let chosen = use_state_eq(theme::chosen);
    let go = use_go();
    let who =
        session.user.as_ref().map_or("Not signed in".into(), |user| format!("Signed in as {}", user.name));
    let themes = Theme::ALL
        .into_iter()
        .map(|theme| {
            let handle = chosen.setter();
            let choose = Callback::from(move |()| {
                theme::choose(theme);
                handle.set(theme);
            });
            Entry::new(theme.label(), choose).current(theme == *chosen).test("theme")
        })
        .collect();
    let sign_out = {
        let signing_out = signing_out.setter();
        let begin = |unsent| {
            let signing_out = signing_out.clone();
            Callback::from(move |()| signing_out.set(Some(unsent)))
        };
        if session.user.is_none() {
            let connect = Callback::from(move |()| go.emit(Route::Home));
            vec![Entry::new("Connect with a server", connect).test("connect-server")]
        } else {
            vec![
                Entry::new("Account", go.reform(|()| Route::Account)).test("account-open"),
                Entry::new("Sign out, remove records here", begin(Unsent::Ask)).test("sign-out"),
                Entry::new("Sign out, keep records here", begin(Unsent::Keep)).test("sign-out-keeping"),
            ]
        }
    };
    let help = props
        .onhelp
        .iter()
        .map(|onhelp| Entry::new("Keys of this screen (?)", onhelp.clone()).test("help"))
        .collect();
    let (program, at_login) = use_program();
    let onclose = {
        let signing_out = signing_out.setter();
        Callback::from(move |()| signing_out.set(None))
    };
    html! {
        <>
            <Menu plain=true end=true toggle={icon(Icon::User)} label={who.clone()} test="user-menu"
                groups={[
                    Some((AttrValue::from(who), sign_out)),
                    Some((AttrValue::from("Colours"), themes)),
                    in_shell().then(|| (AttrValue::from("On this computer"), on_this_computer(&program, at_login))),
                    Some((AttrValue::from(concat!("Mooring ", env!("CARGO_PKG_VERSION"))), help)),
                ].into_iter().flatten().collect::<Vec<_>>()} />
            if let Some(begin) = *signing_out {
                { later(Wanted::SignOut(SignOutProps { onclose, begin })) }
            }
        </>
    }
}

/// Has the desktop app do something of its own; and whether it starts when the person logs in.
#[hook]
fn use_program() -> (Callback<&'static str>, bool) {
    let at_login = use_state_eq(|| false);
    let toaster = use_toaster();
    let ask = {
        let at_login = at_login.setter();
        use_callback(toaster, move |what: &'static str, toaster| {
            let (at_login, toaster) = (at_login.clone(), toaster.clone());
            spawn_local(async move {
                match shell::invoke("choose", &[("what", &what.into())]).await {
                    Ok(now) => at_login.set(now.as_bool().unwrap_or_default()),
                    Err(why) => toaster.failure(&Failure::input(why.as_string().unwrap_or_default())),
                }
            });
        })
    };
    {
        let ask = ask.clone();
        use_effect_with((), move |()| {
            if in_shell() {
                ask.emit("");
            }
        });
    }
    (ask, *at_login)
}

/// What the icon in the desktop's bar offers, too: not every desktop has such a bar.
fn on_this_computer(program: &Callback<&'static str>, at_login: bool) -> Vec<Entry> {
    let entry =
        |text: &'static str, what: &'static str| Entry::new(text, program.reform(move |()| what)).test(what);
    vec![
        entry("Start when I log in", "login").current(at_login),
        entry("Open the data folder", "folder"),
        entry("Open the logs", "logs"),
        entry("Save a report for support", "report"),
        entry("Quit Mooring (Ctrl+Q)", "quit"),
    ]
}
