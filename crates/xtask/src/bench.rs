//! `cargo xtask bench`: runs the benchmarks of bench/.

use anyhow::{Result, bail};
use clap::Args;

use crate::tools;

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
const BENCHMARKS: &[Benchmark] = &[];

pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(unknown) = options
        .names
        .iter()
        .find(|name| BENCHMARKS.iter().all(|benchmark| benchmark.name != **name))
    {
        bail!("there is no benchmark {unknown}");
    }
    if BENCHMARKS.is_empty() {
        println!("There are no benchmarks yet.");
    }
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
