//! `./x ui`: the browser bundle in `ui/dist`, and in `ui/dist-desktop` what of it the desktop app embeds.
//!
//! cargo (wasm) → wasm-bindgen as a library → names with hashes → `index.html` and `sw.js` from their templates in
//! `ui/`. Nothing is done when nothing that goes into it has changed.

mod css;
mod dist;

use crate::{sh, tools, wasm};
use anyhow::{Context, Result, ensure};
use dist::Dist;
pub use dist::sent;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a build depends on, relative to the repository.
const INPUTS: [&str; 22] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "package-lock.json",
    "icons",
    "sync-client/Cargo.toml",
    "sync-client/src",
    "sync-protocol/Cargo.toml",
    "sync-protocol/src",
    "ui/Cargo.toml",
    "ui/build.rs",
    "ui/css.list",
    "ui/index.html",
    "ui/manifest.webmanifest",
    "ui/src",
    "ui/style.css",
    "ui/sw.js",
    "workbook/Cargo.toml",
    "workbook/src",
    "xtask/Cargo.toml",
    "xtask/src/ui",
    "xtask/src/wasm.rs",
];
/// Names the inputs that a folder was built from.
const STAMP: &str = "build.json";

/// Where the bundle is.
pub fn dist_dir() -> PathBuf {
    sh::root().join("ui/dist")
}

/// What the desktop app embeds of it.
fn desktop_dir() -> PathBuf {
    sh::root().join("ui/dist-desktop")
}

/// `./x ui [--dev]`.
pub fn command(mut args: Vec<String>) -> Result<()> {
    let dev = sh::flag(&mut args, "--dev");
    sh::nothing_left(&args)?;
    make(dev, true)
}

/// Builds the bundle unless it is up to date.
pub fn build() -> Result<()> {
    make(false, false)
}

/// `dev`: quickly, with names for the debugger, without a service worker. `sizes`: prints every file's.
fn make(dev: bool, sizes: bool) -> Result<()> {
    let inputs = inputs(dev)?;
    let stamp = |folder: PathBuf| fs::read_to_string(folder.join(STAMP)).unwrap_or_default();
    if [dist_dir(), desktop_dir()].into_iter().all(|folder| stamp(folder).contains(&inputs)) {
        sh::say("ui/dist is up to date");
        return Ok(());
    }
    tools::npm()?;
    let stage = sh::target_dir().join("ui-stage");
    wasm::in_parts(&["--package", "mooring-ui", "--bin", "mooring-ui"], "mooring-ui", "app", dev, &stage)?;
    let later = sh::target_dir().join("workbook-stage");
    wasm::for_browser(&["--package", "workbook", "--lib"], "workbook", "workbook", dev, &later)?;
    let mut built = assemble(&stage, &later, dev, &inputs)?;
    if !dev {
        built.compress()?;
    }
    built.report(sizes, !dev)?;
    // no server sends these files: it needs neither what is sent compressed nor what starts without a network
    built.write(&desktop_dir(), |path| !path.ends_with(dist::COMPRESSED) && path != "sw.js")?;
    built.write(&dist_dir(), |_| true)
}

/// One hash over everything that goes into the bundle.
fn inputs(dev: bool) -> Result<String> {
    let root = sh::root();
    let mut all = format!("dev={dev}\n");
    for input in INPUTS {
        for path in sh::files(&root.join(input))? {
            all.push_str(&format!("{} {}\n", path.display(), sh::hash(&fs::read(&path)?)));
        }
    }
    Ok(sh::hash(all.as_bytes()))
}

