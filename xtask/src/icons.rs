//! `./x icons`: PNG, ICO and ICNS from `icons/mooring.svg`. The results are committed.

use crate::{
    sh,
    tools::{self, Kit},
};
use anyhow::Result;
use std::{fs, path::Path, process::Command};

/// Width and height of each picture, and the type under which an ICNS file holds it.
const SIZES: [(u32, &[u8; 4]); 5] =
    [(16, b"icp4"), (32, b"icp5"), (128, b"ic07"), (256, b"ic08"), (512, b"ic09")];

/// Draws every size and packs them.
pub fn command(args: &[String]) -> Result<()> {
    sh::nothing_left(args)?;
    tools::need(&[Kit::Icons])?;
    let dir = sh::root().join("icons");
    let mut pictures = Vec::new();
    for (size, kind) in SIZES {
        let file = dir.join(format!("icon-{size}.png"));
        draw(&dir.join("mooring.svg"), size, &file)?;
        pictures.push((size, kind, fs::read(file)?));
    }
    fs::write(dir.join("icon.ico"), ico(&pictures)?)?;
    fs::write(dir.join("icon.icns"), icns(&pictures)?)?;
    sh::say("icons/: 5 PNG, icon.ico, icon.icns");
    Ok(())
}

type Picture = (u32, &'static [u8; 4], Vec<u8>);

fn draw(svg: &Path, size: u32, png: &Path) -> Result<()> {
    let size = size.to_string();
    sh::run(Command::new("rsvg-convert").args(["-w", &size, "-h", &size, "-o"]).arg(png).arg(svg))
}

/// A directory of 16-byte entries, then the pictures as PNG (which Windows reads since Vista). 512 px does not fit.
fn ico(pictures: &[Picture]) -> Result<Vec<u8>> {
    let pictures: Vec<&Picture> = pictures.iter().filter(|(size, ..)| *size <= 256).collect();
    let mut head = vec![0, 0, 1, 0];
    head.extend(u16::try_from(pictures.len())?.to_le_bytes());
    let mut at = 6 + 16 * pictures.len();
    let mut body = Vec::new();
    for (size, _, png) in pictures {
        let side = u8::try_from(*size).unwrap_or(0); // 0 stands for 256
        head.extend([side, side, 0, 0, 1, 0, 32, 0]);
        head.extend(u32::try_from(png.len())?.to_le_bytes());
        head.extend(u32::try_from(at)?.to_le_bytes());
        at += png.len();
        body.extend_from_slice(png);
    }
    head.extend(body);
    Ok(head)
}

/// `icns`, the whole length, then type, length and PNG of each picture.
fn icns(pictures: &[Picture]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for (_, kind, png) in pictures {
        body.extend_from_slice(*kind);
        body.extend(u32::try_from(png.len() + 8)?.to_be_bytes());
        body.extend_from_slice(png);
    }
    let mut file = b"icns".to_vec();
    file.extend(u32::try_from(body.len() + 8)?.to_be_bytes());
    file.extend(body);
    Ok(file)
}
