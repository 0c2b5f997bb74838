//! What is asked for of a collection, fitted to its fields: what does not fit is refused by name, never answered with nothing.

use sync_protocol::schema::Collection;
use sync_protocol::{FieldName, FieldType, Fields, RecordKey, Value};

use super::compare::SortValue;
use super::filter::Pass;
use super::search::{Word, matches};
use super::tally::Figures;
use crate::api::{Aggregate, Failure, Figure, SortBy, View};
use crate::limits;

/// Which rows, in which order.
#[derive(Debug)]
pub(super) struct Wanted {
    words: Vec<Word>,
    filter: Option<Pass>,
    /// What rows are sorted by, the most important first; what they are grouped by before all.
    pub(super) sort: Vec<Criterion>,
    /// What they are grouped by.
    pub(super) group: Option<Typed>,
    /// Figures about those that match.
    pub(super) figures: Figures,
}

/// One thing that rows are sorted by.
#[derive(Debug)]
pub(super) struct Criterion {
    /// `None`: the key.
    pub(super) field: Option<Typed>,
    pub(super) descending: bool,
}

/// A field with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) name: FieldName,
    pub(super) field_type: FieldType,
}

impl Wanted {
    /// All rows in the order of their keys.
    pub(super) fn all() -> Self {
        Self { words: Vec::new(), filter: None, sort: Vec::new(), group: None, figures: Figures::default() }
    }

    /// Fits a view to the fields of its collection.
    pub(super) fn new(view: &View, figures: &[Aggregate], definition: &Collection) -> Result<Self, Failure> {
        let too_much = |what: &str, most: usize| Err(Failure::input(format!("At most {most} {what}.")));
        if view.search.len() > limits::VIEW_TEXT_BYTES {
            return too_much("bytes can be searched for", limits::VIEW_TEXT_BYTES);
        }
        if view.sort.len() > limits::VIEW_SORTS {
            return too_much("fields can be sorted by at once", limits::VIEW_SORTS);
        }
        if figures.len() > limits::VIEW_FIGURES {
            return too_much("figures can be asked for at once", limits::VIEW_FIGURES);
        }
        let group = view.group.as_ref().map(|group| Typed::new(&group.field, definition)).transpose()?;
        let by_group = view.group.iter().zip(&group);
        let mut sort: Vec<Criterion> = by_group
            .map(|(group, field)| Criterion { field: Some(field.clone()), descending: group.descending })
            .collect();
        for SortBy { field, descending } in &view.sort {
            let field = field.as_ref().map(|field| Typed::new(field, definition)).transpose()?;
            sort.push(Criterion { field, descending: *descending });
        }
        let mut fitted = Figures::default();
        for Aggregate { field, what } in figures {
            let field = Typed::new(field, definition)?;
            field.has_figure(*what, definition)?;
            fitted.add(field, *what);
        }
        Ok(Self {
            words: Word::all(&view.search, &view.notation),
            filter: view.filter.as_ref().map(|filter| Pass::new(filter, definition)).transpose()?,
            sort,
            group,
            figures: fitted,
        })
    }

    /// Whether a row is among those asked for.
    pub(super) fn takes(&self, definition: &Collection, key: &RecordKey, fields: &Fields) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.passes(key, fields))
            && matches(definition, &self.words, key, fields)
    }

    /// Whether rows are counted by groups or for figures.
    pub(super) fn counts(&self) -> bool {
        self.group.is_some() || !self.figures.is_empty()
    }

    /// What a row is sorted by.
    pub(super) fn values(&self, fields: &Fields) -> Vec<Option<SortValue>> {
        let by = self.sort.iter().map(|by| by.field.as_ref());
        by.map(|field| field.and_then(|field| field.sort_value(fields))).collect()
    }

    /// Whether those that are alike in all else come with the largest key first: as the last thing they are sorted by does.
    pub(super) fn keys_descend(&self) -> bool {
        self.sort.last().is_some_and(|by| by.descending)
    }
}

impl Typed {
    pub(super) fn new(name: &FieldName, definition: &Collection) -> Result<Self, Failure> {
        let field = definition.fields.get(name).ok_or_else(|| {
            refused(name, format!("The field {name} does not exist (any more). Choose another one."))
        })?;
        Ok(Self { name: name.clone(), field_type: field.field_type })
    }

    /// A row's value, where it says something to a person.
    pub(super) fn value<'f>(&self, fields: &'f Fields) -> Option<&'f Value> {
        let value = self.field_type.plain(fields.get(&self.name)?);
        (!value.is_absent() && value.as_text() != Some("")).then_some(value)
    }

    /// A row's value, where there is one.
    pub(super) fn there<'f>(&self, fields: &'f Fields) -> Option<&'f Value> {
        let value = self.field_type.plain(fields.get(&self.name)?);
        (!value.is_absent()).then_some(value)
    }

    /// What a row is sorted by.
    pub(super) fn sort_value(&self, fields: &Fields) -> Option<SortValue> {
        self.there(fields).map(|value| SortValue::of(self.field_type, value))
    }

    fn has_figure(&self, figure: Figure, definition: &Collection) -> Result<(), Failure> {
        let (fits, what) = match figure {
            Figure::Count | Figure::Empty | Figure::Unique => (true, ""),
            Figure::Sum => (self.is_number(), "cannot be added up: only numbers can."),
            Figure::Average => (self.is_number(), "has no average: only numbers have."),
            Figure::Min | Figure::Max => {
                (self.is_ordered(), "has no smallest or largest value: only numbers, dates and times have.")
            }
        };
        if fits { Ok(()) } else { Err(refused(&self.name, format!("{} {what}", self.label(definition)))) }
    }

    /// Whether it holds numbers.
    pub(super) fn is_number(&self) -> bool {
        use FieldType::{Counter, Decimal, Integer, Number};
        matches!(self.field_type, Integer | Counter | Decimal | Number)
    }

    /// Whether its values are larger or smaller, earlier or later.
    pub(super) fn is_ordered(&self) -> bool {
        self.is_number() || matches!(self.field_type, FieldType::Date | FieldType::DateTime | FieldType::Time)
    }

    /// What people call it.
    pub(super) fn label<'d>(&'d self, definition: &'d Collection) -> &'d str {
        definition.fields.get(&self.name).map_or(self.name.as_str(), |field| &field.label)
    }
}

/// A view that asks for what a field does not have.
pub(super) fn refused(field: &FieldName, message: String) -> Failure {
    Failure { field: Some(field.clone()), ..Failure::input(message) }
}
