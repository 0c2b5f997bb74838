//! Imports of two real files and of files that are none. The files are those of the npm package vega-datasets.

use serde_json::{Value as Json, json};
use sync_client::api::{ImportPlan, Preview};
use sync_client::import::{File, Rows, check_plan, fields, preview};
use sync_protocol::gate::check;
use sync_protocol::value::decimal::Decimal;
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Edit, FieldType, Fields, RecordId, RecordKey, ReplicaId, Schema,
    Timestamp, Value,
};

fn dataset(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let path = format!("{root}/node_modules/vega-datasets/data/{name}");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{name} is not there ({e}): run `npm ci` in the root of the repository"))
}

/// All rows as records; each must be acceptable to the server under the plan's own schema.
fn import(file: &File, plan: &ImportPlan) -> Vec<(RecordKey, Fields)> {
    check_plan(file, plan).unwrap();
    let collection = CollectionId::from_label(&plan.label);
    let mut schema = Schema::default();
    let (id, values) = sync_protocol::schema::collection_record(&collection, &plan.label, None);
    schema.apply(&id, Some(&values));
    for field in fields(plan) {
        let (id, values) = sync_protocol::schema::field_record(&collection, &field);
        schema.apply(&id, Some(&values));
    }
    let mut rows = Rows::new(file, plan);
    let mut all = Vec::new();
    while let Some(row) = rows.next() {
        let (key, fields) = row.expect("every row is imported");
        let change = Change {
            id: ChangeId { replica: ReplicaId(uuid::Uuid::nil()), counter: Counter(1) },
            record: RecordId::new(collection.clone(), key.clone()),
            at: Timestamp(0),
            saw: None,
            edit: Edit::Insert { fields: fields.clone() },
        };
        check(&change, &schema).unwrap();
        all.push((key, fields));
    }
    assert_eq!((rows.refused_total, rows.position()), (0, all.len()));
    all
}

fn types(preview: &Preview) -> Vec<(&str, FieldType)> {
    preview.plan.columns.iter().map(|c| (c.heading.as_str(), c.field.field_type)).collect()
}

/// Whether a stored value says what the file says: texts by letter, numbers by value.
fn equal(field_type: FieldType, stored: &Value, source: &str) -> bool {
    let same = |stored: &str| {
        let [stored, source] = [stored, source].map(|text| Decimal::read(text).unwrap());
        stored.compare(&source).is_eq()
    };
    match field_type {
        FieldType::Integer => stored.as_integer().is_some_and(|n| same(&n.to_string())),
        FieldType::Decimal => stored.as_text().is_some_and(same),
        _ => stored.as_text() == Some(source),
    }
}

#[test]
fn airports() {
    let text = dataset("airports.csv");
    let file = File::read("airports.csv", &text).unwrap();
    let looked = preview(&file, None);
    use FieldType::{Decimal, Text};
    assert_eq!(
        types(&looked),
        [
            ("iata", Text),
            ("name", Text),
            ("city", Text),
            ("state", Text),
            ("country", Text),
            ("latitude", Decimal),
            ("longitude", Decimal)
        ]
    );
    assert_eq!((looked.rows, looked.refused_total, looked.plan.key.as_deref()), (3_376, 0, Some("iata")));
    assert_eq!(looked.notes, [] as [&str; 0]);

    let rows = import(&file, &looked.plan);
    let mut source = csv::Reader::from_reader(text.as_bytes());
    for ((key, fields), line) in rows.iter().zip(source.records()) {
        let line = line.unwrap();
        assert_eq!(key.to_string(), line[0]);
        for (column, cell) in looked.plan.columns.iter().zip(&line).filter(|(column, _)| column.take) {
            let stored = fields.get(&column.field.name).cloned().unwrap_or_default();
            let same =
                equal(column.field.field_type, &stored, cell) || (cell.is_empty() && stored.is_absent());
            assert!(same, "{key}: {cell} became {}", stored.0);
        }
    }
    assert_eq!(rows.len(), 3_376);
}

