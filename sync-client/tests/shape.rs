//! Collections and fields that are changed, and what fields ask of the values they are given.

use std::collections::BTreeMap;

use crate::desk::{Desk, ask, command, refused, view};
use serde_json::{Value as Json, json};
use sync_client::api::{Answer, Command, Failure, Op, Reshape, Reshaped, collection_op, field_op, place_ops};
use sync_client::engine::Handle;
use sync_client::steps::during;
use sync_protocol::schema::{Collection, Details, Field};
use sync_protocol::{CollectionId, FieldName, FieldType, RecordKey, Value};

fn things() -> CollectionId {
    CollectionId::new("things").unwrap()
}

fn name(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

/// A collection with a code, a note, a number and a state.
async fn start(handle: &Handle) {
    let state = Field { options: vec!["open".into(), "done".into()], ..field("state", FieldType::Choice) };
    let fields = vec![
        field("code", FieldType::Text),
        field("note", FieldType::Text),
        field("n", FieldType::Integer),
        state,
    ];
    let fields = fields.into_iter().zip(0..).map(|(field, position)| Field { position, ..field }).collect();
    ask(handle, Command::NewCollection { label: "Things".into(), fields }).await;
}

fn field(text: &str, field_type: FieldType) -> Field {
    Field::new(name(text), text, field_type)
}

async fn shown(handle: &Handle) -> Collection {
    let Answer::Collections(all) = ask(handle, Command::Collections).await else { panic!("collections") };
    all.into_iter().find(|info| info.id == things()).unwrap().collection
}

async fn write(handle: &Handle, ops: Vec<Op>) -> Result<Answer, Failure> {
    let write = Command::Write { ops, label: Some("Shape".into()), types: Vec::new(), memos: Vec::new() };
    handle.call(write).await
}

/// Changes one field's definition.
async fn set(handle: &Handle, of: &str, change: impl FnOnce(&mut Field)) -> Result<Answer, Failure> {
    let saw = shown(handle).await.fields[of].clone();
    let mut want = saw.clone();
    change(&mut want);
    write(handle, field_op(&things(), &saw, &want).into_iter().collect()).await
}

async fn rules(handle: &Handle, of: &str, details: Details) {
    set(handle, of, |field| field.details = details).await.unwrap();
}

fn insert(key: i64, fields: Json) -> Command {
    command(json!({"insert": {"collection": "things", "key": key, "fields": fields}}))
}

fn edit(key: i64, of: &str, saw: Json, want: Json) -> Command {
    let seen = json!({of: {"saw": saw, "want": want}});
    command(json!({"edit": {"id": {"collection": "things", "key": key}, "fields": seen}}))
}

async fn reshape(handle: &Handle, of: &str, dry_run: bool, change: impl FnOnce(&mut Reshape)) -> Reshaped {
    let saw = shown(handle).await.fields[of].clone();
    let mut reshape =
        Reshape { collection: things(), want: saw.clone(), saw, renamed: BTreeMap::new(), dry_run };
    change(&mut reshape);
    let Answer::Reshaped(told) = ask(handle, Command::Reshape(Box::new(reshape))).await else {
        panic!("what became of it")
    };
    *told
}

#[test]
fn a_field_is_renamed_moved_deleted_and_restored_and_keeps_its_values() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        ask(&handle, insert(1, json!({"code": "A", "note": "first"}))).await;
        set(&handle, "note", |field| field.label = "Remark".into()).await.unwrap();
        write(&handle, place_ops(&things(), &shown(&handle).await, &name("n"), 0)).await.unwrap();
        let labels = |all: &Collection| all.ordered().iter().map(|f| f.label.clone()).collect::<Vec<_>>();
        assert_eq!(labels(&shown(&handle).await), ["n", "code", "Remark", "state"]);

        set(&handle, "note", |field| field.details.deleted = true).await.unwrap();
        assert_eq!(labels(&shown(&handle).await), ["n", "code", "state"]);
        assert_eq!(view(&handle, 1).await, json!({"code": "A", "note": "first"}), "values stay");
        ask(&handle, Command::Undo).await;
        assert_eq!(labels(&shown(&handle).await), ["n", "code", "Remark", "state"]);
        ask(&handle, Command::Redo).await;
        set(&handle, "note", |field| field.details.deleted = false).await.unwrap();
        assert_eq!(labels(&shown(&handle).await), ["n", "code", "Remark", "state"]);

        let saw = shown(&handle).await;
        let want = Collection {
            label: "Parts".into(),
            help: "What is in stock".into(),
            deleted: true,
            ..saw.clone()
        };
        write(&handle, collection_op(&things(), &saw, &want).into_iter().collect()).await.unwrap();
        assert_eq!(shown(&handle).await, want);
        ask(&handle, Command::Undo).await;
        assert_eq!(shown(&handle).await, saw);
    });
}

