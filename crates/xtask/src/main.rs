//! `cargo xtask`: sets up, builds, runs and tests omocast with one command each.
//!
//! Everything that is installed goes into one cache folder outside the checkout, so that a second checkout
//! finds it there; see `tools.rs`. Linux and macOS only.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling what it does is this program's job"
)]

mod bench;
mod fuzz;
mod parts;
mod run;
mod setup;
mod spa;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Sets up, builds, runs and tests omocast."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what is missing: the wasm target, trunk, wasm-bindgen, npm packages, a browser. At once when all is there.
    Setup,
    /// Builds the whole product and starts it with a demo team on http://127.0.0.1:8080.
    Run(run::Options),
    /// Runs every suite, or those named, and ends with `N passed, N failed`.
    Test(test::Options),
    /// Builds the SPA into dist/, optimised and precompressed.
    Spa,
    /// Writes what the SPA's build takes besides Rust: the icon sprite, the one CSS file, the files from npm.
    Assets,
    /// Serves the designers' gallery and the app over the fake API on http://127.0.0.1:8081, rebuilt on every change.
    Gallery,
    /// Runs the benchmarks, or those named.
    Bench(bench::Options),
    /// Throws at the webhooks what nobody would think of, half a minute each target.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    // Without a backtrace: what fails here is a command, and the reason is in its words.
    match run_command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command() -> Result<()> {
    match Cli::parse().command {
        Command::Setup => setup::all(),
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Spa => spa::build(),
        Command::Assets => {
            setup::ensure(&[setup::Need::Npm])?;
            spa::write_assets()
        }
        Command::Gallery => run::gallery(),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    }
}
