//! `./x bundle [KIND...]`: installers of the desktop app, and the server's package.
//!
//! cargo builds the programs, Tauri's packager puts them into a package. Nothing is done when nothing that goes into a
//! package has changed.

use crate::{
    parts::{self, Parts},
    server_package, sh,
    tools::{self, Kit},
    ui,
};
use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Tauri's packager. Not in package.json: it names a package per platform, and a registry that lacks one of them makes
/// `npm ci` fail; only this command needs it.
const PACKAGER: &str = "@tauri-apps/cli@2.12.5";
/// How a .deb for people is packed.
const SQUEEZED: &str = "-Zxz";
/// Files, and where Linux packages have them compressed.
const COMPRESSED: [(&str, &str); 2] = [
    ("CHANGELOG.md", "/usr/share/doc/mooring/changelog.gz"),
    ("src-tauri/linux/mooring.1", "/usr/share/man/man1/mooring.1.gz"),
];
/// What the programs are made of (CycloneDX), and how all of that may be used.
const BILL: &str = "/usr/share/doc/mooring/sbom.cdx.json.gz";
const OTHERS: &str = "/usr/share/doc/mooring/licences-of-others.txt.gz";
/// Shows the icon in the desktop's bar; looked for while the program runs, which no tool sees.
const TRAY: &str = "libayatana-appindicator3-1";
/// The manual pages of the command line, which writes them.
const MANUALS: &str = "/usr/share/man/man1";
/// Shells, and where the .deb and the .rpm have what completes commands in them.
const COMPLETIONS: [(&str, &str, &str); 3] = [
    (
        "bash",
        "/usr/share/bash-completion/completions/mooring-cli",
        "/usr/share/bash-completion/completions/mooring-cli",
    ),
    ("zsh", "/usr/share/zsh/vendor-completions/_mooring-cli", "/usr/share/zsh/site-functions/_mooring-cli"),
    (
        "fish",
        "/usr/share/fish/vendor_completions.d/mooring-cli.fish",
        "/usr/share/fish/vendor_completions.d/mooring-cli.fish",
    ),
];
/// The service without a window, for whoever enables it.
const UNIT: (&str, &str) = ("src-tauri/linux/mooring.service", "/usr/lib/systemd/user/mooring.service");
/// What a package is made of beside the programs, relative to the repository.
const INPUTS: [&str; 5] =
    ["src-tauri/tauri.conf.json", "src-tauri/linux", "icons", "LICENSE", "CHANGELOG.md"];

#[cfg(target_os = "linux")]
const KINDS: [&str; 3] = ["deb", "rpm", "appimage"];
#[cfg(target_os = "macos")]
const KINDS: [&str; 2] = ["dmg", "app"];
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const KINDS: [&str; 2] = ["msi", "nsis"];

/// The server's package is asked for by this.
const SERVER: &str = "server";

/// How the programs of a package were built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As people get them.
    Release,
    /// As the other suites run them: without optimisation, and built already.
    Dev,
}

impl Build {
    /// The folder that cargo keeps them in, and the packager what it makes of them.
    pub(crate) fn folder(self) -> PathBuf {
        sh::target_dir().join(match self {
            Build::Release => "release",
            Build::Dev => "debug",
        })
    }
}

/// Makes the packages that were asked for (the system's first kind without a name) and prints where they are.
pub fn command(args: &[String]) -> Result<()> {
    let kinds: Vec<&str> =
        if args.is_empty() { vec![KINDS[0]] } else { args.iter().map(String::as_str).collect() };
    for kind in &kinds {
        ensure!(
            KINDS.contains(kind) || *kind == SERVER,
            "this system cannot make {kind}. Here: {}. Linux makes deb, rpm and appimage, macOS dmg and app, Windows \
             msi and nsis (docs/installers.md), Debian and its kin {SERVER} (docs/operations.md)",
            KINDS.join(", ")
        );
    }
    for kind in kinds {
        let made = match kind {
            SERVER => server_package::make(Build::Release)?,
            kind => package(kind, Build::Release)?,
        };
        println!("{}", made.display());
    }
    Ok(())
}

