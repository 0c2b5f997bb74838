//! Line icons, drawn in place: no icon font to load. They say nothing to a screen reader; the text beside them does.

use sync_protocol::schema::Collection;
use yew::prelude::*;

/// What there is to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Anchor,
    Book,
    Box,
    Calendar,
    Cart,
    Chart,
    Chat,
    Check,
    ChevronDown,
    ChevronLeft,
    ChevronRight,
    Clock,
    Close,
    Download,
    Fields,
    File,
    Filter,
    Group,
    History,
    Info,
    Leaf,
    Menu,
    Merge,
    Minus,
    Narrow,
    Open,
    People,
    Pin,
    Plus,
    Search,
    Settings,
    Sort,
    SortDown,
    SortUp,
    Split,
    Star,
    Table,
    Tool,
    Trash,
    Truck,
    Undo,
    Upload,
    User,
    Warning,
    Widen,
}

impl Icon {
    /// Those that stand for collections, by their names in definitions.
    pub const OF_COLLECTIONS: [(&str, Self); 12] = [
        ("box", Self::Box),
        ("people", Self::People),
        ("tool", Self::Tool),
        ("truck", Self::Truck),
        ("cart", Self::Cart),
        ("calendar", Self::Calendar),
        ("chart", Self::Chart),
        ("file", Self::File),
        ("book", Self::Book),
        ("pin", Self::Pin),
        ("leaf", Self::Leaf),
        ("anchor", Self::Anchor),
    ];

    /// The icon of a collection, where it has one that is known here.
    pub fn of(collection: &Collection) -> Option<Self> {
        let name = collection.icon.as_deref()?;
        Self::OF_COLLECTIONS.into_iter().find(|(other, _)| *other == name).map(|(_, icon)| icon)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Anchor => {
                "M12 8v13M12 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 11h8M4 14c0 4 3.500 7 8 7s8-3 8-7"
            }
            Self::Book => "M5 4h13v16H7a2 2 0 0 1-2-2zM5 18a2 2 0 0 1 2-2h11",
            Self::Box => "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
            Self::Calendar => "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
            Self::Cart => "M3 4h2l2.500 11h10L20 7H6M9 20h.010M17 20h.010",
            Self::Chart => "M4 20h16M7 20v-7M12 20V5M17 20v-10",
            Self::Leaf => "M5 19c0-9 5-14 15-14 0 10-5 14-12 14M5 19c2-5 5-7 9-9",
            Self::People => {
                "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 20c0-4 2.500-6 6-6s6 2 6 6M16 5a3 3 0 0 1 0 6M18 14c2 1 3 3 3 6"
            }
            Self::Pin => {
                "M12 21c5-6 7-9 7-12a7 7 0 0 0-14 0c0 3 2 6 7 12zM12 11a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
            }
            Self::Tool => {
                "M14 7a4 4 0 0 1 5-4l-2.500 3 1.500 1.500 3-2.500a4 4 0 0 1-5 5L8 18a2 2 0 0 1-3-3l9-8z"
            }
            Self::Truck => {
                "M3 6h11v10H3zM14 10h4l3 3v3h-7M7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
            }
            Self::Chat => "M4 5h16v11H10l-5 4v-4H4z",
            Self::Check => "M5 12.500l4.500 4.500L19 7.500",
            Self::ChevronDown => "M6 9l6 6 6-6",
            Self::ChevronLeft => "M15 6l-6 6 6 6",
            Self::ChevronRight => "M9 6l6 6-6 6",
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Download => "M12 4v11M7 11l5 5 5-5M4 20h16",
            Self::Fields => "M4 5h16v14H4zM10 5v14M15 5v14",
            Self::Filter => "M4 6h16M7 12h10M10 18h4",
            Self::Group => "M4 5h6M4 19h6M8 10h12M8 14h12M4 5v14",
            Self::File => "M14 3H6v18h12V7zM14 3v4h4M9 12h6M9 16h6",
            Self::History => "M4 5v5h5M4.500 10a8 8 0 1 1-.5 4M12 8v4.500l3 2",
            Self::Info => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.500v.1",
            Self::Menu => "M4 6h16M4 12h16M4 18h16",
            Self::Merge => "M6 4v4c0 4 6 4 6 8v5M18 4v4c0 4-6 4-6 8M9 18l3 3 3-3",
            Self::Minus => "M5 12h14",
            Self::Narrow => "M20 4l-6 6M14 5v5h5M4 20l6-6M10 19v-5H5",
            Self::Open => "M14 4h6v6M20 4l-8 8M18 14v6H4V6h6",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Search => "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
            Self::Settings => {
                "M4 7h10M18 7h2M4 17h2M10 17h10M16 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
            }
            Self::Sort => "M8 9l4-4 4 4M8 15l4 4 4-4",
            Self::SortDown => "M12 5v14M6 13l6 6 6-6",
            Self::SortUp => "M12 19V5M6 11l6-6 6 6",
            Self::Split => "M12 21v-7M12 14L5 7M12 14l7-7M5 12V7h5M19 12V7h-5",
            Self::Star => {
                "M12 3.500l2.600 5.400 5.900.8-4.300 4.100 1.100 5.900-5.300-2.900-5.300 2.900 1.100-5.900-4.300-4.100 5.900-.8z"
            }
            Self::Table => "M4 5h16v14H4zM4 10h16M10 10v9",
            Self::Trash => "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
            Self::Undo => "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
            Self::Upload => "M12 16V5M7 9l5-5 5 5M4 20h16",
            Self::User => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.500-6 8-6s8 2 8 6",
            Self::Warning => "M12 4L2.500 20h19zM12 10v5M12 17.500v.1",
            Self::Widen => "M14 10l6-6M15 4h5v5M10 14l-6 6M4 15v5h5",
        }
    }
}

/// The drawing, as large as the text around it.
pub fn icon(icon: Icon) -> Html {
    html! {
        <svg class="mooring-icon" viewBox="0 0 24 24" width="1em" height="1em" fill="none" stroke="currentColor"
            stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d={icon.path()} />
        </svg>
    }
}
