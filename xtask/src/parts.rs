//! What of other people's work is in a program: a list of it as CycloneDX has it, and the texts of the licences.

use crate::sh;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The web application's crates, built for browsers, and what it has from npm.
const WEB: [&str; 2] = ["mooring-ui", "workbook"];
const WEB_NPM: [&str; 2] = ["@patternfly/patternfly", "@fontsource-variable/red-hat-text"];
/// How files with a licence begin, in small letters.
const TEXTS: [&str; 6] = ["licen", "copying", "copyright", "notice", "unlicense", "ofl"];

/// The two files.
pub struct Parts {
    /// CycloneDX 1.5, JSON.
    pub bill: String,
    /// Each part with its licence, then the texts, each once.
    pub licences: String,
}

/// Something that somebody else made.
struct Part {
    name: String,
    version: String,
    /// As SPDX writes it.
    licence: String,
    purl: String,
    repository: Option<String>,
    sha256: Option<String>,
    folder: PathBuf,
}

/// What is in the programs of these packages, and in the web application that goes with each.
pub fn of(name: &str, packages: &[&str]) -> Result<Parts> {
    let mut crates = BTreeSet::new();
    for package in packages {
        crates.extend(in_tree(package, None)?);
    }
    for package in WEB {
        crates.extend(in_tree(package, Some("wasm32-unknown-unknown"))?);
    }
    let mut parts = of_cargo(&crates)?;
    for package in WEB_NPM {
        parts.push(of_npm(package)?);
    }
    Ok(Parts { bill: bill(name, &parts)?, licences: licences(&parts)? })
}

/// The crates that are linked into a package's programs, by name and version. What only runs while they are built is not.
fn in_tree(package: &str, target: Option<&str>) -> Result<BTreeSet<(String, String)>> {
    let mut cargo = sh::cargo();
    cargo.args(["tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro"]);
    cargo.args(["--prefix", "none", "--format", "{p}"]);
    cargo.args(target.into_iter().flat_map(|target| ["--target", target]));
    let output = cargo.output()?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let named = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    Ok(String::from_utf8(output.stdout)?.lines().filter_map(named).collect())
}

/// Those of them that are not our own.
fn of_cargo(crates: &BTreeSet<(String, String)>) -> Result<Vec<Part>> {
    let output = sh::cargo().args(["metadata", "--locked", "--format-version", "1"]).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let sums = sums(&fs::read_to_string(sh::root().join("Cargo.lock"))?);
    let mut parts = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let text = |name: &str| package[name].as_str().map(str::to_owned);
        let (Some(name), Some(version)) = (text("name"), text("version")) else { continue };
        let id = (name, version);
        if package["source"].is_null() || !crates.contains(&id) {
            continue;
        }
        let manifest = PathBuf::from(text("manifest_path").context("a package without a manifest")?);
        let licence = text("license").with_context(|| format!("{} names no licence", id.0))?;
        let sha256 = sums.get(&id).cloned();
        let (name, version) = id;
        parts.push(Part {
            purl: format!("pkg:cargo/{name}@{version}"),
            // as it was written before SPDX
            licence: licence.replace('/', " OR "),
            repository: text("repository"),
            sha256,
            folder: manifest.parent().context("a manifest is in a folder")?.to_owned(),
            name,
            version,
        });
    }
    Ok(parts)
}

/// The checksums in a lock file, by name and version.
fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let entries = lock.split("[[package]]");
    let value = |entry: &str, name: &str| {
        let line =
            entry.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")).map(str::to_owned));
        line.and_then(|line| line.strip_suffix('"').map(str::to_owned))
    };
    let of = |entry| Some(((value(entry, "name")?, value(entry, "version")?), value(entry, "checksum")?));
    entries.filter_map(of).collect()
}

fn of_npm(package: &str) -> Result<Part> {
    let folder = sh::root().join("node_modules").join(package);
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
    let text = |name: &str| manifest[name].as_str().with_context(|| format!("{package} says no {name}"));
    let repository = manifest["repository"]["url"].as_str().map(str::to_owned);
    Ok(Part {
        name: package.into(),
        version: text("version")?.into(),
        licence: text("license")?.into(),
        // the @ of a scope is written as a number in such an address
        purl: format!("pkg:npm/{}@{}", package.replace('@', "%40"), text("version")?),
        repository,
        sha256: None,
        folder,
    })
}

fn bill(name: &str, parts: &[Part]) -> Result<String> {
    let component = |part: &Part| {
        let mut component = json!({
            "type": "library",
            "bom-ref": part.purl,
            "name": part.name,
            "version": part.version,
            "purl": part.purl,
            "licenses": [{ "expression": part.licence }],
        });
        if let Some(sum) = &part.sha256 {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        if let Some(repository) = &part.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        component
    };
    let own = json!({
        "type": "application",
        "name": name,
        "version": env!("CARGO_PKG_VERSION"),
        "licenses": [{ "license": { "id": "Apache-2.0" } }],
    });
    Ok(serde_json::to_string_pretty(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": own },
        "components": parts.iter().map(component).collect::<Vec<_>>(),
    }))?)
}

fn licences(parts: &[Part]) -> Result<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut all = String::from(
        "Mooring is made with the work of others. Each part, with its licence and the texts below that came with it:\n\n",
    );
    for part in parts {
        let mut own = Vec::new();
        for file in texts_in(&part.folder)? {
            let text = String::from_utf8_lossy(&fs::read(&file)?).replace("\r\n", "\n").trim().to_owned();
            let at = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                texts.push(text);
                texts.len() - 1
            });
            own.push((at + 1).to_string());
        }
        let own = if own.is_empty() { "none".into() } else { own.join(", ") };
        all.push_str(&format!("{} {}: {} (texts: {own})\n", part.name, part.version, part.licence));
    }
    for (n, text) in texts.iter().enumerate() {
        all.push_str(&format!("\n----- text {}\n\n{text}\n", n + 1));
    }
    Ok(all)
}

/// The files of a package that say how it may be used, by name.
fn texts_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let source =
            ["rs", "js", "json", "toml"].iter().any(|ext| path.extension().is_some_and(|has| has == *ext));
        if !source && TEXTS.iter().any(|begin| name.starts_with(begin)) {
            if path.is_dir() {
                all.extend(sh::files(&path)?);
            } else {
                all.push(path);
            }
        }
    }
    all.sort();
    Ok(all)
}
