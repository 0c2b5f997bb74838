//! Files as people have them: what stands between their cells, above their headings and in their numbers; what comes into a
//! collection that is there; and that what was exported comes back.

use std::collections::BTreeMap;

use serde_json::json;
use sync_client::api::{Dates, ImportMode, ImportPlan, Numbers, Preview, Reading};
use sync_client::import::{Asking, File, Known, Rows, adopt, changes, look, preview, refused_file};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{CollectionId, FieldName, FieldType, Fields, RecordKey, Value};

fn read(name: &str, text: &str) -> (File, Preview) {
    let file = File::read(name, text).unwrap();
    let looked = preview(&file, None);
    (file, looked)
}

/// Rows as objects of labels, the key under "#" where a column holds it.
fn rows(file: &File, plan: &ImportPlan) -> Vec<serde_json::Value> {
    let labels: BTreeMap<_, _> =
        plan.columns.iter().map(|column| (column.field.name.clone(), column.field.label.clone())).collect();
    let mut rows = Rows::new(file, plan);
    let mut all = Vec::new();
    while let Some(row) = rows.next() {
        let Ok((key, fields)) = row else { continue };
        let mut object: serde_json::Map<_, _> =
            fields.into_iter().map(|(name, value)| (labels[&name].clone(), value.0)).collect();
        if plan.key.is_some() {
            object.insert("#".into(), json!(key));
        }
        all.push(object.into());
    }
    all
}

fn types(preview: &Preview) -> Vec<(&str, FieldType)> {
    preview.plan.columns.iter().map(|c| (c.heading.as_str(), c.field.field_type)).collect()
}

#[test]
fn what_stands_between_cells_and_above_the_heading_is_found() {
    for text in [
        "name,what\nBolt,x y\nNut,z y\n",
        "name;what\nBolt;x y\nNut;z y\n",
        "name\twhat\nBolt\tx y\nNut\tz y\n",
        "name|what\nBolt|x y\nNut|z y\n",
        "sep=;\r\nname;what\r\nBolt;x y\r\nNut;z y\r\n",
        "sep=,\nname,what\nBolt,x y\nNut,z y\n",
        "\"sep=|\"\nname|what\nBolt|x y\nNut|z y\n",
        "\n\nname;what\n\nBolt;x y\n;\nNut;z y\n\n",
        "Report 2024\n\nname,what\nBolt,x y\nNut,z y\n",
        "Report 2024,\nof the harbour,\nname,what\nBolt,x y\nNut,z y\n",
        "name,what,,\nBolt,x y,,\nNut,z y,,\n",
        "name,what,,\nBolt,x y\nNut,z y,\n",
        "\u{feff}name,what\nBolt,x y\nNut,z y\n",
        "name,what\rBolt,x y\rNut,z y\r",
        "\"name\";\"what\"\n\"Bolt\";\"x y\"\n\"Nut\";\"z y\"\n",
    ] {
        let (file, looked) = read("a.csv", text);
        let want = [
            json!({"#": "Bolt", "name": "Bolt", "what": "x y"}),
            json!({"#": "Nut", "name": "Nut", "what": "z y"}),
        ];
        assert_eq!(rows(&file, &looked.plan), want, "{text:?}");
    }
}

#[test]
fn a_heading_of_many_lines_and_one_without_names_are_taken() {
    let (_, looked) = read("a.csv", "\"Name\n(last; first)\";Age\nx;5\ny;6\n");
    assert_eq!(types(&looked), [("Name\n(last; first)", FieldType::Text), ("Age", FieldType::Integer)]);
    let (file, looked) = read("a.csv", "1,x\n2,y\n");
    assert_eq!(looked.plan.reading.unwrap().heading, 1, "a text names a column");
    let none = Reading { heading: 0, ..looked.plan.reading.unwrap() };
    let again = File::read_as("a.csv", "1,x\n2,y\n", Some(&none)).unwrap();
    assert_eq!((file.rows.len(), again.rows.len()), (1, 2));
    let (file, looked) = read("a.csv", "1,2\n3,4\n");
    assert_eq!(
        rows(&file, &looked.plan).len(),
        2,
        "no row is lost to a heading that is none: {:?}",
        looked.plan
    );
    assert!(looked.notes[0].starts_with("No row names the columns"), "{:?}", looked.notes);
    assert_eq!(read("a.csv", ",,\n1,2,3\n").1.rows, 1);
    let (_, looked) = read("a.csv", ",x\na,1\nb,2\n");
    assert_eq!(types(&looked), [("Column 1", FieldType::Text), ("x", FieldType::Integer)]);
}

