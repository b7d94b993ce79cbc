//! `cargo xtask fuzz`: throws at the webhooks what nobody would think of; see fuzz/.
//!
//! Without a sanitizer, so that the ordinary toolchain will do: we have no unsafe code for one to look into.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Need};
use crate::tools;

#[derive(Args)]
pub(crate) struct Options {
    /// For how long each target runs.
    #[arg(default_value_t = 30)]
    seconds: u32,
    /// Names of targets; all when none is given.
    targets: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !targets.contains(name)) {
        bail!(
            "there is no target {unknown}: there are {}",
            targets.join(", ")
        );
    }
    setup::ensure(&[Need::Fuzz])?;
    lock()?;
    println!("Building the targets, about 6 min from nothing …");
    tools::run(&mut cargo_fuzz("build")?)?;
    for target in &targets {
        if !options.targets.is_empty() && !options.targets.contains(target) {
            continue;
        }
        println!("== {target}, {} s", options.seconds);
        // What is found goes here, and what is kept is only read.
        let found = tools::root().join("target/fuzz/corpus").join(target);
        fs::create_dir_all(&found)?;
        let mut command = cargo_fuzz("run")?;
        command.arg(target).arg(found).args(kept(target)?);
        command.args([
            "--",
            "-dict=fuzz/webhooks.dict",
            "-timeout=20",
            "-print_final_stats=1",
            &format!("-max_total_time={}", options.seconds),
        ]);
        tools::run(&mut command)?;
    }
    Ok(())
}

fn cargo_fuzz(what: &str) -> Result<std::process::Command> {
    let mut command = tools::command(tools::cargo_fuzz()?.join("bin/cargo-fuzz"));
    command
        .args([what, "--sanitizer", "none", "--fuzz-dir", "fuzz"])
        .arg("--target-dir")
        .arg(tools::root().join("target/fuzz"))
        // cargo-fuzz asks for coverage by options that the stable compiler knows, but keeps to itself.
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}

fn targets() -> Result<Vec<String>> {
    let manifest = fs::read_to_string(tools::root().join("fuzz/Cargo.toml"))
        .context("cannot read fuzz/Cargo.toml")?;
    let manifest: toml::Table = manifest.parse().context("fuzz/Cargo.toml is not TOML")?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    let names = bins
        .into_iter()
        .flatten()
        .filter_map(|bin| bin.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The folders of bodies to begin with: a target without one of its own begins with all.
fn kept(target: &str) -> Result<Vec<PathBuf>> {
    let corpus = tools::root().join("fuzz/corpus");
    let own = corpus.join(target);
    if own.is_dir() {
        return Ok(vec![own]);
    }
    let folders = fs::read_dir(corpus).context("cannot read fuzz/corpus")?;
    folders.map(|folder| Ok(folder?.path())).collect()
}

/// The same versions as everywhere, and beside them what only fuzzing needs.
fn lock() -> Result<()> {
    let ours = tools::root().join("Cargo.lock");
    let theirs = tools::root().join("fuzz/Cargo.lock");
    let changed = |path| fs::metadata(path).and_then(|file| file.modified()).ok();
    if changed(&theirs) < changed(&ours) {
        fs::copy(ours, theirs).context("cannot write fuzz/Cargo.lock")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_something_to_begin_with() {
        let targets = targets().unwrap();
        assert!(targets.len() > 1, "{targets:?}");
        for target in targets {
            assert!(!kept(&target).unwrap().is_empty());
        }
    }
}
