//! What operations cost, in steps through what memory keeps: each costs what it touches, however much there is beside it.

use crate::model::device::Device;
use crate::model::server::Server;
use crate::model::{collection, fields, item, name, seen};
use futures::FutureExt;
use serde_json::json;
use sync_client::api::{
    Aggregate, Event, Figure, Filter, GroupBy, RowStep, RowsChange, SortBy, Test, View, ViewId, Window,
};
use sync_client::query::Tables;
use sync_client::replica::Replica;
use sync_client::replica::session::{Outgoing, Session};
use sync_client::status::Phase;
use sync_client::steps;
use sync_client::store::memory::MemoryStore;
use sync_client::store::{Batch, Loaded, LocalStore, Quarantined};
use sync_protocol::message::{PullAnswer, Push};
use sync_protocol::{Change, ChangeId, Counter, Edit, Rejection, ReplicaId, Revision, Timestamp};

const PARTITIONS: u16 = 4;
/// However much waits: a little, and a hundred times as much.
const SIZES: [u64; 2] = [200, 20_000];

/// A change of a device that has made others before, among them the collection.
fn insert(n: u64) -> Change {
    Change {
        id: ChangeId { replica: ReplicaId(uuid::Uuid::from_u128(1)), counter: Counter(1_000 + n) },
        record: item(n as i64),
        at: Timestamp(n as i64),
        saw: None,
        edit: Edit::Insert { fields: fields(json!({"n": n})) },
    }
}

/// A server with the collection, and a replica that has it all and in whose outbox that waits.
fn replica(outbox: Vec<Change>, quarantine: Vec<Quarantined>) -> (Server, Replica) {
    let mut server = Server::new(PARTITIONS);
    let mut device = Device::new(1, PARTITIONS);
    device.sync(&mut server);
    device.define();
    device.sync(&mut server);
    let loaded = device.store().load().now_or_never().unwrap().unwrap();
    let loaded = Loaded { outbox, quarantine, ..loaded };
    let reserved = crate::model::device::reserved(device.store());
    (server, Replica::new(device.replica.meta().clone(), loaded, reserved))
}

/// The same where half of what waits was accepted, and its outcome has not come.
fn half_judged(size: u64) -> (Server, Replica) {
    let (mut server, mut replica) = replica((1..=size).map(insert).collect(), Vec::new());
    let changes: Vec<Change> = (1..=size / 2).map(insert).collect();
    let sent: Vec<Counter> = changes.iter().map(|change| change.id.counter).collect();
    let push = Push {
        replica: replica.id(),
        settled: Counter(0),
        schema_seen: Revision(0),
        changes,
        only_known: Default::default(),
    };
    let answer = server.push(&push);
    replica.note_verdicts(&sent, &answer, 0);
    (server, replica)
}

/// What the server answers to a pull: that many entries at most.
fn pull(server: &mut Server, replica: &Replica, entries: usize) -> PullAnswer {
    server.page = entries;
    server.pull(&sync_protocol::message::Pull { cursor: replica.cursor().clone(), wait_ms: 0 })
}

/// The steps of something for each size; `what` prepares it.
fn same_for_all<T>(what: &str, prepare: impl Fn(u64) -> T, work: impl Fn(&mut T)) -> u64 {
    let taken = SIZES.map(|size| {
        let mut prepared = prepare(size);
        steps::during(|| work(&mut prepared)).0
    });
    assert_eq!(taken[0], taken[1], "{what}: steps where {SIZES:?} wait");
    taken[0]
}

#[test]
fn a_pull_costs_what_it_brings() {
    const BRINGS: usize = 50;
    let prepare = |size| {
        let (mut server, replica) = half_judged(size);
        let answer = pull(&mut server, &replica, BRINGS);
        (replica, answer)
    };
    let taken = same_for_all("a pull", prepare, |(replica, answer)| {
        let batch = replica.pulled(1, answer).unwrap();
        assert_eq!(batch.settle.len(), BRINGS);
        replica.absorb(&batch);
        replica.note_pulled(1, answer);
    });
    assert!((1..=8 * BRINGS as u64).contains(&taken), "{taken} steps for {BRINGS} entries");
}

