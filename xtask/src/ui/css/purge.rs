//! Leaves out what nothing uses.

use super::parse::{Item, split_commas};
use std::collections::{BTreeMap, BTreeSet};

/// The beginnings of class names that count as used only where the program has them.
const PREFIXES: [&str; 2] = ["pf-", "fa-"];
/// No class name is longer.
const LONGEST: usize = 100;

/// Which class names the program has: in its compiled module and in its sources, written out whole.
pub(super) struct Classes {
    /// What follows each place where a prefix stands, sorted.
    runs: Vec<String>,
    keep: Vec<String>,
    exclude: Vec<String>,
}

impl Classes {
    /// Looks for class names in `texts`. `keep` and `exclude` are class names, or beginnings of them that end in `*`; of
    /// `exclude` also several at once, as a selector writes them: `a.b`.
    pub(super) fn new(texts: &[&[u8]], keep: Vec<String>, exclude: Vec<String>) -> Classes {
        let mut runs = BTreeSet::new();
        for text in texts {
            for at in 0..text.len() {
                if PREFIXES.iter().any(|prefix| text[at..].starts_with(prefix.as_bytes())) {
                    let run = text[at..].iter().take(LONGEST).take_while(|byte| is_name(**byte as char));
                    runs.insert(run.map(|byte| *byte as char).collect());
                }
            }
        }
        Classes { runs: runs.into_iter().collect(), keep, exclude }
    }

    /// Whether a selector can match something: the program has the classes that it needs, no element needs several that never
    /// come together, and of alternatives one is possible.
    fn is_possible(&self, selector: &str) -> bool {
        let never = |has: &[&str]| {
            let mut several = self.exclude.iter().filter(|classes| classes.contains('.'));
            several.any(|classes| classes.split('.').all(|class| has.contains(&class)))
        };
        needed_classes(selector).into_iter().all(|class| self.used(class))
            && elements(selector).into_iter().all(|element| {
                let own = own_classes(element);
                let possible = |alternative: &&str| -> bool {
                    let same =
                        if elements(alternative).len() == 1 { own_classes(alternative) } else { Vec::new() };
                    self.is_possible(alternative) && !never(&[own.clone(), same].concat())
                };
                !never(&own) && alternatives(element).iter().all(|group| group.iter().any(possible))
            })
    }

    fn used(&self, class: &str) -> bool {
        if self.exclude.iter().any(|pattern| matches(pattern, class)) {
            return false;
        }
        if !PREFIXES.iter().any(|prefix| class.starts_with(prefix)) {
            return true;
        }
        // string literals lie side by side in a module: a run may begin with the name and go on
        let at = self.runs.partition_point(|run| run.as_str() < class);
        self.runs.get(at).is_some_and(|run| run.starts_with(class))
            || self.keep.iter().any(|pattern| matches(pattern, class))
    }
}

fn matches(pattern: &str, class: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == class, |start| class.starts_with(start))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Drops the selectors that need a class nobody uses, and the rules that are left without one.
pub(super) fn selectors(items: &mut Vec<Item>, classes: &Classes) {
    items.retain_mut(|item| {
        let Item::Block { prelude, items } = item else { return true };
        if prelude.starts_with('@') {
            if !prelude.starts_with("@keyframes") {
                selectors(items, classes);
            }
            return !items.is_empty();
        }
        let kept: Vec<&str> =
            split_commas(prelude).into_iter().filter(|selector| classes.is_possible(selector)).collect();
        let any = !kept.is_empty() && !items.is_empty();
        *prelude = kept.join(",");
        any
    });
}

/// The classes without which a selector matches nothing: not those in `:not()`, nor one of several in `:is()`.
fn needed_classes(selector: &str) -> Vec<&str> {
    classes_in(selector, &|before, inside| !before.ends_with(":not") && !inside.contains(','))
}

/// The classes in a selector, with those in parentheses where `counts` says so of what stands before them and in them.
fn classes_in<'s>(selector: &'s str, counts: &impl Fn(&str, &str) -> bool) -> Vec<&'s str> {
    let mut classes = Vec::new();
    let mut rest = selector;
    while let Some(at) = rest.find(['.', '(', '[']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        match rest.as_bytes()[at] {
            b'.' => {
                let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                classes.push(&after[..end]);
                rest = &after[end..];
            }
            b'[' => rest = after.split_once(']').map_or("", |(_, tail)| tail),
            _ => {
                let end = closing(after);
                let inside = &after[..end];
                if counts(before, inside) {
                    classes.extend(classes_in(inside, counts));
                }
                rest = after.get(end + 1..).unwrap_or_default();
            }
        }
    }
    classes
}