/// Builds one package, if it is not there yet, and says where it is.
pub fn package(kind: &str, build: Build) -> Result<PathBuf> {
    tools::need(&[Kit::Desktop])?;
    ui::build()?;
    let (program, cli) = programs(build)?;
    let depends = depends(&[&program, &cli])?;
    let bundle = build.folder().join("bundle");
    let folder = bundle.join(kind);
    let stamp = bundle.join(format!("{kind}.stamp"));
    let parts = parts::of("mooring", &["mooring-desktop", "mooring-cli"])?;
    let wanted = inputs(&[&program, &cli], &depends, &parts)?;
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && let Some(package) = made(&folder, kind)?
    {
        sh::say(&format!("{} is up to date", package.file_name().unwrap_or_default().to_string_lossy()));
        return Ok(package);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let config = bundle.join("config.json");
    fs::create_dir_all(&bundle)?;
    fs::write(&config, additions(&bundle, &cli, &depends, &parts)?.to_string())?;
    let packed = sh::run(
        Command::new(packager()?)
            // packed is exactly what cargo built: the mark that is left out is for an updater, which there is not
            .args(["bundle", "--ci", "--no-binary-patching", "--bundles", kind, "--config"])
            .arg(config)
            .args((build == Build::Dev).then_some("--debug")),
    );
    if kind == "appimage" {
        packed.context(
            "the packager makes an AppImage with programs that it fetches from github.com; without them deb and rpm work",
        )?;
    } else {
        packed?;
    }
    let package = made(&folder, kind)?.with_context(|| format!("the packager left no .{kind}"))?;
    if kind == "deb" && build == Build::Release {
        squeeze(&package)?;
    }
    fs::write(stamp, wanted)?;
    Ok(package)
}

/// Packs a .deb anew: the packager knows gzip alone, and with xz the two programs share what is in both of them. Where
/// there is no dpkg, it stays as it is.
fn squeeze(package: &Path) -> Result<()> {
    let Some(dpkg) = sh::which("dpkg-deb") else {
        sh::say("the .deb is larger than it could be: there is no dpkg-deb here to pack it with xz");
        return Ok(());
    };
    let folder = package.with_extension("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    sh::run(Command::new(&dpkg).arg("--raw-extract").args([package, &folder]))?;
    sh::run(
        Command::new(&dpkg).args(["--build", SQUEEZED, "-z9", "--root-owner-group"]).args([&folder, package]),
    )?;
    Ok(fs::remove_dir_all(&folder)?)
}

/// The window and the command line.
fn programs(build: Build) -> Result<(PathBuf, PathBuf)> {
    if build == Build::Release {
        sh::run(sh::cargo().args([
            "build",
            "--release",
            "--package",
            "mooring-desktop",
            "--package",
            "mooring-cli",
        ]))?;
    }
    Ok((build.folder().join("mooring"), build.folder().join("mooring-cli")))
}

/// What the window's package needs. Nothing where Debian's own tool is not there: what tauri.conf.json says stands.
fn depends(programs: &[&Path]) -> Result<Vec<String>> {
    let mut all = libraries(programs)?;
    if !all.is_empty() {
        all.push(TRAY.into());
    }
    Ok(all)
}

/// Debian's packages with the libraries that the programs load, and the versions it needs of them, as Debian's own tool finds
/// them; nothing where it is not there.
pub(crate) fn libraries(programs: &[&Path]) -> Result<Vec<String>> {
    if sh::which("dpkg-shlibdeps").is_none() {
        return Ok(Vec::new());
    }
    // it reads a source package's control file
    let folder = sh::target_dir().join("tools/shlibdeps");
    fs::create_dir_all(folder.join("debian"))?;
    fs::write(folder.join("debian/control"), "Source: mooring\n\nPackage: mooring\nArchitecture: any\n")?;
    let output = Command::new("dpkg-shlibdeps")
        .current_dir(folder)
        .args(["-O", "--warnings=0"])
        .args(programs.iter().map(|program| format!("-e{}", program.display())))
        .output()?;
    ensure!(output.status.success(), "dpkg-shlibdeps: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    let list = said.trim().strip_prefix("shlibs:Depends=").context("dpkg-shlibdeps says nothing")?;
    Ok(list.split(", ").map(str::to_string).collect())
}

/// What tauri.conf.json cannot say: dependencies that were found, the command line with what it says of itself, and files that
/// Debian wants compressed.
fn additions(bundle: &Path, cli: &Path, depends: &[String], parts: &Parts) -> Result<serde_json::Value> {
    let (mut deb, mut rpm) = (serde_json::Map::new(), serde_json::Map::new());
    let mut add = |to: [&str; 2], from: &Path| {
        for (files, to) in [&mut deb, &mut rpm].into_iter().zip(to) {
            files.insert(to.into(), from.to_string_lossy().into());
        }
    };
    let here = |to: &str| bundle.join(Path::new(to).file_name().unwrap_or_default());
    let compressed = |to: &str, bytes: &[u8]| -> Result<PathBuf> {
        let file = here(to);
        fs::write(&file, gzip(bytes)?)?;
        Ok(file)
    };
    for (from, to) in COMPRESSED {
        add([to; 2], &compressed(to, &fs::read(sh::root().join(from))?)?);
    }
    add([BILL; 2], &compressed(BILL, parts.bill.as_bytes())?);
    add([OTHERS; 2], &compressed(OTHERS, parts.licences.as_bytes())?);
    let says = |args: &[&OsStr]| -> Result<Vec<u8>> {
        let output = Command::new(cli).args(args).output()?;
        ensure!(output.status.success(), "mooring-cli {args:?}: {}", output.status);
        Ok(output.stdout)
    };
    add(["/usr/bin/mooring-cli"; 2], cli);
    let manuals = bundle.join("manuals");
    if manuals.exists() {
        fs::remove_dir_all(&manuals)?;
    }
    fs::create_dir_all(&manuals)?;
    says(&["man".as_ref(), manuals.as_os_str()])?;
    for page in sh::files(&manuals)? {
        let to = format!("{MANUALS}/{}.gz", page.file_name().unwrap_or_default().to_string_lossy());
        add([&to; 2], &compressed(&to, &fs::read(&page)?)?);
    }
    for (shell, deb, rpm) in COMPLETIONS {
        let file = here(deb).with_extension(shell);
        fs::write(&file, says(&["completions".as_ref(), shell.as_ref()])?)?;
        add([deb, rpm], &file);
    }
    add([UNIT.1; 2], &sh::root().join(UNIT.0));
    let mut deb = serde_json::json!({ "files": deb });
    if !depends.is_empty() {
        deb["depends"] = depends.into();
    }
    Ok(serde_json::json!({ "bundle": { "linux": { "deb": deb, "rpm": { "files": rpm } } } }))
}

pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// One hash over everything that goes into a package.
fn inputs(programs: &[&Path], depends: &[String], parts: &Parts) -> Result<String> {
    let mut all = format!("{PACKAGER}\n{SQUEEZED}\n{}\n", depends.join(", "));
    all.push_str(&sh::hash(parts.licences.as_bytes()));
    for program in programs {
        all.push_str(&format!("{}\n", sh::hash(&fs::read(program)?)));
    }
    for input in INPUTS {
        for path in sh::files(&sh::root().join(input))? {
            all.push_str(&format!("{} {}\n", path.display(), sh::hash(&fs::read(&path)?)));
        }
    }
    Ok(sh::hash(all.as_bytes()))
}

/// The package in the packager's folder.
fn made(folder: &Path, kind: &str) -> Result<Option<PathBuf>> {
    let ending = match kind {
        "appimage" => "AppImage",
        "nsis" => "exe",
        other => other,
    };
    if !folder.is_dir() {
        return Ok(None);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == ending) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The packager's program, installed once into the target folder.
fn packager() -> Result<PathBuf> {
    tools::need(&[Kit::Node])?;
    let home = sh::target_dir().join("tools").join(PACKAGER);
    let program = home.join("node_modules/.bin/tauri");
    if !program.exists() {
        fs::create_dir_all(&home)?;
        sh::run(
            Command::new("npm")
                .args([
                    "install",
                    "--no-save",
                    "--no-package-lock",
                    "--no-audit",
                    "--no-fund",
                    "--loglevel=error",
                ])
                .args(["--prefix".as_ref(), home.as_os_str()])
                .arg(PACKAGER),
        )?;
    }
    Ok(program)
}
