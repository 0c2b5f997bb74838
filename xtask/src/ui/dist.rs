//! The folder that is served and embedded: `index.html`, `sw.js`, the manifest, icons, and `assets/` whose names carry
//! a hash of their content (so that they may be cached for ever).

use crate::sh;
use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The most that a first visit may load, compressed, in bytes. A phone on a slow 3G line (400 kbit/s) has it in 20 s, and
/// sees how far it is from the second one on; a fresh laptop on a hotel network in 1 s. Groups, shared views, formats and icons took it to 996 KiB,
/// an engine that opens and sends faster, for several workspaces, to 1,007.
const BUDGET: usize = 1008 * 1024;

/// The ending of a file that is sent in place of another to browsers that take brotli.
pub const COMPRESSED: &str = ".br";

/// What names of parts of the program begin with: screens that are loaded when they are asked for.
pub const PART: &str = "part-";

/// The licence of the letters, which goes where they go.
pub const FONT_LICENCE: &str = "red-hat-text-licence.txt";

/// What the name of the letters begins with that browsers ask for when a page has one of them.
const FURTHER_LETTERS: &str = "red-hat-text-latin-ext";

/// Whether a file is loaded only when something is done that few people do: it is no part of a first visit, and not kept for it.
pub fn is_rare(path: &str) -> bool {
    path.starts_with("assets/workbook") || path.ends_with(".txt")
}

/// Whether the first screen needs it.
fn is_first(path: &str) -> bool {
    let later = path
        .strip_prefix("assets/")
        .is_some_and(|name| [PART, FURTHER_LETTERS].iter().any(|start| name.starts_with(start)));
    !later && !is_rare(path)
}

/// The files of one build, in memory until all of them are there.
#[derive(Debug, Default)]
pub struct Dist {
    files: Vec<(String, Vec<u8>)>,
}

impl Dist {
    /// Adds `assets/STEM-HASH.EXT` and returns `STEM-HASH.EXT`.
    pub fn asset(&mut self, name: &str, bytes: impl Into<Vec<u8>>) -> String {
        let bytes = bytes.into();
        let (stem, ext) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let hashed = format!("{stem}-{}.{ext}", sh::hash(&bytes));
        self.file(&format!("assets/{hashed}"), bytes);
        hashed
    }

    /// Adds a file under its own name.
    pub fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.retain(|(have, _)| have != path);
        self.files.push((path.to_string(), bytes.into()));
    }

    /// Adds every file of a folder, below `prefix`.
    pub fn folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for path in sh::files(folder)? {
            let below = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            self.file(&format!("{prefix}{below}"), fs::read(&path)?);
        }
        Ok(())
    }

    /// A name for exactly these files.
    pub fn id(&self) -> String {
        let mut all = Vec::new();
        for (path, bytes) in &self.files {
            all.extend_from_slice(path.as_bytes());
            all.extend_from_slice(sh::hash(bytes).as_bytes());
        }
        sh::hash(&all)
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }

    /// Prints the size, raw and compressed, of every file or of what a first visit loads, and fails over the budget.
    pub fn report(&self, every: bool, check: bool) -> Result<()> {
        let mut total = (0, 0, 0);
        if every {
            println!("{:>10} {:>10} {:>10}  file", "bytes", "gzip", "brotli");
        }
        for (path, bytes) in self.files.iter().filter(|(path, _)| !path.ends_with(COMPRESSED)) {
            let gzip = gzip_size(bytes)?;
            let sent = format!("{path}{COMPRESSED}");
            let brotli =
                self.files.iter().find(|(path, _)| *path == sent).map_or(bytes.len(), |(_, b)| b.len());
            if every {
                println!("{:>10} {gzip:>10} {brotli:>10}  {path}", bytes.len());
            }
            let loaded = ["wasm", "js", "css", "woff2"].iter().any(|ext| path.ends_with(&format!(".{ext}")));
            if loaded && is_first(path) {
                total = (total.0 + bytes.len(), total.1 + gzip, total.2 + brotli);
            }
        }
        if every {
            println!("{:>10} {:>10} {:>10}  wasm, js, css and fonts together", total.0, total.1, total.2);
        } else {
            sh::say(&format!("a first visit loads {} KB", total.2.div_ceil(1024)));
        }
        ensure!(!check || total.2 <= BUDGET, "the bundle is over its budget of {BUDGET} bytes as it is sent");
        Ok(())
    }

    /// Adds what servers send to browsers that take brotli (all do, over https and from this machine).
    pub fn compress(&mut self) -> Result<()> {
        let worth = |path: &str| ["wasm", "js", "css"].iter().any(|ext| path.ends_with(&format!(".{ext}")));
        let mut compressed = Vec::new();
        for (path, bytes) in self.files.iter().filter(|(path, _)| worth(path)) {
            compressed.push((format!("{path}{COMPRESSED}"), brotli(bytes)?));
        }
        self.files.extend(compressed);
        Ok(())
    }

    /// Replaces the folder `to` with those of these files that `wanted` wants.
    pub fn write(&self, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let old: Vec<PathBuf> = sh::files(to)?;
        for (path, bytes) in self.files.iter().filter(|(path, _)| wanted(path)) {
            let path = to.join(path);
            fs::create_dir_all(path.parent().unwrap_or(to))?;
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
        for path in old {
            let below = path.strip_prefix(to)?.to_string_lossy().into_owned();
            if !self.paths().any(|have| have == below && wanted(have)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// Bytes of a file as it is sent.
pub fn sent(bytes: &[u8]) -> Result<usize> {
    Ok(brotli(bytes)?.len())
}

/// As small as brotli makes it, by node's encoder: one in Rust would be built without optimisation here, and slow.
fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    const SCRIPT: &str = "import zlib from 'node:zlib'; import fs from 'node:fs';
        const c = zlib.constants, bytes = fs.readFileSync(0);
        const params = { [c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_LGWIN]: 24, [c.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        fs.writeFileSync(1, zlib.brotliCompressSync(bytes, { params }));";
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    if let Some(mut input) = node.stdin.take() {
        input.write_all(bytes)?;
    }
    let output = node.wait_with_output()?;
    ensure!(output.status.success() && !output.stdout.is_empty(), "node could not compress a file");
    Ok(output.stdout)
}

fn gzip_size(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
