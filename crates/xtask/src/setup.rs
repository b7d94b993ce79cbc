//! `cargo xtask setup`: brings what is missing, and says so; silent and at once when nothing is.
//!
//! Each need looks whether it is met before it does anything, so every other command asks for what it needs and
//! nobody has to remember to set up. Where a need cannot be met, one sentence says what to install.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};

use crate::tools::{self, WasmToolchain};

/// Something a command cannot do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// std for wasm32-unknown-unknown, and clippy for it.
    Wasm,
    Trunk,
    WasmBindgen,
    WasmSplit,
    Npm,
    /// Chromium, its driver, and fonts that have Chinese, Japanese and emoji.
    Browser,
    Postgres,
    Typos,
    Deny,
    Fuzz,
}

const ALL: &[Need] = &[
    Need::Wasm,
    Need::Browser,
    Need::Postgres,
    Need::Npm,
    Need::Typos,
    Need::WasmBindgen,
    Need::WasmSplit,
    Need::Trunk,
    Need::Deny,
];

/// What no suite needs: it is brought by the command that does.
const SELDOM: &[Need] = &[Need::Fuzz];

pub(crate) fn all() -> Result<()> {
    ensure(ALL)
}

pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    for need in ALL.iter().chain(SELDOM).filter(|need| needs.contains(need)) {
        match need {
            Need::Wasm => wasm()?,
            Need::Trunk => cargo_install(
                &tools::trunk()?,
                "trunk",
                "trunk",
                tools::TRUNK,
                &[LOCKED, DEBUG],
            )?,
            // Its own lock file names a version that some registry copies lack.
            Need::WasmBindgen => cargo_install(
                &tools::wasm_bindgen()?,
                "wasm-bindgen",
                "wasm-bindgen-cli",
                &tools::wasm_bindgen_version()?,
                &[],
            )?,
            Need::WasmSplit => cargo_install(
                &tools::wasm_split()?,
                "wasm-split-cli",
                "wasm_split_cli_support",
                tools::WASM_SPLIT,
                &[LOCKED, DEBUG, "--features", "build-binary"],
            )?,
            Need::Npm => npm()?,
            Need::Browser => browser()?,
            Need::Postgres => postgres()?,
            Need::Typos => typos()?,
            Need::Deny => cargo_install(
                &tools::cargo_deny()?,
                "cargo-deny",
                "cargo-deny",
                tools::CARGO_DENY,
                &[LOCKED, DEBUG],
            )?,
            Need::Fuzz => cargo_install(
                &tools::cargo_fuzz()?,
                "cargo-fuzz",
                "cargo-fuzz",
                tools::CARGO_FUZZ,
                &[LOCKED, DEBUG],
            )?,
        }
    }
    Ok(())
}

