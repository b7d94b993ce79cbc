//! Builds the SPA: what the build takes besides Rust, trunk, and what is done to its output.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::parts;
use crate::setup::{self, Need};
use crate::tools::{self, WasmToolchain};

pub(crate) const NEEDS: &[Need] = &[
    Need::Wasm,
    Need::Trunk,
    Need::WasmBindgen,
    Need::WasmSplit,
    Need::Npm,
];

pub(crate) fn dist() -> PathBuf {
    tools::root().join("dist")
}

/// Builds the SPA as it is shipped, into dist/.
pub(crate) fn build() -> Result<()> {
    build_with(&mut tools::run)
}

/// Builds with commands run by `run`, so that `cargo xtask test` can log what they print.
pub(crate) fn build_with(run: &mut dyn FnMut(&mut Command) -> Result<()>) -> Result<()> {
    setup::ensure(NEEDS)?;
    write_assets()?;
    let style = css_of(|is_for_parts| !is_for_parts)?;
    tools::write_if_changed(&tools::root().join(STYLE), style.as_bytes())?;
    run(&mut fetch())?;
    run(trunk("build")?
        .args(["--release", "--cargo-profile", "wasm-release", "--locked"])
        .args(["--features", "split"]))?;
    parts::take_apart(run)?;
    let mut compress = tools::command("node");
    compress
        .arg(tools::root().join("crates/xtask/src/compress.mjs"))
        .arg(dist());
    run(&mut compress)?;
    look_over()
}

/// Refuses what the server would refuse, and prints what the first visit loads.
fn look_over() -> Result<()> {
    let html = fs::read_to_string(dist().join("index.html"))
        .context("the build left no dist/index.html")?;
    let refused = refused_by_csp(&html);
    if !refused.is_empty() {
        bail!(
            "the server's Content-Security-Policy would refuse this in dist/index.html:\n  {}",
            refused.join("\n  ")
        );
    }
    let kilobytes = |bytes: u64| bytes as f64 / 1000.0;
    let mut total = 0;
    println!("{:<44} {:>10} {:>10}", "dist/ (kB)", "raw", "brotli");
    for path in files_below(&dist())? {
        let shown = path.strip_prefix(dist())?.to_string_lossy().into_owned();
        let is_first_load = !shown.contains('/')
            && !parts::is_part(&shown)
            && ["wasm", "js", "css", "html"]
                .iter()
                .any(|end| shown.ends_with(&format!(".{end}")));
        if !is_first_load {
            continue;
        }
        let raw = fs::metadata(&path)?.len();
        let brotli = fs::metadata(format!("{}.br", path.display())).map_or(raw, |file| file.len());
        total += brotli;
        println!(
            "{shown:<44} {:>10.1} {:>10.1}",
            kilobytes(raw),
            kilobytes(brotli)
        );
    }
    println!(
        "{:<44} {:>10} {:>10.1}",
        "first visit",
        "",
        kilobytes(total)
    );
    Ok(())
}

/// Builds only when something the SPA is made of is newer than dist/.
pub(crate) fn build_if_stale() -> Result<()> {
    setup::ensure(NEEDS)?;
    let root = tools::root();
    let sources = [
        "src",
        "style",
        "public",
        "crates/contract",
        "index.html",
        "boot.js",
        "Trunk.toml",
        "Cargo.toml",
        "Cargo.lock",
        "package-lock.json",
        "build.rs",
    ];
    let newest = sources
        .iter()
        .filter_map(|source| newest_change(&root.join(source)))
        .max();
    // The last thing a build writes.
    let built = fs::metadata(dist().join("index.html.br"))
        .and_then(|file| file.modified())
        .ok();
    if built.is_some() && built > newest {
        return Ok(());
    }
    build()
}

/// trunk runs cargo offline, so what is compiled must be here before. Silent and quick when it is.
pub(crate) fn fetch() -> Command {
    let mut command = tools::command("cargo");
    command.args(["fetch", "--quiet", "--locked"]);
    command
}

/// A trunk command, which downloads nothing and compiles into the wasm target folder.
pub(crate) fn trunk(action: &str) -> Result<Command> {
    let mut command = WasmToolchain::of_this_machine()?.command("trunk")?;
    command
        .args([action, "--offline", "--skip-version-check"])
        .env("RUST_BACKTRACE", "0")
        .env_remove("NO_COLOR");
    Ok(command)
}

// What the build takes besides Rust.