#[test]
fn what_a_person_says_of_the_file_counts() {
    let text = "Title\na;b|c\n1;2|3\n";
    let reading = |delimiter, heading| Reading { delimiter, heading, numbers: None, dates: None };
    let file = File::read_as("a.csv", text, Some(&reading('|', 2))).unwrap();
    assert_eq!((file.headings, file.rows.len()), (vec!["a;b".to_owned(), "c".to_owned()], 1));
    let file = File::read_as("a.csv", text, Some(&reading(';', 3))).unwrap();
    assert_eq!((file.headings, file.rows.len()), (vec!["1".to_owned(), "2|3".to_owned()], 0));
    assert_eq!(file.start, ["Title", "a · b|c", "1 · 2|3"]);
}

#[test]
fn refused_rows_are_named_by_their_line_and_come_with_their_cells() {
    for end in ["\n", "\r\n"] {
        let text = ["id,t", "1,\"a\nb\nc\"", "", "2", "3,x,y", "4,ok", ""].join(end);
        let (file, looked) = read("a.csv", &text);
        let lines: Vec<_> = looked.refused.iter().map(|r| r.line.unwrap()).collect();
        assert_eq!(lines, [6, 7], "{end:?}");
        let mut rows = Rows::new(&file, &looked.plan);
        while rows.next().is_some() {}
        let mended = refused_file(&file, &rows.all_refused);
        let again = File::read("refused.csv", &mended).unwrap();
        assert_eq!(again.rows[0].cells[0].to_text(), "2");
        let plan = preview(&again, None).plan;
        let taken: Vec<_> = plan.columns.iter().filter(|c| c.take).map(|c| c.heading.as_str()).collect();
        assert_eq!(taken, ["t"], "what says why is no field");
    }
}

#[test]
fn values_are_never_changed_by_a_guess() {
    for (texts, field_type) in [
        (["1E5", "2E7"], FieldType::Text),
        (["4.00638E+12", "4.00639E+12"], FieldType::Text),
        (["1.10", "1.9"], FieldType::Text),
        (["1.1", "1.10"], FieldType::Text),
        (["007", "8"], FieldType::Text),
        (["+5", "6"], FieldType::Text),
        (["1.200", "3"], FieldType::Text),
        (["1,200", "3"], FieldType::Text),
        (["$1.5", "$2.5"], FieldType::Text),
        (["45%", "50%"], FieldType::Text),
        (["01/02/2025", "03/04/2025"], FieldType::Text),
        (["12.50", "3.20"], FieldType::Decimal),
        (["12.5", "3"], FieldType::Decimal),
        (["1,5", "2,25"], FieldType::Decimal),
        (["1.234,56", "0,90"], FieldType::Decimal),
        (["1.200", "0,90"], FieldType::Decimal),
        (["1.234.567", "2"], FieldType::Integer),
        (["24.12.2025", "1.2.2025"], FieldType::Date),
        (["12/24/2025", "1/2/2025"], FieldType::Date),
        (["2025-12-24", "2025-01-02"], FieldType::Date),
        (["2025-12-24 10:00", "2025-12-24 11:00"], FieldType::Text),
    ] {
        let (file, looked) = read("a.csv", &format!("k;v\na;{}\nb;{}\n", texts[0], texts[1]));
        assert_eq!(types(&looked)[1].1, field_type, "{texts:?}");
        let stored: Vec<_> = rows(&file, &looked.plan).into_iter().map(|row| row["v"].clone()).collect();
        if field_type == FieldType::Text {
            assert_eq!(stored, texts.map(|text| json!(text)));
        }
        if texts[0] == "1.200" && field_type == FieldType::Decimal {
            assert_eq!(stored, [json!("1200"), json!("0.90")]);
        }
        if texts[0] == "12/24/2025" {
            assert_eq!(stored, [json!("2025-12-24"), json!("2025-01-02")]);
        }
    }
}

