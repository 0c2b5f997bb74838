//! What every store must do, as checks with names. Each test binary and suite runs all of [`CHECKS`] on its store.
//!
//! A check panics with what is wrong. Each works on a workspace and accounts of its own, so that any number of runs can
//! share one database.

use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::checksum::Checksums;
use sync_protocol::message::Role;
use sync_protocol::{
    CollectionId, Partition, RecordId, RecordKey, ReplicaId, Revision, Timestamp, UserId, WorkspaceId,
};
use uuid::Uuid;

mod people;

use super::clock::{Clock, SystemClock};
use super::{
    Account, Commit, Committed, Head, Kept, Kind, PartitionId, Read, Row, SessionRow, Step, Store,
    StoreError, WorkspaceRow,
};
use crate::mirror::look::{shadow_key, token_prefix};

/// A store to be checked.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Makes this much time pass for the store: moves its clock, or waits.
    pub pass: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    /// The clock by which the store's rows expire.
    pub clock: Arc<dyn Clock>,
}

impl Subject {
    /// A store that runs by the machine's clock: time passes by waiting.
    pub fn in_real_time(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            pass: Arc::new(|time| Box::pin(tokio::time::sleep(time))),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A named check.
pub type Check = (&'static str, fn(Subject) -> BoxFuture<'static, ()>);

/// All checks.
pub const CHECKS: &[Check] = &[
    ("an untouched partition is empty", |s| Box::pin(empty(s))),
    ("a commit is all there", |s| Box::pin(commit_is_all_there(s))),
    ("a commit on a moved head writes nothing", |s| Box::pin(moved_writes_nothing(s))),
    ("a step without feed moves the head's step alone", |s| Box::pin(step_alone(s))),
    ("of commits that race exactly one wins", |s| Box::pin(race(s))),
    ("partitions and kinds are apart", |s| Box::pin(apart(s))),
    ("shadows are in the order of their tokens", |s| Box::pin(shadows(s))),
    ("get answers in the order of its keys", |s| Box::pin(get_order(s))),
    ("range is in key order and keeps its limits", |s| Box::pin(range(s))),
    ("rows of a megabyte and odd keys", |s| Box::pin(large_rows(s))),
    ("a thousand rows in one commit", |s| Box::pin(many_rows(s))),
    ("rows expire, and a row written anew stays", |s| Box::pin(expiry(s))),
    ("a cleared partition has nothing, and takes rows again", |s| Box::pin(clear(s))),
    ("logins are unique", |s| Box::pin(logins(s))),
    ("sessions end and expire", |s| Box::pin(sessions(s))),
    ("all sessions of one user end together", |s| Box::pin(all_sessions(s))),
    ("workspaces and members", |s| Box::pin(members(s))),
    ("names, and what is taken away", |s| Box::pin(people::names(s))),
    ("sessions are listed with what is noted of them", |s| Box::pin(people::noted_sessions(s))),
    ("members of a workspace are listed", |s| Box::pin(people::listed_members(s))),
    ("an invitation lets in as many as it says", |s| Box::pin(people::invitations(s))),
    ("of those who want the last place one gets it", |s| Box::pin(people::last_place(s))),
    ("an invitation ends by itself", |s| Box::pin(people::ended_invitations(s))),
    ("a replica belongs to the first who claims it", |s| Box::pin(claims(s))),
];

/// Runs all checks, one after the other, naming each before it starts.
pub async fn run_all(subject: Subject) {
    for (name, check) in CHECKS {
        println!("store: {name}");
        check(subject.clone()).await;
    }
}

fn partition() -> PartitionId {
    PartitionId { workspace: WorkspaceId(Uuid::now_v7()), partition: Partition(3) }
}

fn row(kind: Kind, key: &str, body: &str) -> Row {
    Row { kind, key: key.into(), body: body.into(), ttl: None }
}

fn head(step: u64, revision: u64) -> Head {
    let mut checksums = Checksums::default();
    let id = RecordId::new(CollectionId::new("airports").expect("a valid name"), RecordKey::Int(7));
    checksums.add(&id, Revision(revision));
    let kept = Kept { bytes: revision * 7, open: 1, ..Kept::default() };
    Head { step: Step(step), revision: Revision(revision), checksums, kept }
}

/// The `step`-th commit of a partition, which takes it to that revision.
fn commit(step: u64, revision: u64, rows: Vec<Row>) -> Commit {
    Commit { expected: Step(step - 1), head: head(step, revision), rows }
}

async fn must_commit(s: &Subject, id: PartitionId, commit: Commit) {
    assert_eq!(s.store.commit(id, commit).await, Ok(Committed::Yes));
}

async fn all(s: &Subject, id: PartitionId, kind: Kind) -> Vec<(String, String)> {
    s.store.range(id, kind, None, 10_000, 1 << 30, Read::Quorum).await.expect("range")
}

async fn get(s: &Subject, id: PartitionId, kind: Kind, keys: &[&str]) -> Vec<Option<String>> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    s.store.get(id, kind, &keys).await.expect("get")
}

async fn clear(s: Subject) {
    let (id, beside) = (partition(), partition());
    for id in [id, beside] {
        let rows = |from| (from..from + 500).map(|n| row(Kind::Record, &format!("a/{n:04}"), "{}"));
        must_commit(&s, id, commit(1, 1, rows(0).collect())).await;
        let others = Kind::ALL.map(|kind| row(kind, "other", "{}"));
        must_commit(&s, id, commit(2, 2, rows(500).chain(others).collect())).await;
    }
    assert_eq!(s.store.clear(id, Step(1)).await, Ok(Committed::HeadMoved));
    assert_eq!(all(&s, id, Kind::Record).await.len(), 1_001);
    assert_eq!(s.store.clear(id, Step(2)).await, Ok(Committed::Yes));
    let nothing = Head { step: Step(3), ..Head::default() };
    for read in [Read::Quorum, Read::Serial] {
        assert_eq!(s.store.head(id, read).await, Ok(nothing.clone()));
    }
    for kind in Kind::ALL {
        assert_eq!(all(&s, id, kind).await, [], "{kind:?}");
        assert_ne!(all(&s, beside, kind).await, [], "{kind:?}");
    }
    assert_eq!(s.store.head(beside, Read::Serial).await, Ok(head(2, 2)));
    must_commit(&s, id, commit(4, 4, vec![row(Kind::Record, "a/0001", "{\"again\":true}")])).await;
    assert_eq!(all(&s, id, Kind::Record).await, [("a/0001".into(), "{\"again\":true}".into())]);
    assert_eq!(s.store.head(id, Read::Serial).await, Ok(head(4, 4)));
    let untouched = partition();
    assert_eq!(s.store.clear(untouched, Step(0)).await, Ok(Committed::Yes));
    assert_eq!(s.store.head(untouched, Read::Serial).await, Ok(Head { step: Step(1), ..Head::default() }));
}

async fn empty(s: Subject) {
    let id = partition();
    for read in [Read::Quorum, Read::Serial] {
        assert_eq!(s.store.head(id, read).await, Ok(Head::default()));
        assert_eq!(s.store.range(id, Kind::Record, None, 10, 10, read).await, Ok(Vec::new()));
    }
    assert_eq!(get(&s, id, Kind::Record, &["a/1", "a/2"]).await, [None, None]);
    assert_eq!(s.store.get(id, Kind::Record, &[]).await, Ok(Vec::new()));
}

async fn commit_is_all_there(s: Subject) {
    let id = partition();
    let rows = vec![row(Kind::Record, "a/1", "{\"x\":\"é\"}"), row(Kind::Feed, "1", "[]")];
    must_commit(&s, id, commit(1, 1, rows)).await;
    for read in [Read::Quorum, Read::Serial] {
        assert_eq!(s.store.head(id, read).await, Ok(head(1, 1)));
        let rows = s.store.range(id, Kind::Record, None, 10, 1 << 20, read).await;
        assert_eq!(rows, Ok(vec![("a/1".into(), "{\"x\":\"é\"}".into())]));
    }
    assert_eq!(all(&s, id, Kind::Feed).await, [("1".into(), "[]".into())]);
    must_commit(&s, id, commit(2, 3, vec![row(Kind::Record, "a/1", "{}")])).await;
    assert_eq!(s.store.head(id, Read::Quorum).await, Ok(head(2, 3)));
    assert_eq!(get(&s, id, Kind::Record, &["a/1"]).await, [Some("{}".into())]);
}

async fn moved_writes_nothing(s: Subject) {
    let id = partition();
    let late = commit(2, 2, vec![row(Kind::Record, "a/1", "late")]);
    assert_eq!(
        s.store.commit(id, late.clone()).await,
        Ok(Committed::HeadMoved),
        "the first step comes first"
    );
    must_commit(&s, id, commit(1, 1, vec![row(Kind::Record, "a/1", "first")])).await;
    must_commit(&s, id, commit(2, 2, vec![row(Kind::Record, "a/1", "second")])).await;
    for again in [commit(1, 1, vec![row(Kind::Record, "a/2", "again")]), late] {
        assert_eq!(s.store.commit(id, again).await, Ok(Committed::HeadMoved));
    }
    assert_eq!(s.store.head(id, Read::Serial).await, Ok(head(2, 2)));
    assert_eq!(all(&s, id, Kind::Record).await, [("a/1".into(), "second".into())]);
}

async fn step_alone(s: Subject) {
    let id = partition();
    must_commit(
        &s,
        id,
        Commit { expected: Step(0), head: Head { step: Step(1), ..Head::default() }, rows: vec![] },
    )
    .await;
    must_commit(&s, id, commit(2, 1, vec![row(Kind::Feed, "1", "[]")])).await;
    must_commit(&s, id, commit(3, 1, vec![row(Kind::Replica, "r", "{}")])).await;
    assert_eq!(s.store.commit(id, commit(3, 2, vec![])).await, Ok(Committed::HeadMoved));
    assert_eq!(s.store.head(id, Read::Quorum).await, Ok(head(3, 1)));
}

async fn race(s: Subject) {
    let id = partition();
    for step in 1..=5 {
        let tasks = (0..8).map(|n| {
            let store = s.store.clone();
            let body = format!("{n}");
            tokio::spawn(async move {
                (store.commit(id, commit(step, step, vec![row(Kind::Record, "a/1", &body)])).await, body)
            })
        });
        let outcomes = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
        let mut won = Vec::new();
        let mut in_doubt = Vec::new();
        for outcome in outcomes {
            match outcome.expect("the task ends") {
                (Ok(Committed::Yes), body) => won.push(body),
                // a database that is pressed may leave a commit in doubt, and no more than that
                (Ok(Committed::Unknown) | Err(StoreError::Unavailable(_)), body) => in_doubt.push(body),
                (Ok(Committed::HeadMoved), _) => {}
                (Err(error), _) => panic!("{error}"),
            }
        }
        assert!(won.len() <= 1, "step {step}: several have won: {won:?}");
        if s.store.head(id, Read::Serial).await.expect("head").step == Step(step - 1) {
            must_commit(&s, id, commit(step, step, vec![row(Kind::Record, "a/1", "late")])).await;
            continue;
        }
        let body = get(&s, id, Kind::Record, &["a/1"]).await.remove(0).expect("the row of the winner");
        assert!(
            won.contains(&body) || (won.is_empty() && in_doubt.contains(&body)),
            "step {step}: {body} is there"
        );
    }
}

async fn apart(s: Subject) {
    let one = partition();
    let other = PartitionId { partition: Partition(4), ..one };
    must_commit(
        &s,
        one,
        commit(1, 1, vec![row(Kind::Record, "k", "record"), row(Kind::Conflict, "k", "conflict")]),
    )
    .await;
    assert_eq!(s.store.head(other, Read::Quorum).await, Ok(Head::default()));
    assert_eq!(get(&s, other, Kind::Record, &["k"]).await, [None]);
    for (kind, body) in
        [(Kind::Record, Some("record")), (Kind::Conflict, Some("conflict")), (Kind::Replica, None)]
    {
        let want: Vec<(String, String)> = body.map(|body| ("k".into(), body.into())).into_iter().collect();
        assert_eq!(all(&s, one, kind).await, want, "{}", kind.name());
        assert_eq!(get(&s, one, kind, &["k"]).await, [body.map(str::to_owned)]);
    }
}

async fn shadows(s: Subject) {
    let id = partition();
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let tokens = [i64::MIN, -7, -1, 0, 8, i64::MAX];
    let keys = [RecordKey::Int(-3), RecordKey::Text("a\tb 'c' é".into())];
    let named = |mirror, token| keys.clone().map(|key| shadow_key(mirror, token, &key));
    let own: Vec<String> = tokens.iter().flat_map(|token| named(one, *token)).collect();
    let rows = own.iter().rev().chain(&named(other, 0)).map(|key| row(Kind::Shadow, key, key)).collect();
    must_commit(&s, id, commit(1, 1, rows)).await;
    must_commit(&s, id, commit(2, 2, vec![row(Kind::Mirror, &one.to_string(), "carried")])).await;
    let from = token_prefix(one, -7);
    let page = s.store.range(id, Kind::Shadow, Some(&from), 6, 1 << 20, Read::Quorum).await.expect("range");
    let found: Vec<&str> = page.iter().map(|(key, _)| key.as_str()).collect();
    let (mut want, mut within) = (own.clone(), own[2..8].to_vec());
    want.sort_unstable();
    within.sort_unstable();
    assert_eq!(found, within, "those of the next three tokens");
    let all: Vec<String> = all(&s, id, Kind::Shadow).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(all[..12], want, "the shadows of one mirror are together");
    assert_eq!(all.len(), 14);
    let keys: Vec<&str> = own.iter().map(String::as_str).collect();
    assert_eq!(get(&s, id, Kind::Shadow, &keys).await, own.iter().cloned().map(Some).collect::<Vec<_>>());
    assert_eq!(get(&s, id, Kind::Mirror, &[&one.to_string()]).await, [Some("carried".into())]);
}

async fn get_order(s: Subject) {
    let id = partition();
    let rows = (0..300).map(|n| row(Kind::Record, &format!("a/{n}"), &n.to_string())).collect();
    must_commit(&s, id, commit(1, 300, rows)).await;
    // odd ones are missing, one is asked for twice
    let numbers: Vec<u32> = (0..600).rev().step_by(3).chain([7, 7]).collect();
    let keys: Vec<String> = numbers.iter().map(|n| format!("a/{n}")).collect();
    let want: Vec<Option<String>> = numbers.iter().map(|n| (*n < 300).then(|| n.to_string())).collect();
    assert_eq!(s.store.get(id, Kind::Record, &keys).await, Ok(want));
}

async fn range(s: Subject) {
    let id = partition();
    // byte order: upper case, underscore, lower case, then what is beyond ASCII
    let keys = ["B/1", "_c/\"x\"", "a/1", "a/10", "a/2", "a/\"z\"", "b/1", "é/1"];
    let mut sorted = keys;
    sorted.sort_unstable();
    let rows = keys.iter().rev().map(|key| row(Kind::Record, key, "0123456789")).collect();
    must_commit(&s, id, commit(1, 8, rows)).await;
    let page = |after: Option<&'static str>, limit, bytes| {
        let store = s.store.clone();
        async move {
            let rows = store.range(id, Kind::Record, after, limit, bytes, Read::Quorum).await.expect("range");
            rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        }
    };
    assert_eq!(page(None, 100, 1 << 20).await, sorted);
    assert_eq!(page(None, 3, 1 << 20).await, sorted[..3]);
    assert_eq!(page(Some(sorted[2]), 100, 1 << 20).await, sorted[3..]);
    assert_eq!(page(Some("a/1"), 1, 1 << 20).await, ["a/10"]);
    assert_eq!(page(Some("a/100"), 2, 1 << 20).await, ["a/2", "b/1"], "after a key that is not there");
    assert_eq!(page(Some("é/1"), 2, 1 << 20).await, [""; 0]);
    assert_eq!(page(None, 100, 1).await, sorted[..1], "at least one");
    let some = page(None, 100, 35).await;
    assert!(
        (3..=4).contains(&some.len())
            && sorted.starts_with(&some.iter().map(String::as_str).collect::<Vec<_>>())
    );
}

