//! `cargo xtask run` and `gallery`: the product and the designers' gallery, started for a person.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup;
use crate::{spa, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// Rebuild and restart on every change, with a quickly built SPA.
    #[arg(long)]
    watch: bool,
    /// Build the server optimised: slower to build, for measuring.
    #[arg(long)]
    release: bool,
    /// Given to the demo as they are, for instance `-- --listen 0.0.0.0:9000`.
    #[arg(last = true)]
    demo_arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.watch {
        return watch(options);
    }
    println!("Building the SPA …");
    spa::build_if_stale()?;
    println!("Building the server …");
    tools::run(&mut build_demo(options.release))?;
    // From here on we are the demo, so that Ctrl-C and its exit code are its own.
    let error = demo(options, &spa::dist()).exec();
    Err(error).context("cannot start the demo")
}

/// Serves the gallery. trunk compiles; only the CSS and the icons need us.
pub(crate) fn gallery() -> Result<()> {
    let mut trunk = start_trunk("serve", "target/gallery", &["--features", "preview"])?;
    println!("The gallery will be on http://127.0.0.1:8081/gallery.");
    let mut assets = Watched::new(ASSET_SOURCES);
    loop {
        if let Some(status) = trunk.try_wait()? {
            bail!("trunk ended: {status}");
        }
        if assets.changed() {
            tell(spa::write_assets());
        }
        thread::sleep(PAUSE);
    }
}

const PAUSE: Duration = Duration::from_millis(500);
const ASSET_SOURCES: &[&str] = &["style", "src/ui/icon.rs"];
const SERVER_SOURCES: &[&str] = &[
    "crates/contract",
    "crates/server",
    "crates/sandbox",
    "crates/demo",
    "Cargo.lock",
];

fn watch(options: &Options) -> Result<()> {
    let dist = "target/watch";
    let assets_folder = tools::root().join(dist);
    std::fs::create_dir_all(&assets_folder)?;
    let build = || {
        println!("Building the server …");
        tools::run(&mut build_demo(options.release))?;
        Ok(demo(options, &assets_folder))
    };
    let mut running = None;
    // The server first: it and trunk's cargo together would only slow each other down.
    match build() {
        Ok(mut demo) => running = Some(demo.spawn().context("cannot start the demo")?),
        Err(error) => tell(Err(error)),
    }
    let mut trunk = start_trunk("watch", dist, &[])?;
    let mut assets = Watched::new(ASSET_SOURCES);
    let mut server = Watched::new(SERVER_SOURCES);
    loop {
        if let Some(status) = trunk.try_wait()? {
            stop(running.take());
            bail!("trunk ended: {status}");
        }
        if let Some(demo) = &mut running
            && let Some(status) = demo.try_wait()?
        {
            println!("The demo ended ({status}); the next change of the server starts it again.");
            running = None;
        }
        if assets.changed() {
            tell(spa::write_assets());
        }
        if server.changed() {
            // What still runs goes on until there is something better.
            match build() {
                Ok(mut demo) => {
                    stop(running.take());
                    running = Some(demo.spawn().context("cannot start the demo")?);
                }
                Err(error) => tell(Err(error)),
            }
        }
        thread::sleep(PAUSE);
    }
}

fn stop(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn tell(result: Result<()>) {
    if let Err(error) = result {
        println!("{error:#}");
    }
}

fn start_trunk(action: &str, dist: &str, arguments: &[&str]) -> Result<Child> {
    setup::ensure(spa::NEEDS)?;
    spa::write_assets()?;
    tools::run(&mut spa::fetch())?;
    std::fs::create_dir_all(tools::root().join(dist))?;
    spa::trunk(action)?
        .args(["--dist", dist])
        .args(arguments)
        .spawn()
        .context("cannot start trunk")
}

pub(crate) fn build_demo(release: bool) -> Command {
    let mut command = tools::command("cargo");
    command.args(["build", "--package", "omocast-demo"]);
    if release {
        command.arg("--release");
    }
    command
}

pub(crate) fn demo_program(release: bool) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| tools::root().join("target"), PathBuf::from);
    target
        .join(if release { "release" } else { "debug" })
        .join("omocast-demo")
}

fn demo(options: &Options, assets: &Path) -> Command {
    let mut command = tools::command(demo_program(options.release));
    for (name, value) in [("--listen", "127.0.0.1:8080"), ("--data", "./data")] {
        if !is_given(&options.demo_arguments, name) {
            command.args([name, value]);
        }
    }
    if !is_given(&options.demo_arguments, "--assets") {
        command.arg("--assets").arg(assets);
    }
    command.args(&options.demo_arguments);
    command
}

fn is_given(arguments: &[String], name: &str) -> bool {
    arguments.iter().any(|argument| {
        argument == name
            || argument
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

/// Some files, and when the last of them changed.
struct Watched {
    paths: Vec<PathBuf>,
    newest: Option<SystemTime>,
}

impl Watched {
    fn new(paths: &[&str]) -> Self {
        let mut watched = Self {
            paths: paths.iter().map(|path| tools::root().join(path)).collect(),
            newest: None,
        };
        watched.changed();
        watched
    }

    /// Whether one changed since the last call.
    fn changed(&mut self) -> bool {
        let newest = self
            .paths
            .iter()
            .filter_map(|path| spa::newest_change(path))
            .max();
        let changed = newest != self.newest;
        self.newest = newest;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_of_the_caller_replaces_ours() {
        let given = [
            "--listen=0.0.0.0:9000".to_owned(),
            "--data".to_owned(),
            "x".to_owned(),
        ];
        assert!(is_given(&given, "--listen"));
        assert!(is_given(&given, "--data"));
        assert!(!is_given(&given, "--assets"));
        assert!(!is_given(&["--listening".to_owned()], "--listen"));
    }
}