#[test]
fn what_is_read_in_two_ways_is_asked_about() {
    let text = "k;v\na;1.200\nb;3.500\n";
    let (_, looked) = read("a.csv", text);
    assert!(looked.notes.iter().any(|note| note.contains("“v” stays text")), "{:?}", looked.notes);
    for (numbers, want) in [(Numbers::Comma, json!(1200)), (Numbers::Point, json!("1.200"))] {
        let reading = Reading { numbers: Some(numbers), ..looked.plan.reading.unwrap() };
        let file = File::read_as("a.csv", text, Some(&reading)).unwrap();
        let mut plan = ImportPlan { columns: vec![], reading: Some(reading), ..looked.plan.clone() };
        plan = preview(&file, Some(plan)).plan;
        let value = rows(&file, &plan)[0]["v"].clone();
        // with points all have three digits: prices of petrol
        assert_eq!(value, want, "{numbers:?}");
    }
    let text = "k,v\na,01/02/2025\nb,03/04/2025\n";
    let (_, looked) = read("a.csv", text);
    assert!(looked.notes.iter().any(|note| note.contains("how dates are written")), "{:?}", looked.notes);
    let reading = Reading { dates: Some(Dates::DayFirst), ..looked.plan.reading.unwrap() };
    let file = File::read_as("a.csv", text, Some(&reading)).unwrap();
    let plan = preview(&file, Some(ImportPlan { columns: vec![], ..looked.plan })).plan;
    assert_eq!(rows(&file, &plan)[0]["v"], json!("2025-02-01"));
}

#[test]
fn a_number_that_is_kept_by_its_value_is_told() {
    let (_, looked) = read("a.csv", "k,price\na,.5\nb,2.25\n");
    assert!(
        looked.notes.iter().any(|note| note.contains("“price” are kept by their value")),
        "{:?}",
        looked.notes
    );
    for prices in ["1.5,2.25", "1.50,2.00"] {
        let (one, other) = prices.split_once(',').unwrap();
        let (file, looked) = read("a.csv", &format!("k,price\na,{one}\nb,{other}\n"));
        assert_eq!(looked.notes, [""; 0]);
        let stored: Vec<_> = rows(&file, &looked.plan).into_iter().map(|row| row["price"].clone()).collect();
        assert_eq!(stored, [json!(one), json!(other)], "with the digits that are written");
    }
}

#[test]
fn few_values_of_many_rows_are_proposed_as_a_choice_and_a_choice_gets_them() {
    let mut text = "k,state\n".to_owned();
    for n in 0..60 {
        text.push_str(&format!("{n},{}\n", ["open", "done", "lost"][n % 3]));
    }
    let (file, mut looked) = read("a.csv", &text);
    assert_eq!(
        (looked.plan.columns[1].few, looked.plan.columns[1].field.field_type),
        (Some(3), FieldType::Text)
    );
    looked.plan.columns[1].field.field_type = FieldType::Choice;
    let looked = preview(&file, Some(looked.plan));
    assert_eq!(looked.plan.columns[1].field.options, ["open", "done", "lost"]);
    assert_eq!((looked.refused_total, looked.counts.new), (0, 60));
}

/// A collection with fields of those names, labels and types.
fn collection(fields: &[(&str, &str, FieldType, &[&str])]) -> Collection {
    let field =
        |(position, (name, label, field_type, options)): (usize, &(&str, &str, FieldType, &[&str]))| {
            let name = FieldName::new(*name).unwrap();
            let options = options.iter().map(|option| (*option).to_owned()).collect();
            let field = Field {
                options,
                position: position as i64,
                ..Field::new(name.clone(), (*label).to_owned(), *field_type)
            };
            (name, field)
        };
    Collection {
        label: "x".into(),
        fields: fields.iter().enumerate().map(field).collect(),
        ..Collection::default()
    }
}