async fn large_rows(s: Subject) {
    let id = partition();
    let body = |n: usize| format!("\"{}\"", char::from(b'a' + n as u8).to_string().repeat(1 << 20));
    let long = format!("a/\"{}\"", "k".repeat(512));
    let odd = "a/\"\\u0000 '; DROP TABLE \u{1F600}\"";
    let rows = vec![
        row(Kind::Record, &long, &body(0)),
        row(Kind::Record, odd, &body(1)),
        row(Kind::Feed, "1", &body(2)),
    ];
    must_commit(&s, id, commit(1, 1, rows)).await;
    assert!(get(&s, id, Kind::Record, &[odd, &long]).await == [Some(body(1)), Some(body(0))]);
    let page = s.store.range(id, Kind::Record, None, 10, 1000, Read::Quorum).await.expect("range");
    assert_eq!(page.len(), 1, "the first alone is more than was asked for");
    assert!(all(&s, id, Kind::Feed).await == [("1".to_owned(), body(2))]);
}

async fn many_rows(s: Subject) {
    let id = partition();
    let body = "x".repeat(400);
    for step in 1..=2 {
        let rows =
            (0..1_000).map(|n| row(Kind::Record, &format!("a/{:05}", step * 10_000 + n), &body)).collect();
        must_commit(&s, id, commit(step, step * 1_000, rows)).await;
    }
    let rows = all(&s, id, Kind::Record).await;
    assert_eq!(rows.len(), 2_000);
    assert!(rows.is_sorted());
    let mut after: Option<String> = None;
    let mut seen = 0;
    loop {
        let page = s
            .store
            .range(id, Kind::Record, after.as_deref(), 300, 1 << 20, Read::Quorum)
            .await
            .expect("range");
        seen += page.len();
        let Some((last, _)) = page.last() else { break };
        assert!(after.as_ref() < Some(last));
        after = Some(last.clone());
    }
    assert_eq!(seen, 2_000, "page by page they are as many");
}

