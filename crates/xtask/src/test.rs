//! `cargo xtask test`: every suite there is, cheap ones first, and one line at the end that counts them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Need};
use crate::tools::{self, WasmToolchain};
use crate::{run, spa};

#[derive(Args)]
pub(crate) struct Options {
    /// Names of suites; all when none is given. `--list` tells them.
    names: Vec<String>,
    /// Lists the suites and stops.
    #[arg(long)]
    list: bool,
}

struct Suite {
    name: &'static str,
    about: &'static str,
    /// Whether it runs when no suite is named. The others are parts of one that does.
    is_in_full_run: bool,
    needs: &'static [Need],
    run: fn(&mut Session<'_>) -> Result<Counts>,
}

const WASM: &[Need] = &[Need::Wasm];
const BROWSER: &[Need] = &[Need::Wasm, Need::WasmBindgen, Need::Browser];
const E2E: &[Need] = &[
    Need::Wasm,
    Need::Trunk,
    Need::WasmBindgen,
    Need::Npm,
    Need::Browser,
];
const POSTGRES: &[Need] = &[Need::Postgres];

const SUITES: &[Suite] = &[
    suite("fmt", "cargo fmt", &[], |context| {
        context.check(cargo(&["fmt", "--all", "--check"]))
    }),
    suite("typos", "spelling", &[Need::Typos], |context| {
        context.check(tools::command(tools::typos()?.join("bin/typos")))
    }),
    suite(
        "deny",
        "licences and sources of the crates",
        &[Need::Deny],
        deny,
    ),
    suite(
        "native",
        "the tests of every crate but the SPA, doc tests and the rules over the source tree",
        POSTGRES,
        |context| {
            context.cargo_test(cargo(&[
                "test",
                "--workspace",
                "--exclude",
                "omocast",
                "--no-fail-fast",
            ]))
        },
    ),
    suite(
        "clippy",
        "lints of every crate but the SPA",
        &[],
        |context| {
            context.check(cargo(&[
                "clippy",
                "--workspace",
                "--exclude",
                "omocast",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        },
    ),
    suite("doc", "cargo doc without a warning", &[], |context| {
        let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
        // As an argument it would rebuild nothing either; rustdoc alone reads it.
        command.env("RUSTDOCFLAGS", "-D warnings");
        context.check(command)
    }),
    suite(
        "app",
        "the SPA's tests that need no browser",
        &[],
        |context| {
            context.cargo_test(cargo(&[
                "test",
                "--package",
                "omocast",
                "--lib",
                "--features",
                "preview",
            ]))
        },
    ),
    suite("clippy-wasm", "lints of the SPA", WASM, |context| {
        let mut command = WasmToolchain::of_this_machine()?.command("cargo")?;
        command.args([
            "clippy",
            "--package",
            "omocast",
            "--target",
            "wasm32-unknown-unknown",
            "--all-targets",
            "--features",
            "preview",
            "--",
            "-D",
            "warnings",
        ]);
        context.check(command)
    }),
    suite(
        "browser",
        "components and pages in a real browser, over the fake API",
        BROWSER,
        browser,
    ),
    suite("spa", "the SPA as it is shipped", spa::NEEDS, spa_build),
    suite(
        "e2e",
        "the whole product in a real browser, over the real server",
        E2E,
        e2e,
    ),
    part("contract", "native, of this crate", &[], |context| {
        context.crate_test("omocast-contract")
    }),
    part("server", "native, of this crate", POSTGRES, |context| {
        context.crate_test("omocast-server")
    }),
    part("sandbox", "native, of this crate", &[], |context| {
        context.crate_test("omocast-sandbox")
    }),
    part("demo", "native, of this crate", POSTGRES, |context| {
        context.crate_test("omocast-demo")
    }),
    part("xtask", "native, of this crate", &[], |context| {
        context.crate_test("omocast-xtask")
    }),
    part(
        "tidy",
        "native, the rules over the source tree",
        &[],
        |context| {
            context.cargo_test(cargo(&[
                "test",
                "--package",
                "omocast-xtask",
                "--test",
                "tidy",
            ]))
        },
    ),
];

const fn suite(
    name: &'static str,
    about: &'static str,
    needs: &'static [Need],
    run: fn(&mut Session<'_>) -> Result<Counts>,
) -> Suite {
    Suite {
        name,
        about,
        is_in_full_run: true,
        needs,
        run,
    }
}

const fn part(
    name: &'static str,
    about: &'static str,
    needs: &'static [Need],
    run: fn(&mut Session<'_>) -> Result<Counts>,
) -> Suite {
    Suite {
        name,
        about,
        is_in_full_run: false,
        needs,
        run,
    }
}

/// How many tests there were. A check that is not made of tests (formatting, lints, a build) is one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// A program that failed without a failed test of its own (it did not compile, it crashed) is a failure all the same.
    fn with_exit(self, success: bool) -> Self {
        if success || self.failed > 0 {
            self
        } else {
            self.add(Self::FAILED)
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        for suite in SUITES {
            println!("{:<12} {}", suite.name, suite.about);
        }
        return Ok(());
    }
    if let Some(unknown) = options
        .names
        .iter()
        .find(|name| SUITES.iter().all(|suite| suite.name != **name))
    {
        bail!("there is no suite {unknown}; `cargo xtask test --list` tells which there are");
    }
    let chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| {
            if options.names.is_empty() {
                suite.is_in_full_run
            } else {
                options.names.iter().any(|name| name == suite.name)
            }
        })
        .collect();
    let needs: Vec<Need> = chosen
        .iter()
        .flat_map(|suite| suite.needs)
        .copied()
        .collect();
    let start = Instant::now();
    setup::ensure(&needs)?;

    let logs = tools::root().join("target/xtask");
    fs::create_dir_all(&logs)?;
    // The server embeds this folder; in a fresh checkout it does not exist before the SPA is built.
    fs::create_dir_all(spa::dist())?;
    let mut rows = Vec::from([("setup", Counts::default(), start.elapsed())]);
    let mut state = State::default();
    for suite in chosen {
        println!("\n== {}: {}", suite.name, suite.about);
        let start = Instant::now();
        let path = logs.join(format!("{}.log", suite.name));
        let log = Mutex::new(fs::File::create(&path)?);
        let counts = (suite.run)(&mut Session {
            log: &log,
            logs: &logs,
            state: &mut state,
        })
        .unwrap_or_else(|error| {
            println!("{error:#}");
            Counts::FAILED
        });
        rows.push((suite.name, counts, start.elapsed()));
    }

    println!();
    for (name, counts, time) in &rows {
        println!(
            "{name:<12} {:>6.1} s  {}",
            time.as_secs_f64(),
            if *name == "setup" {
                String::new()
            } else {
                counts.to_string()
            }
        );
    }
    println!(
        "{:<12} {:>6.1} s\n",
        "total",
        rows.iter().map(|row| row.2).sum::<Duration>().as_secs_f64()
    );
    let total = rows
        .iter()
        .fold(Counts::default(), |total, row| total.add(row.1));
    // Alone on the last line: CI reads it.
    println!("{total}");
    if total.failed > 0 || total.passed == 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// What suites of one run leave to each other.
#[derive(Default)]
struct State {
    is_spa_built: bool,
}

struct Session<'a> {
    log: &'a Mutex<fs::File>,
    logs: &'a Path,
    state: &'a mut State,
}

impl Session<'_> {
    /// Runs a command that is one check as a whole.
    fn check(&self, mut command: Command) -> Result<Counts> {
        Ok(if self.stream(&mut command)?.0 {
            Counts::PASSED
        } else {
            Counts::FAILED
        })
    }

    /// Runs a command that prints cargo's test results.
    fn cargo_test(&self, mut command: Command) -> Result<Counts> {
        let (success, output) = self.stream(&mut command)?;
        Ok(cargo_test_counts(&output).with_exit(success))
    }

    fn crate_test(&self, package: &str) -> Result<Counts> {
        self.cargo_test(cargo(&["test", "--package", package, "--no-fail-fast"]))
    }

    /// Runs a command with its output on ours and in the log. Returns whether it succeeded and what it printed.
    fn stream(&self, command: &mut Command) -> Result<(bool, String)> {
        println!("$ {}", tools::shown(command));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", tools::shown(command)))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let printed = thread::scope(|scope| {
            let readers = [
                stdout.map(|pipe| scope.spawn(|| self.copy(pipe))),
                stderr.map(|pipe| scope.spawn(|| self.copy(pipe))),
            ];
            readers
                .into_iter()
                .flatten()
                .map(|reader| reader.join().unwrap_or_default())
                .collect::<String>()
        });
        Ok((child.wait()?.success(), printed))
    }

    fn copy(&self, pipe: impl Read) -> String {
        let mut printed = String::new();
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            if let Ok(mut log) = self.log.lock() {
                let _ = log.write_all(&line);
            }
            printed.push_str(&text);
            line.clear();
        }
        printed
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = tools::command("cargo");
    command.args(arguments);
    command
}

// Suites that are more than one command.

/// Advisories need a database that is fetched anew each time; this checks what is decided by the sources alone.
fn deny(context: &mut Session<'_>) -> Result<Counts> {
    let mut command = tools::command(tools::cargo_deny()?.join("bin/cargo-deny"));
    command.args([
        "--workspace",
        "--log-level",
        "warn",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    context.check(command)
}

fn browser(context: &mut Session<'_>) -> Result<Counts> {
    if !tools::root().join("tests/browser/main.rs").is_file()
        && !tools::root().join("tests/browser.rs").is_file()
    {
        println!("There are no browser tests yet.");
        return Ok(Counts::default());
    }
    let mut command = WasmToolchain::of_this_machine()?.command("cargo")?;
    command
        .args([
            "test",
            "--package",
            "omocast",
            "--target",
            "wasm32-unknown-unknown",
            "--test",
            "browser",
            "--features",
            "preview",
        ])
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            tools::wasm_bindgen()?.join("bin/wasm-bindgen-test-runner"),
        )
        .env(
            "CHROMEDRIVER",
            tools::chromedriver().context("there is no chromedriver")?,
        )
        .env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    context.cargo_test(command)
}

fn spa_build(context: &mut Session<'_>) -> Result<Counts> {
    let built = spa::build_with(&mut |command| {
        if context.stream(command)?.0 {
            Ok(())
        } else {
            bail!("{command:?} failed")
        }
    });
    if let Err(error) = built {
        println!("{error:#}");
        return Ok(Counts::FAILED);
    }
    context.state.is_spa_built = true;
    Ok(Counts::PASSED)
}

fn e2e(context: &mut Session<'_>) -> Result<Counts> {
    if !has_specs(&tools::root().join("tests/e2e")) {
        println!("There are no end-to-end tests yet.");
        return Ok(Counts::default());
    }
    if !context.state.is_spa_built && spa_build(context)? != Counts::PASSED {
        bail!("the SPA does not build, so there is nothing to test");
    }
    if !context.stream(&mut run::build_demo(false))?.0 {
        bail!("the demo does not build, so there is nothing to test");
    }
    let report = context.logs.join("e2e.json");
    let data = context.logs.join("e2e-data");
    let _ = fs::remove_file(&report);
    let _ = fs::remove_dir_all(&data);
    fs::create_dir_all(&data)?;
    let mut command = tools::command(tools::root().join("node_modules/.bin/playwright"));
    command
        .args(["test", "--config", "tests/e2e/playwright.config.ts"])
        .env("OMOCAST_DEMO_BIN", run::demo_program(false))
        .env("OMOCAST_E2E_PORT", free_port()?.to_string())
        .env("OMOCAST_E2E_DATA", &data)
        .env("OMOCAST_E2E_REPORT", &report)
        .env(
            "CHROMIUM",
            tools::chromium().context("there is no Chromium")?,
        );
    let success = context.stream(&mut command)?.0;
    let counts = fs::read_to_string(&report)
        .ok()
        .and_then(|json| playwright_counts(&json))
        .unwrap_or_default();
    Ok(counts.with_exit(success))
}

fn has_specs(folder: &Path) -> bool {
    spa::files_below(folder).is_ok_and(|files| {
        files
            .iter()
            .any(|file| file.to_string_lossy().ends_with(".spec.ts"))
    })
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

// Counting.

/// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn cargo_test_counts(output: &str) -> Counts {
    output
        .lines()
        .filter_map(|line| line.split_once("test result: "))
        .map(|(_, result)| {
            let count = |what: &str| {
                let words: Vec<&str> = result
                    .split([' ', ';', '.'])
                    .filter(|word| !word.is_empty())
                    .collect();
                words
                    .windows(2)
                    .find(|pair| pair[1] == what)
                    .and_then(|pair| pair[0].parse().ok())
                    .unwrap_or(0)
            };
            Counts {
                passed: count("passed"),
                failed: count("failed"),
                skipped: count("ignored"),
            }
        })
        .fold(Counts::default(), Counts::add)
}

/// Reads the `stats` of Playwright's JSON report. They are its last object but for errors, and hold numbers and one text.
fn playwright_counts(json: &str) -> Option<Counts> {
    let stats = &json[json.rfind("\"stats\"")?..];
    let count = |name: &str| -> Option<u64> {
        let after = stats
            .split_once(&format!("\"{name}\""))?
            .1
            .trim_start_matches([':', ' ']);
        after[..after.find(|character: char| !character.is_ascii_digit())?]
            .parse()
            .ok()
    };
    Some(Counts {
        passed: count("expected")? + count("flaky")?,
        failed: count("unexpected")?,
        skipped: count("skipped")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_every_test_binary_are_added_up() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
             test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(
            cargo_test_counts(output),
            Counts {
                passed: 5,
                failed: 4,
                skipped: 1
            }
        );
    }

    #[test]
    fn a_program_that_fails_without_a_failed_test_counts_as_one_failure() {
        let counts = cargo_test_counts(
            "test result: ok. 3 passed; 0 failed; 0 ignored\nerror: could not compile",
        );
        assert_eq!(
            counts.with_exit(false),
            Counts {
                passed: 3,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            counts.with_exit(true),
            Counts {
                passed: 3,
                failed: 0,
                skipped: 0
            }
        );
        assert_eq!(Counts::FAILED.with_exit(false), Counts::FAILED);
    }

    #[test]
    fn playwrights_report_is_counted_by_its_stats() {
        let json = r#"{ "suites": [{ "title": "\"stats\" in a title" }], "errors": [],
            "stats": { "startTime": "2026-01-01T00:00:00.000Z", "duration": 12.5, "expected": 7, "skipped": 1, "unexpected": 2, "flaky": 0 } }"#;
        assert_eq!(
            playwright_counts(json),
            Some(Counts {
                passed: 7,
                failed: 2,
                skipped: 1
            })
        );
        assert_eq!(playwright_counts("{}"), None);
    }

    #[test]
    fn the_last_line_is_the_one_that_ci_reads() {
        assert_eq!(
            Counts {
                passed: 3,
                failed: 0,
                skipped: 0
            }
            .to_string(),
            "3 passed, 0 failed"
        );
        assert_eq!(
            Counts {
                passed: 3,
                failed: 1,
                skipped: 2
            }
            .to_string(),
            "3 passed, 1 failed, 2 skipped"
        );
    }

    #[test]
    fn no_two_suites_have_one_name() {
        for (index, suite) in SUITES.iter().enumerate() {
            assert!(
                SUITES[..index].iter().all(|other| other.name != suite.name),
                "{}",
                suite.name
            );
        }
    }
}
