//! Files to import. Input: the file's name, a line end, its content.

use std::collections::BTreeSet;
use sync_client::import::{self, File, Rows};
use sync_protocol::CollectionId;
use sync_protocol::schema::Collection;

use super::head;

pub(super) fn run(data: &[u8]) {
    let Some((name, content)) = head(data) else { return };
    let Ok(text) = std::str::from_utf8(content) else { return };
    let Ok(file) = File::read(name, text) else { return };
    let preview = import::preview(&file, None);
    assert_eq!(preview.rows, file.rows.len());
    let again = import::preview(&file, Some(preview.plan.clone()));
    assert_eq!(
        again.refused_total, preview.refused_total,
        "the plan that was guessed says the same when it is given"
    );
    if import::check_plan(&file, &preview.plan).is_err() {
        return;
    }
    let fields = import::fields(&preview.plan);
    let mut rows = Rows::new(&file, &preview.plan);
    let (mut taken, mut met) = (0, 0);
    while let Some(row) = rows.next() {
        met += 1;
        let Ok((key, values)) = row else { continue };
        taken += 1;
        assert_eq!(key.check(), Ok(()), "a key that is taken is one");
        for (name, value) in &values {
            let field =
                fields.iter().find(|field| field.name == *name).expect("a value of a field of the plan");
            assert_eq!(
                field.field_type.check(value, &field.options),
                Ok(()),
                "a value of {name} that is taken fits"
            );
        }
    }
    assert_eq!(met, file.rows.len(), "each row is met");
    assert_eq!(taken + rows.refused_total, met, "each row is taken or refused");
    assert_eq!(rows.refused_total, preview.refused_total, "the preview said what would be refused");
    assert_eq!(import::missing_fields(&preview.plan, &Collection::default()), fields);
    let (id, collection) = (CollectionId::from_label("x"), Collection::default());
    let asking = import::Asking { id: &id, collection: &collection, holders: &|_| BTreeSet::new() };
    let into = import::Known { asking, view: &|_| None };
    let known = import::look(&file, None, Some(into));
    assert_eq!(known.counts.new + known.refused_total, known.rows, "each row is counted once");
    let refused: Vec<(usize, String)> =
        (0..file.rows.len().min(8)).map(|at| (at, "why".to_owned())).collect();
    let mended = import::refused_file(&file, &refused);
    if !refused.is_empty() {
        File::read("refused.csv", &mended).expect("a file of refused rows can be read");
    }
}
