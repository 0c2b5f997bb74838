//! Mooring's build and test commands; called through `./x`.

mod bench;
mod bundle;
mod desktop;
mod doc;
mod fuzz;
mod icons;
mod installed;
mod lint;
mod package;
mod parts;
mod run;
mod server_package;
mod sim;
mod test;
mod ui;
mod wasm;
mod wasm_lib;

use std::process::ExitCode;
use xtask::{browser, cassandra, sh, tools};

const USAGE: &str = "\
usage: ./x COMMAND

  run [--port N] [--data DIR | --cassandra [HOST:PORT,...]]
                         build all and start the server with the browser app
  desktop                build and start the desktop app
  bundle [deb|rpm|appimage|server]
                         build the desktop app's installer, or the server's package
  test [--release] [SUITE...]
                         lint, the crates' tests and the suites; or some suites
  lint                   formatting, clippy (host and wasm), dependencies
  bench [NAME...]        measurements; figures in target/bench
  fuzz [TARGET...] [--seconds N]
                         look for bytes that break what decodes them
  sim [--seeds N] [--from S] [--sled] [--trace] | --exhaustive N
                         the simulation on more seeds, or one of them line by line
  cassandra up [--nodes 1|3] | down | status
                         Apache Cassandra on this machine
  doc                    the crates' documentation
  ui [--dev]             only the browser bundle, in ui/dist
  package                the npm package, in target/package
  icons                  draw icons/ again from its SVG
  wasm-lib PACKAGE FOLDER
                         a library as a module for browsers, as suites need it

What a command needs and the machine lacks is installed (Debian, Ubuntu).";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let verb = if args.is_empty() { String::new() } else { args.remove(0) };
    let outcome = match verb.as_str() {
        "run" => run::command(args),
        "desktop" => desktop::command(&args),
        "bundle" => bundle::command(&args),
        "test" => test::command(args),
        "lint" => lint::command(&args),
        "bench" => bench::command(&args),
        "sim" => sim::command(&args),
        "cassandra" => cassandra::command(args),
        "fuzz" => fuzz::command(&args),
        "doc" => doc::command(&args),
        "ui" => ui::command(args),
        "package" => package::command(&args),
        "icons" => icons::command(&args),
        "wasm-lib" => wasm_lib::command(&args),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("./x has no command {verb}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("x: {error:#}");
            ExitCode::FAILURE
        }
    }
}
