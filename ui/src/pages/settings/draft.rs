//! A field as it is being changed: what is written, and what that makes of it.

use crate::components::field_input::{from_input, to_input};
use std::collections::BTreeMap;
use sync_client::text;
use sync_protocol::schema::{Colour, Details, Field, Format};
use sync_protocol::{FieldType, Value};

/// An option of a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionDraft {
    /// What it is called in the records that have it; `None` for a new one.
    pub was: Option<String>,
    pub text: String,
    pub colour: Colour,
}

/// What a person has said of a field so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub label: String,
    pub help: String,
    pub field_type: FieldType,
    pub options: Vec<OptionDraft>,
    pub required: bool,
    pub unique: bool,
    pub default: String,
    pub smallest: String,
    pub largest: String,
    pub longest: String,
    /// As what values are shown; empty: as they are.
    pub format: String,
}

/// What is wrong, by the part that it is about.
pub type Wrong = BTreeMap<&'static str, String>;

impl Draft {
    pub fn of(field: &Field) -> Self {
        let details = &field.details;
        let option = |text: &String| OptionDraft {
            was: Some(text.clone()),
            text: text.clone(),
            colour: details.colours.get(text).copied().unwrap_or(Colour::Grey),
        };
        Self {
            label: field.label.clone(),
            help: details.help.clone(),
            field_type: field.field_type,
            options: field.options.iter().map(option).collect(),
            required: details.required,
            unique: details.unique,
            default: to_input(field, &details.default),
            smallest: to_input(field, &details.smallest),
            largest: to_input(field, &details.largest),
            longest: details.longest.map(|most| most.to_string()).unwrap_or_default(),
            format: details.format.clone().map(String::from).unwrap_or_default(),
        }
    }

    /// The field as its inputs take it: of the type that is chosen, asking nothing.
    pub fn bare(&self, saw: &Field) -> Field {
        Field {
            field_type: self.field_type,
            options: self.options.iter().map(|option| option.text.trim().to_owned()).collect(),
            details: Details::default(),
            ..saw.clone()
        }
    }

