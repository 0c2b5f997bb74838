//! Several edits in one step, and steps taken back.

use crate::desk::{Desk, ask, command, define, id, refused, view};
use serde_json::{Value as Json, json};
use sync_client::api::{Answer, Command, FailureKind, Kept, KeptWhy, Op, StepInfo, Undoable, Undone};
use sync_client::engine::Handle;
use sync_client::limits;
use sync_client::store::StoreError;
use sync_client::store::memory::Fault;
use sync_protocol::{Fields, RecordKey};

fn things(key: i64) -> Json {
    json!({"collection": "things", "key": key})
}

/// `{"n": 1}` for the record of that key.
fn put(key: i64, fields: Json) -> Json {
    json!({"put": {"id": things(key), "fields": fields}})
}

fn insert(key: i64, fields: Json) -> Json {
    json!({"insert": {"collection": "things", "key": key, "fields": fields}})
}

fn edit(key: i64, field: &str, saw: i64, want: i64) -> Json {
    json!({"edit": {"id": things(key), "fields": {field: {"saw": saw, "want": want}}}})
}

fn delete(key: i64) -> Json {
    json!({"delete": {"id": things(key)}})
}

fn write(ops: &[Json]) -> Command {
    command(json!({"write": {"ops": ops}}))
}

async fn status(handle: &Handle) -> u64 {
    let Answer::Status(status) = ask(handle, Command::Status).await else { panic!("a status") };
    status.pending
}

async fn undone(handle: &Handle, command: Command) -> Undone {
    let Answer::Undone(undone) = ask(handle, command).await else { panic!("what was undone") };
    *undone
}

async fn undoable(handle: &Handle) -> Undoable {
    let Answer::Undoable(next) = ask(handle, Command::Undoable).await else { panic!("what can be undone") };
    next
}

fn step(label: Option<&str>, added: usize, changed: usize, deleted: usize) -> Option<StepInfo> {
    Some(StepInfo { label: label.map(str::to_owned), added, changed, deleted })
}

#[test]
fn a_step_is_saved_whole_in_one_commit_and_each_edit_sees_those_before() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(1, json!({"n": 1, "m": 1})), insert(9, json!({"n": 9}))])).await;
        let before = desk.team().commits();
        let ops = [
            insert(2, json!({"n": 2})),
            edit(2, "n", 2, 3),
            edit(1, "m", 1, 5),
            put(1, json!({"n": 7})),
            put(3, json!({"n": 3, "m": null})),
            delete(9),
            insert(9, json!({"n": 10})),
            delete(77),
        ];
        let answer = ask(&handle, write(&ops)).await;
        assert_eq!(answer, Answer::Saved { ids: [2, 2, 1, 1, 3, 9, 9, 77].map(id).into() });
        assert_eq!(desk.team().commits(), before + 1);
        let mut seen = Vec::new();
        for key in [1, 2, 3, 9, 77] {
            seen.push(view(&handle, key).await);
        }
        assert_eq!(seen, [json!({"n": 7}), json!({"n": 3}), json!({"n": 3}), json!({"n": 10}), Json::Null]);
    });
    desk.at_work(async |handle| {
        assert_eq!(view(&handle, 1).await, json!({"n": 7}), "it is there after a restart");
        assert_eq!(undoable(&handle).await, Undoable::default(), "steps are kept for the session");
    });
}