/// Says what is being done, does it, and says how long it took. All times here are for two cores.
fn step(what: &str, about: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("setup: {what} (about {about}) …");
    let start = Instant::now();
    act().with_context(|| format!("setup could not finish: {what}"))?;
    println!("setup: … done in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

// The wasm target.

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_WASM_STD: &str = "/usr/lib/rustlib/wasm32-unknown-unknown/lib";

/// An ordinary machine gets the target from rustup. One where rustup is told to install nothing
/// (`RUSTUP_AUTO_INSTALL=0`) gets Debian's rustc beside its own, and a std built from Debian's sources.
fn wasm() -> Result<()> {
    let std = match WasmToolchain::of_this_machine()? {
        WasmToolchain::Current => "rustup".to_owned(),
        WasmToolchain::Debian if may_ask_rustup() => {
            step("the wasm32 target from rustup", "20 s", || {
                tools::run(tools::command("rustup").args([
                    "target",
                    "add",
                    "wasm32-unknown-unknown",
                ]))
            })?;
            "rustup".to_owned()
        }
        WasmToolchain::Debian => debian_wasm()?,
    };
    forget_builds_with_another_std(&tools::wasm_target_dir(), &std)
}

fn may_ask_rustup() -> bool {
    tools::find_on_path("rustup").is_some()
        && std::env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
}

/// Returns which std it is, a text that changes when std is built anew.
fn debian_wasm() -> Result<String> {
    let otherwise = "else install a Rust toolchain that has the target wasm32-unknown-unknown";
    if tools::find_on_path("rustup").is_none() {
        bail!("rustup is missing: install it (https://rustup.rs), {otherwise}");
    }
    apt(
        "a rustc that can build for the browser",
        "20 s",
        otherwise,
        &[
            "rustc-web",
            "cargo-web",
            "rust-web-src",
            "rust-web-llvm",
            "rust-web-clippy",
            "lld-22",
        ],
    )?;

    let rustc = tools::output(tools::command(DEBIAN_RUSTC).arg("--version"))?;
    let version = rustc
        .split_whitespace()
        .nth(1)
        .context("/usr/bin/rustc tells no version")?;
    let work = tools::cache()?.join(format!("wasm-std-{version}"));
    let built = work.join("target/wasm32-unknown-unknown/release/deps");
    let stamp = work.join("built");
    let is_built = fs::read_to_string(&stamp).is_ok_and(|text| text.starts_with(&rustc))
        && tools::has_files(&built);
    if !is_built {
        step("Rust's standard library for wasm32", "40 s", || {
            build_std(version, &work)
        })?;
        let seconds = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        fs::write(&stamp, format!("{rustc}\nbuilt at {seconds}\n"))?;
    }
    if !is_built || !tools::has_files(Path::new(DEBIAN_WASM_STD)) {
        fs::create_dir_all(DEBIAN_WASM_STD)
            .with_context(|| format!("{DEBIAN_WASM_STD} cannot be made: run setup once as root"))?;
        for entry in fs::read_dir(&built)? {
            let path = entry?.path();
            if let (Some("rlib"), Some(name)) = (
                path.extension().and_then(|text| text.to_str()),
                path.file_name(),
            ) {
                fs::copy(&path, Path::new(DEBIAN_WASM_STD).join(name))?;
            }
        }
    }
    let toolchains = tools::output(tools::command("rustup").args(["toolchain", "list"]))?;
    if !toolchains
        .lines()
        .any(|line| line.split_whitespace().next() == Some(tools::DEBIAN_TOOLCHAIN))
    {
        tools::run(tools::command("rustup").args([
            "toolchain",
            "link",
            tools::DEBIAN_TOOLCHAIN,
            "/usr",
        ]))?;
    }
    Ok(fs::read_to_string(&stamp)?)
}

/// std is made of the compiler's own sources, by the compiler of the same version; they need `RUSTC_BOOTSTRAP`.
fn build_std(version: &str, work: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work)?;
    let sources = format!("/usr/src/rustc-{version}/library");
    tools::run(tools::command("cp").args(["-r", &sources]).arg(work))?;
    tools::run(
        tools::command("/usr/bin/cargo")
            .current_dir(work.join("library/sysroot"))
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC", DEBIAN_RUSTC)
            .env(
                "RUSTFLAGS",
                "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes",
            )
            .env("__CARGO_DEFAULT_LIB_METADATA", "std")
            .env("CARGO_TARGET_DIR", work.join("target"))
            .args([
                "build",
                "--quiet",
                "--release",
                "--target",
                "wasm32-unknown-unknown",
            ]),
    )
}

/// Cargo does not know which std a crate was compiled against: what was compiled against another one fails in odd ways.
fn forget_builds_with_another_std(target: &Path, std: &str) -> Result<()> {
    let stamp = target.join("std");
    match fs::read_to_string(&stamp) {
        Ok(before) if before == std => return Ok(()),
        Ok(_) => {
            println!(
                "setup: removing {}, which was built with another standard library",
                target.display()
            );
            fs::remove_dir_all(target)?;
        }
        Err(_) => {}
    }
    fs::create_dir_all(target)?;
    Ok(fs::write(stamp, std)?)
}

// Packages of the machine.

fn browser() -> Result<()> {
    let mut packages = Vec::new();
    if tools::chromium().is_none() {
        packages.push("chromium");
    }
    if tools::chromedriver().is_none() {
        packages.push("chromium-driver");
    }
    let otherwise = "else install Chromium and its chromedriver, or name them in the variables CHROMIUM and CHROMEDRIVER";
    if !packages.is_empty() {
        apt(
            "Chromium for the browser tests",
            "40 s",
            otherwise,
            &packages,
        )?;
    }
    // Without these every Chinese character is a box. Other systems than Debian bring such fonts along.
    if tools::find_on_path("dpkg-query").is_some() {
        apt(
            "fonts with Chinese, Japanese and emoji",
            "15 s",
            "else install them",
            &["fonts-noto-cjk", "fonts-noto-color-emoji"],
        )?;
    }
    Ok(())
}

/// The store's tests run on SQLite and on PostgreSQL.
fn postgres() -> Result<()> {
    let in_debians_folder = || {
        fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
            versions
                .flatten()
                .any(|version| version.path().join("bin/initdb").is_file())
        })
    };
    if tools::find_on_path("initdb").is_some() || in_debians_folder() {
        return Ok(());
    }
    apt(
        "PostgreSQL for the store's tests",
        "20 s",
        "else install PostgreSQL with initdb and pg_ctl on PATH",
        &["postgresql"],
    )
}

/// Installs those of the packages that are missing.
fn apt(what: &str, about: &str, otherwise: &str, packages: &[&str]) -> Result<()> {
    let missing = missing_packages(packages);
    if missing.is_empty() {
        return Ok(());
    }
    let missing_text = missing.join(" ");
    if tools::find_on_path("apt-get").is_none() {
        bail!(
            "{what} is missing and there is no apt-get to install it: on Debian install {missing_text}, {otherwise}"
        );
    }
    if tools::output(tools::command("id").arg("-u"))? != "0" {
        bail!("{what} is missing: run `sudo apt-get install {missing_text}`, {otherwise}");
    }
    step(
        &format!("{what}: apt-get install {missing_text}"),
        about,
        || {
            let apt = || {
                let mut command = tools::command("apt-get");
                command
                    .env("DEBIAN_FRONTEND", "noninteractive")
                    .stdout(Stdio::null());
                command
            };
            tools::run(apt().args(["update", "-q"]))?;
            tools::run(
                apt()
                    .args(["install", "-q", "-y", "--no-install-recommends"])
                    .args(&missing),
            )
        },
    )
}

