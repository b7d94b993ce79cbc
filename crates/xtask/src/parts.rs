//! Takes the built app apart: what the first visit needs, and the parts that are loaded when they are wanted.
//!
//! trunk leaves one wasm. wasm-split finds in it, by the linker's relocations, what only a part of src/ named by
//! `part!` uses, and makes a file of it; wasm-bindgen and wasm-opt then finish what is left.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::fnv1a;
use crate::spa::{css_of_parts, dist, files_below};
use crate::tools::{self, WasmToolchain};

/// wasm-opt needs every feature named that today's rustc uses.
const WASM_OPT: [&str; 8] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// What Trunk.toml's `pattern_script` leaves in the page.
const APP: &str = "<meta name=\"omocast-app\"";

/// Puts the parts in place of the one wasm that trunk left in dist/. `run` runs a command.
pub(crate) fn take_apart(run: &mut dyn FnMut(&mut Command) -> Result<()>) -> Result<()> {
    let whole = tools::wasm_target_dir().join("wasm32-unknown-unknown/wasm-release/omocast.wasm");
    let folder = tools::wasm_target_dir().join("parts");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let toolchain = WasmToolchain::of_this_machine()?;
    run(toolchain
        .command("wasm-split-cli")?
        .args([&whole, &folder])
        .args(["--out-name", "omocast"]))?;
    let main = folder.join("omocast.wasm");
    run(toolchain
        .command("wasm-bindgen")?
        .args(["--target", "web", "--no-typescript", "--keep-lld-exports"])
        .args(["--out-name", "omocast", "--out-dir"])
        .arg(&folder)
        .arg(&main))?;
    fs::remove_file(&main)?;
    for wasm in files_below(&folder)? {
        if wasm
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            run(toolchain.command("wasm-opt")?.args(WASM_OPT).args([
                &wasm,
                Path::new("-o"),
                &wasm,
            ]))?;
        }
    }
    fs::write(folder.join("parts.css"), css_of_parts()?)?;
    put_in_place(&folder)
}

/// Moves the files into dist/, each with a name that changes with what any of them holds, and names the first two in the page.
fn put_in_place(folder: &Path) -> Result<()> {
    let files = files_below(folder)?;
    let mut all = Vec::new();
    for file in &files {
        all.extend(fs::read(file)?);
    }
    let hash = format!("{:016x}", fnv1a(&all));
    let page = dist().join("index.html");
    let html = fs::read_to_string(&page).context("the build left no dist/index.html")?;
    let (glue, wasm) = app_files(&html).context("dist/index.html does not name the app")?;
    let page_text = html
        .replace(
            &format!("/{glue}"),
            &format!("/{}", named("omocast.js", &hash)),
        )
        .replace(
            &format!("/{wasm}"),
            &format!("/{}", named("omocast_bg.wasm", &hash)),
        );
    let style = format!(
        "<meta name=\"omocast-parts-style\" content=\"/{}\">\n    {APP}",
        named("parts.css", &hash)
    );
    let page_text = page_text.replace(APP, &style);
    for old in [glue, wasm] {
        fs::remove_file(dist().join(old)).with_context(|| format!("dist/{old}"))?;
    }
    let names: Vec<String> = files.iter().filter_map(|file| name_of(file)).collect();
    for file in &files {
        let Some(name) = name_of(file) else { continue };
        let new = dist().join(named(&name, &hash));
        if name.ends_with(".js") {
            let source = fs::read_to_string(file)?;
            fs::write(new, renamed(&source, &names, &hash))?;
        } else {
            fs::copy(file, new)?;
        }
    }
    Ok(fs::write(page, page_text)?)
}

/// Whether a file of dist/ is loaded only when it is wanted.
pub(crate) fn is_part(name: &str) -> bool {
    name.starts_with("split-")
        || name.starts_with("chunk-")
        || (name.starts_with("parts-") && name.ends_with(".css"))
}

fn name_of(file: &Path) -> Option<String> {
    Some(file.file_name()?.to_str()?.to_owned())
}

/// The names of the glue and of the wasm.
fn app_files(html: &str) -> Option<(&str, &str)> {
    let start = html.find(APP)?;
    let content = html[start..]
        .split("content=\"")
        .nth(1)?
        .split('"')
        .next()?;
    let (glue, wasm) = content.split_once(' ')?;
    Some((glue.strip_prefix('/')?, wasm.strip_prefix('/')?))
}

/// The name of a file in dist/.
fn named(name: &str, hash: &str) -> String {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let stem = match stem {
        "omocast" | "omocast_bg" => stem.replacen("omocast", &format!("omocast-{hash}"), 1),
        "__wasm_split" => format!("parts-{hash}"),
        part => format!("{}-{hash}", part.replace('_', "-")),
    };
    format!("{stem}.{extension}")
}

/// `source` with the files it loads by their new names. What the wasm calls a module of its imports stays as it is.
fn renamed(source: &str, names: &[String], hash: &str) -> String {
    let mut source = source.to_owned();
    for name in names {
        for loads in ["from ", "URL("] {
            source = source.replace(
                &format!("{loads}\"./{name}\""),
                &format!("{loads}\"./{}\"", named(name, hash)),
            );
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_which_files_are_the_app() {
        let html = "<meta name=\"x\"><meta name=\"omocast-app\" content=\"/omocast-1.js /omocast-1_bg.wasm\">";
        assert_eq!(app_files(html), Some(("omocast-1.js", "omocast-1_bg.wasm")));
        assert_eq!(app_files("<html>"), None);
    }

    #[test]
    fn each_file_is_named_for_what_the_build_holds() {
        assert_eq!(named("omocast.js", "7f"), "omocast-7f.js");
        assert_eq!(named("omocast_bg.wasm", "7f"), "omocast-7f_bg.wasm");
        assert_eq!(named("__wasm_split.js", "7f"), "parts-7f.js");
        assert_eq!(named("split_compose.wasm", "7f"), "split-compose-7f.wasm");
    }

    #[test]
    fn files_call_each_other_by_their_new_names() {
        let names = ["omocast.js".to_owned(), "chunk_1.wasm".to_owned()];
        assert_eq!(
            renamed(
                r#"import x from "./omocast.js"; new URL("./chunk_1.wasm"); URL("./chunk_11.wasm"); { "./omocast.js": x }"#,
                &names,
                "7f"
            ),
            r#"import x from "./omocast-7f.js"; new URL("./chunk-1-7f.wasm"); URL("./chunk_11.wasm"); { "./omocast.js": x }"#
        );
    }
}