#[test]
fn a_step_that_is_refused_stores_nothing_and_says_which_edit() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(1, json!({"n": 1}))])).await;
        let (before, pending) = (desk.team().commits(), status(&handle).await);
        for (last, kind, field) in [
            (insert(1, json!({"n": 1})), FailureKind::Exists, None),
            (insert(5, json!({"n": "five"})), FailureKind::Input, Some("n")),
            (insert(6, json!({"colour": 1})), FailureKind::Input, Some("colour")),
            (edit(7, "n", 1, 2), FailureKind::Input, None),
            (json!({"insert": {"collection": "nowhere", "fields": {}}}), FailureKind::Input, None),
            (json!({"insert": {"collection": "things", "key": "", "fields": {}}}), FailureKind::Input, None),
        ] {
            let failure =
                refused(&handle, write(&[put(2, json!({"n": 2})), delete(1), insert(1, json!({})), last]))
                    .await;
            assert_eq!((failure.kind, failure.op), (kind, Some(3)), "{failure}");
            assert_eq!(failure.field.as_ref().map(|name| name.as_str()), field, "{failure}");
        }
        let ops = vec![json!({"insert": {"collection": "things", "fields": {}}}); limits::STEP_OPS + 1];
        assert!(refused(&handle, write(&ops)).await.message.contains("20000 edits"));
        let long = "x".repeat(limits::STEP_BYTES);
        let failure = refused(&handle, write(&[insert(5, json!({"n": long}))])).await;
        assert!(failure.message.contains("bytes"), "{failure}");

        assert_eq!((desk.team().commits(), status(&handle).await), (before, pending));
        assert_eq!((view(&handle, 1).await, view(&handle, 2).await), (json!({"n": 1}), Json::Null));
        desk.team().fail(Fault { commit: 1, error: StoreError::Full, stored: false });
        let failure = refused(&handle, write(&[put(2, json!({"n": 2}))])).await;
        assert_eq!(failure.kind, FailureKind::Storage);
        assert_eq!(view(&handle, 2).await, Json::Null);
    });
}

#[test]
fn a_step_that_is_asked_for_twice_is_done_once() {
    let desk = Desk::new();
    let minted = json!({"insert": {"collection": "things", "fields": {"n": 1}}});
    let ops = write(&[minted.clone(), minted]);
    let mut first = None;
    desk.at_work(async |handle| {
        define(&handle).await;
        first = Some(handle.call_once("tab 1".into(), ops.clone()).await.unwrap());
        assert_eq!(handle.call_once("tab 1".into(), ops.clone()).await.ok(), first);
        let undo = || handle.call_once("tab 2".into(), Command::Undo);
        assert_eq!(undo().await.unwrap(), undo().await.unwrap());
    });
    let Some(Answer::Saved { ids }) = &first else { panic!("{first:?}") };
    assert!(ids.len() == 2 && ids[0] != ids[1]);
    desk.at_work(async |handle| {
        assert_eq!(handle.call_once("tab 1".into(), ops.clone()).await.ok(), first, "also by another engine");
        assert_eq!(status(&handle).await, 8, "a collection of three fields, two added, two taken back");
    });
}

#[test]
fn a_step_is_taken_back_as_one_and_done_again() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(1, json!({"n": 1, "m": 1})), insert(2, json!({"n": 2}))])).await;
        let ops = [put(1, json!({"n": 5})), delete(2), insert(3, json!({"n": 3})), edit(3, "n", 3, 4)];
        ask(&handle, command(json!({"write": {"ops": ops, "label": "Tidy up"}}))).await;
        let tidied = [json!({"n": 5}), Json::Null, json!({"n": 4})];
        assert_eq!(undoable(&handle).await, Undoable { undo: step(Some("Tidy up"), 1, 1, 1), redo: None });

        for _ in 0..2 {
            let back = undone(&handle, Command::Undo).await;
            assert_eq!((back.label.as_deref(), back.left), (Some("Tidy up"), Vec::new()));
            assert_eq!(back.ids, [1, 2, 3].map(id));
            assert_eq!(back.next.undo, step(None, 2, 0, 0));
            assert_eq!(back.next.redo, step(Some("Tidy up"), 1, 1, 1));
            let seen = [view(&handle, 1).await, view(&handle, 2).await, view(&handle, 3).await];
            assert_eq!(seen, [json!({"n": 1, "m": 1}), json!({"n": 2}), Json::Null]);

            let again = undone(&handle, Command::Redo).await;
            assert_eq!((again.ids, again.left), ([1, 2, 3].map(id).into(), Vec::new()));
            assert_eq!(again.next, Undoable { undo: step(Some("Tidy up"), 1, 1, 1), redo: None });
            let seen = [view(&handle, 1).await, view(&handle, 2).await, view(&handle, 3).await];
            assert_eq!(seen, tidied);
        }
        undone(&handle, Command::Undo).await;
        undone(&handle, Command::Undo).await;
        assert_eq!(view(&handle, 1).await, Json::Null);
        assert!(refused(&handle, Command::Undo).await.message.contains("nothing to undo"));
        ask(&handle, write(&[insert(4, json!({"n": 4}))])).await;
        assert!(
            refused(&handle, Command::Redo).await.message.contains("nothing to redo"),
            "a new edit clears it"
        );
    });
}

