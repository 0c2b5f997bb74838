//! What somebody looks for by name among collections, records and things to do: what fits, the best first.

use sync_client::text::folded;

/// Most that is listed at once.
pub const MOST: usize = 20;

/// The places of what fits, the best first: those that begin with what is written, then those of which a word does, then
/// the others. What fits alike stays in its order. `text`: of each its name and what is said beside it.
pub fn best<'a>(wanted: &str, all: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<usize> {
    let wanted = folded(wanted.trim());
    let mut found: Vec<(u8, usize)> =
        all.enumerate().filter_map(|(at, (name, more))| Some((rank(&wanted, name, more)?, at))).collect();
    sync_protocol::sort_few(&mut found, |a, b| a.cmp(b));
    found.truncate(MOST);
    found.into_iter().map(|(_, at)| at).collect()
}

/// How well it fits: 0 is best. Each word that is written has to be somewhere.
fn rank(wanted: &str, name: &str, more: &str) -> Option<u8> {
    let (name, more) = (folded(name), folded(more));
    let begins = |word: &str| name.split_whitespace().any(|part| part.starts_with(word));
    let mut worst = 0;
    for word in wanted.split_whitespace() {
        worst = worst.max(match () {
            () if begins(word) => 1,
            () if name.contains(word) => 2,
            () if more.contains(word) => 3,
            () => return None,
        });
    }
    Some(if name.starts_with(wanted) { 0 } else { worst })
}

/// A list of names with this one first, the oldest left out.
pub fn first(name: &str, names: &str, most: usize) -> String {
    let others = names.lines().filter(|other| *other != name);
    let all: Vec<&str> = std::iter::once(name).chain(others).take(most).collect();
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &str, all: &[(&str, &str)]) -> Vec<String> {
        best(wanted, all.iter().copied()).into_iter().map(|at| all[at].0.to_owned()).collect()
    }

    #[test]
    fn the_best_comes_first_and_what_fits_alike_stays_in_its_order() {
        let all =
            [("Old invoices", ""), ("Voice notes", ""), ("Invoices", ""), ("People", "who writes invoices")];
        assert_eq!(found("invo", &all), ["Invoices", "Old invoices", "People"]);
        assert_eq!(found("oice", &all), ["Old invoices", "Voice notes", "Invoices", "People"]);
        assert_eq!(found("", &all).len(), 4, "nothing written: all, as they are");
        assert_eq!(found("nothing of the kind", &all), Vec::<String>::new());
    }

    #[test]
    fn words_in_any_order_without_accents_and_case() {
        let all = [("Übersicht der Kräne", "Cranes"), ("Ship", "")];
        assert_eq!(found("KRANE uber", &all), ["Übersicht der Kräne"]);
        assert_eq!(found("cranes", &all), ["Übersicht der Kräne"]);
    }

    #[test]
    fn a_list_is_bounded_and_names_each_once() {
        let many: Vec<(String, &str)> = (0..100).map(|n| (format!("Item {n}"), "")).collect();
        assert_eq!(best("item", many.iter().map(|(name, more)| (&**name, *more))).len(), MOST);
        assert_eq!(first("b", "a\nb\nc", 3), "b\na\nc");
        assert_eq!(first("d", "a\nb\nc", 3), "d\na\nb");
        assert_eq!(first("a", "", 3), "a");
    }
}