#[test]
fn an_idle_pull_costs_nothing() {
    let prepare = |size| {
        let (mut server, replica) = half_judged(size);
        let answer = pull(&mut server, &replica, 0);
        (replica, answer)
    };
    let taken = same_for_all("an idle pull", prepare, |(replica, answer)| {
        let batch = replica.pulled(1, answer).unwrap();
        assert!(batch.settle.is_empty());
        replica.absorb(&batch);
        replica.note_pulled(1, answer);
    });
    assert_eq!(taken, 0);
}

#[test]
fn a_push_costs_what_it_takes_with_it() {
    let prepare = |size| (half_judged(size).1, Session::default());
    let mut pushed = Vec::new();
    for size in SIZES {
        let (replica, mut session) = prepare(size);
        assert!(matches!(session.next(Timestamp(1), &replica), Some(Outgoing::Pull(..))));
        let (taken, push) = steps::during(|| session.next(Timestamp(1), &replica));
        let Some(Outgoing::Push(push)) = push else { panic!("a push") };
        assert!(taken <= push.changes.len() as u64 + 10, "{taken} steps for {}", push.changes.len());
        pushed.push(push.changes.len());
    }
    assert_eq!(pushed, [100, sync_protocol::limits::PUSH_CHANGES]);
}

#[test]
fn what_a_screen_always_shows_is_counted_already() {
    let prepare = |size: u64| {
        let half = size / 2;
        let refused = |n: u64| Quarantined { change: insert(n), reason: Rejection::NotPermitted };
        let numbered = |n: u64, change: Change| {
            let counter = Counter(insert(size).id.counter.0 + n);
            Change { id: ChangeId { counter, ..change.id }, ..change }
        };
        // half of what waits builds on something that was rejected
        let later = |n: u64| {
            numbered(n, Change { edit: Edit::Delete { base: fields(json!({"n": n})) }, ..insert(n) })
        };
        let other = |n: u64| numbered(half + n, insert(size + n));
        let waiting = (1..=half).map(later).chain((1..=half).map(other));
        (size, replica(waiting.collect(), (1..=half).map(refused).collect()).1)
    };
    let taken = same_for_all("a status", prepare, |(size, replica)| {
        let half = *size as usize / 2;
        let counts = (replica.unsent_count(), replica.held_count(), replica.rejected_count());
        assert_eq!(counts, (2 * half, half, half));
        assert_eq!((replica.conflict_count(), replica.review_count(&collection())), (0, half));
        assert_eq!(replica.count(&collection()), 0, "as many are deleted as are new");
        assert_eq!(replica.unsent().next().unwrap().at, Timestamp(1), "the oldest");
        assert_eq!(replica.due().next().unwrap().record, item(*size as i64 + 1));
        let marks = replica.marks_of(&item(1));
        assert!(marks.rejected && marks.unsent);
        assert_eq!(Session::default().phase(replica), Phase::Syncing);
    });
    assert!(taken <= 10, "{taken} steps");
}

#[test]
fn a_new_change_or_one_that_leaves_costs_itself() {
    let prepare = |size| replica((1..=size).map(insert).collect(), Vec::new()).1;
    let taken = same_for_all("an edit", prepare, |replica| {
        let count = replica.outbox_count();
        let batch = replica.insert(Timestamp(1), item(-1), None, fields(json!({}))).unwrap();
        replica.absorb(&batch);
        replica.absorb(&Batch { settle: vec![insert(1).id.counter], ..Batch::default() });
        assert_eq!(replica.outbox_count(), count);
    });
    assert!(taken <= 10, "{taken} steps");
}

