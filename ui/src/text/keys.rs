//! The keys of each screen, as the list behind `?` tells them. What a key does is in the code of its screen; a test there
//! presses those that are listed here.

/// What is in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Records in a grid.
    Grid,
    /// A record, beside the grid or as a page.
    Record,
    /// The list of what needs review.
    Reviews,
    /// One review.
    Review,
    /// Anything else.
    Other,
}

/// Keys and what they do.
pub type Keys = &'static [(&'static str, &'static str)];

const EVERYWHERE: Keys = &[
    ("Ctrl K", "Go anywhere: collections, records, actions"),
    ("?", "This list"),
    ("Escape", "Close, or leave as it was"),
    ("Ctrl Z", "Take the last step back, in the grid"),
];
const GRID: Keys = &[
    ("N", "New record"),
    ("/", "Search these records"),
    ("Arrow keys", "Move; with Shift mark a range, with Ctrl to the end"),
    ("Enter", "Edit the cell; Enter again saves and goes down, Tab to the right"),
    ("Space", "Open the record"),
    ("Shift Space", "Select the row"),
    ("Ctrl C, X, V", "Copy, cut and paste, as a spreadsheet does"),
    ("Ctrl D", "Fill down"),
    ("Delete", "Empty the cells; with Ctrl delete the records"),
    ("Ctrl Shift Z", "Do again what was taken back"),
];
const RECORD: Keys = &[
    ("J, K", "The next record, the one before; while writing Alt and an arrow key"),
    ("Ctrl S", "Save"),
    ("Ctrl Enter", "Save and add another"),
    ("Shift Enter", "As a page, and beside the records again"),
    ("1, 2", "Where it needs review: keep what is there, or take the other"),
    ("N", "New record"),
];
const REVIEWS: Keys =
    &[("J, K", "Down and up the list"), ("X", "Select it"), ("Enter", "Open it"), ("/", "Search")];
const REVIEW: Keys = &[
    ("1, 2", "Keep what is there, or take the other"),
    ("E", "Write another value"),
    ("B", "Keep both as two records"),
    ("Enter", "Save the decision, and go on to the next"),
    ("J, K", "The next review, the one before"),
];

/// The keys that work on a screen, in groups with their headings.
pub fn keys(screen: Screen) -> Vec<(&'static str, Keys)> {
    let own: &[(&'static str, Keys)] = match screen {
        Screen::Grid => &[("Records", GRID)],
        Screen::Record => &[("This record", RECORD), ("Records", GRID)],
        Screen::Reviews => &[("Needs review", REVIEWS)],
        Screen::Review => &[("This review", REVIEW)],
        Screen::Other => &[],
    };
    own.iter().copied().chain([("Everywhere", EVERYWHERE)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_screen_tells_its_own_keys_and_those_of_all() {
        for screen in [Screen::Grid, Screen::Record, Screen::Reviews, Screen::Review, Screen::Other] {
            let groups = keys(screen);
            assert_eq!(groups.last().map(|(heading, _)| *heading), Some("Everywhere"), "{screen:?}");
            assert!(groups.iter().all(|(_, keys)| !keys.is_empty()), "{screen:?}");
        }
        let of = |screen| keys(screen)[0].1.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        assert!(of(Screen::Review).contains(&"E") && !of(Screen::Grid).contains(&"E"));
    }

    #[test]
    fn no_key_means_two_things_in_one_group() {
        for screen in [Screen::Grid, Screen::Record, Screen::Reviews, Screen::Review] {
            for (heading, keys) in keys(screen) {
                let mut names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), keys.len(), "{heading} of {screen:?}");
            }
        }
    }
}