/// Writes public/icons.svg, public/emoji/ and target/assets/, which index.html names.
pub(crate) fn write_assets() -> Result<()> {
    let root = tools::root();
    let names = match fs::read_to_string(root.join("src/ui/icon.rs")) {
        Ok(source) => icon_names(&source),
        Err(_) => Vec::new(),
    };
    let lucide = root.join("node_modules/lucide-static/icons");
    let sprite = sprite(&names, |name| {
        fs::read_to_string(lucide.join(format!("{name}.svg"))).ok()
    })?;
    tools::write_if_changed(&root.join("public/icons.svg"), sprite.as_bytes())?;
    write_emoji()?;
    tools::write_if_changed(&root.join(STYLE), css_of(|_| true)?.as_bytes())
}

/// Writes public/emoji/, which the emoji picker fetches when it is first opened.
fn write_emoji() -> Result<()> {
    let root = tools::root();
    let (script, target) = (
        root.join("crates/xtask/src/emoji.mjs"),
        root.join("public/emoji"),
    );
    let made = newest_change(&target);
    let made_of = [&script, &root.join("package-lock.json")].map(|path| newest_change(path));
    if made.is_some() && made_of.into_iter().all(|source| source < made) {
        return Ok(());
    }
    tools::run(
        tools::command("node")
            .arg(script)
            .arg(root.join("node_modules/emoji-picker-element-data"))
            .arg(target),
    )
}

/// What index.html takes as its style sheet.
const STYLE: &str = "target/assets/omocast.css";

/// The first line of a file of style/ that only parts of the app need (see `parts.rs`).
const FOR_PARTS: &str = "/* with the parts */";

/// The style sheet of the parts.
pub(crate) fn css_of_parts() -> Result<String> {
    css_of(|is_for_parts| is_for_parts)
}

/// Joins those files of style/ that are wanted: told of each whether it is for the parts.
fn css_of(is_wanted: impl Fn(bool) -> bool) -> Result<String> {
    let style = tools::root().join("style");
    let mut names: Vec<String> = match fs::read_dir(&style) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".css"))
            .collect(),
        Err(_) => Vec::new(),
    };
    // The file that orders the layers must come first. The others wrap themselves in their layer, so that theirs is no matter.
    names.sort_by_key(|name| (name != "layers.css", name.clone()));
    let mut css = String::new();
    for name in names {
        let source = fs::read_to_string(style.join(&name))?;
        if is_wanted(source.starts_with(FOR_PARTS)) {
            css.push_str(&without_comments(&source));
            css.push('\n');
        }
    }
    Ok(css)
}

/// The CSS without comments and blank lines, which nobody reads in a browser. Text in quotes is left alone.
fn without_comments(css: &str) -> String {
    let mut kept = String::with_capacity(css.len());
    let mut rest = css;
    let mut quote = None;
    while let Some(next) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        match (quote, next) {
            (None, '"' | '\'') => quote = Some(next),
            (Some(open), _) if open == next => quote = None,
            _ => {}
        }
        kept.push(next);
        rest = &rest[next.len_utf8()..];
    }
    kept.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The string literals between the lines `// icons:begin` and `// icons:end`.
