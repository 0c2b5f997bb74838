//! Lets Tauri read its configuration at build time.

/// What the screen may ask of the shell. Each is permitted by its name in `capabilities/`.
const COMMANDS: [&str; 6] = ["call", "choose", "unsaved", "leave", "arrived", "arrived_file"];

fn main() {
    let own = tauri_build::AppManifest::new().commands(&COMMANDS);
    let built = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(own));
    // a build without it would be another program
    built.expect("Tauri's configuration is valid");
}