/// `stage`: the program; `later`: what reads workbooks.
fn assemble(stage: &Path, later: &Path, dev: bool, inputs: &str) -> Result<Dist> {
    let root = sh::root();
    let mut dist = Dist::default();

    let module = fs::read(stage.join("app_bg.wasm"))?;
    let wasm = dist.asset("app.wasm", module.clone());
    let mut glue = one_script(stage)?;
    let mut program = module.clone();
    for (name, part) in parts(stage)? {
        program.extend_from_slice(&part);
        let plain = name.trim_start_matches("split_");
        let hashed = dist.asset(&format!("{}{plain}.wasm", dist::PART), part);
        glue = fill_name(&glue, &format!("./{name}.wasm"), &format!("./{hashed}"))?;
    }
    let snippets = snippets(stage)?;
    if let Some(hash) = &snippets {
        glue = glue.replace("./snippets/", &format!("./snippets-{hash}/"));
        dist.folder(&stage.join("snippets"), &format!("assets/snippets-{hash}/"))?;
    }
    let js = dist.asset("app.js", lean(&glue));
    let worker = fill(include_str!("worker.js"), &[("js", &js), ("wasm", &wasm)])?;
    let worker = dist.asset("worker.js", lean(&worker));
    let workbook = {
        let wasm = dist.asset("workbook.wasm", fs::read(later.join("workbook_bg.wasm"))?);
        let js = dist.asset("workbook-glue.js", lean(&fs::read_to_string(later.join("workbook.js"))?));
        let start = fill(include_str!("workbook.js"), &[("js", &js), ("wasm", &wasm)])?;
        dist.asset("workbook.js", lean(&start))
    };
    let service_worker = if dev { "false" } else { "true" };
    let boot = fill(
        include_str!("boot.js"),
        &[
            ("js", &js),
            ("wasm", &wasm),
            ("worker", &worker),
            ("workbook", &workbook),
            ("wasm_bytes", &module.len().to_string()),
            ("service_worker", service_worker),
        ],
    )?;
    let boot = dist.asset("boot.js", lean(&boot));
    let theme = dist.asset("theme.js", lean(include_str!("theme.js")));

    let patternfly = root.join("node_modules/@patternfly/patternfly");
    let sheet = css::build(&css::Sources {
        list: &fs::read_to_string(root.join("ui/css.list")).context("ui/css.list")?,
        base: &patternfly,
        own: &root.join("ui/style.css"),
        module: &program,
        text: &sources()?,
    })?;
    let mut text = sheet.text;
    for (name, path) in &sheet.files {
        let hashed = dist.asset(name, fs::read(path)?);
        text = text.replace(&format!("url({name})"), &format!("url({hashed})"));
    }
    let css = dist.asset("style.css", text);
    let font = root.join("node_modules/@fontsource-variable/red-hat-text/LICENSE");
    dist.asset(dist::FONT_LICENCE, fs::read(font).context("the font's licence")?);

    for icon in ["mooring.svg", "icon-32.png", "icon-128.png", "icon-256.png", "icon-512.png"] {
        dist.file(
            &format!("icons/{icon}"),
            fs::read(root.join("icons").join(icon)).context("run ./x icons")?,
        );
    }
    dist.file("favicon.ico", fs::read(root.join("icons/icon.ico")).context("run ./x icons")?);
    dist.file("manifest.webmanifest", fs::read(root.join("ui/manifest.webmanifest"))?);

    let preload = format!(
        "<link rel=\"modulepreload\" href=\"assets/{js}\">\
         <link rel=\"preload\" href=\"assets/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin fetchpriority=\"low\">"
    );
    let html = fill(
        &fs::read_to_string(root.join("ui/index.html"))?,
        &[
            ("theme", &format!("<script src=\"assets/{theme}\"></script>")),
            ("css", &format!("<link rel=\"stylesheet\" href=\"assets/{css}\">")),
            ("preload", &preload),
            ("boot", &format!("<script type=\"module\" src=\"assets/{boot}\"></script>")),
        ],
    )?;
    dist.file("index.html", html);
    if !dev {
        let precache: Vec<String> = dist
            .paths()
            .filter(|path| *path != "index.html" && !dist::is_rare(path))
            .map(|path| format!("  './{path}',\n"))
            .collect();
        let id = dist.id();
        let template = fs::read_to_string(root.join("ui/sw.js"))?;
        dist.file("sw.js", lean(&fill(&template, &[("build", &id), ("precache", &precache.concat())])?));
    }
    let id = dist.id();
    dist.file(STAMP, format!("{{\"build\":\"{id}\",\"inputs\":\"{inputs}\",\"dev\":{dev}}}\n"));
    Ok(dist)
}