#[test]
fn ordinary_edits_are_taken_back_too() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, command(insert(1, json!({"n": 1, "m": 1})))).await;
        ask(&handle, command(edit(1, "n", 1, 2))).await;
        ask(&handle, command(json!({"restore": {"id": things(1), "fields": {"m": 3}}}))).await;
        ask(&handle, command(json!({"delete": {"ids": [things(1)]}}))).await;
        ask(&handle, command(json!({"undelete": {"ids": [things(1)]}}))).await;
        let states =
            [Json::Null, json!({"m": 3}), json!({"n": 2, "m": 1}), json!({"n": 1, "m": 1}), Json::Null];
        for state in &states {
            undone(&handle, Command::Undo).await;
            assert_eq!(view(&handle, 1).await, *state);
        }
        for state in states[..4].iter().rev() {
            undone(&handle, Command::Redo).await;
            assert_eq!(view(&handle, 1).await, *state);
        }
    });
}

#[test]
fn a_tab_takes_back_its_own_steps_and_overwrites_nobody() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        let (one, two) = (handle.named("one"), handle.named("two"));
        let ops = [1, 2, 3, 4].map(|key| insert(key, json!({"n": 1, "m": 1, "stock": 10})));
        ask(&one, write(&ops)).await;
        let ops = [1, 2].map(|key| put(key, json!({"n": 2, "m": 2, "stock": 11})));
        ask(&one, write(&[&ops[..], &[delete(3), delete(4)]].concat())).await;
        assert!(refused(&two, Command::Undo).await.message.contains("nothing to undo"));
        ask(
            &two,
            write(&[edit(1, "n", 2, 3), edit(1, "stock", 11, 16), delete(2), insert(3, json!({"n": 8}))]),
        )
        .await;

        let back = undone(&one, Command::Undo).await;
        assert_eq!(back.ids, [1, 4].map(id), "what nobody touched is back");
        let n = || vec![sync_protocol::FieldName::new("n").unwrap()];
        let left = [
            Kept { id: id(1), why: KeptWhy::Changed, fields: n() },
            Kept { id: id(2), why: KeptWhy::Deleted, fields: Vec::new() },
            Kept { id: id(3), why: KeptWhy::Added, fields: Vec::new() },
        ];
        assert_eq!(back.left, left);
        assert_eq!(
            view(&one, 1).await,
            json!({"n": 3, "m": 1, "stock": 15}),
            "what was counted is taken off again"
        );
        assert_eq!(view(&one, 3).await, json!({"n": 8}));
        // the record that the first step added is somebody else's, too, by now
        let back = undone(&one, Command::Undo).await;
        assert_eq!(back.ids, [4].map(id));
        assert_eq!(back.left.iter().map(|kept| &kept.id).collect::<Vec<_>>(), [&id(1), &id(3)]);
        // and each goes forth alone
        undone(&two, Command::Undo).await;
        assert_eq!(view(&two, 3).await, Json::Null);
        undone(&one, Command::Redo).await;
        assert_eq!(view(&one, 4).await, json!({"n": 1, "m": 1, "stock": 10}));
    });
}

#[test]
fn an_undo_that_cannot_be_saved_can_be_tried_again() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(1, json!({"n": 1}))])).await;
        desk.team().fail(Fault { commit: 1, error: StoreError::Full, stored: false });
        assert_eq!(refused(&handle, Command::Undo).await.kind, FailureKind::Storage);
        assert_eq!(undoable(&handle).await, Undoable { undo: step(None, 1, 0, 0), redo: None });
        undone(&handle, Command::Undo).await;
        assert_eq!(view(&handle, 1).await, Json::Null);
    });
}

