//! What undoing a step did.

use super::count;
use sync_client::api::Undone;

/// As a sentence: `Paste: 12 records are as before`.
pub fn undone(undone: &Undone) -> String {
    let n = undone.ids.len() as u64;
    let what = undone.label.as_deref().unwrap_or("Taken back");
    let back = format!("{what}: {} {} as before", count::records(n), if n == 1 { "is" } else { "are" });
    match undone.left.len() as u64 {
        0 => back,
        1 => format!("{back}. 1 was changed since, and stays as it is"),
        left => format!("{back}. {} were changed since, and stay as they are", count::number(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_client::api::{Kept, KeptWhy, Undoable};
    use sync_protocol::{CollectionId, RecordId, RecordKey};

    #[test]
    fn people_read_what_came_back_and_what_did_not() {
        let id = |key| RecordId::new(CollectionId::from_label("orders"), RecordKey::Int(key));
        let mut done = Undone {
            label: Some("Paste".to_owned()),
            ids: vec![id(1), id(2)],
            left: Vec::new(),
            next: Undoable::default(),
        };
        assert_eq!(undone(&done), "Paste: 2 records are as before");
        done.left.push(Kept { id: id(3), why: KeptWhy::Deleted, fields: Vec::new() });
        done.ids.pop();
        done.label = None;
        assert_eq!(
            undone(&done),
            "Taken back: 1 record is as before. 1 was changed since, and stays as it is"
        );
    }
}
