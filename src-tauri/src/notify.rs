//! Native notifications: what has newly come up for review, changes that were refused, sync that stands still until a person sees to
//! it, and that all is at the server after work without a network. What is new is decided by the engine; here it is gathered, so that
//! many at once become one, and put into words without any value of a record. Each leads to what it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sync_client::api::{ConflictKind, NewReview, Phase, Status, Transport};
use sync_client::text::grouped;
use tokio::time::Instant;

use crate::arrival::Arrival;

/// How long what comes together is gathered: a sync brings its pages within moments.
pub(crate) const GATHER: Duration = Duration::from_millis(1_500);
/// Notifications that wait for a click at the same time; later ones are only shown.
const WAITING: usize = 16;
/// Without a network for less than this, nobody wonders whether all has been sent.
const AWAY: Duration = Duration::from_secs(5 * 60);
/// Reviews that are remembered as told; beyond that it begins anew, for the engine hardly ever tells one twice.
const TOLD: usize = 10_000;
/// Collections that are named; more are not read at a glance.
const NAMED: usize = 3;

/// What a notification says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    title: String,
    text: String,
    /// What a click shows; `None`: the window as it is.
    leads: Option<Arrival>,
}

impl Notice {
    /// The window is closed, and no icon says that the program is not.
    pub(crate) fn goes_on() -> Self {
        Self {
            title: "Mooring goes on".into(),
            text: "It keeps your records in step without a window. To have the window again, start Mooring once more; Quit is in your menu there.".into(),
            leads: None,
        }
    }
}

/// What a status can give reason to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Refused,
    Stands,
    CaughtUp,
}

/// What has come and was not told yet.
#[derive(Default)]
pub(crate) struct News {
    waiting: Vec<NewReview>,
    told: BTreeSet<String>,
    /// One of each kind at most: the newest counts.
    noticed: BTreeMap<Reason, Notice>,
    /// The status that was heard last: its phase, and how many changes were refused.
    last: Option<(Phase, u64)>,
    /// Since when there has been no network, and the changes that were made meanwhile.
    away: Option<(Instant, u64)>,
}

impl News {
    /// Takes note of what has come; whether there is something to tell now. Nothing is told twice.
    pub(crate) fn hear(&mut self, items: Vec<NewReview>) -> bool {
        if self.told.len() > TOLD {
            self.told.clear();
        }
        self.waiting.extend(items.into_iter().filter(|item| self.told.insert(item.id.to_string())));
        !self.waiting.is_empty()
    }

    /// Takes note of how the sync is; whether there is something to tell now.
    pub(crate) fn hear_status(&mut self, status: &Status, now: Instant) -> bool {
        let last = self.last.replace((status.phase, status.rejected));
        let stands = |phase| matches!(phase, Phase::NeedsSignIn | Phase::NeedsUpdate | Phase::Removed);
        if let Some((phase, rejected)) = last {
            if status.rejected > rejected {
                let text = "It is kept on this device. See why, and decide what becomes of it.";
                let title = match status.rejected - rejected {
                    1 => "A change was refused".to_owned(),
                    n => format!("{} changes were refused", grouped(n as usize)),
                };
                self.notice(Reason::Refused, title, text.into(), Some(Arrival::Review(None)));
            }
            if stands(status.phase) && phase != status.phase {
                let text =
                    "Nothing is sent or fetched until you have seen to it. All is safe on this device.";
                self.notice(Reason::Stands, status.pill().text, text.into(), None);
            }
        }
        if !stands(status.phase) {
            self.noticed.remove(&Reason::Stands);
        }
        match (status.transport, self.away) {
            (Transport::Offline, away) => {
                let (since, made) = away.unwrap_or((now, 0));
                self.away = Some((since, made.max(status.pending)));
            }
            // it is known only then that nothing is left
            (Transport::Online, Some((since, made))) if status.verified && status.pending == 0 => {
                self.away = None;
                if made > 0 && now.duration_since(since) >= AWAY {
                    let changes = if made == 1 {
                        "1 change is".into()
                    } else {
                        format!("{} changes are", grouped(made as usize))
                    };
                    let text = format!("{changes} at the server that you made without a network.");
                    self.notice(Reason::CaughtUp, "All caught up".into(), text, None);
                }
            }
            _ => {}
        }
        !self.noticed.is_empty()
    }