fn missing_packages<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // Fails when it does not know one of them, and still lists the others.
    let listed = tools::command("dpkg-query")
        .args(["-W", "-f=${db:Status-Status} ${Package}\n"])
        .args(packages)
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let is_installed = |package: &str| {
        listed
            .lines()
            .any(|line| line == format!("installed {package}"))
    };
    packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect()
}

// Programs from the package registries.

/// Compiles in a third of the time; for what does little itself.
const DEBUG: &str = "--debug";

/// With the dependencies its authors tried.
const LOCKED: &str = "--locked";

fn cargo_install(
    folder: &Path,
    program: &str,
    package: &str,
    version: &str,
    options: &[&str],
) -> Result<()> {
    // cargo puts the program there when all is done, in a folder named for the version: no more to check.
    if folder.join("bin").join(program).is_file() {
        return Ok(());
    }
    let about = match package {
        "wasm-bindgen-cli" | "trunk" => "3 min",
        _ => "1 min",
    };
    step(&format!("{package} {version}"), about, || {
        let mut command = tools::command("cargo");
        // Not in the checkout, whose .cargo/config.toml is not for others.
        fs::create_dir_all(folder)?;
        command.current_dir(folder).env_remove("CARGO_TARGET_DIR");
        command
            .args([
                "install",
                "--quiet",
                package,
                "--version",
                version,
                "--root",
            ])
            .arg(folder);
        command.args(options);
        tools::run(&mut command)
    })
}

/// The packages of package-lock.json, in a folder of the cache named for them, and `node_modules` a link to it.
fn npm() -> Result<()> {
    let root = tools::root();
    let lock = fs::read(root.join("package-lock.json")).context("cannot read package-lock.json")?;
    let folder = tools::cache()?.join(format!("npm-{:016x}", fnv1a(&lock)));
    if !folder.join("node_modules").is_dir() {
        if tools::find_on_path("node").is_none() || tools::find_on_path("npm").is_none() {
            bail!("Node.js is missing: install Node.js 20 or newer with npm");
        }
        step("the packages of package-lock.json", "10 s", || {
            let unfinished = folder.with_extension(std::process::id().to_string());
            fs::create_dir_all(&unfinished)?;
            for name in ["package.json", "package-lock.json", ".npmrc"] {
                fs::copy(root.join(name), unfinished.join(name))
                    .with_context(|| format!("cannot copy {name}"))?;
            }
            tools::run(
                tools::command("npm")
                    .current_dir(&unfinished)
                    .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
                    .args([
                        "ci",
                        "--ignore-scripts",
                        "--no-audit",
                        "--no-fund",
                        "--loglevel=error",
                    ]),
            )?;
            let _ = fs::remove_dir_all(&folder);
            Ok(fs::rename(&unfinished, &folder)?)
        })?;
    }
    link(&folder.join("node_modules"), &root.join("node_modules"))
}

fn link(to: &Path, at: &PathBuf) -> Result<()> {
    match fs::symlink_metadata(at) {
        Ok(_) if fs::read_link(at).is_ok_and(|target| target == to) => return Ok(()),
        Ok(found) if found.is_symlink() => fs::remove_file(at)?,
        Ok(_) => bail!(
            "{} is in the way: remove it, setup links it to the packages in the cache",
            at.display()
        ),
        Err(_) => {}
    }
    Ok(std::os::unix::fs::symlink(to, at)?)
}

/// The wheel on PyPI holds the compiled program: seconds instead of minutes.
fn typos() -> Result<()> {
    let folder = tools::typos()?;
    if folder.join("bin/typos").is_file() {
        return Ok(());
    }
    let has_pip =
        || tools::output(tools::command("python3").args(["-m", "pip", "--version"])).is_ok();
    if !has_pip() {
        bail!("pip is missing: install Python 3 with pip (Debian: python3-pip)");
    }
    step(&format!("typos {}", tools::TYPOS), "5 s", || {
        tools::run(
            tools::command("python3")
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--root-user-action=ignore",
                    "--no-deps",
                    "--upgrade",
                    "--target",
                ])
                .arg(&folder)
                .arg(format!("typos=={}", tools::TYPOS)),
        )
    })
}

/// A hash that is the same on every machine and with every version of Rust.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn the_lock_of_the_npm_packages_names_no_registry() {
        let lock = fs::read_to_string(tools::root().join("package-lock.json")).unwrap();
        assert!(!lock.contains("\"resolved\""));
    }
}