#[test]
fn a_definition_that_is_none_is_refused_here() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        for (of, change) in [
            (
                "note",
                Box::new(|field: &mut Field| field.label = "x".repeat(300)) as Box<dyn FnOnce(&mut Field)>,
            ),
            ("note", Box::new(|field| field.details.help = "x".repeat(600))),
            ("n", Box::new(|field| field.policy = Some(sync_protocol::Policy::Text))),
        ] {
            let failure = set(&handle, of, change).await.unwrap_err();
            assert_eq!(failure.op, Some(0), "{}", failure.message);
        }
    });
}

#[test]
fn what_a_field_asks_is_held_in_each_way_in() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        rules(&handle, "code", Details { required: true, longest: Some(3), ..Details::default() }).await;
        rules(
            &handle,
            "n",
            Details { smallest: Value::from(1), largest: Value::from(9), ..Details::default() },
        )
        .await;
        rules(&handle, "state", Details { default: Value::from("open"), ..Details::default() }).await;

        let told = |failure: Failure| (failure.field.map(|f| f.to_string()), failure.message);
        let code = Some("code".to_owned());
        let missing = refused(&handle, insert(1, json!({"n": 3}))).await;
        assert_eq!(told(missing), (code.clone(), "code: It has to be filled in.".into()));
        let long = refused(&handle, insert(1, json!({"code": "ABCD"}))).await;
        assert_eq!(long.message, "code: It has at most 3 characters, this text has 4.");
        let large = refused(&handle, insert(1, json!({"code": "A", "n": 10}))).await;
        assert_eq!(large.message, "n: The largest value is 9.");

        ask(&handle, insert(1, json!({"code": "A"}))).await;
        assert_eq!(view(&handle, 1).await, json!({"code": "A", "state": "open"}), "a default is filled in");
        ask(&handle, insert(2, json!({"code": "B", "state": null}))).await;
        assert_eq!(view(&handle, 2).await, json!({"code": "B"}), "but not where somebody left it out");

        let emptied = refused(&handle, edit(1, "code", json!("A"), json!(null))).await;
        assert_eq!(told(emptied).0, code);
        // a step is saved whole or not at all, and says which edit is at fault
        let ops = json!([
            {"insert": {"collection": "things", "key": 3, "fields": {"code": "C"}}},
            {"edit": {"id": {"collection": "things", "key": 1}, "fields": {"n": {"want": 0}}}},
        ]);
        let step = refused(&handle, command(json!({"write": {"ops": ops}}))).await;
        assert_eq!((step.op, step.message.as_str()), (Some(1), "n: The smallest value is 1."));

        // what was there before is no mistake of whoever edits something else, and comes back as it was
        rules(&handle, "note", Details { required: true, ..Details::default() }).await;
        ask(&handle, edit(1, "n", json!(null), json!(5))).await;
        ask(&handle, command(json!({"delete": {"ids": [{"collection": "things", "key": 1}]}}))).await;
        ask(&handle, Command::Undo).await;
        assert_eq!(view(&handle, 1).await, json!({"code": "A", "n": 5, "state": "open"}));
    });
}

#[test]
fn nothing_is_there_twice() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        ask(&handle, insert(1, json!({"code": "A"}))).await;
        ask(&handle, insert(2, json!({"code": "B"}))).await;
        rules(&handle, "code", Details { unique: true, ..Details::default() }).await;
        let twice = refused(&handle, insert(3, json!({"code": " A "}))).await;
        assert_eq!(twice.message, "code: “A” is in another record already, and no value may be there twice.");
        refused(&handle, edit(2, "code", json!("B"), json!("A"))).await;
        ask(&handle, edit(2, "code", json!("B"), json!("B "))).await;
        // two in one step, and two that change places in one
        let insert_of = |key: i64| json!({"insert": {"collection": "things", "key": key, "fields": {"code": "C"}}});
        let both = refused(&handle, command(json!({"write": {"ops": [insert_of(3), insert_of(4)]}}))).await;
        assert_eq!(both.op, Some(0));
        let swap = |key: i64, saw: &str, want: &str| {
            json!({"edit": {"id": {"collection": "things", "key": key}, "fields": {"code": {"saw": saw, "want": want}}}})
        };
        ask(&handle, command(json!({"write": {"ops": [swap(1, "A", "B"), swap(2, "B ", "A")]}}))).await;
        // free once its record has gone
        ask(&handle, command(json!({"delete": {"ids": [{"collection": "things", "key": 1}]}}))).await;
        ask(&handle, insert(5, json!({"code": "B"}))).await;
    });
}