/// A collection of which no value is in a record yet.
fn asking(collection: &Collection) -> Asking<'_> {
    static THINGS: std::sync::LazyLock<CollectionId> =
        std::sync::LazyLock::new(|| CollectionId::from_label("x"));
    Asking { id: &THINGS, collection, holders: &|_| Default::default() }
}

#[test]
fn rows_keep_to_what_fields_ask_before_they_are_saved() {
    use FieldType::{Integer, Text};
    let mut known =
        collection(&[("code", "Code", Text, &[]), ("qty", "Qty", Integer, &[]), ("by", "By", Text, &[])]);
    known.fields.get_mut("code").unwrap().details.unique = true;
    known.fields.get_mut("code").unwrap().details.required = true;
    known.fields.get_mut("qty").unwrap().details.largest = Value::from(9);
    known.fields.get_mut("by").unwrap().details.default = Value::from("import");
    let held = |(_, _, text): &(CollectionId, FieldName, String)| {
        if text == "taken" { [RecordKey::Int(99)].into() } else { Default::default() }
    };
    let there = |key: &RecordKey| {
        let fields = Fields::from([(FieldName::new("code").unwrap(), Value::from("old"))]);
        (*key == RecordKey::Int(5)).then_some(fields)
    };
    let asking = Asking { holders: &held, ..asking(&known) };
    let text = "id,Code,Qty\n1,a,1\n2,,2\n3,b,10\n4,a,3\n5,,4\n6,taken,5\n7,c,6\n";
    let file = File::read("a.csv", text).unwrap();
    let looked = look(&file, None, Some(Known { asking, view: &there }));
    let refused: Vec<(usize, &str)> = looked.refused.iter().map(|r| (r.row, r.reason.as_str())).collect();
    assert_eq!(
        refused,
        [
            (2, "Code: It has to be filled in."),
            (3, "Qty: The largest value is 9."),
            (4, "Code: “a” is in another record already, and no value may be there twice."),
            (6, "Code: “taken” is in another record already, and no value may be there twice."),
        ]
    );
    assert_eq!(
        (looked.counts.new, looked.counts.change),
        (2, 1),
        "an empty cell says nothing of a record that is there"
    );
    assert_eq!(looked.sample[0].fields["by"], Value::from("import"));
}

#[test]
fn into_a_collection_its_types_count_and_values_are_refused() {
    use FieldType::*;
    for (field_type, good, bad) in [
        (Decimal, "2", "x"),
        (Number, "6.02e23", "x"),
        (Number, "NaN", "0.12345678901234567890"),
        (Time, "9:05", "24:00"),
        (Uuid, "0192F3C4-5D6E-7F80-9A1B-2C3D4E5F6071", "0192f3c4"),
        (Bytes, "aGVsbG8=", "hello"),
        (Date, "", "x"),
        (LongText, "short", ""),
        (Counter, "4", "x"),
        (Tags, "\"a, b\"", ""),
        (Choice, "open", "lost"),
        (Text, "7", ""),
    ] {
        let known = collection(&[("price", "Price", field_type, &["open", "done"])]);
        let file = File::read("a.csv", &format!("id,price\n1,{good}\n2,{bad}\n")).unwrap();
        let looked = look(&file, None, Some(Known { asking: asking(&known), view: &|_| None }));
        assert_eq!(types(&looked)[1].1, field_type);
        let refused = if bad.is_empty() { 0 } else { 1 };
        assert_eq!((looked.refused_total, looked.counts.new), (refused, 2 - refused), "{field_type:?}");
    }
}