#[test]
fn a_step_of_several_edits_and_its_taking_back_cost_themselves() {
    use sync_client::replica::write::{Bases, Want};
    const EDITS: u64 = 10;
    let prepare = |size| replica((1..=size).map(insert).collect(), Vec::new()).1;
    let taken = same_for_all("a step", prepare, |replica| {
        let has = |n: u64, fields| (item(n as i64), Want::Exactly(crate::model::fields(fields)));
        let wants = (1..=EDITS).map(|n| has(n, json!({"n": n + 1, "m": n}))).chain([(item(-1), Want::Gone)]);
        let batch = replica.write(Timestamp(1), wants.collect(), &Default::default(), &Bases::new()).unwrap();
        assert_eq!(batch.enqueue.len(), EDITS as usize);
        replica.absorb(&batch);
        let edits: Vec<_> = batch.enqueue.into_iter().map(|change| (change.record, change.edit)).collect();
        let mut undo = replica.undo(&edits, &Bases::new());
        assert!(undo.kept().is_empty());
        let batch = replica.write(Timestamp(1), undo.wants, &Default::default(), &Bases::new()).unwrap();
        replica.absorb(&batch);
        let seen = replica.view(&item(1), None);
        assert_eq!(seen, Some(crate::model::fields(json!({"n": 1}))));
    });
    assert!(taken <= 20 * EDITS, "{taken} steps for {EDITS} edits");
}

/// Rows that a screen shows.
const SHOWN: usize = 50;

/// Three open views of that many records, and a fourth that nobody watches.
fn views(size: u64) -> (Replica, MemoryStore, Tables) {
    let record = |n: u64| {
        let values = json!({"n": n * 7_919 % 20_011, "m": n % 90, "k": n % 7, "last": n});
        Change { edit: Edit::Insert { fields: fields(values) }, ..insert(n) }
    };
    let (store, replica) = (MemoryStore::default(), replica((1..=size).map(record).collect(), Vec::new()).1);
    let figure = |field: &str, what| Aggregate { field: name(field), what };
    let by = |field: &str, descending| vec![SortBy { field: Some(name(field)), descending }];
    let of = || View::of(collection());
    let window = Window::at(0, SHOWN);
    let middle = Window::at(size as usize / 2, SHOWN);
    let most = Filter::field(name("m"), Test::Less(80.into()));
    let mut tables = Tables::default();
    for (id, question) in (0..).zip([
        (
            View { filter: Some(most), sort: by("n", false), ..of() },
            window.clone(),
            vec![figure("n", Figure::Min), figure("n", Figure::Max), figure("last", Figure::Sum)],
        ),
        (
            View { group: Some(GroupBy { field: name("k"), descending: true }), sort: by("m", true), ..of() },
            window,
            vec![figure("n", Figure::Average), figure("m", Figure::Unique)],
        ),
        (View { search: "1".into(), sort: by("n", true), ..of() }, middle, Vec::new()),
    ]) {
        tables.watch(&store, &replica, ViewId(id), question).now_or_never().unwrap().unwrap();
    }
    (replica, store, tables)
}

/// As the engine does it.
fn follow(replica: &mut Replica, tables: &mut Tables, batch: &Batch) -> Vec<Event> {
    let delta = replica.lower(batch, |collection| tables.holds(collection));
    replica.follow(&delta);
    tables.follow(&delta, replica);
    tables.news(replica, |_| false)
}

#[test]
fn an_edit_costs_each_open_view_a_place() {
    let taken = SIZES.map(|size| {
        let (mut replica, _store, mut tables) = views(size);
        let (taken, events) = steps::during(|| {
            // smaller than all others: it moves to the top, and what was the smallest is the smallest no more
            let want = seen(json!({"n": [7_919 * 150 % 20_011, -1], "k": [3, 6]}));
            let batch = replica.edit(Timestamp(1), item(150), None, want).unwrap();
            follow(&mut replica, &mut tables, &batch)
        });
        let steps = events.iter().map(|event| match event {
            Event::Seen(change) => match &change.rows {
                RowsChange::Steps(steps) => steps.len(),
                RowsChange::Whole(_) => SHOWN,
            },
            _ => panic!("a change"),
        });
        assert!((2..=3).contains(&events.len()) && steps.max() <= Some(3), "{events:?}");
        taken
    });
    let [few, many] = taken;
    // a hundred times as many: seven halvings more for taking a row out of each view and for putting it in
    assert!(many <= few + 3 * 2 * 8, "{taken:?}");
    assert!(few <= 3 * 4 * SHOWN as u64, "{taken:?}");
}

