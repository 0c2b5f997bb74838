//! The style sheet: the listed parts joined, what nothing uses left out, comments and white space removed.
//!
//! Left out of the listed parts are rules that need a class the program does not have; then, everywhere, custom
//! properties that no rule reads (PatternFly defines some 5,000) and fonts whose family no rule names.

mod parse;
mod purge;

use anyhow::{Context, Result, ensure};
use parse::{Item, parse, print};
use purge::Classes;
use std::{
    collections::BTreeMap,
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

/// Where style sheets come from.
pub struct Sources<'a> {
    /// One path per line relative to `base`. `- .class` leaves the class out, `- .one.two` what is for both together,
    /// `+ .class` keeps it though the program does not name it; `*` at the end stands for any ending.
    /// `= --name: value` gives a custom property another value. `#` starts a comment.
    pub list: &'a str,
    /// The folder of the listed parts.
    pub base: &'a Path,
    /// A sheet that comes last and of which every rule is kept.
    pub own: &'a Path,
    /// The compiled program, in which class names are looked for.
    pub module: &'a [u8],
    /// The program's text, in which class names and custom properties are looked for.
    pub text: &'a str,
}

/// Joins the sheets and leaves out what is not used.
pub fn build(from: &Sources<'_>) -> Result<Sheet> {
    let (mut paths, mut keep, mut exclude, mut set) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for line in from.list.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(class) = line.strip_prefix("- .") {
            exclude.push(class.to_string());
        } else if let Some(class) = line.strip_prefix("+ .") {
            keep.push(class.to_string());
        } else if let Some((name, value)) = line.strip_prefix("= ").and_then(|line| line.split_once(':')) {
            set.push((name.trim(), value.trim()));
        } else if !line.is_empty() {
            paths.push(from.base.join(line));
        }
    }

    let mut files = BTreeMap::new();
    let mut items = Vec::new();
    for path in &paths {
        items.append(&mut read(path, from.base, &mut files)?);
    }
    for (name, value) in set {
        ensure!(set_property(&mut items, name, value), "no listed style sheet defines {name}");
    }
    purge::selectors(&mut items, &Classes::new(&[from.module, from.text.as_bytes()], keep, exclude));
    items.append(&mut read(from.own, from.base, &mut files)?);
    purge::properties(&mut items, from.text);
    purge::fonts(&mut items);
    let text = print(&items);
    files.retain(|name, _| text.contains(&format!("url({name})")));
    Ok(Sheet { text, files })
}

/// Gives a custom property another value wherever it is defined; false where it is nowhere.
fn set_property(items: &mut [Item], wanted: &str, to: &str) -> bool {
    let mut found = false;
    for item in items {
        match item {
            Item::Block { items, .. } => found |= set_property(items, wanted, to),
            Item::Declaration { name, value } if name == wanted => {
                *value = to.to_owned();
                found = true;
            }
            Item::Declaration { .. } | Item::Statement(_) => {}
        }
    }
    found
}

fn read(path: &Path, base: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<Vec<Item>> {
    let text = fs::read_to_string(path).with_context(|| format!("style sheet {}", path.display()))?;
    let mut items = parse(&text).with_context(|| format!("style sheet {}", path.display()))?;
    name_files(&mut items, path, base, files);
    Ok(items)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_gets_another_value_everywhere() {
        let mut items = parse(":root{--a:1px}@media x{:root{--a:2px;--b:3px}}").unwrap();
        assert!(set_property(&mut items, "--a", "0"));
        assert_eq!(print(&items), ":root{--a:0}@media x{:root{--a:0;--b:3px}}");
        assert!(!set_property(&mut items, "--c", "0"));
    }
}