#[test]
fn whether_a_value_is_there_costs_the_same_in_a_large_collection() {
    let desk = Desk::new();
    desk.at_work(async |handle| {
        start(&handle).await;
        let of = |key: i64| json!({"insert": {"collection": "things", "key": key, "fields": {"code": format!("c{key}")}}});
        let ops: Vec<Json> = (0..5_000).map(of).collect();
        ask(&handle, command(json!({"write": {"ops": ops}}))).await;
        rules(&handle, "code", Details { unique: true, ..Details::default() }).await;
    });
    // the collection is read once, whatever is done then
    let steps = |from: i64, count: i64| {
        let work = || {
            desk.at_work(async |handle| {
                for key in from..from + count {
                    ask(&handle, insert(key, json!({"code": format!("c{key}")}))).await;
                }
                refused(&handle, insert(9_999, json!({"code": "c4999"}))).await;
            });
        };
        during(work).0
    };
    let (few, many) = (steps(6_000, 1), steps(7_000, 21));
    assert!(many < few + 5_000, "20 more records took {} steps", many - few);
}

#[test]
fn another_type_is_counted_first_and_taken_back_as_one_step() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        let notes = ["12", " 7 ", "1e3", "many", "", "0x1"];
        for (key, note) in (1..).zip(notes) {
            ask(&handle, insert(key, json!({"code": format!("c{key}"), "note": note}))).await;
        }
        let to_number = |reshape: &mut Reshape| reshape.want.field_type = FieldType::Integer;
        let told = reshape(&handle, "note", true, to_number).await;
        assert_eq!((told.filled, told.converted, told.unfit, told.unsent), (6, 3, 3, 6));
        let sample: Vec<(&str, &str)> =
            told.unfit_sample.iter().map(|unfit| (unfit.title.as_str(), unfit.shown.as_str())).collect();
        assert_eq!(sample, [("c3", "1e3"), ("c4", "many"), ("c6", "0x1")]);
        assert_eq!(view(&handle, 1).await, json!({"code": "c1", "note": "12"}), "nothing is stored");

        assert_eq!(reshape(&handle, "note", false, to_number).await.unfit, 3);
        assert_eq!(shown(&handle).await.fields["note"].field_type, FieldType::Integer);
        assert_eq!(view(&handle, 2).await, json!({"code": "c2", "note": 7}));
        assert_eq!(view(&handle, 4).await, json!({"code": "c4"}), "what is no number is emptied");
        ask(&handle, Command::Undo).await;
        assert_eq!(shown(&handle).await.fields["note"].field_type, FieldType::Text);
        for (key, note) in (1..).zip(notes) {
            assert_eq!(view(&handle, key).await["note"], json!(note));
        }
        ask(&handle, Command::Redo).await;
        assert_eq!(view(&handle, 1).await, json!({"code": "c1", "note": 12}));
    });
}

#[test]
fn an_option_gets_another_name_in_every_record_and_one_that_was_removed_stays_where_it_is() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        for key in 1..=3 {
            let state = if key == 3 { "done" } else { "open" };
            ask(&handle, insert(key, json!({"state": state}))).await;
        }
        let told = reshape(&handle, "state", true, |_| ()).await;
        assert_eq!(told.values, [("done".to_owned(), 1), ("open".to_owned(), 2)].into());
        let told = reshape(&handle, "state", false, |reshape| {
            reshape.want.options = vec!["active".into()];
            reshape.want.details.former = vec!["open".into(), "done".into()];
            reshape.renamed = [("open".to_owned(), "active".to_owned())].into();
        })
        .await;
        assert_eq!((told.converted, told.unfit), (2, 0));
        assert_eq!(view(&handle, 1).await, json!({"state": "active"}));
        assert_eq!(view(&handle, 3).await, json!({"state": "done"}));
        // as from a device that has not heard of it
        ask(&handle, edit(1, "state", json!("active"), json!("open"))).await;
    });
}

#[test]
fn a_title_of_the_collections_choice_is_told() {
    Desk::new().at_work(async |handle| {
        start(&handle).await;
        let saw = shown(&handle).await;
        let want = Collection { title: Some(name("note")), ..saw.clone() };
        write(&handle, collection_op(&things(), &saw, &want).into_iter().collect()).await.unwrap();
        let title =
            shown(&handle).await.title(&RecordKey::Int(1), &[(name("note"), Value::from("x"))].into());
        assert_eq!(title, "x");
    });
}
