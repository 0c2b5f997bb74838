//! Style sheets as a tree of rules, read and printed.

use anyhow::{Result, ensure};

/// One part of a style sheet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// `name: value`
    Declaration { name: String, value: String },
    /// `prelude { items }`
    Block { prelude: String, items: Vec<Item> },
    /// `@import ...;` and the like.
    Statement(String),
}

/// The items of a style sheet or of a block's inside.
pub(super) fn parse(text: &str) -> Result<Vec<Item>> {
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

/// The selectors of a list: split at the commas outside of parentheses.
pub(super) fn split_commas(text: &str) -> Vec<&str> {
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

pub(super) fn print(items: &[Item]) -> String {
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