    /// The field that this makes of the one that was seen, and the options that get another name; or what is wrong.
    /// `taken`: what the other fields are called.
    pub fn read(&self, saw: &Field, taken: &[String]) -> Result<(Field, BTreeMap<String, String>), Wrong> {
        let mut wrong = Wrong::new();
        let label = text::label(&self.label);
        if label.is_empty() {
            wrong.insert("label", "A field needs a name.".into());
        } else if taken.contains(&label) {
            wrong.insert("label", "There is another field of this name.".into());
        }
        let is_choice = self.field_type == FieldType::Choice;
        let options: Vec<String> =
            self.options.iter().map(|option| option.text.trim().to_owned()).filter(|_| is_choice).collect();
        let twice = |(at, option): (usize, &String)| options[..at].contains(option);
        if is_choice && options.is_empty() {
            wrong.insert("options", "A choice needs at least one option.".into());
        } else if options.iter().any(String::is_empty) {
            wrong.insert("options", "An option needs a name.".into());
        } else if options.iter().enumerate().any(twice) {
            wrong.insert("options", "Two options have the same name.".into());
        }
        let bare = self.bare(saw);
        let mut value = |part: &'static str, text: &str, is: bool, before: &Value| {
            let same = saw.field_type == self.field_type;
            let before = if same { before } else { &Value::ABSENT };
            match from_input(&bare, text, before) {
                _ if !is => Value::ABSENT,
                Ok(value) => value,
                Err(why) => {
                    wrong.insert(part, why);
                    Value::ABSENT
                }
            }
        };
        let sized = self.field_type.has_size();
        let default = value("default", &self.default, true, &saw.details.default);
        let smallest = value("smallest", &self.smallest, sized, &saw.details.smallest);
        let largest = value("largest", &self.largest, sized, &saw.details.largest);
        let longest = match self.longest.trim() {
            "" => None,
            text => match text.parse() {
                Ok(most) if most > 0 => Some(most),
                _ => {
                    wrong.insert("longest", "Write a number of characters, such as 80.".into());
                    None
                }
            },
        };
        if self.field_type.compare(&smallest, &largest).is_some_and(std::cmp::Ordering::is_gt) {
            wrong.insert("largest", "The largest value is below the smallest.".into());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let named = |option: &OptionDraft| Some((option.was.clone()?, option.text.trim().to_owned()));
        let renamed: BTreeMap<String, String> =
            self.options.iter().filter_map(named).filter(|(was, now)| was != now && is_choice).collect();
        let known = saw.options.iter().chain(&saw.details.former);
        let former = known.filter(|option| is_choice && !options.contains(option)).cloned().collect();
        let colours = self.options.iter().filter(|option| is_choice && option.colour != Colour::Grey);
        let field = Field {
            label,
            field_type: self.field_type,
            policy: saw.policy.filter(|policy| policy.fits(self.field_type)),
            details: Details {
                help: self.help.trim().to_owned(),
                required: self.required,
                unique: self.unique && self.field_type.can_be_unique(),
                default,
                smallest,
                largest,
                longest: longest.filter(|_| matches!(self.field_type, FieldType::Text | FieldType::LongText)),
                format: Some(Format::from(self.format.clone()))
                    .filter(|format| !self.format.is_empty() && format.fits(self.field_type)),
                colours: colours.map(|option| (option.text.trim().to_owned(), option.colour)).collect(),
                former,
                deleted: saw.details.deleted,
            },
            options,
            ..saw.clone()
        };
        match field.broken(&field.details.default).filter(|_| !field.details.default.is_absent()) {
            Some(broken) => Err(Wrong::from([("default", format!("{broken}."))])),
            None => Ok((field, renamed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::FieldName;

    fn state() -> Field {
        let name = FieldName::new("state").expect("a name");
        let options = ["open", "done"].map(str::to_owned).to_vec();
        Field { options, ..Field::new(name, "State", FieldType::Choice) }
    }

    #[test]
    fn what_is_not_changed_stays_as_it_is() {
        let number = Field {
            field_type: FieldType::Integer,
            options: Vec::new(),
            details: Details {
                smallest: Value::from(1),
                required: true,
                help: "x".into(),
                ..Details::default()
            },
            ..state()
        };
        for field in [state(), number] {
            assert_eq!(Draft::of(&field).read(&field, &[]), Ok((field.clone(), BTreeMap::new())));
        }
    }

    #[test]
    fn an_option_that_is_renamed_or_removed_is_remembered() {
        let mut draft = Draft::of(&state());
        draft.options[0].text = " active ".into();
        draft.options[0].colour = Colour::Green;
        draft.options.remove(1);
        draft.options.push(OptionDraft { was: None, text: "new".into(), colour: Colour::Grey });
        let (field, renamed) = draft.read(&state(), &[]).expect("nothing is wrong");
        assert_eq!(field.options, ["active", "new"]);
        assert_eq!(field.details.former, ["open", "done"]);
        assert_eq!(renamed, [("open".to_owned(), "active".to_owned())].into());
        assert_eq!(field.details.colours, [("active".to_owned(), Colour::Green)].into());
    }

    #[test]
    fn what_is_wrong_is_told_at_its_part() {
        let mut draft = Draft::of(&state());
        draft.label = " Name ".into();
        draft.options[1].text = "open".into();
        let wrong = draft.read(&state(), &["Name".to_owned()]).expect_err("two things are wrong");
        assert_eq!(wrong.keys().copied().collect::<Vec<_>>(), ["label", "options"]);
        let mut number = Draft { field_type: FieldType::Integer, options: Vec::new(), ..Draft::of(&state()) };
        (number.smallest, number.largest, number.default) = ("5".into(), "3".into(), "x".into());
        let wrong = number.read(&state(), &[]).expect_err("and here, too");
        assert_eq!(wrong.keys().copied().collect::<Vec<_>>(), ["default", "largest"]);
        (number.largest, number.default) = ("9".into(), "10".into());
        let wrong = number.read(&state(), &[]).expect_err("above the largest");
        assert_eq!(wrong["default"], "The largest value is 9.");
    }
}