async fn expiry(s: Subject) {
    let id = partition();
    let brief = |kind, key: &str| Row { ttl: Some(Duration::from_secs(2)), ..row(kind, key, "brief") };
    let rows = vec![
        brief(Kind::Record, "a/1"),
        brief(Kind::Record, "a/2"),
        row(Kind::Record, "a/3", "kept"),
        brief(Kind::Feed, "1"),
    ];
    must_commit(&s, id, commit(1, 1, rows)).await;
    assert_eq!(all(&s, id, Kind::Record).await.len(), 3);
    must_commit(&s, id, commit(2, 2, vec![row(Kind::Record, "a/2", "anew"), brief(Kind::Record, "a/4")]))
        .await;
    (s.pass)(Duration::from_secs(4)).await;
    let kept: Vec<(String, String)> = vec![("a/2".into(), "anew".into()), ("a/3".into(), "kept".into())];
    assert_eq!(all(&s, id, Kind::Record).await, kept);
    assert_eq!(s.store.range(id, Kind::Record, None, 1, 1 << 20, Read::Quorum).await, Ok(kept[..1].to_vec()));
    assert_eq!(get(&s, id, Kind::Record, &["a/1", "a/2", "a/4"]).await, [None, Some("anew".into()), None]);
    assert_eq!(all(&s, id, Kind::Feed).await, []);
    assert_eq!(s.store.head(id, Read::Quorum).await, Ok(head(2, 2)), "the head stays");
    must_commit(&s, id, commit(3, 3, vec![row(Kind::Record, "a/1", "back")])).await;
    assert_eq!(get(&s, id, Kind::Record, &["a/1"]).await, [Some("back".into())]);
}