fn icon_names(source: &str) -> Vec<String> {
    let mut names: Vec<String> = source
        .lines()
        .skip_while(|line| line.trim() != "// icons:begin")
        .take_while(|line| line.trim() != "// icons:end")
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// One SVG with a `<symbol>` for each icon, shown by `<svg><use href="/icons.svg#name"/></svg>`.
fn sprite(names: &[String], read: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut sprite = String::from("<svg xmlns=\"http://www.w3.org/2000/svg\">\n");
    for name in names {
        let svg = read(name).with_context(|| {
            format!("src/ui/icon.rs names the icon {name:?}, which lucide does not have")
        })?;
        let body = svg
            .find("<svg")
            .and_then(|start| Some(start + svg[start..].find('>')? + 1))
            .zip(svg.rfind("</svg>"))
            .map(|(start, end)| {
                svg[start..end]
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .with_context(|| format!("lucide's {name}.svg is not an SVG"))?;
        writeln!(
            sprite,
            "<symbol id=\"{name}\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\">{body}</symbol>"
        )?;
    }
    sprite.push_str("</svg>\n");
    Ok(sprite)
}

// What must not be in the page.

/// What a policy of `script-src 'self' 'wasm-unsafe-eval'; style-src 'self'` and no third party would refuse.
fn refused_by_csp(html: &str) -> Vec<String> {
    let mut refused = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if rest.starts_with("<!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
            continue;
        }
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let tag = &rest[..end];
        let lower = tag.to_lowercase();
        let names: Vec<&str> = lower
            .trim_matches(['<', '>', '/'])
            .split_whitespace()
            .skip(1)
            .filter_map(|attribute| attribute.split('=').next())
            .collect();
        let is_element = |name: &str| {
            lower[1..]
                .strip_prefix(name)
                .is_some_and(|after| after.starts_with([' ', '\n', '>', '/']))
        };
        let why = if is_element("script") && !names.contains(&"src") {
            Some("an inline script")
        } else if is_element("style") {
            Some("an inline style sheet")
        } else if names.contains(&"style") {
            Some("an inline style")
        } else if names.iter().any(|name| name.starts_with("on")) {
            Some("an inline event handler")
        } else if ["href=\"http", "src=\"http", "href=\"//", "src=\"//"]
            .iter()
            .any(|text| lower.contains(text))
        {
            Some("another origin")
        } else {
            None
        };
        if let Some(why) = why {
            refused.push(format!(
                "{why}: {}",
                tag.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
        rest = &rest[end..];
    }
    refused
}

// Files.

pub(crate) fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// When the file, or the last of the files below, changed.
pub(crate) fn newest_change(path: &Path) -> Option<SystemTime> {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    if path.is_dir() {
        files_below(path)
            .ok()?
            .iter()
            .filter_map(|file| changed(file))
            .max()
    } else {
        changed(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icons_are_those_between_the_marks() {
        let source = "let x = \"no\";\n    // icons:begin\n    Send => \"send\",\n    Bell => \"bell\",\n    Again => \"send\",\n    // icons:end\nlet y = \"no\";\n";
        assert_eq!(icon_names(source), ["bell", "send"]);
    }

    #[test]
    fn the_sprite_has_a_symbol_for_each_icon() {
        let read = |name: &str| {
            (name == "bell").then(|| {
                "<!-- ISC -->\n<svg\n  class=\"x\"\n>\n  <path d=\"M1 1\" />\n</svg>\n".to_owned()
            })
        };
        let text = sprite(&["bell".to_owned()], read).unwrap();
        assert!(text.contains("<symbol id=\"bell\" viewBox=\"0 0 24 24\""));
        assert!(text.contains("><path d=\"M1 1\" /></symbol>"));
    }

    #[test]
    fn an_icon_that_lucide_lacks_stops_the_build() {
        let error = sprite(&["nonesuch".to_owned()], |_| None).unwrap_err();
        assert!(error.to_string().contains("nonesuch"));
    }

    #[test]
    fn css_loses_its_comments_and_nothing_else() {
        assert_eq!(
            without_comments("/* a */\n.b { content: \"/* c */\"; }\n\n/* d\ne */.f {}\n"),
            ".b { content: \"/* c */\"; }\n.f {}"
        );
    }

    #[track_caller]
    fn check_refused(html: &str, expected: &[&str]) {
        let refused = refused_by_csp(html);
        assert_eq!(refused.len(), expected.len(), "{refused:?}");
        for (text, start) in refused.iter().zip(expected) {
            assert!(text.starts_with(start), "{text} should be {start}");
        }
    }

    #[test]
    fn a_page_with_an_inline_script_is_refused() {
        check_refused(
            "<head><script type=\"module\">\nimport init from '/a.js';\n</script></head>",
            &["an inline script"],
        );
        check_refused(
            "<script>x</script><SCRIPT >y</SCRIPT>",
            &["an inline script", "an inline script"],
        );
    }

    #[test]
    fn a_page_with_inline_styles_handlers_or_strangers_is_refused() {
        check_refused(
            "<style>a{}</style><p style=\"x\"><b onclick=\"x\">",
            &[
                "an inline style sheet",
                "an inline style",
                "an inline event",
            ],
        );
        check_refused(
            "<link href=\"https://example.com/a.css\"><script src=\"//example.com/a.js\"></script>",
            &["another origin", "another origin"],
        );
    }

    #[test]
    fn a_page_of_files_alone_is_not_refused() {
        check_refused(
            "<!-- <script>x</script> --><script src=\"/boot-1.js\" type=\"module\"></script><link rel=\"stylesheet\" href=\"/a.css\"/>",
            &[],
        );
    }

    #[test]
    fn the_source_of_the_page_has_nothing_inline() {
        let html = fs::read_to_string(tools::root().join("index.html")).unwrap();
        check_refused(&html, &[]);
    }
}