#[test]
fn columns_are_fields_by_what_they_are_called_in_any_order_and_script() {
    use FieldType::Text;
    // names as an earlier release made them
    let known =
        collection(&[("f", "Имя", Text, &[]), ("f_2", "Город", Text, &[]), ("gr_e", "Größe", Text, &[])]);
    let file = File::read("a.csv", "Город,Имя,größe,Grüße\nКазань,Кама,1,2\n").unwrap();
    let plan = look(&file, None, Some(Known { asking: asking(&known), view: &|_| None })).plan;
    let fields: Vec<_> = plan.columns.iter().map(|c| (c.field.label.as_str(), c.known)).collect();
    assert_eq!(fields, [("Город", true), ("Имя", true), ("Größe", true), ("Grüße", false)]);
    assert_eq!(plan.columns[0].field.name.as_str(), "f_2");
    let mut names: Vec<_> = plan.columns.iter().map(|c| c.field.name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn headings_of_one_file_never_share_a_name() {
    let (_, looked) =
        read("a.csv", "C,C++,C#,c,Имя,Город,Price (€),Price ($),a b,a_b,A B\n1,2,3,4,5,6,7,8,9,10,11\n");
    let names: std::collections::BTreeSet<_> = looked.plan.columns.iter().map(|c| &c.field.name).collect();
    assert_eq!(names.len(), 11, "{names:?}");
}

#[test]
fn importing_again_updates_and_says_before_what_it_will_do() {
    let known =
        collection(&[("qty", "qty", FieldType::Integer, &[]), ("note", "note", FieldType::Text, &[])]);
    let there = |key: &RecordKey| {
        let fields = |qty: i64| {
            Fields::from([
                (FieldName::new("qty").unwrap(), Value::from(qty)),
                (FieldName::new("note").unwrap(), Value::from("kept")),
            ])
        };
        match key {
            RecordKey::Int(1) => Some(fields(5)),
            RecordKey::Int(2) => Some(fields(7)),
            _ => None,
        }
    };
    let file = File::read("a.csv", "id,qty,note\n1,6,\n2,7,\n3,1,new\nx,y,\n").unwrap();
    let known = Known { asking: asking(&known), view: &there };
    let looked = look(&file, None, Some(known));
    let counts = |looked: &Preview| {
        (
            looked.counts.new,
            looked.counts.change,
            looked.counts.same,
            looked.counts.passed,
            looked.refused_total,
        )
    };
    assert_eq!(counts(&looked), (1, 1, 1, 0, 1));
    let with =
        |mode, clear| look(&file, Some(ImportPlan { mode, clear, ..looked.plan.clone() }), Some(known));
    assert_eq!(counts(&with(ImportMode::Add, false)), (1, 0, 0, 2, 1));
    assert_eq!(counts(&with(ImportMode::Update, false)), (0, 1, 1, 1, 1));
    assert_eq!(
        counts(&with(ImportMode::Both, true)),
        (1, 2, 0, 0, 1),
        "empty cells clear, where one says so"
    );
    let taken = Rows::new(&file, &looked.plan).taken();
    let row = Fields::from([(FieldName::new("qty").unwrap(), Value::from(6))]);
    let changed = changes(&looked.plan, &there(&RecordKey::Int(1)).unwrap(), &row, &taken);
    assert_eq!(json!(changed), json!({"qty": 6}));
}

#[test]
fn the_key_is_not_there_twice() {
    let taken = |text: &str| {
        let (_, looked) = read("a.csv", text);
        let taken: Vec<_> =
            looked.plan.columns.iter().filter(|c| c.take).map(|c| c.heading.clone()).collect();
        (looked.plan.key, taken.join(" "))
    };
    assert_eq!(taken("Order,Miles\nO-01,5\nO-02,6\n"), (Some("Order".into()), "Miles".into()));
    assert_eq!(taken("id,name\n1,a\n2,b\n"), (Some("id".into()), "name".into()));
    // a name can be mended, so it is a field
    assert_eq!(taken("name,qty\nBolt,5\n"), (Some("name".into()), "name qty".into()));
}

#[test]
fn a_plan_is_carried_over_to_what_the_collection_has_become() {
    let (_, looked) = read("a.csv", "id,qty\n1,5\n");
    let mut plan = looked.plan;
    adopt(&mut plan, &collection(&[("qty", "How many", FieldType::Decimal, &[])]));
    assert_eq!((plan.columns[1].field.field_type, plan.columns[1].known), (FieldType::Decimal, true));
}
