//! What holds for every suite with screens.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            scripts(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "mjs") {
            found.push(entry);
        }
    }
}

/// A page draws what a key or a click changes when its turn comes. A suite that reads it once, right after the key, is red
/// on a busy machine: it reads with `becomes`, which waits.
#[test]
fn what_a_screen_shows_is_waited_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("tests/e2e");
    let mut all = Vec::new();
    scripts(&folder, &mut all);
    assert!(all.len() > 40, "the scripts are not where they are looked for");
    let verbs = ["text", "count", "pill", "tells"].map(|verb| format!(".{verb}("));
    let mut hasty = Vec::new();
    for file in all {
        let text = fs::read_to_string(&file).expect("a script");
        for (at, line) in text.lines().enumerate() {
            let Some(read) = line.trim_start().strip_prefix("equal(await ") else { continue };
            let word = read.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            if word.starts_with(".page.locator(") || verbs.iter().any(|verb| word.starts_with(verb)) {
                hasty.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    assert!(hasty.is_empty(), "read once, with `equal`; read with `becomes`:\n{}", hasty.join("\n"));
}