/// What came out as parts of the program: their names, and what is in them.
fn parts(stage: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut parts = Vec::new();
    for path in sh::files(stage)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ext| ext == "wasm") && name != "app_bg" {
            parts.push((name, fs::read(&path)?));
        }
    }
    ensure!(!parts.is_empty(), "the program has no parts that come later");
    Ok(parts)
}

/// The program's glue, and with it what loads parts, which is made as a script of its own: each would name the other, and names
/// carry hashes of the content.
fn one_script(stage: &Path) -> Result<String> {
    let glue = fs::read_to_string(stage.join("app.js"))?;
    let loader = fs::read_to_string(stage.join(wasm::LINK))?;
    let loader = fill_name(&loader, "import { initSync } from \"./app.js\";\n", "")?;
    let names: Vec<&str> = loader
        .lines()
        .filter_map(|line| line.strip_prefix("export const "))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    let mut text =
        format!("{}\nconst parts = {{ {} }};\n", loader.replace("export const ", "const "), names.join(", "));
    let mut imports = 0;
    for line in glue.lines() {
        let from = format!(" from \"{}\"", wasm::LINK);
        // once for each function
        let local =
            line.trim_end_matches(';').strip_suffix(&from).and_then(|line| line.strip_prefix("import * as "));
        imports += usize::from(local.is_some());
        match local {
            Some(local) => text.push_str(&format!("const {local} = parts;\n")),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    ensure!(
        imports > 0 && !text.lines().any(|line| line.starts_with("import ")),
        "the program loads its parts in another way"
    );
    Ok(text)
}

/// Another name in a script that has it.
fn fill_name(script: &str, name: &str, other: &str) -> Result<String> {
    ensure!(script.contains(name), "a script lacks {name}");
    Ok(script.replace(name, other))
}

/// The hash of the JavaScript that crates bring along, if any does.
fn snippets(stage: &Path) -> Result<Option<String>> {
    let mut all = Vec::new();
    for path in sh::files(&stage.join("snippets"))? {
        all.extend(fs::read(&path)?);
    }
    Ok((!all.is_empty()).then(|| sh::hash(&all)))
}

/// Puts values in the places of a template; every place must be there, and none may stay empty.
fn fill(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = template.to_string();
    for (name, value) in values {
        let place = format!("{{{{{name}}}}}");
        ensure!(text.contains(&place), "a template lacks {place}");
        text = text.replace(&place, value);
    }
    if let Some((_, after)) = text.split_once("{{") {
        ensure!(
            !after
                .split_once("}}")
                .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')),
            "a template has a place nobody fills: {{{{{}",
            after.chars().take(20).collect::<String>()
        );
    }
    Ok(text)
}

/// A script without what only people read: lines that are comments, and what stands before and after lines. None of
/// these scripts has a text over several lines.
fn lean(script: &str) -> String {
    let mut within = false;
    let mut text = String::with_capacity(script.len());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        within |= line.starts_with("/*");
        if !within && !line.starts_with("//") {
            text.push_str(line);
            text.push('\n');
        }
        within &= !line.ends_with("*/");
    }
    text
}

/// The text of the screens' sources: custom properties that they name stay in the style sheet.
fn sources() -> Result<String> {
    let mut all = String::new();
    for path in sh::files(&sh::root().join("ui/src"))? {
        all.push_str(&fs::read_to_string(path).unwrap_or_default());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #[test]
    fn scripts_lose_comments_and_nothing_else() {
        let script = "// one\nimport a from './b'; // stays\n\n  /**\n   * two\n   */\n  /* three */\n  f('// no comment');\n";
        assert_eq!(super::lean(script), "import a from './b'; // stays\nf('// no comment');\n");
    }
}
