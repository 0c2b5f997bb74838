//! Ranks of values: the smallest has 0, those that compare as equal have the same, and rows without a value have the last.
//!
//! Each value is written once as bytes that have its order. What bytes cannot tell is asked of the collation, among
//! neighbours: of all that is written, few are not in their place already.

use std::cmp::Ordering;
use std::ops::Range;

use sync_protocol::{Fields, RecordKey};

use super::compare::{KEY, SortValue, TEXT, Texts, compare_keys, key_bytes, value_bytes};
use super::wanted::Typed;
use crate::steps::step;
use crate::text::{Collation, Keyed};

/// A row's key and its values.
pub(super) type Row<'a> = (&'a RecordKey, &'a Fields);

/// The rank of rows without a value.
pub(super) const NONE: u32 = u32::MAX;

/// Bytes of a value by which it is compared; behind them it is asked itself.
const MOST: usize = 48;

/// Neighbours that may change places, however few values there are, before all texts are put in order by the collation.
const SPARE: usize = 64;

/// The rank of each row by a field, or by its key.
pub(super) fn ranks(by: Option<&Typed>, plain: bool, collation: &Collation, rows: &[Row<'_>]) -> Vec<u32> {
    let mut written =
        Written { ask: Ask { by, plain, collation, rows }, bytes: Vec::new(), items: Vec::new() };
    for (row, (key, fields)) in (0..).zip(rows) {
        step();
        let bytes = &mut written.bytes;
        let keyed = match by {
            None => Some(key_bytes(key, plain, collation, MOST, bytes)),
            Some(field) => {
                let value = field.there(fields);
                value.map(|value| value_bytes(field.field_type, value, collation, MOST, bytes))
            }
        };
        if let Some(keyed) = keyed {
            written.items.push(Item { end: written.bytes.len(), row, keyed });
        }
    }
    let list = written.sorted();
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, (_, item)) in list.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if written.tie(list[group.start].1, *item).is_eq() => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    let firsts = groups.iter().map(|group| list[group.start].1).collect();
    let mut ranks = vec![NONE; rows.len()];
    for (rank, group) in (0..).zip(written.right(firsts)) {
        for (_, item) in &list[groups[group].clone()] {
            ranks[written.items[*item as usize].row as usize] = rank;
        }
    }
    ranks
}

/// Puts places in order by a number, and where that is the same by asking.
pub(super) fn sort_numbered(list: &mut [(u64, u32)], tie: &dyn Fn(u32, u32) -> Ordering) {
    list.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| tie(a.1, b.1)));
}

/// What is asked where bytes do not tell.
#[derive(Clone, Copy)]
struct Ask<'a> {
    by: Option<&'a Typed>,
    plain: bool,
    collation: &'a Collation,
    rows: &'a [Row<'a>],
}

impl Ask<'_> {
    fn compare(&self, a: u32, b: u32, texts: Texts<'_>) -> Ordering {
        let ((a, a_fields), (b, b_fields)) = (self.rows[a as usize], self.rows[b as usize]);
        let Some(field) = self.by else { return compare_keys(self.plain, texts, a, b) };
        let (one, other) = (field.there(a_fields), field.there(b_fields));
        if one == other {
            return Ordering::Equal;
        }
        let sorted = |value| SortValue::of(field.field_type, value);
        match (one.map(sorted), other.map(sorted)) {
            (Some(one), Some(other)) => one.compare(&other, texts),
            (one, other) => one.is_none().cmp(&other.is_none()),
        }
    }

    fn text(&self, row: u32) -> String {
        let (key, fields) = self.rows[row as usize];
        match self.by {
            None => key.to_string(),
            Some(field) => field.there(fields).map_or_else(String::new, |value| field.field_type.show(value)),
        }
    }
}

/// What is written of values, one behind the other.
struct Written<'a> {
    ask: Ask<'a>,
    bytes: Vec<u8>,
    items: Vec<Item>,
}

struct Item {
    /// Where its bytes end; they begin where those before it end.
    end: usize,
    row: u32,
    keyed: Keyed,
}