fn account() -> Account {
    let user = UserId(Uuid::now_v7());
    Account {
        user,
        login: format!("ada.{}@example.org", user.0.simple()),
        name: "Ada Lovelace".into(),
        password_hash: "$argon2id$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA".into(),
    }
}

async fn logins(s: Subject) {
    let ada = account();
    assert_eq!(s.store.account(&ada.login).await, Ok(None));
    assert_eq!(s.store.account_of(ada.user).await, Ok(None));
    assert_eq!(s.store.add_account(&ada).await, Ok(true));
    assert_eq!(s.store.account(&ada.login).await, Ok(Some(ada.clone())));
    assert_eq!(s.store.account_of(ada.user).await, Ok(Some(ada.clone())));
    let other = Account { login: ada.login.clone(), ..account() };
    assert_eq!(s.store.add_account(&other).await, Ok(false));
    assert_eq!(s.store.account_of(other.user).await, Ok(None), "nothing of a refused account is kept");
    assert_eq!(s.store.account(&ada.login).await, Ok(Some(ada.clone())));

    let login = account().login;
    let tasks = (0..8).map(|_| {
        let (store, account) = (s.store.clone(), Account { login: login.clone(), ..account() });
        tokio::spawn(async move { store.add_account(&account).await.expect("add").then_some(account) })
    });
    let added = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
    let added: Vec<Account> = added.into_iter().filter_map(|a| a.expect("the task ends")).collect();
    assert_eq!(added.len(), 1, "of those who want one login one gets it");
    assert_eq!(s.store.account(&login).await, Ok(added.into_iter().next()));

    s.store.set_password(ada.user, "another").await.expect("set");
    let changed = Account { password_hash: "another".into(), ..ada.clone() };
    assert_eq!(s.store.account(&ada.login).await, Ok(Some(changed)));
    let nobody = account().user;
    s.store.set_password(nobody, "x").await.expect("set");
    assert_eq!(s.store.account_of(nobody).await, Ok(None));
}