/// The parts of a selector that are each about one element.
fn elements(selector: &str) -> Vec<&str> {
    let mut depth = 0;
    let ends = move |c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(c, ' ' | '>' | '+' | '~')
    };
    selector.split(ends).filter(|part| !part.is_empty()).collect()
}

/// The classes that an element itself has where such a part matches it.
fn own_classes(element: &str) -> Vec<&str> {
    classes_in(element, &|before, inside| {
        let same = before.ends_with(":is") || before.ends_with(":where");
        same && !inside.contains(',') && elements(inside).len() == 1
    })
}

/// What stands in each `:is()` and `:where()` of such a part, where it is a choice of several.
fn alternatives(element: &str) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    let mut rest = element;
    while let Some((before, after)) = rest.split_once('(') {
        let end = closing(after);
        let inside = split_commas(&after[..end]);
        if (before.ends_with(":is") || before.ends_with(":where")) && inside.len() > 1 {
            all.push(inside);
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    all
}

/// Where the parenthesis that was opened before `text` closes.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    text.find(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth < 0
    })
    .unwrap_or(text.len())
}

/// Visits every declaration, with the blocks that it is in.
fn visit<'a>(items: &'a [Item], see: &mut impl FnMut(&'a str, &'a str)) {
    for item in items {
        match item {
            Item::Declaration { name, value } => see(name, value),
            Item::Block { prelude, items } => {
                see("", prelude);
                visit(items, see);
            }
            Item::Statement(text) => see("", text),
        }
    }
}

/// Custom properties that nothing reads, directly or through others, are dropped.
pub(super) fn properties(items: &mut Vec<Item>, users: &str) {
    let mut used: BTreeSet<String> = names(users).map(str::to_string).collect();
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    visit(items, &mut |name, value| {
        if name.starts_with("--") {
            reads.entry(name.to_string()).or_default().extend(names(value).map(str::to_string));
        } else {
            used.extend(names(value).map(str::to_string));
        }
    });
    let mut open: Vec<String> = used.iter().cloned().collect();
    while let Some(name) = open.pop() {
        for read in reads.get(&name).into_iter().flatten() {
            if used.insert(read.clone()) {
                open.push(read.clone());
            }
        }
    }
    retain(items, &|item| match item {
        Item::Declaration { name, .. } => !name.starts_with("--") || used.contains(name),
        Item::Block { items, .. } => !items.is_empty(),
        Item::Statement(_) => true,
    });
}

/// The custom property names in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("--").filter_map(move |(at, _)| {
        let own_start = !text[..at].ends_with(is_name);
        let end = text[at..].find(|c| !is_name(c)).map_or(text.len(), |n| at + n);
        (own_start && end > at + 2).then(|| &text[at..end])
    })
}

/// Keeps what `keep` says, inside out.
fn retain(items: &mut Vec<Item>, keep: &impl Fn(&Item) -> bool) {
    items.retain_mut(|item| {
        if let Item::Block { items, .. } = item {
            retain(items, keep);
        }
        keep(item)
    });
}