impl Written<'_> {
    fn bytes(&self, item: u32) -> &[u8] {
        let item = item as usize;
        let begin = item.checked_sub(1).map_or(0, |before| self.items[before].end);
        &self.bytes[begin..self.items[item].end]
    }

    /// All items by their bytes, each behind the number that its bytes begin with where not all have the same.
    fn sorted(&self) -> Vec<(u64, u32)> {
        let all = 0..self.items.len() as u32;
        let first = if all.is_empty() { &[] } else { self.bytes(0) };
        let alike = all.clone().fold(first.len(), |alike, item| {
            let pairs = first[..alike].iter().zip(self.bytes(item));
            pairs.take_while(|(one, other)| one == other).count()
        });
        let number = |item| {
            let mut number = [0; 8];
            let rest = &self.bytes(item)[alike..];
            let most = rest.len().min(number.len());
            number[..most].copy_from_slice(&rest[..most]);
            u64::from_be_bytes(number)
        };
        let mut list: Vec<(u64, u32)> = all.map(|item| (number(item), item)).collect();
        sort_numbered(&mut list, &|a, b| self.tie(a, b));
        list
    }

    /// By bytes, then by what they stand for; rough ones only by their characters.
    fn tie(&self, a: u32, b: u32) -> Ordering {
        self.bytes(a).cmp(self.bytes(b)).then_with(|| {
            let (a, b) = (&self.items[a as usize], &self.items[b as usize]);
            let texts: Texts<'_> = match (a.keyed, b.keyed) {
                (Keyed::Wholly, Keyed::Wholly) => return Ordering::Equal,
                (Keyed::Roughly, _) | (_, Keyed::Roughly) => &str::cmp,
                _ => &|a, b| self.ask.collation.compare(a, b),
            };
            self.ask.compare(a.row, b.row, texts)
        })
    }

    /// Places of different items in their right order; they come in the order of their bytes.
    fn right(&self, items: Vec<u32>) -> Vec<usize> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        let item = |place: usize| &self.items[items[place] as usize];
        let is_rough = |place: usize| item(place).keyed == Keyed::Roughly;
        if !order.iter().any(|place| is_rough(*place)) {
            return order;
        }
        // of the others, those before one are before it for sure
        let mut room = order.len() + SPARE;
        let texts: Texts<'_> = &|a, b| self.ask.collation.compare(a, b);
        for end in 1..order.len() {
            let mut at = end;
            while let Some(before) = at.checked_sub(1) {
                let (one, other) = (order[before], order[at]);
                let may_be_wrong = is_rough(one) || is_rough(other);
                if !may_be_wrong || self.ask.compare(item(one).row, item(other).row, texts).is_le() {
                    break;
                }
                order.swap(before, at);
                at = before;
                room -= 1;
                if room == 0 {
                    return self.anew(&items);
                }
            }
        }
        order
    }

    /// The same for texts of which the bytes say little: the collation puts all of them in order.
    fn anew(&self, items: &[u32]) -> Vec<usize> {
        let texts: Vec<String> =
            items.iter().map(|item| self.ask.text(self.items[*item as usize].row)).collect();
        let places = self.ask.collation.places(texts.iter().map(String::as_str));
        let mut list: Vec<(u64, u32)> = (0..)
            .zip(items)
            .map(|(at, item)| match self.bytes(*item).first() {
                Some(kind @ &(TEXT | KEY)) => {
                    let place = places.get(&texts[at as usize]).copied().unwrap_or_default();
                    (u64::from(*kind) << 32 | place as u64, at)
                }
                kind => (u64::from(kind.copied().unwrap_or_default()) << 32, at),
            })
            .collect();
        sort_numbered(&mut list, &|one, other| one.cmp(&other));
        list.into_iter().map(|(_, at)| at as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use sync_protocol::{FieldName, FieldType, Value};

    fn field(field_type: FieldType) -> Typed {
        Typed { name: FieldName::from_label("v"), field_type }
    }

    /// Values as they are stored in fields of a type, and some from before it was one.
    fn value() -> impl Strategy<Value = (FieldType, serde_json::Value)> {
        use FieldType::{Date, Decimal, Integer, Json, Number, Tags, Text, YesNo};
        let number = prop_oneof![any::<f64>(), Just(-0.0), Just(0.0), Just(f64::NAN), -9.0..9.0];
        let texts =
            prop_oneof!["[a-bA-B0-1 -]{0,4}", "[a-cä-öÀ-Ö]{0,3}", "[а-яіїєґ]{1,3}", "x{60}[a-bA-B]{0,3}"];
        prop_oneof![
            3 => texts.prop_map(|text| (Text, json!(text))),
            1 => any::<i64>().prop_map(|n| (Integer, json!(n))),
            1 => "-?[0-9]{1,3}(\\.[0-9]{1,3})?(E[+-][0-9])?".prop_map(|text| (Decimal, json!(text))),
            1 => number.prop_map(|n| (Number, Value::from_number(n).0)),
            1 => "20[01][0-9]-0[1-3](-0[1-9]Z?)?".prop_map(|text| (Date, json!(text))),
            1 => any::<bool>().prop_map(|yes| (YesNo, json!(yes))),
            1 => proptest::collection::vec("[a-b]", 0..3).prop_map(|tags| (Tags, json!(tags))),
            1 => "[a-b\"]{0,2}".prop_map(|text| (Json, json!(text))),
            1 => Just((Text, json!(null))),
        ]
    }

    fn key() -> impl Strategy<Value = RecordKey> {
        let minted = "019aa1e2-f000-7000-8000-00000000000[0-3]".prop_map(RecordKey::Text);
        let text = prop_oneof!["[rR]?0?[0-9]{0,2}[ab]?", "[ -~]{0,3}", "[öÖoр-ч]{1,2}"];
        prop_oneof![(-20_i64..20).prop_map(RecordKey::Int), minted, text.prop_map(RecordKey::Text)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranks_have_the_order_of_values(values in proptest::collection::vec(value(), 1..40)) {
            let collation = &Collation::default();
            let keys: Vec<RecordKey> = (0..values.len() as i64).map(RecordKey::Int).collect();
            for field_type in FieldType::ALL {
                let field = field(field_type);
                // a field that was changed to another type holds what it held before
                let row = |(own, value): &(FieldType, serde_json::Value)| match *own == field_type || value.is_string() {
                    true => Fields::from([(field.name.clone(), Value(value.clone()))]),
                    false => Fields::new(),
                };
                let fields: Vec<Fields> = values.iter().map(row).collect();
                let rows: Vec<Row<'_>> = keys.iter().zip(&fields).collect();
                let ranks = ranks(Some(&field), true, collation, &rows);
                for (a, one) in fields.iter().enumerate() {
                    for (b, other) in fields.iter().enumerate() {
                        let wanted = match (field.sort_value(one), field.sort_value(other)) {
                            (Some(one), Some(other)) => one.compare(&other, &|a, b| collation.compare(a, b)),
                            (one, other) => one.is_none().cmp(&other.is_none()),
                        };
                        prop_assert_eq!(ranks[a].cmp(&ranks[b]), wanted, "{:?} {:?} {:?}", field_type, one, other);
                    }
                }
                let there = fields.iter().map(|fields| field.there(fields).is_some());
                prop_assert!(there.eq(ranks.iter().map(|rank| *rank != NONE)));
            }
        }

        #[test]
        fn keys_have_an_order_and_ranks_have_it(keys in proptest::collection::btree_set(key(), 1..30)) {
            let collation = &Collation::default();
            let fields = Fields::new();
            let rows: Vec<Row<'_>> = keys.iter().map(|key| (key, &fields)).collect();
            for plain in [true, false] {
                let ranks = ranks(None, plain, collation, &rows);
                for (a, (one, _)) in rows.iter().enumerate() {
                    for (b, (other, _)) in rows.iter().enumerate() {
                        let wanted = compare_keys(plain, &|a, b| collation.compare(a, b), one, other);
                        prop_assert_eq!(ranks[a].cmp(&ranks[b]), wanted, "{} {}", one, other);
                    }
                }
            }
        }
    }

    #[test]
    fn texts_that_bytes_say_little_of_are_put_right() {
        let collation = &Collation::default();
        let field = field(FieldType::Text);
        // by their numbers in Unicode, these letters are in another order, so that many have to change places
        let letters: Vec<char> = "їєґіщшчцхфутсрпонмлкйизждгвба".chars().collect();
        let texts: Vec<String> = (0..600_usize)
            .map(|n| [n % 29, n / 29 % 29, n * 7 % 29].iter().map(|at| letters[*at]).collect())
            .collect();
        let keys: Vec<RecordKey> = (0..600).map(RecordKey::Int).collect();
        let fields: Vec<Fields> =
            texts.iter().map(|text| Fields::from([(field.name.clone(), text.as_str().into())])).collect();
        let rows: Vec<Row<'_>> = keys.iter().zip(&fields).collect();
        let ranks = ranks(Some(&field), true, collation, &rows);
        let mut found: Vec<(u32, &String)> = ranks.into_iter().zip(&texts).collect();
        found.sort();
        assert!(found.windows(2).all(|pair| collation.compare(pair[0].1, pair[1].1).is_le()));
    }
}
