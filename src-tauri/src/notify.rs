//! One native notification for what has newly come up for review. What is new is decided by the engine; here it is
//! gathered, so that many at once become one, and put into words without any value of a record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sync_client::api::{ConflictKind, NewReview};

/// How long what comes together is gathered: a sync brings its pages within moments.
pub(crate) const GATHER: Duration = Duration::from_millis(1_500);
/// Notifications that wait for a click at the same time; later ones are only shown.
const WAITING: usize = 16;
/// Collections that are named; more are not read at a glance.
const NAMED: usize = 3;

/// What a notification says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    title: String,
    text: String,
}

/// What has come and was not told yet.
#[derive(Default)]
pub(crate) struct News {
    waiting: Vec<NewReview>,
    told: BTreeSet<String>,
}

impl News {
    /// Takes note of what has come; whether there is something to tell now. Nothing is told twice.
    pub(crate) fn hear(&mut self, items: Vec<NewReview>) -> bool {
        self.waiting.extend(items.into_iter().filter(|item| self.told.insert(item.id.to_string())));
        !self.waiting.is_empty()
    }

    /// The one notification for everything that waits.
    pub(crate) fn tell(&mut self) -> Option<Notice> {
        let news = std::mem::take(&mut self.waiting);
        match news.as_slice() {
            [] => None,
            [one] => Some(Notice { title: "A change needs review".into(), text: what_happened(one) }),
            many => {
                let names: BTreeSet<&str> = many.iter().map(|item| item.collection.as_str()).collect();
                let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
                if names.len() > NAMED {
                    text.push_str(" and others");
                }
                Some(Notice {
                    title: format!("{} changes need review", many.len()),
                    text: format!("In {text}. All versions are kept."),
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
    /// Called when a person clicks on one.
    open: Arc<dyn Fn() + Send + Sync>,
}

impl Notifier {
    /// `open` shows what needs review; called from another thread.
    pub(crate) fn new(open: impl Fn() + Send + Sync + 'static) -> Self {
        Self { waiting: Arc::default(), open: Arc::new(open) }
    }

    /// Shows one, beside everything else: a desktop without notifications takes nothing away.
    pub(crate) fn show(&self, notice: Notice) {
        let (waiting, open) = (self.waiting.clone(), self.open.clone());
        let shown = std::thread::Builder::new().name("notification".into()).spawn(move || {
            let mut notification = notify_rust::Notification::new();
            notification.appname("Mooring").summary(&notice.title).body(&plain(&notice.text)).icon("mooring");
            #[cfg(all(unix, not(target_os = "macos")))]
            notification.action("default", "Open");
            match notification.show() {
                Ok(handle) => wait_for_click(handle, &waiting, &*open),
                Err(error) => tracing::debug!(%error, "the desktop shows no notifications"),
            }
        });
        if let Err(error) = shown {
            tracing::debug!(%error, "no notification");
        }
    }
}

/// Where the desktop says what became of a notification, a click opens the list.
#[cfg(all(unix, not(target_os = "macos")))]
fn wait_for_click(handle: notify_rust::NotificationHandle, waiting: &AtomicUsize, open: &dyn Fn()) {
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
fn wait_for_click<T>(_handle: T, _waiting: &AtomicUsize, _open: &dyn Fn()) {}

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
        assert!(news.tell().is_none());
        assert!(news.hear(vec![item(1, "Crew", ConflictKind::EditEdit)]));
        assert!(news.tell().is_some());
        assert!(!news.hear(vec![item(1, "Crew", ConflictKind::EditEdit)]), "it was told");
        assert!(news.tell().is_none());
    }

    #[test]
    fn several_at_once_become_one() {
        let mut news = News::default();
        for n in 1..=5 {
            let collection = if n % 2 == 0 { "Crew" } else { "Boats" };
            assert!(news.hear(vec![item(n, collection, ConflictKind::EditEdit)]));
        }
        let notice = news.tell().expect("there is news");
        assert_eq!(notice.title, "5 changes need review");
        assert_eq!(notice.text, "In Boats, Crew. All versions are kept.");
        assert!(news.tell().is_none());
    }

    #[test]
    fn one_says_who_did_what_without_a_value() {
        let told = |kind| {
            let mut news = News::default();
            news.hear(vec![item(1, "Crew", kind)]);
            news.tell().expect("there is news")
        };
        let notice = told(ConflictKind::DeleteEdit);
        assert_eq!(notice.title, "A change needs review");
        assert_eq!(notice.text, "Ann deleted a record in Crew that was changed elsewhere. Both are kept.");
        for kind in [ConflictKind::EditEdit, ConflictKind::EditDelete, ConflictKind::DeleteEdit] {
            assert!(!told(kind).text.contains("secret"));
        }
    }
}
