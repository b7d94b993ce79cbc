//! `cargo xtask bench`: runs the benchmarks of bench/.

use anyhow::{Result, bail};
use clap::Args;

use crate::{run, spa, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// Names of benchmarks; all when none is given.
    names: Vec<String>,
}

struct Benchmark {
    name: &'static str,
    /// Run in the checkout, for instance `&["node", "bench/list.mjs"]`.
    command: &'static [&'static str],
}

/// Every benchmark there is. Add a line for each one that goes into bench/.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "accept",
        command: &["node", "bench/accept.mjs"],
    },
    Benchmark {
        name: "delivery",
        command: &[
            "cargo",
            "test",
            "--release",
            "--package",
            "omocast-server",
            "--test",
            "platforms",
            "--",
            "--ignored",
            "--nocapture",
            "--test-threads",
            "1",
            "throughput",
        ],
    },
    Benchmark {
        name: "broadcast",
        command: &["node", "bench/broadcast.mjs"],
    },
    Benchmark {
        name: "store",
        command: &[
            "cargo",
            "test",
            "--release",
            "--package",
            "omocast-server",
            "--test",
            "api",
            "--",
            "--ignored",
            "--nocapture",
            "--test-threads",
            "1",
        ],
    },
    Benchmark {
        name: "first-visit",
        command: &["node", "bench/first_visit.mjs"],
    },
    Benchmark {
        name: "list",
        command: &["node", "bench/list.mjs"],
    },
];

pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(unknown) = options
        .names
        .iter()
        .find(|name| BENCHMARKS.iter().all(|benchmark| benchmark.name != **name))
    {
        bail!("there is no benchmark {unknown}");
    }
    println!("Building the SPA …");
    spa::build_if_stale()?;
    println!("Building the server, optimised …");
    tools::run(run::build_demo(true).args([
        "--package",
        "omocast-server",
        "--package",
        "omocast-sandbox",
    ]))?;
    for benchmark in BENCHMARKS {
        if !options.names.is_empty() && !options.names.iter().any(|name| name == benchmark.name) {
            continue;
        }
        let Some((program, arguments)) = benchmark.command.split_first() else {
            continue;
        };
        println!("== {}", benchmark.name);
        tools::run(tools::command(program).args(arguments))?;
    }
    Ok(())
}