#[test]
fn movies() {
    let text = dataset("movies.json");
    let file = File::read("movies.json", &text).unwrap();
    let looked = preview(&file, None);
    use FieldType::{Decimal, Integer, Text};
    assert_eq!(
        types(&looked),
        [
            ("Title", Text),
            ("US Gross", Integer),
            ("Worldwide Gross", Integer),
            ("US DVD Sales", Integer),
            ("Production Budget", Integer),
            ("Release Date", Text), // "Jun 12 1998" is no date that could be told from others for sure
            ("MPAA Rating", Text),
            ("Running Time min", Integer),
            ("Distributor", Text),
            ("Source", Text),
            ("Major Genre", Text),
            ("Creative Type", Text),
            ("Director", Text),
            ("Rotten Tomatoes Rating", Integer),
            ("IMDB Rating", Decimal),
            ("IMDB Votes", Integer)
        ]
    );
    assert_eq!((looked.rows, looked.refused_total, looked.plan.key.as_deref()), (3_201, 0, None));

    let rows = import(&file, &looked.plan);
    let source: Vec<serde_json::Map<String, Json>> = serde_json::from_str(&text).unwrap();
    let mut became_text = 0;
    for ((key, fields), (number, movie)) in rows.iter().zip((1..).zip(&source)) {
        assert_eq!(*key, RecordKey::Int(number));
        for column in &looked.plan.columns {
            let stored = fields.get(&column.field.name).cloned().unwrap_or_default();
            let same = match &movie[&column.heading] {
                Json::Null => stored.is_absent(),
                Json::String(text) => stored.as_text() == Some(text),
                other => {
                    became_text += usize::from(column.field.field_type == Text);
                    equal(column.field.field_type, &stored, &other.to_string())
                }
            };
            assert!(same, "{key} {}: {} became {}", column.heading, movie[&column.heading], stored.0);
        }
    }
    assert_eq!(rows.len(), 3_201);
    let told: usize =
        looked.notes.iter().map(|n| n.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(told, became_text, "every number that becomes text is told: {:?}", looked.notes);
}

#[test]
fn what_looks_like_a_number_but_is_a_name_stays_as_it_is() {
    for cells in [
        ["007", "042"],
        ["+49", "+1"],
        ["1_000", "2_000"],
        ["-007", "5"],
        ["0x10", "0x11"],
        ["NaN", "1"],
        ["inf", "2"],
        ["12345678901234567890123456789012", "1"],
        ["1 000", "2"],
        ["2024-13-01", "2024-01-01"],
        ["24-01-01", "24-01-02"],
        ["1.000", "2"],
    ] {
        let text = format!("a;b\nx;{}\ny;{}\n", cells[0], cells[1]);
        let file = File::read("t.csv", &text).unwrap();
        let looked = preview(&file, None);
        let rows = import(&file, &looked.plan);
        for ((_, fields), cell) in rows.iter().zip(cells) {
            let field_type = looked.plan.columns[1].field.field_type;
            assert!(equal(field_type, &fields["b"], cell), "{cell} became {} {field_type:?}", fields["b"].0);
            let codes = cells[0].starts_with(['0', '+']) || cells[0].contains('_') || cells[0] == "-007";
            assert!(!codes || field_type == FieldType::Text, "{cell} as {field_type:?}");
        }
    }
}

#[test]
fn numbers_in_json_keep_every_digit() {
    for number in [
        "12345678901234567890123",
        "0.1234567890123456789",
        "9007199254740993.5",
        "18446744073709551615",
        "0.1",
        "1e-7",
        "-12.50",
        "100",
    ] {
        for text in [format!("[{{\"a\": {number}}}]"), format!("[{{\"a\": {number}}}, {{\"a\": 1.5}}]")] {
            let file = File::read("t.json", &text).unwrap();
            let looked = preview(&file, None);
            let rows = import(&file, &looked.plan);
            let field_type = looked.plan.columns[0].field.field_type;
            assert!(equal(field_type, &rows[0].1["a"], number), "{number} became {}", rows[0].1["a"].0);
        }
    }
}

#[test]
fn every_cell_of_a_json_file_is_kept() {
    let text = r#"[{"a": true, "b": [1, "x"], "c": {"d": null}, "e": "two\nlines"}, {"a": false, "f": ""}]"#;
    let file = File::read("t.json", text).unwrap();
    let looked = preview(&file, None);
    let rows = import(&file, &looked.plan);
    assert_eq!(json!(rows[0].1), json!({"a": true, "b": [1, "x"], "c": {"d": null}, "e": "two\nlines"}));
    assert_eq!(json!(rows[1].1), json!({"a": false, "f": ""}));
}

#[test]
fn spreadsheets_of_all_kinds_are_read() {
    for (name, text) in [
        ("a.csv", "\u{feff}name,n\r\n\"Smith, J\",1\r\n\"a \"\"b\"\"\",2\r\n"),
        ("a.csv", "name;n\n\"Smith, J\";1\n\"a \"\"b\"\"\";2\n"),
        ("dir/a.TSV", "name\tn\nSmith, J\t1\n\"a \"\"b\"\"\"\t2\n"),
        ("a.json", r#"[{"name": "Smith, J", "n": 1}, {"name": "a \"b\"", "n": 2}]"#),
    ] {
        let file = File::read(name, text).unwrap();
        let looked = preview(&file, None);
        let rows = import(&file, &looked.plan);
        let values: Vec<_> = rows.iter().map(|(_, f)| json!(f)).collect();
        assert_eq!(
            values,
            [json!({"name": "Smith, J", "n": 1}), json!({"name": "a \"b\"", "n": 2})],
            "{text}"
        );
    }
}

#[test]
fn what_is_no_table_is_answered_in_words() {
    for (name, text, word) in [
        ("a.json", "{\"a\": 1}", "list of objects"),
        ("a.json", "[1, 2]", "list of objects"),
        ("a.json", "[{\"a\": 1}", "line 1"),
        ("a.json", "[]", "no records"),
        ("a.json", "[{}]", "no records"),
        ("a.json", "", "list of objects"),
        ("a.csv", "", "heading"),
        ("a.csv", ",,\n, ,\n", "no rows"),
        ("a.csv", "a,b,a\n1,2,3\n", "Two columns"),
        ("a.csv", "\n\n", "heading"),
        ("a.csv", "a,b\n1,\"x\n2,y\n3,z\n", "opened near line 2 is never closed"),
        ("a.csv", "\"a,b\n1,2\n", "opened near line 1 is never closed"),
        ("a.csv", "a,b\n1,2\n3,\"", "opened near line 3 is never closed"),
        // UTF-16 as a browser or a lossy reader gives it
        ("a.csv", "\u{fffd}\u{fffd}a\0,\0b\0\n\0", "UTF-16"),
        ("a.json", "[\0{\0}\0]\0", "UTF-16"),
        ("a.json", "[{\"a\": 1}, {\"a\": }]", "line 1, column 18"),
        ("a.json", "[{\"a\": 1e999}]", "list of objects"),
        ("a.json", &format!("[{{\"a\": {}1{}}}]", "[".repeat(10_000), "]".repeat(10_000)), "list of objects"),
        ("a.pdf", "PK", "(.csv, .tsv, .txt)"),
        ("noending", "a,b\n", "(.csv, .tsv, .txt)"),
    ] {
        let failure = File::read(name, text).unwrap_err();
        assert!(failure.message.contains(word), "{name} {text}: {}", failure.message);
    }
    let deep = format!("[{{\"a\": {}1{}}}]", "[".repeat(70), "]".repeat(70));
    let looked = preview(&File::read("a.json", &deep).unwrap(), None);
    assert_eq!((looked.refused_total, looked.refused[0].row), (1, 1), "deeper than is kept: refused by name");
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused_before_the_first_row() {
    let file = File::read("a.csv", "x,y\nq,2\n").unwrap();
    let good = preview(&file, None).plan;
    assert!(check_plan(&file, &good).is_ok());
    let mut plans = vec![good; 4];
    plans[0].columns.iter_mut().for_each(|c| c.take = false);
    plans[0].key = None;
    plans[1].columns[1].field.name = plans[1].columns[0].field.name.clone();
    plans[2].columns[0].heading = "z".into();
    plans[3].label = "  ".into();
    for plan in plans {
        assert!(check_plan(&file, &plan).unwrap_err().message.len() > 20);
    }
}

#[test]
fn a_file_beyond_the_limit_is_refused_at_once_also_where_it_is_one_line() {
    let line = "x".repeat(100 << 20);
    for name in ["a.csv", "a.json"] {
        let failure = File::read(name, &line).unwrap_err();
        assert_eq!(
            failure.message,
            "The file is larger than 64 MB. Split it into smaller files, then import them one by one."
        );
    }
}

#[test]
fn quotation_marks_that_are_no_quotes_are_kept() {
    let text = "size,what\n5\" pipe,\"a \"\"big\"\" one\"\n\"two\nlines\",last";
    let file = File::read("a.csv", text).unwrap();
    let looked = preview(&file, None);
    let rows = import(&file, &looked.plan);
    let values: Vec<_> = rows.iter().map(|(_, f)| json!(f)).collect();
    assert_eq!(
        values,
        [json!({"size": "5\" pipe", "what": "a \"big\" one"}), json!({"size": "two\nlines", "what": "last"})]
    );
}

#[test]
fn rows_of_another_length_are_refused_by_name_and_the_others_are_taken() {
    let file = File::read("a.csv", "name,n\nAnn,1\nBob\nCid,3,4\n,\nDora,5\n").unwrap();
    let looked = preview(&file, None);
    let refused: Vec<_> = looked.refused.iter().map(|r| (r.line, r.reason.as_str())).collect();
    let (short, long) = ("it has 1 cells, the heading has 2", "it has 3 cells, the heading has 2");
    assert_eq!(refused, [(Some(3), short), (Some(4), long)]);
    assert_eq!((looked.rows, looked.refused_total), (4, 2), "a row without a value is none");
}

#[test]
fn characters_that_could_not_be_read_are_told() {
    // as a browser reads "Käse" and "Übung" of a file in Latin-1
    let file = File::read("a.csv", "id,what\n1,K\u{fffd}se\n2,\u{fffd}bung\n3,plain\n").unwrap();
    let looked = preview(&file, None);
    assert_eq!(looked.notes.len(), 1);
    assert!(looked.notes[0].starts_with("2 cells have “\u{fffd}”"), "{:?}", looked.notes);
}

#[test]
fn headings_that_are_long_or_of_many_lines_become_labels_that_fit() {
    let question = format!("\"How many of them,\n do you think,{}?\",n\n1,2\n", " really".repeat(60));
    let file = File::read("survey.csv", &question).unwrap();
    let looked = preview(&file, None);
    let label = &looked.plan.columns[0].field.label;
    assert!(label.starts_with("How many of them, do you think, really"), "{label}");
    assert_eq!(
        label.chars().count(),
        sync_protocol::limits::LABEL_CHARS - 1,
        "and without the blank at its end"
    );
    import(&file, &looked.plan);
}
