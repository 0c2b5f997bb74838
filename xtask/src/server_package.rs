//! The server as a package of Debian's: program, web application, settings, systemd unit. dpkg-deb makes it of a folder that
//! looks like the system's own.

use crate::{
    bundle::{self, Build},
    parts, sh, ui,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// What it is called.
pub const NAME: &str = "mooring-server";
/// Where the suite about it finds it.
pub const VARIABLE: &str = "MOORING_SERVER_PACKAGE";
/// Files of the repository, with where they go.
const FILES: [(&str, &str); 5] = [
    ("operations/server.toml", "etc/mooring/server.toml"),
    ("operations/mooring-server.service", "usr/lib/systemd/system/mooring-server.service"),
    ("operations/alerts.yml", "usr/share/mooring-server/alerts.yml"),
    ("operations/grafana.json", "usr/share/mooring-server/grafana.json"),
    ("operations/debian/copyright", "usr/share/doc/mooring-server/copyright"),
];
/// What dpkg runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Makes the package of a server that is built, and says where it is.
pub fn make(build: Build) -> Result<PathBuf> {
    ensure!(
        sh::which("dpkg-deb").is_some(),
        "the server's package is one of Debian's, and this system has no dpkg-deb. cargo build --release --package \
         sync-server makes the program; operations/ has the unit and the container (docs/operations.md)"
    );
    ui::build()?;
    if build == Build::Release {
        sh::run(sh::cargo().args(["build", "--release", "--package", "sync-server", "--bin", NAME]))?;
    }
    let program = build.folder().join(NAME);
    let place = build.folder().join("bundle/server");
    let tree = place.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for (from, to) in FILES {
        put(&sh::root().join(from), &tree.join(to), 0o644)?;
    }
    let own = tree.join("usr/bin").join(NAME);
    put(&program, &own, 0o755)?;
    // who runs a server looks at its log, not at its memory
    sh::run(Command::new("strip").arg(&own))?;
    let web = ui::dist_dir();
    for file in sh::files(&web)? {
        put(&file, &tree.join("usr/share/mooring-server/web").join(file.strip_prefix(&web)?), 0o644)?;
    }
    let parts = parts::of(NAME, &["sync-server"])?;
    let log = fs::read(sh::root().join("CHANGELOG.md"))?;
    let told = [
        ("changelog", log),
        ("sbom.cdx.json", parts.bill.into()),
        ("licences-of-others.txt", parts.licences.into()),
    ];
    for (name, bytes) in told {
        let file = tree.join(format!("usr/share/doc/{NAME}/{name}.gz"));
        fs::write(&file, bundle::gzip(&bytes)?)?;
        mode(&file, 0o644)?;
    }
    let (sums, bytes) = sums(&tree)?;
    for name in SCRIPTS {
        put(&sh::root().join("operations/debian").join(name), &tree.join("DEBIAN").join(name), 0o755)?;
    }
    let text = |name: &str, text: &str| -> Result<()> {
        let file = tree.join("DEBIAN").join(name);
        fs::write(&file, text)?;
        mode(&file, 0o644)
    };
    text("conffiles", "/etc/mooring/server.toml\n")?;
    text("md5sums", &sums)?;
    let (version, architecture) = (env!("CARGO_PKG_VERSION"), architecture()?);
    let depends = [bundle::libraries(&[&program])?, vec!["adduser".into()]].concat().join(", ");
    let size = bytes.div_ceil(1024);
    text(
        "control",
        &format!(
            "Package: {NAME}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The Mooring authors\n\
             Section: net\nPriority: optional\nInstalled-Size: {size}\nDepends: {depends}\n\
             Description: Records of a team, in step with its devices\n \
             The server of Mooring: it keeps the records of workspaces in a store of its own or in Apache Cassandra,\n \
             judges what devices send, and serves the web application.\n"
        ),
    )?;
    let package = place.join(format!("{NAME}_{version}_{architecture}.deb"));
    let pack = if build == Build::Release { ["-Zxz", "-z9"] } else { ["-Zgzip", "-z1"] };
    let mut dpkg = Command::new("dpkg-deb");
    sh::run(dpkg.args(pack).args(["--root-owner-group", "--build"]).args([&tree, &package]))?;
    Ok(package)
}

/// Copies a file, with what it is on a system of its own whatever it is here.
fn put(from: &Path, to: &Path, bits: u32) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder)?;
    fs::copy(from, to).with_context(|| format!("cannot read {}", from.display()))?;
    mode(to, bits)
}

fn mode(file: &Path, bits: u32) -> Result<()> {
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(bits))?)
}

/// The sums of all files as dpkg keeps them, and their bytes.
fn sums(tree: &Path) -> Result<(String, u64)> {
    let mut bytes = 0;
    let mut names = Vec::new();
    for folder in folders(tree)? {
        mode(&folder, 0o755)?;
    }
    for file in sh::files(tree)? {
        bytes += fs::metadata(&file)?.len();
        names.push(file.strip_prefix(tree)?.to_owned());
    }
    let output = Command::new("md5sum").current_dir(tree).args(names).output()?;
    ensure!(output.status.success(), "md5sum: {}", String::from_utf8_lossy(&output.stderr));
    Ok((String::from_utf8(output.stdout)?, bytes))
}

/// A folder with all below it.
fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let mut all = vec![of.to_owned()];
    for entry in fs::read_dir(of)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            all.extend(folders(&entry.path())?);
        }
    }
    Ok(all)
}

fn architecture() -> Result<String> {
    let output = Command::new("dpkg").arg("--print-architecture").output()?;
    ensure!(output.status.success(), "dpkg does not say what this machine is");
    Ok(String::from_utf8(output.stdout)?.trim().into())
}
