//! Tests of records as they are written on the command line.

use sync_client::api::{Filter, SortBy, Test, View};
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldType, RecordKey, Value};

use crate::args::Select;
use crate::failure::Failure;
use crate::find::{self, KEY};

/// The longest first: `<=` begins with `<`.
const SIGNS: [&str; 9] = ["!=", "!~", "<=", ">=", "^=", "=", "<", ">", "~"];

/// The view that is asked for.
pub(crate) fn view(collection: &sync_client::api::CollectionInfo, select: &Select) -> Result<View, Failure> {
    let tests: Vec<Filter> =
        select.tests.iter().map(|test| filter(&collection.collection, test)).collect::<Result<_, _>>()?;
    let filter = match (tests.is_empty(), select.any) {
        (true, _) => None,
        (_, true) => Some(Filter::Any(tests)),
        (_, false) => Some(Filter::All(tests)),
    };
    let sort = select.sort.iter().map(|name| sort(&collection.collection, name)).collect::<Result<_, _>>()?;
    let only = select.review.then_some(sync_client::api::Only::Review);
    Ok(View { filter, sort, only, search: select.search.clone(), ..View::of(collection.id.clone()) })
}

fn sort(collection: &Collection, name: &str) -> Result<SortBy, Failure> {
    let (name, descending) = match name.strip_prefix('-') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let field = (name != KEY).then(|| find::field(collection, name)).transpose()?;
    Ok(SortBy { field: field.map(|field| field.name.clone()), descending })
}

fn filter(collection: &Collection, test: &str) -> Result<Filter, Failure> {
    let first = test.find(['!', '<', '>', '=', '^', '~']);
    let (name, sign, text) = first
        .and_then(|at| {
            let (name, rest) = test.split_at(at);
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            Some((name.trim(), sign, &rest[sign.len()..]))
        })
        .ok_or_else(|| {
            Failure::Usage(format!(
                "“{test}” is no test: write FIELD=VALUE, or one of {} instead of =.",
                SIGNS.join(" ")
            ))
        })?;
    if name == KEY {
        return Ok(Filter::Field { field: None, test: key_test(sign, text) });
    }
    let field = find::field(collection, name)?;
    Ok(Filter::field(field.name.clone(), field_test(field, sign, text)?))
}

fn key_test(sign: &str, text: &str) -> Test {
    let value = match RecordKey::from_input(text) {
        RecordKey::Int(n) => Value::from(n),
        RecordKey::Text(text) => Value::from(text),
    };
    plain_test(sign, text, || value)
}

fn field_test(field: &Field, sign: &str, text: &str) -> Result<Test, Failure> {
    match (sign, text.is_empty()) {
        ("=", true) => return Ok(Test::Empty),
        ("!=", true) => return Ok(Test::Filled),
        ("~" | "!~" | "^=", _) if field.field_type != FieldType::Tags => {
            return Ok(plain_test(sign, text, || Value::ABSENT));
        }
        _ => {}
    }
    if field.field_type == FieldType::Tags {
        let tags = text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        return match sign {
            "=" => Ok(Test::HasAll(tags)),
            "~" => Ok(Test::HasAny(tags)),
            "!=" | "!~" => Ok(Test::HasNone(tags)),
            _ => Err(Failure::Usage(format!(
                "{}: tags are tested with = (all of them), ~ (one of them) and != (none of them).",
                field.label
            ))),
        };
    }
    let value = find::value(field, text)?;
    Ok(plain_test(sign, text, || value))
}

fn plain_test(sign: &str, text: &str, value: impl FnOnce() -> Value) -> Test {
    match sign {
        "!=" => Test::IsNot(value()),
        "!~" => Test::ContainsNot(text.to_owned()),
        "<=" => Test::AtMost(value()),
        ">=" => Test::AtLeast(value()),
        "^=" => Test::Begins(text.to_owned()),
        "<" => Test::Less(value()),
        ">" => Test::Greater(value()),
        "~" => Test::Contains(text.to_owned()),
        _ => Test::Is(value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::FieldName;

    fn boats() -> Collection {
        let field = |label: &str, field_type| {
            let name = FieldName::from_label(label);
            let field = Field::new(name.clone(), label, field_type);
            (name, field)
        };
        Collection {
            label: "Boats".into(),
            fields: [
                field("Name", FieldType::Text),
                field("Length", FieldType::Integer),
                field("Marks", FieldType::Tags),
            ]
            .into(),
            ..Collection::default()
        }
    }

    fn test(text: &str) -> Test {
        match filter(&boats(), text) {
            Ok(Filter::Field { test, .. }) => test,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn each_sign_is_its_test() {
        assert_eq!(test("Length=7"), Test::Is(7.into()));
        assert_eq!(test("length<=7"), Test::AtMost(7.into()));
        assert_eq!(test("Length>7"), Test::Greater(7.into()));
        assert_eq!(test("Name=a=b<c"), Test::Is("a=b<c".into()), "the first sign counts");
        assert_eq!(test("Name!~oar"), Test::ContainsNot("oar".into()));
        assert_eq!(test("Name^=The "), Test::Begins("The ".into()));
        assert_eq!(test("Name="), Test::Empty);
        assert_eq!(test("Name!="), Test::Filled);
        assert_eq!(test("Marks=red, new"), Test::HasAll(vec!["red".into(), "new".into()]));
        assert_eq!(test("@key=7"), Test::Is(7.into()));
        assert_eq!(test("@key=A7"), Test::Is("A7".into()));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_there_is() {
        let told = |text: &str| filter(&boats(), text).expect_err(text).to_string();
        assert_eq!(told("Colour=red"), "“Boats” has no field “Colour”. There are: Length, Marks, Name.");
        assert_eq!(told("Length=long"), "Length: “long” is not a whole number.");
        assert!(told("Length").starts_with("“Length” is no test"), "{}", told("Length"));
        assert!(told("Marks<red").contains("tags are tested with"), "{}", told("Marks<red"));
    }
}
