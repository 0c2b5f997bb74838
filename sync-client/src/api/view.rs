//! Live queries: a view of a collection that a screen watches, the window of it that is shown, and what changes there.
//!
//! A screen watches a view ([`Command::Watch`](super::Command::Watch)) and is answered with the rows of its window. From then
//! on it is told what changes there ([`Event::Seen`](super::Event::Seen)) until it ends the view, or the view ends by itself
//! ([`Event::Ended`](super::Event::Ended)).

use serde::{Deserialize, Serialize};
use sync_protocol::{CollectionId, FieldName, RecordKey, Value};

use super::{Only, Row};

/// Names a view that is open; no other view on any device's engine has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ViewId(pub u64);

/// Which records of a collection, in which order. Without anything else than a collection: all, by key.
///
/// ```
/// use sync_client::api::{Filter, SortBy, Test, View};
/// use sync_protocol::{CollectionId, FieldName};
///
/// let (city, age) = (FieldName::from_label("city"), FieldName::from_label("age"));
/// let adults_by_city = View {
///     filter: Some(Filter::field(age.clone(), Test::AtLeast(18.into()))),
///     sort: vec![SortBy::rising(city), SortBy { field: Some(age), descending: true }],
///     ..View::of(CollectionId::from_label("people"))
/// };
/// let text = serde_json::to_string(&adults_by_city).expect("plain data");
/// assert_eq!(serde_json::from_str::<View>(&text).ok(), Some(adults_by_city));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Of which collection.
    pub collection: CollectionId,
    /// Only rows that pass it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Only rows in which a person reads all of these words somewhere, in any order; letter case, accents and width do not
    /// matter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub search: String,
    /// What rows are sorted by, the most important first; those that are alike in all of it come by their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<SortBy>,
    /// What rows are grouped by: it comes before all that they are sorted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupBy>,
    /// Only rows with which this is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// How the screen writes numbers and dates: words of the search are found as they stand there, too.
    #[serde(default, skip_serializing_if = "Notation::is_usual")]
    pub notation: Notation,
}

impl View {
    /// All records of a collection, by key.
    pub fn of(collection: CollectionId) -> Self {
        Self {
            collection,
            filter: None,
            search: String::new(),
            sort: Vec::new(),
            group: None,
            only: None,
            notation: Notation::default(),
        }
    }
}

/// How a screen writes numbers and dates. As in English where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notation {
    /// Before the fraction of a number.
    pub decimal: char,
    /// Between groups of digits, where there are groups.
    #[serde(default)]
    pub group: Option<char>,
    /// What the months are called, January first: all names of one, with blanks between them. Empty where dates are written in
    /// numbers only.
    #[serde(default)]
    pub months: Vec<String>,
    /// In which order a date in numbers has its day, month and year: `dmy`.
    #[serde(default)]
    pub order: String,
}

impl Notation {
    /// Whether it is as in English.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Notation {
    fn default() -> Self {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let months = MONTHS.map(str::to_owned).to_vec();
        Self { decimal: '.', group: Some(','), months, order: "mdy".to_owned() }
    }
}

/// One thing that rows are sorted by. Rows without a value come last, whichever way it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortBy {
    /// The field; `None`: the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldName>,
    /// Largest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

impl SortBy {
    /// By a field, smallest first.
    pub fn rising(field: FieldName) -> Self {
        Self { field: Some(field), descending: false }
    }
}

/// What rows are grouped by: one group for each value that there is, those without a value last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupBy {
    /// The field.
    pub field: FieldName,
    /// The group of the largest value first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// What rows must pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All of these; without any: every row.
    All(Vec<Filter>),
    /// One of these at least; without any: no row.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A test of a value.
    Field {
        /// The field; `None`: the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<FieldName>,
        /// The test.
        test: Test,
    },
}

impl Filter {
    /// A test of a field.
    pub fn field(field: FieldName, test: Test) -> Self {
        Self::Field { field: Some(field), test }
    }
}

/// A test of one value. Which of them a field takes follows from its type; a view with one that does not fit is refused.
///
/// Values are written as records hold them. A row without a value passes `IsNot`, `ContainsNot`, `HasNone` and `Empty`, and
/// nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is this value: numbers by their size, all else as it is stored. All types but JSON and bytes.
    Is(Value),
    /// It is another value, or none.
    IsNot(Value),
    /// It is one of these values.
    AnyOf(Vec<Value>),
    /// This is somewhere in it; letter case, accents and width do not matter. Texts, choices, UUIDs and keys.
    Contains(String),
    /// This is nowhere in it, or there is no value.
    ContainsNot(String),
    /// It begins with this; letter case, accents and width do not matter.
    Begins(String),
    /// It is smaller, or earlier. Numbers of all types, dates, times of day, points in time.
    Less(Value),
    /// It is not larger, nor later.
    AtMost(Value),
    /// It is larger, or later.
    Greater(Value),
    /// It is not smaller, nor earlier.
    AtLeast(Value),
    /// It is from the first of these to the second, both included.
    Between(Value, Value),
    /// There is no value. All fields; a key is never empty.
    Empty,
    /// There is a value.
    Filled,
    /// At least one of these is among the tags.
    HasAny(Vec<String>),
    /// All of these are among the tags.
    HasAll(Vec<String>),
    /// None of these is among the tags, or there are no tags.
    HasNone(Vec<String>),
}

/// The rows of a view that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first one, counted from 0 among those of groups that are not folded.
    pub offset: usize,
    /// How many, at most 500.
    pub limit: usize,
    /// Groups whose rows are left out.
    #[serde(default, skip_serializing_if = "Folded::is_none")]
    pub folded: Folded,
}