#[test]
fn other_rows_of_a_view_cost_themselves() {
    let taken = SIZES.map(|size| {
        let (replica, _store, mut tables) = views(size);
        let window = Window::at(size as usize / 3, SHOWN);
        let looked = steps::during(|| tables.look(&replica, ViewId(0), window).unwrap());
        assert_eq!(looked.1.rows.len(), SHOWN);
        looked.0
    });
    assert_eq!(taken[0], taken[1], "steps of a window");
    assert!(taken[0] <= 4 * SHOWN as u64, "{taken:?}");
}

#[test]
fn a_row_that_leaves_with_the_extreme_costs_no_count_of_the_others() {
    let taken = SIZES.map(|size| {
        let (mut replica, _store, mut tables) = views(size);
        let (taken, events) = steps::during(|| {
            let batch = replica.delete(Timestamp(1), vec![(item(size as i64), None)]).unwrap();
            follow(&mut replica, &mut tables, &batch)
        });
        let Some(Event::Seen(change)) = events.first() else { panic!("a change") };
        assert_eq!((change.total, change.figures.as_ref().map(Vec::len)), (size as usize - 1, Some(3)));
        let gone = |step: &RowStep| matches!(step, RowStep::Change { .. } | RowStep::Move { .. });
        let RowsChange::Steps(steps) = &change.rows else { panic!("steps") };
        assert!(!steps.iter().any(gone), "{steps:?}");
        taken
    });
    assert!(taken[1] <= taken[0] + 3 * 8, "{taken:?}");
}

#[test]
fn the_place_of_a_record_costs_a_search() {
    let taken = SIZES.map(|size| {
        let (replica, _store, mut tables) = views(size);
        let key = item(size as i64 / 2).key;
        let (taken, place) = steps::during(|| tables.place(&replica, ViewId(0), &key).unwrap());
        assert!(place.is_some_and(|place| place < size as usize), "{place:?}");
        taken
    });
    assert!(taken[1] <= taken[0] + 8 && taken[0] <= 16, "{taken:?}");
}

#[test]
fn another_order_of_the_same_rows_compares_and_counts_nothing_anew() {
    let size = SIZES[1];
    let (mut replica, store, mut tables) = views(size);
    let ask = |replica: &Replica, tables: &mut Tables, descending: bool| {
        let sort = vec![SortBy { field: Some(name("n")), descending }];
        let question = (
            View { sort, ..View::of(collection()) },
            Window::at(0, SHOWN),
            [Figure::Sum, Figure::Max].map(|what| Aggregate { field: name("n"), what }).to_vec(),
        );
        let watched = tables.watch(&store, replica, ViewId(9), question).now_or_never().unwrap().unwrap();
        tables.unwatch(ViewId(9));
        watched
    };
    let shown = 3 * SHOWN as u64;
    // each record is looked at, walked over in its order and counted, and none compared with another
    assert_eq!(steps::during(|| ask(&replica, &mut tables, true)).0, 3 * size + shown);
    assert_eq!(steps::during(|| ask(&replica, &mut tables, false)).0, size + shown);
    assert_eq!(steps::during(|| ask(&replica, &mut tables, false)).0, shown, "it was kept up to date");
    let want = seen(json!({"n": [7_919 * 150 % 20_011, 1_000_000]}));
    let batch = replica.edit(Timestamp(1), item(150), None, want).unwrap();
    follow(&mut replica, &mut tables, &batch);
    let (taken, watched) = steps::during(|| ask(&replica, &mut tables, true));
    assert_eq!((&watched.shown.rows[0].key, &watched.figures[1]), (&item(150).key, &1_000_000.into()));
    let place = taken - size - shown;
    assert!((1..=20).contains(&place), "{place} steps: the record that changed finds its place");
}