    fn notice(&mut self, reason: Reason, title: String, text: String, leads: Option<Arrival>) {
        self.noticed.insert(reason, Notice { title, text, leads });
    }

    /// The notifications for everything that waits, one of a kind.
    pub(crate) fn tell(&mut self) -> Vec<Notice> {
        let noticed = std::mem::take(&mut self.noticed).into_values();
        self.reviews().into_iter().chain(noticed).collect()
    }

    fn reviews(&mut self) -> Option<Notice> {
        let news = std::mem::take(&mut self.waiting);
        match news.as_slice() {
            [] => None,
            [one] => Some(Notice {
                title: "A change needs review".into(),
                text: what_happened(one),
                leads: Some(Arrival::Review(Some(one.id))),
            }),
            many => {
                let names: BTreeSet<&str> = many.iter().map(|item| item.collection.as_str()).collect();
                let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
                if names.len() > NAMED {
                    text.push_str(" and others");
                }
                Some(Notice {
                    title: format!("{} changes need review", many.len()),
                    text: format!("In {text}. All versions are kept."),
                    leads: Some(Arrival::Review(None)),
                })
            }
        }
    }
}

fn what_happened(item: &NewReview) -> String {
    let who = match (item.incoming.here, item.incoming.person.as_str()) {
        (true, _) => "You",
        (false, "") => "Somebody",
        (false, name) => name,
    };
    let collection = &item.collection;
    match item.kind {
        ConflictKind::EditEdit => {
            format!(
                "{who} changed a record in {collection} that was changed elsewhere, too. Both versions are kept."
            )
        }
        ConflictKind::EditDelete => {
            format!("{who} changed a record in {collection} that was deleted elsewhere. Both are kept.")
        }
        ConflictKind::DeleteEdit => {
            format!("{who} deleted a record in {collection} that was changed elsewhere. Both are kept.")
        }
    }
}

/// Shows notifications.
pub(crate) struct Notifier {
    waiting: Arc<AtomicUsize>,
    /// Called with what it is about when a person clicks on one.
    open: Arc<dyn Fn(Option<Arrival>) + Send + Sync>,
}

impl Notifier {
    /// `open` shows what one is about; called from another thread.
    pub(crate) fn new(open: impl Fn(Option<Arrival>) + Send + Sync + 'static) -> Self {
        Self { waiting: Arc::default(), open: Arc::new(open) }
    }

    /// Shows one, beside everything else: a desktop without notifications takes nothing away. `shown` is called once it is to be seen.
    pub(crate) fn show(&self, notice: Notice, shown: impl FnOnce() + Send + 'static) {
        let (waiting, open) = (self.waiting.clone(), self.open.clone());
        let began = std::thread::Builder::new().name("notification".into()).spawn(move || {
            let mut notification = notify_rust::Notification::new();
            notification.appname("Mooring").summary(&notice.title).body(&plain(&notice.text)).icon("mooring");
            #[cfg(all(unix, not(target_os = "macos")))]
            notification.action("default", "Open");
            match notification.show() {
                Ok(handle) => {
                    shown();
                    wait_for_click(handle, &waiting, || open(notice.leads.clone()));
                }
                Err(error) => tracing::debug!(%error, "the desktop shows no notifications"),
            }
        });
        if let Err(error) = began {
            tracing::debug!(%error, "no notification");
        }
    }
}

/// Where the desktop says what became of a notification, a click opens what it is about.
#[cfg(all(unix, not(target_os = "macos")))]
fn wait_for_click(handle: notify_rust::NotificationHandle, waiting: &AtomicUsize, open: impl Fn()) {
    if waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
        handle.wait_for_action(|action| {
            if action == "default" {
                open();
            }
        });
    }
    waiting.fetch_sub(1, Ordering::Relaxed);
}

/// Elsewhere a click brings the program to the front by itself, or not at all.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn wait_for_click<T>(_handle: T, _waiting: &AtomicUsize, _open: impl Fn()) {}