/// Of a token that nobody has.
fn token_hash() -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    hash
}

async fn sessions(s: Subject) {
    let (long, short) = (token_hash(), token_hash());
    let session = |time: i64| SessionRow::new(UserId(Uuid::now_v7()), Timestamp(s.clock.now().0 + time));
    let (long_row, short_row) = (session(3_600_000), session(3_000));
    assert_eq!(s.store.session(&long).await, Ok(None));
    s.store.add_session(&long, &long_row).await.expect("add");
    s.store.add_session(&short, &short_row).await.expect("add");
    assert_eq!(s.store.session(&short).await, Ok(Some(short_row)));
    (s.pass)(Duration::from_secs(5)).await;
    assert_eq!(s.store.session(&short).await, Ok(None));
    assert_eq!(s.store.session(&long).await, Ok(Some(long_row)));
    s.store.end_session(&long).await.expect("end");
    assert_eq!(s.store.session(&long).await, Ok(None));
    s.store.end_session(&long).await.expect("ending twice is no fault");
}

async fn all_sessions(s: Subject) {
    let (ada, bob) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    let expires = Timestamp(s.clock.now().0 + 3_600_000);
    let add = async |user| {
        let hash = token_hash();
        s.store.add_session(&hash, &SessionRow::new(user, expires)).await.expect("add");
        hash
    };
    assert_eq!(s.store.end_sessions(ada).await, Ok(0), "nobody has any");
    let adas = [add(ada).await, add(ada).await, add(ada).await];
    let bobs = add(bob).await;
    s.store.end_session(&adas[0]).await.expect("end");
    assert_eq!(s.store.end_sessions(ada).await, Ok(2), "the one that was ended does not count");
    for hash in &adas {
        assert_eq!(s.store.session(hash).await, Ok(None));
    }
    assert_eq!(s.store.session(&bobs).await, Ok(Some(SessionRow::new(bob, expires))), "others stay");
    let again = add(ada).await;
    assert_eq!(s.store.session(&again).await, Ok(Some(SessionRow::new(ada, expires))), "a new one opens");
    assert_eq!(s.store.end_sessions(ada).await, Ok(1));
}

