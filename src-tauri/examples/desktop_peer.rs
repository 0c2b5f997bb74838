//! The desktop around Mooring's window, for tests: what a window manager asks of it, the bar with its icon, the notifications.
//!
//! It takes a command a line (`windows`, `close`, `move X Y W H`, `bar on|off`, `menu`, `choose LABEL`, `notices`, `click ID`) and answers each with a line
//! of JSON. It speaks to the X server of `DISPLAY` and to the bus of `DBUS_SESSION_BUS_ADDRESS`.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::run()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::collections::HashMap;
    use std::error::Error;
    use std::io::{BufRead, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use x11rb::connection::Connection as _;
    use x11rb::protocol::xproto::{
        AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, MapState, Window,
    };
    use x11rb::rust_connection::RustConnection;
    use zbus::blocking::{Connection, Proxy, connection};
    use zbus::message::Header;
    use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

    /// By this name programs find the bar.
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";

    type Outcome<T> = Result<T, Box<dyn Error>>;

    /// What programs have told the desktop.
    #[derive(Default)]
    struct Heard {
        /// The icon in the bar: whose it is, and where.
        icon: Option<(String, String)>,
        notices: Vec<serde_json::Value>,
    }

    type Shared = Arc<Mutex<Heard>>;

    fn heard(shared: &Shared) -> std::sync::MutexGuard<'_, Heard> {
        shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    struct Watcher(Shared);

    #[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
    impl Watcher {
        fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
            let sender = header.sender().map(ToString::to_string).unwrap_or_default();
            heard(&self.0).icon = Some((sender, service.to_owned()));
        }

        #[zbus(property)]
        fn is_status_notifier_host_registered(&self) -> bool {
            true
        }
    }

    struct Notifications(Shared);

    #[zbus::interface(name = "org.freedesktop.Notifications")]
    impl Notifications {
        #[expect(clippy::too_many_arguments, reason = "the specification has so many")]
        fn notify(
            &self,
            _app: &str,
            _replaces: u32,
            _icon: &str,
            summary: &str,
            body: &str,
            _actions: Vec<String>,
            _hints: HashMap<String, OwnedValue>,
            _ms: i32,
        ) -> u32 {
            let mut heard = heard(&self.0);
            let id = heard.notices.len() as u32 + 1;
            heard.notices.push(json!({ "id": id, "summary": summary, "body": body }));
            id
        }

        fn get_capabilities(&self) -> Vec<String> {
            vec!["actions".into(), "body".into()]
        }

        fn get_server_information(&self) -> (String, String, String, String) {
            ("peer".into(), "Mooring".into(), "1".into(), "1.2".into())
        }

        fn close_notification(&self, _id: u32) {}
    }

    pub(super) fn run() -> Outcome<()> {
        let shared = Shared::default();
        let bus = connection::Builder::session()?
            .name(WATCHER)?
            .name("org.freedesktop.Notifications")?
            .serve_at("/StatusNotifierWatcher", Watcher(shared.clone()))?
            .serve_at("/org/freedesktop/Notifications", Notifications(shared.clone()))?
            .build()?;
        let (screen, number) = x11rb::connect(None)?;
        let root = screen.setup().roots[number].root;
        println!("{}", json!("ready"));
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let answer = match word {
                "windows" => {
                    windows(&screen, root).map(|all| json!(all.iter().map(|w| &w.1).collect::<Vec<_>>()))
                }
                "close" => close(&screen, root),
                "move" => place(&screen, root, rest),
                "menu" => {
                    menu(&bus, &shared).map(|entries| json!(entries.iter().map(|e| &e.1).collect::<Vec<_>>()))
                }
                "choose" => choose(&bus, &shared, rest),
                "bar" => bar(&bus, rest == "on"),
                "notices" => Ok(json!(heard(&shared).notices)),
                "click" => click(&bus, rest),
                other => Err(format!("no command {other}").into()),
            };
            println!("{}", answer.unwrap_or_else(|error| json!({ "error": error.to_string() })));
            std::io::stdout().flush()?;
        }
        Ok(())
    }

    /// Has a bar, or none, as some desktops.
    fn bar(bus: &Connection, is: bool) -> Outcome<serde_json::Value> {
        match is {
            true => bus.request_name(WATCHER)?,
            false => drop(bus.release_name(WATCHER)?),
        }
        Ok(json!("done"))
    }

    /// The windows that are shown, and what they are like.
    fn windows(screen: &RustConnection, root: Window) -> Outcome<Vec<(Window, serde_json::Value)>> {
        let mut all = Vec::new();
        for window in screen.query_tree(root)?.reply()?.children {
            // one may be gone by now
            let Ok(attributes) = screen.get_window_attributes(window)?.reply() else { continue };
            let title =
                screen.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)?.reply()?;
            let title = String::from_utf8_lossy(&title.value).into_owned();
            if attributes.map_state != MapState::VIEWABLE || title.is_empty() {
                continue;
            }
            let at = screen.get_geometry(window)?.reply()?;
            all.push((
                window,
                json!({ "title": title, "x": at.x, "y": at.y, "width": at.width, "height": at.height }),
            ));
        }
        Ok(all)
    }

    fn only(screen: &RustConnection, root: Window) -> Outcome<Window> {
        match windows(screen, root)?.as_slice() {
            [(window, _)] => Ok(*window),
            all => Err(format!("{} windows", all.len()).into()),
        }
    }

    /// As a click on the cross in its frame.
    fn close(screen: &RustConnection, root: Window) -> Outcome<serde_json::Value> {
        let window = only(screen, root)?;
        let atom = |name: &[u8]| -> Outcome<u32> { Ok(screen.intern_atom(false, name)?.reply()?.atom) };
        let message = [atom(b"WM_DELETE_WINDOW")?, x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS")?, message);
        screen.send_event(false, window, EventMask::NO_EVENT, event)?.check()?;
        Ok(json!("asked"))
    }

    /// As dragged there.
    fn place(screen: &RustConnection, root: Window, to: &str) -> Outcome<serde_json::Value> {
        let to: Vec<u32> = to.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [x, y, width, height] = to[..] else { return Err("move X Y W H".into()) };
        let to = ConfigureWindowAux::new().x(x as i32).y(y as i32).width(width).height(height);
        screen.configure_window(only(screen, root)?, &to)?.check()?;
        Ok(json!("moved"))
    }

    fn menu_of<'a>(bus: &'a Connection, shared: &Shared) -> Outcome<Proxy<'a>> {
        let (owner, path) = heard(shared).icon.clone().ok_or("no icon in the bar")?;
        let item = Proxy::new(bus, owner.clone(), path, "org.kde.StatusNotifierItem")?;
        let menu: OwnedObjectPath = item.get_property("Menu")?;
        Ok(Proxy::new(bus, owner, menu, "com.canonical.dbusmenu")?)
    }

    /// The entries of the icon's menu.
    fn menu(bus: &Connection, shared: &Shared) -> Outcome<Vec<(i32, serde_json::Value)>> {
        type Item = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let menu = menu_of(bus, shared)?;
        let (_, (_, _, children)): (u32, Item) = menu.call("GetLayout", &(0, 1, Vec::<String>::new()))?;
        let ids: Vec<i32> = children.iter().filter_map(number).collect();
        let all: Vec<(i32, HashMap<String, OwnedValue>)> =
            menu.call("GetGroupProperties", &(ids, Vec::<String>::new()))?;
        let mut entries = Vec::new();
        for (id, said) in all {
            let Some(label) = said.get("label").and_then(|label| String::try_from(label.clone()).ok()) else {
                continue;
            };
            let enabled =
                said.get("enabled").is_none_or(|enabled| bool::try_from(enabled.clone()).unwrap_or(true));
            entries.push((id, json!({ "label": label.replace('_', ""), "enabled": enabled })));
        }
        Ok(entries)
    }

    /// What an entry is called among themselves: the first part of what is told of it.
    fn number(child: &OwnedValue) -> Option<i32> {
        match &**child {
            Value::Structure(parts) => parts.fields().first().and_then(|id| i32::try_from(id).ok()),
            _ => None,
        }
    }

    fn choose(bus: &Connection, shared: &Shared, label: &str) -> Outcome<serde_json::Value> {
        let entries = menu(bus, shared)?;
        let (id, _) = entries.iter().find(|(_, entry)| entry["label"] == label).ok_or("no such entry")?;
        let event = (*id, "clicked", Value::from(0), 0_u32);
        menu_of(bus, shared)?.call::<_, _, ()>("Event", &event)?;
        Ok(json!("chosen"))
    }

    fn click(bus: &Connection, id: &str) -> Outcome<serde_json::Value> {
        let told = (id.parse::<u32>()?, "default");
        let path = "/org/freedesktop/Notifications";
        bus.emit_signal(
            None::<&str>,
            path,
            path.trim_start_matches('/').replace('/', "."),
            "ActionInvoked",
            &told,
        )?;
        Ok(json!("clicked"))
    }
}
