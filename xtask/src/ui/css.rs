//! The style sheet: the listed parts joined, what nothing uses left out, white space removed.
//!
//! Left out are: rules whose every selector needs a class that the list excludes, custom properties that no rule
//! reads (PatternFly defines some 5,000), fonts whose family no rule names, and comments.

use anyhow::{Context, Result, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A joined style sheet and the files that it names.
#[derive(Debug)]
pub struct Sheet {
    /// The text, each `url()` naming a file by the key it has in `files`.
    pub text: String,
    /// Files named by `url()`: as written in the text, and where they are.
    pub files: BTreeMap<String, PathBuf>,
}

/// One part of a style sheet.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// `name: value`
    Declaration { name: String, value: String },
    /// `prelude { items }`
    Block { prelude: String, items: Vec<Item> },
    /// `@import ...;` and the like.
    Statement(String),
}

/// Reads `list` (one path per line relative to `base`; `- .class` excludes that class; `#` starts a comment), then
/// the files in `own`. Custom properties that `users` (program text) mention are kept.
pub fn build(list: &str, base: &Path, own: &[PathBuf], users: &str) -> Result<Sheet> {
    let mut paths = Vec::new();
    let mut excluded = Vec::new();
    for line in list.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(class) = line.strip_prefix('-') {
            excluded.push(class.trim().to_string());
        } else if !line.is_empty() {
            paths.push(base.join(line));
        }
    }
    paths.extend_from_slice(own);

    let mut items = Vec::new();
    let mut files = BTreeMap::new();
    for path in &paths {
        let text = fs::read_to_string(path).with_context(|| format!("style sheet {}", path.display()))?;
        let mut parsed = parse(&text).with_context(|| format!("style sheet {}", path.display()))?;
        name_files(&mut parsed, path, base, &mut files);
        items.append(&mut parsed);
    }
    items.retain_mut(|item| keep_selectors(item, &excluded));
    drop_unused_properties(&mut items, users);
    drop_unused_fonts(&mut items);
    let text = print(&items);
    files.retain(|name, _| text.contains(&format!("url({name})")));
    Ok(Sheet { text, files })
}

/// The items of a style sheet or of a block's inside.
fn parse(text: &str) -> Result<Vec<Item>> {
    let text = without_comments(text);
    let mut rest = text.as_str();
    let items = parse_items(&mut rest)?;
    ensure!(rest.is_empty(), "a closing brace too many");
    Ok(items)
}

fn parse_items(rest: &mut &str) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('}') {
            return Ok(items);
        }
        let end = find_end(rest);
        let head = squeeze(&rest[..end]);
        match rest[end..].chars().next() {
            Some('{') => {
                *rest = &rest[end + 1..];
                let inside = parse_items(rest)?;
                ensure!(rest.starts_with('}'), "no closing brace for {head}");
                *rest = &rest[1..];
                items.push(Item::Block { prelude: head, items: inside });
                continue;
            }
            Some(';') => *rest = &rest[end + 1..],
            _ => *rest = &rest[end..],
        }
        if head.is_empty() {
            continue;
        }
        items.push(match head.split_once(':') {
            Some((name, value)) if !head.starts_with('@') => {
                Item::Declaration { name: name.trim().to_string(), value: value.trim().to_string() }
            }
            _ => Item::Statement(head),
        });
    }
}

/// Where the item that `text` starts with ends: at `{`, `;` or `}` outside of strings and parentheses.
fn find_end(text: &str) -> usize {
    let mut depth = 0usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (_, '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '{' | ';' | '}') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("/*") {
            rest = rest[2..].split_once("*/").map_or("", |(_, after)| after);
            out.push(' ');
            continue;
        }
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        let mut taken = c.len_utf8();
        if c == '\\' {
            taken += rest[taken..].chars().next().map_or(0, char::len_utf8);
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// White space outside of strings, each run made one blank, and none after a comma.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    for c in text.trim().chars() {
        if quote.is_none() && c.is_whitespace() {
            if !out.ends_with([' ', ',', '(']) {
                out.push(' ');
            }
            continue;
        }
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && (c == ',' || c == ')') && out.ends_with(' ') {
            out.pop();
        }
        out.push(c);
    }
    out
}

/// Drops the selectors that need an excluded class; false when none is left, or nothing in the block.
fn keep_selectors(item: &mut Item, excluded: &[String]) -> bool {
    let Item::Block { prelude, items } = item else { return true };
    if prelude.starts_with('@') {
        items.retain_mut(|inner| keep_selectors(inner, excluded));
        return !items.is_empty();
    }
    let selectors: Vec<&str> = split_commas(prelude)
        .into_iter()
        // a class in :not(), or one of several in :is(), is not needed
        .filter(|s| {
            s.contains(":not(") || s.contains(',') || !excluded.iter().any(|class| has_class(s, class))
        })
        .collect();
    let kept = !selectors.is_empty() && !items.is_empty();
    *prelude = selectors.join(",");
    kept
}

fn has_class(selector: &str, class: &str) -> bool {
    selector.match_indices(class).any(|(at, _)| {
        !selector[at + class.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    })
}

fn split_commas(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
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
fn drop_unused_properties(items: &mut Vec<Item>, users: &str) {
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
        let own_start = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let end = text[at..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .map_or(text.len(), |n| at + n);
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
fn drop_unused_fonts(items: &mut Vec<Item>) {
    let mut families = String::new();
    let mut italic = false;
    let is_face = |item: &Item| matches!(item, Item::Block { prelude, .. } if prelude == "@font-face");
    let others: Vec<Item> = items.iter().filter(|item| !is_face(item)).cloned().collect();
    visit(&others, &mut |name, value| {
        if name.starts_with("--") || name.starts_with("font") {
            families.push_str(value);
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
            || (get("font-family").is_some_and(|family| families.contains(family))
                && (italic || get("font-style") != Some("italic")))
    });
}

/// Gives each file that a `url()` names its plain file name, and remembers where it is.
fn name_files(items: &mut [Item], sheet: &Path, base: &Path, files: &mut BTreeMap<String, PathBuf>) {
    for item in items {
        match item {
            Item::Block { items, .. } => name_files(items, sheet, base, files),
            Item::Declaration { value, .. } if value.contains("url(") => {
                let mut out = String::new();
                let mut rest = value.as_str();
                while let Some((before, after)) = rest.split_once("url(") {
                    let (inside, tail) = after.split_once(')').unwrap_or((after, ""));
                    let target = inside.trim_matches(['"', '\'', ' ']);
                    // PatternFly writes its assets relative to its own root, whatever folder the sheet is in
                    let at = [
                        sheet.parent().unwrap_or(base).join(target),
                        base.join(target.trim_start_matches("../")),
                    ]
                    .into_iter()
                    .find(|path| path.is_file());
                    out.push_str(before);
                    match at {
                        Some(path) => {
                            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                            out.push_str(&format!("url({name})"));
                            files.insert(name, path);
                        }
                        None => out.push_str(&format!("url({inside})")),
                    }
                    rest = tail;
                }
                out.push_str(rest);
                *value = out;
            }
            Item::Declaration { .. } | Item::Statement(_) => {}
        }
    }
}

fn print(items: &[Item]) -> String {
    let mut out: String = items.iter().map(print_one).collect();
    if out.ends_with(';') {
        out.pop();
    }
    out
}

fn print_one(item: &Item) -> String {
    match item {
        Item::Declaration { name, value } => format!("{name}:{value};"),
        Item::Block { prelude, items } => format!("{prelude}{{{}}}", print(items)),
        Item::Statement(text) => format!("{text};"),
    }
}
