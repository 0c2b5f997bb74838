//! What a collection or a field does where edits meet.

use serde::{Deserialize, Serialize};

use crate::value::FieldType;

/// The rule for two edits of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Keep both sides and let a person decide.
    #[default]
    Ask,
    /// The edit made last (by the clocks of the devices, never later than the server's) wins.
    Last,
    /// The edit that reached the server first wins.
    First,
    /// Both additions count: `current + incoming - base`.
    Counter,
    /// What either side added is there; what either side removed of what it had seen is gone.
    Set,
    /// Three-way merge of the text; overlapping edits are asked about.
    Text,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 6] = [Self::Ask, Self::Last, Self::First, Self::Counter, Self::Set, Self::Text];

    /// The name in schema records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Last => "last",
            Self::First => "first",
            Self::Counter => "counter",
            Self::Set => "set",
            Self::Text => "text",
        }
    }

    /// The policy of that [`Policy::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// What a field of this type does unless its collection or itself says otherwise: counters add, all else asks.
    pub fn default_for(field_type: FieldType) -> Self {
        if field_type == FieldType::Counter { Self::Counter } else { Self::Ask }
    }

    /// Whether the policy has a meaning for fields of this type.
    pub fn fits(self, field_type: FieldType) -> bool {
        match self {
            Self::Ask | Self::Last | Self::First => true,
            Self::Counter => matches!(field_type, FieldType::Counter | FieldType::Integer),
            Self::Set => field_type == FieldType::Tags,
            Self::Text => matches!(field_type, FieldType::Text | FieldType::LongText),
        }
    }
}