/// Font faces whose family no other rule names, and italic ones where nothing is italic, are dropped.
pub(super) fn fonts(items: &mut Vec<Item>) {
    let mut families = Vec::new();
    let mut italic = false;
    let is_face = |item: &Item| matches!(item, Item::Block { prelude, .. } if prelude == "@font-face");
    let others: Vec<Item> = items.iter().filter(|item| !is_face(item)).cloned().collect();
    visit(&others, &mut |name, value| {
        if name.starts_with("--") || name.starts_with("font") {
            // in a shorthand, weight and size stand before the family
            families
                .extend(value.split(',').map(|family| family.trim().trim_matches(['"', '\'']).to_owned()));
            italic |= name.starts_with("font") && (value.contains("italic") || value.contains("oblique"));
        }
    });
    items.retain(|item| {
        let Item::Block { items, .. } = item else { return true };
        let get = |wanted: &str| {
            items.iter().find_map(|inner| match inner {
                Item::Declaration { name, value } if name == wanted => Some(value.trim_matches(['"', '\''])),
                _ => None,
            })
        };
        !is_face(item)
            || (get("font-family").is_some_and(|family| families.iter().any(|used| used.ends_with(family)))
                && (italic || get("font-style") != Some("italic")))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::css::parse::{parse, print};

    fn purged(css: &str, program: &str) -> String {
        let mut items = parse(css).unwrap();
        selectors(
            &mut items,
            &Classes::new(
                &[program.as_bytes()],
                vec!["pf-k-*".into()],
                vec!["fas".into(), "pf-a.pf-m".into()],
            ),
        );
        properties(&mut items, program);
        fonts(&mut items);
        print(&items)
    }

    #[test]
    fn keeps_what_the_program_names() {
        let css = ".pf-a, .pf-b:hover .pf-c { color: red } .pf-k-1, .fas { top: 0 } h1 { top: 1px }";
        assert_eq!(purged(css, "..pf-apf-b.."), ".pf-a{color:red}.pf-k-1{top:0}h1{top:1px}");
        assert_eq!(purged(css, "pf-b pf-cx"), ".pf-b:hover .pf-c{color:red}.pf-k-1{top:0}h1{top:1px}");
    }

    #[test]
    fn negated_and_alternative_classes_are_not_needed() {
        let css = ".pf-a:not(.pf-b){top:0}:is(.pf-x,.pf-y) h1{top:0}:where(.pf-x) h1{top:0}";
        assert_eq!(purged(css, "pf-a pf-y"), ".pf-a:not(.pf-b){top:0}:is(.pf-x,.pf-y) h1{top:0}");
        assert_eq!(purged(css, "pf-a"), ".pf-a:not(.pf-b){top:0}");
    }

    #[test]
    fn classes_that_never_come_together_are_left_out_together() {
        let css = ".pf-a.pf-m,.pf-b.pf-m{top:0}.pf-a .pf-m{top:0}.pf-a.pf-m:hover{top:0}.pf-a.pf-mb{top:0}p:not(.pf-a.pf-m){top:0}";
        let left = ".pf-b.pf-m{top:0}.pf-a .pf-m{top:0}.pf-a.pf-mb{top:0}p:not(.pf-a.pf-m){top:0}";
        assert_eq!(purged(css, "pf-a pf-b pf-m pf-mb"), left);
        let css = ".pf-a:is(.pf-m,.pf-x){top:0}h1 :is(.pf-a.pf-m,.pf-a.pf-m:hover){top:0}.pf-b:is(.pf-m,.pf-x){top:0}";
        assert_eq!(purged(css, "pf-a pf-b pf-m"), ".pf-b:is(.pf-m,.pf-x){top:0}");
        let css = ".pf-a:where(.pf-m) .pf-b{top:0}tr:where(.pf-a).pf-b.pf-m:is(:hover,:focus){top:0}.pf-a:has(.pf-m){top:0}.pf-a:not(.pf-m){top:0}.pf-a>.pf-m{top:0}.pf-a:is(.pf-m,.pf-b){top:0}";
        let left =
            ".pf-a:has(.pf-m){top:0}.pf-a:not(.pf-m){top:0}.pf-a>.pf-m{top:0}.pf-a:is(.pf-m,.pf-b){top:0}";
        assert_eq!(purged(css, "pf-a pf-b pf-m"), left);
    }

    #[test]
    fn properties_are_followed_through_others() {
        let css = ":root{--a:var(--b);--b:1px;--c:2px;--d:3px}h1{top:var(--a)}";
        assert_eq!(purged(css, "style: --d"), ":root{--a:var(--b);--b:1px;--d:3px}h1{top:var(--a)}");
    }

    #[test]
    fn fonts_go_when_no_rule_names_them() {
        let css = "@font-face{font-family:\"A\";src:url(a)}@font-face{font-family:\"B\";src:url(b)}h1{font-family:\"A\"}";
        assert_eq!(purged(css, ""), "@font-face{font-family:\"A\";src:url(a)}h1{font-family:\"A\"}");
        let css = "@font-face{font-family:\"A\";src:url(a)}@font-face{font-family:\"A B\";src:url(b)}h1{font:700 1rem \"A B\",serif}";
        assert_eq!(
            purged(css, ""),
            "@font-face{font-family:\"A B\";src:url(b)}h1{font:700 1rem \"A B\",serif}"
        );
    }
}