#[test]
fn what_can_be_taken_back_is_bounded() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(0, json!({"n": 0}))])).await;
        for n in 0..limits::UNDO_STEPS as i64 {
            ask(&handle, command(edit(0, "n", n, n + 1))).await;
        }
        for _ in 0..limits::UNDO_STEPS {
            undone(&handle, Command::Undo).await;
        }
        assert_eq!(view(&handle, 0).await, json!({"n": 0}));
        assert!(refused(&handle, Command::Undo).await.message.contains("nothing to undo"), "the oldest went");

        // a step that is too much to keep hides what was before it, and nobody else's
        let other = handle.named("other");
        ask(&other, write(&[insert(-1, json!({"n": 1}))])).await;
        ask(&handle, write(&[insert(-2, json!({"n": 1}))])).await;
        let long = |n: usize| Op::Insert {
            collection: id(0).collection,
            key: Some(RecordKey::Text(format!("{n:0400}"))),
            fields: Fields::new(),
        };
        let ops = (0..limits::STEP_OPS).map(long).collect();
        ask(
            &handle,
            Command::Write { ops, label: None, types: Default::default(), memos: Default::default() },
        )
        .await;
        assert_eq!(undoable(&handle).await, Undoable::default());
        assert_eq!(undoable(&other).await.undo, step(None, 1, 0, 0));
    });
}

#[test]
fn what_a_program_keeps_is_saved_with_its_step_and_stays_when_that_is_undone() {
    let desk = Desk::new();
    let with = |ops: Json, memos: Json| command(json!({"write": {"ops": ops, "memos": memos}}));
    let kept = async |handle: &Handle, prefix: &str| {
        let Answer::Memos(memos) = ask(handle, Command::Memos(prefix.into())).await else { panic!("memos") };
        json!(memos)
    };
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(
            &handle,
            with(json!([insert(1, json!({"n": 1}))]), json!([["db/a", "1"], ["next", "2"], ["db/b", "1"]])),
        )
        .await;
        let twice = with(json!([insert(1, json!({"n": 2}))]), json!([["next", "3"]]));
        assert_eq!(refused(&handle, twice).await.kind, FailureKind::Exists);
        assert_eq!(kept(&handle, "next").await, json!([["next", "2"]]), "nothing of a step that is refused");
        ask(&handle, Command::Undo).await;
        assert_eq!(view(&handle, 1).await, Json::Null);
        ask(&handle, with(json!([]), json!([["db/a", ""]]))).await;
        assert_eq!(kept(&handle, "db/").await, json!([["db/b", "1"]]));
        for large in [
            json!([["x".repeat(limits::MEMO_NAME_BYTES + 1), "1"]]),
            json!([["x", "1".repeat(limits::MEMO_BYTES + 1)]]),
            json!((0..limits::MEMOS).map(|n| [n.to_string(), "1".into()]).collect::<Vec<_>>()),
        ] {
            assert_eq!(refused(&handle, with(json!([]), large)).await.kind, FailureKind::Input);
        }
    });
    desk.at_work(async |handle| {
        assert_eq!(kept(&handle, "").await, json!([["db/b", "1"], ["next", "2"]]), "after a restart");
    });
}

#[test]
fn an_import_is_one_step() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        define(&handle).await;
        ask(&handle, write(&[insert(1, json!({"n": 1, "m": 1}))])).await;
        let rows = 2 * limits::IMPORT_STEP as i64 + 5;
        let text: String = (1..=rows).map(|key| format!("{key},{}\n", key + 1)).collect();
        let preview = Command::Preview { name: "a.csv".into(), text: format!("key,n\n{text}"), plan: None };
        let Answer::Preview(preview) = ask(&handle, preview).await else { panic!("a preview") };
        let into = Some(id(0).collection);
        let plan = sync_client::api::ImportPlan { into, key: Some("key".into()), ..preview.plan };
        let preview = Command::Preview { name: "a.csv".into(), text: String::new(), plan: Some(plan) };
        let Answer::Preview(preview) = ask(&handle, preview).await else { panic!("a preview") };
        ask(&handle, Command::Import { plan: preview.plan }).await;
        assert_eq!(view(&handle, 1).await, json!({"n": 2, "m": 1}));
        assert_eq!(undoable(&handle).await.undo, step(None, rows as usize - 1, 1, 0));
        let back = undone(&handle, Command::Undo).await;
        assert_eq!((back.ids.len() as i64, back.left.len()), (rows, 0));
        assert_eq!(
            (view(&handle, 1).await, view(&handle, rows).await),
            (json!({"n": 1, "m": 1}), Json::Null)
        );
    });
}