async fn members(s: Subject) {
    let row = WorkspaceRow { id: WorkspaceId(Uuid::now_v7()), name: "Field team".into(), partitions: 16 };
    assert_eq!(s.store.workspace(row.id).await, Ok(None));
    assert_eq!(s.store.add_workspace(&row).await, Ok(true));
    assert_eq!(s.store.add_workspace(&WorkspaceRow { name: "Other".into(), ..row.clone() }).await, Ok(false));
    assert_eq!(s.store.workspace(row.id).await, Ok(Some(row.clone())));
    let (ada, bob) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    let second = WorkspaceId(Uuid::now_v7());
    for (workspace, user, role) in [
        (row.id, ada, Role::Owner),
        (row.id, bob, Role::Editor),
        (second, ada, Role::Reader),
        (row.id, bob, Role::Reader),
    ] {
        s.store.set_member(workspace, user, Some(role)).await.expect("set");
    }
    assert_eq!(s.store.role(row.id, ada).await, Ok(Some(Role::Owner)));
    assert_eq!(s.store.role(row.id, bob).await, Ok(Some(Role::Reader)));
    assert_eq!(s.store.role(second, bob).await, Ok(None));
    let own = BTreeMap::from([(row.id, Role::Owner), (second, Role::Reader)]);
    assert_eq!(s.store.workspaces_of(ada).await, Ok(own));
    s.store.set_member(row.id, ada, None).await.expect("take away");
    assert_eq!(s.store.role(row.id, ada).await, Ok(None));
    assert_eq!(s.store.workspaces_of(ada).await, Ok(BTreeMap::from([(second, Role::Reader)])));
}

async fn claims(s: Subject) {
    let replica = ReplicaId(Uuid::now_v7());
    let tasks = (0..8).map(|_| {
        let (store, user) = (s.store.clone(), UserId(Uuid::now_v7()));
        tokio::spawn(async move { (user, store.claim_replica(replica, user).await.expect("claim")) })
    });
    let claims = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
    let claims: Vec<(UserId, UserId)> = claims.into_iter().map(|c| c.expect("the task ends")).collect();
    let owner = claims[0].1;
    assert!(claims.iter().all(|(_, told)| *told == owner), "all are told the same owner");
    assert_eq!(claims.iter().filter(|(user, _)| *user == owner).count(), 1);
    assert_eq!(s.store.claim_replica(replica, claims[0].0).await, Ok(owner));
}