impl Window {
    /// So many rows from that one on, of all groups.
    pub const fn at(offset: usize, limit: usize) -> Self {
        Self { offset, limit, folded: Folded { all: false, but: Vec::new() } }
    }
}

/// Groups of which a screen shows the heading only.
///
/// ```
/// use sync_client::api::Folded;
///
/// let mut folded = Folded { all: true, but: Vec::new() };
/// folded.turn(&"paid".into());
/// assert!(folded.folds(&"lost".into()) && !folded.folds(&"paid".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// Whether all are, but for those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// The values of groups that are not as all others; no value is that of the group without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub but: Vec<Value>,
}

impl Folded {
    /// Whether no group is.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the group of that value is.
    pub fn folds(&self, value: &Value) -> bool {
        self.all != self.but.iter().any(|other| other.same(value))
    }

    /// Folds a group, or shows its rows again.
    pub fn turn(&mut self, value: &Value) {
        let before = self.but.len();
        self.but.retain(|other| !other.same(value));
        if self.but.len() == before {
            self.but.push(value.clone());
        }
    }
}

/// A figure about all rows that match, and about those of each group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Of which field.
    pub field: FieldName,
    /// What.
    pub what: Figure,
}

/// What is counted or computed of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// In how many rows it has a value. A number.
    Count,
    /// In how many rows it has none. A number.
    Empty,
    /// How many different values it has, as they are written. A number.
    Unique,
    /// The sum of a field of numbers, exact, as the text of a decimal number; of numbers that may be fractions, the sum of
    /// what people read (0.1 and 0.2 are 0.3). No value where there is none to add.
    Sum,
    /// The sum divided by the count, as the text of a decimal number: rounded to six places more than the values have, half
    /// away from zero.
    Average,
    /// The smallest or earliest value, as records hold it. Numbers, dates, times of day, points in time.
    Min,
    /// The largest or latest value.
    Max,
}

/// A view that has just been opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Names it.
    pub id: ViewId,
    /// The rows of its window.
    pub shown: Looked,
    /// The groups, where the view has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// The figures about all rows that match, in the order asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Value>,
}

/// The rows of a view's window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Counts what was told of the view: see [`ViewChange::apply`].
    pub version: u64,
    /// How many records the collection has.
    pub total: usize,
    /// How many match.
    pub matching: usize,
    /// The rows. Fewer than asked for at the end.
    pub rows: Vec<Row>,
}

/// The groups of a view in their order, the first thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Group>,
    /// Whether there are more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A group of rows. Its first row is behind all rows of the groups before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The value that its rows have; absent for those that have none.
    #[serde(default, skip_serializing_if = "Value::is_absent")]
    pub value: Value,
    /// How many rows.
    pub rows: usize,
    /// The figures about its rows, in the order asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Value>,
}

/// What changed in an open view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewChange {
    /// Which view.
    pub id: ViewId,
    /// What the view's version was before; steps fit only a window of that version.
    pub from: u64,
    /// What it is now.
    pub version: u64,
    /// How many records the collection has.
    pub total: usize,
    /// How many match.
    pub matching: usize,
    /// What changed among the rows of the window.
    pub rows: RowsChange,
    /// The groups, where they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// The figures about all rows that match, where they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Vec<Value>>,
}

/// What changed among the rows of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsChange {
    /// One step after the other makes the window of now out of the one of before.
    Steps(Vec<RowStep>),
    /// The window of now, where that is shorter.
    Whole(Vec<Row>),
}

/// One step among the rows of a window. Places are counted from 0, as they are when it is this step's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStep {
    /// The row there goes.
    Remove {
        /// Its place.
        at: usize,
    },
    /// The row moves.
    Move {
        /// Where it was.
        from: usize,
        /// Where it is once it was taken out and put in again.
        to: usize,
    },
    /// A row comes.
    Insert {
        /// Its place.
        at: usize,
        /// The row.
        row: Row,
    },
    /// The row there is now this.
    Change {
        /// Its place.
        at: usize,
        /// The row.
        row: Row,
    },
}

/// What became of a change that a screen was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The window is the one of now.
    Done,
    /// The window was newer already.
    Old,
    /// Something between was missed: look at the window anew.
    Missed,
}

impl ViewChange {
    /// Brings a window up to date: its rows and counts. What was told before the window was last looked at is left out.
    pub fn apply(&self, window: &mut Looked) -> Applied {
        if self.version <= window.version {
            return Applied::Old;
        }
        match &self.rows {
            RowsChange::Whole(rows) => window.rows.clone_from(rows),
            RowsChange::Steps(_) if self.from != window.version => return Applied::Missed,
            RowsChange::Steps(steps) => {
                // a step that does not fit was not made for this window
                if !steps.iter().all(|step| step.apply(&mut window.rows)) {
                    return Applied::Missed;
                }
            }
        }
        (window.version, window.total, window.matching) = (self.version, self.total, self.matching);
        Applied::Done
    }
}

impl RowStep {
    /// Does it. False where there is no such place.
    fn apply(&self, rows: &mut Vec<Row>) -> bool {
        match self {
            Self::Remove { at } if *at < rows.len() => drop(rows.remove(*at)),
            Self::Move { from, to } if (*from).max(*to) < rows.len() => {
                let row = rows.remove(*from);
                rows.insert(*to, row);
            }
            Self::Insert { at, row } if *at <= rows.len() => rows.insert(*at, row.clone()),
            Self::Change { at, row } if *at < rows.len() => rows[*at] = row.clone(),
            _ => return false,
        }
        true
    }
}

/// Keys of the rows that match a view, in its order: a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<RecordKey>,
    /// Where to go on; `None`: these were the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// Counts the rows that came, changed or went since the view was opened. Pages fit together where it is the same.
    pub moves: u64,
}