/// Names are people's own words: where the desktop reads markup, they stay text.
fn plain(text: &str) -> String {
    if cfg!(all(unix, not(target_os = "macos"))) {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_client::api::Author;
    use sync_protocol::{ChangeId, CollectionId, Counter, RecordId, RecordKey, ReplicaId, Timestamp};

    fn item(n: u64, collection: &str, kind: ConflictKind) -> NewReview {
        NewReview {
            id: ChangeId { replica: ReplicaId(uuid::Uuid::from_u128(1)), counter: Counter(n) },
            record: RecordId::new(
                CollectionId::new("crew").expect("a valid name"),
                RecordKey::Text("secret".into()),
            ),
            collection: collection.into(),
            kind,
            incoming: Author {
                person: "Ann".into(),
                device: "Deck tablet".into(),
                channel: "browser".into(),
                here: false,
                at: Timestamp(0),
            },
        }
    }

    #[test]
    fn each_is_told_once() {
        let mut news = News::default();
        assert!(news.tell().is_empty());
        assert!(news.hear(vec![item(1, "Crew", ConflictKind::EditEdit)]));
        assert_eq!(news.tell().len(), 1);
        assert!(!news.hear(vec![item(1, "Crew", ConflictKind::EditEdit)]), "it was told");
        assert!(news.tell().is_empty());
    }

    #[test]
    fn several_at_once_become_one() {
        let mut news = News::default();
        for n in 1..=5 {
            let collection = if n % 2 == 0 { "Crew" } else { "Boats" };
            assert!(news.hear(vec![item(n, collection, ConflictKind::EditEdit)]));
        }
        let [notice] = &news.tell()[..] else { panic!("one for all") };
        assert_eq!(notice.title, "5 changes need review");
        assert_eq!(notice.text, "In Boats, Crew. All versions are kept.");
        assert_eq!(notice.leads, Some(Arrival::Review(None)));
        assert!(news.tell().is_empty());
    }

    #[test]
    fn one_says_who_did_what_without_a_value() {
        let told = |kind| {
            let mut news = News::default();
            news.hear(vec![item(1, "Crew", kind)]);
            news.tell().pop().expect("there is news")
        };
        let notice = told(ConflictKind::DeleteEdit);
        assert_eq!(notice.title, "A change needs review");
        assert!(matches!(notice.leads, Some(Arrival::Review(Some(_)))));
        assert_eq!(notice.text, "Ann deleted a record in Crew that was changed elsewhere. Both are kept.");
        for kind in [ConflictKind::EditEdit, ConflictKind::EditDelete, ConflictKind::DeleteEdit] {
            assert!(!told(kind).text.contains("secret"));
        }
    }

    #[tokio::test]
    async fn refused_changes_and_a_sync_that_stands_are_told_once_and_together() {
        let (mut news, now) = (News::default(), Instant::now());
        let status = |phase, rejected| Status { phase, rejected, ..Status::default() };
        assert!(!news.hear_status(&status(Phase::Idle, 3), now), "they are known from before");
        assert!(news.hear_status(&status(Phase::Idle, 4), now));
        assert!(news.hear_status(&status(Phase::NeedsSignIn, 4), now));
        let titles: Vec<String> = news.tell().into_iter().map(|notice| notice.title).collect();
        assert_eq!(titles, ["A change was refused", "Needs sign-in"]);
        assert!(!news.hear_status(&status(Phase::NeedsSignIn, 4), now), "it was told");
        assert!(!news.hear_status(&status(Phase::Idle, 0), now));
    }

    #[tokio::test]
    async fn that_all_is_sent_is_told_after_work_without_a_network() {
        let mut news = News::default();
        let status = |transport, pending, verified| Status {
            transport,
            pending,
            verified,
            phase: Phase::Idle,
            ..Status::default()
        };
        let mut after = |away: Duration, pending| {
            let now = Instant::now();
            assert!(!news.hear_status(&status(Transport::Offline, pending, false), now));
            assert!(!news.hear_status(&status(Transport::Online, pending, false), now + away));
            news.hear_status(&status(Transport::Online, 0, true), now + away);
            news.tell().pop().map(|notice| notice.text)
        };
        assert_eq!(after(AWAY, 0), None, "nothing was done meanwhile");
        assert_eq!(after(Duration::from_secs(5), 7), None, "nobody has noticed");
        assert_eq!(
            after(AWAY, 7).as_deref(),
            Some("7 changes are at the server that you made without a network.")
        );
    }
}
