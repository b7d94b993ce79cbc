//! Where tools live, which versions they have, and how they are called.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// 0.22 needs a newer rustc than the workspace's.
/// The command line of the library whose macros `src/part.rs` uses.
pub(crate) const WASM_SPLIT: &str = "0.2.4";
pub(crate) const TRUNK: &str = "0.21.14";
pub(crate) const CARGO_DENY: &str = "0.20.2";
pub(crate) const CARGO_FUZZ: &str = "0.13.2";
pub(crate) const TYPOS: &str = "1.52.0";

/// The checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two folders below the root")
        .to_path_buf()
}

/// Where tools are kept between checkouts: `$OMOCAST_CACHE`, else `$XDG_CACHE_HOME/omocast`, else `~/.cache/omocast`.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(folder) = set("OMOCAST_CACHE") {
        return Ok(folder);
    }
    if let Some(folder) = set("XDG_CACHE_HOME") {
        return Ok(folder.join("omocast"));
    }
    let home =
        set("HOME").context("HOME is not set: set OMOCAST_CACHE to a folder for the tools")?;
    Ok(home.join(".cache/omocast"))
}

/// The wasm side has a target folder of its own, so that it and the native side never wait for each other's lock.
pub(crate) fn wasm_target_dir() -> PathBuf {
    root().join("target/spa")
}

pub(crate) fn trunk() -> Result<PathBuf> {
    Ok(cache()?.join(format!("trunk-{TRUNK}")))
}

pub(crate) fn wasm_bindgen() -> Result<PathBuf> {
    Ok(cache()?.join(format!("wasm-bindgen-{}", wasm_bindgen_version()?)))
}

pub(crate) fn wasm_split() -> Result<PathBuf> {
    Ok(cache()?.join(format!("wasm-split-{WASM_SPLIT}")))
}

pub(crate) fn cargo_deny() -> Result<PathBuf> {
    Ok(cache()?.join(format!("cargo-deny-{CARGO_DENY}")))
}

pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    Ok(cache()?.join(format!("cargo-fuzz-{CARGO_FUZZ}")))
}

pub(crate) fn typos() -> Result<PathBuf> {
    Ok(cache()?.join(format!("typos-{TYPOS}")))
}

/// wasm-bindgen's tools must have exactly the version of the crate.
pub(crate) fn wasm_bindgen_version() -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    locked_version(&lock, "wasm-bindgen")
}

fn locked_version(lock: &str, package: &str) -> Result<String> {
    let lock: toml::Table = lock.parse().context("Cargo.lock is not TOML")?;
    let versions: Vec<&str> = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(package))
        .filter_map(|entry| entry.get("version").and_then(toml::Value::as_str))
        .collect();
    match versions[..] {
        [version] => Ok(version.to_owned()),
        [] => bail!("Cargo.lock has no {package}"),
        _ => bail!("Cargo.lock has more than one {package}: {versions:?}"),
    }
}

pub(crate) fn find_on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

pub(crate) fn chromium() -> Option<PathBuf> {
    std::env::var_os("CHROMIUM").map(PathBuf::from).or_else(|| {
        [
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ]
        .into_iter()
        .find_map(find_on_path)
    })
}

pub(crate) fn chromedriver() -> Option<PathBuf> {
    std::env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| find_on_path("chromedriver"))
}

/// What compiles to wasm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WasmToolchain {
    /// The toolchain that compiles everything else has the target, too.
    Current,
    /// Debian's rustc with a std of our own building, linked into rustup under this name; see `setup.rs`.
    Debian,
}

pub(crate) const DEBIAN_TOOLCHAIN: &str = "debian-wasm";

impl WasmToolchain {
    /// Which one this machine uses. Says `Debian` also where neither is there yet.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
        Ok(
            if has_files(&Path::new(&sysroot).join("lib/rustlib/wasm32-unknown-unknown/lib")) {
                Self::Current
            } else {
                Self::Debian
            },
        )
    }

    /// A command whose cargo compiles to wasm into [`wasm_target_dir`], with trunk and what it calls on PATH.
    pub(crate) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let mut command = command(program);
        command.env("CARGO_TARGET_DIR", wasm_target_dir());
        command.env(
            "PATH",
            path_with(&[
                trunk()?.join("bin"),
                wasm_bindgen()?.join("bin"),
                wasm_split()?.join("bin"),
                root().join("node_modules/.bin"),
            ])?,
        );
        if self == Self::Debian {
            command.env("RUSTUP_TOOLCHAIN", DEBIAN_TOOLCHAIN);
        }
        Ok(command)
    }
}

fn path_with(first: &[PathBuf]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        first.iter().cloned().chain(std::env::split_paths(&path)),
    )?)
}

/// A command in the checkout, without what `cargo run` put into our own environment and another cargo would trip over.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("DYLD_FALLBACK_LIBRARY_PATH");
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_")
            || name_text.starts_with("CARGO_MANIFEST_")
            || name_text == "CARGO"
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs it with its output on our own, and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs it and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!(
            "{} failed: {}",
            shown(command),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

pub(crate) fn has_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Writes only what changed, so that nothing that watches the file starts for nothing.
pub(crate) fn write_if_changed(path: &Path, text: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|now| now == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_package_is_read_from_the_lock() {
        let lock = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").unwrap(), "0.2.130");
    }

    #[test]
    fn a_package_twice_in_the_lock_has_no_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
        assert!(locked_version(lock, "a").is_err());
        assert!(locked_version(lock, "b").is_err());
    }

    #[test]
    fn our_own_lock_names_one_wasm_bindgen() {
        wasm_bindgen_version().unwrap();
    }
}
