//! The project's own rules over its source tree, as tests: what no compiler and no lint of others can know.
//!
//! Most rules are a row of [`LINE_RULES`]: in these files, no line may hold this text. Each has an example that
//! breaks it, so that a rule that no longer finds anything is itself found. The rest are functions below.
//! Only the standard library is used, so that crates/xtask can compile this in a second.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

// The tree.

/// The checkout: this file is compiled by the root package and by crates/xtask.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("Trunk.toml").is_file())
        .expect("the checkout has a Trunk.toml")
        .to_path_buf()
}

struct Source {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }
}

/// Every text file that we write. Folders that a build makes are not looked into.
fn sources() -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder of the checkout can be read")
            .flatten()
        {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().expect("its kind is known");
            if kind.is_dir() {
                let is_made = [
                    "target",
                    "dist",
                    "data",
                    "node_modules",
                    ".git",
                    "test-results",
                    "playwright-report",
                ]
                .contains(&name.as_str());
                if !is_made {
                    folders.push(path);
                }
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path
                    .strip_prefix(&root)
                    .expect("it is below the root")
                    .to_string_lossy()
                    .replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// `src/`, `crates/*/src/` or anything else.
fn is_in(path: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.find('/').map(|slash| &rest[slash..]))
            .is_some_and(|rest| rest.starts_with(after)),
        None => path.starts_with(pattern),
    }
}

/// The lines that a rule reads: with `code_only`, without comments and without the unit tests at the foot of a Rust file.
fn lines(source: &Source, code_only: bool) -> Vec<(usize, String)> {
    let numbered = source
        .text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.to_owned()));
    if !code_only {
        return numbered.collect();
    }
    if source.path.ends_with(".css") {
        let mut is_comment = false;
        return numbered
            .map(|(number, line)| (number, without_css_comment(&line, &mut is_comment)))
            .collect();
    }
    let is_rust = source.path.ends_with(".rs");
    numbered
        .take_while(|(_, line)| !(is_rust && line.trim() == "#[cfg(test)]"))
        .map(|(number, line)| (number, without_rust_comment(&line).to_owned()))
        .collect()
}

fn without_rust_comment(line: &str) -> &str {
    // The `//` of an address is no comment.
    let comment = line
        .match_indices("//")
        .find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn without_css_comment(line: &str, is_comment: &mut bool) -> String {
    let mut kept = String::new();
    let mut rest = line;
    loop {
        if *is_comment {
            let Some(end) = rest.find("*/") else {
                return kept;
            };
            rest = &rest[end + 2..];
            *is_comment = false;
        } else {
            let Some(start) = rest.find("/*") else {
                return kept + rest;
            };
            kept.push_str(&rest[..start]);
            rest = &rest[start + 2..];
            *is_comment = true;
        }
    }
}

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(
        found.is_empty(),
        "{} broken:\n{}",
        if found.len() == 1 {
            "a rule is"
        } else {
            "rules are"
        },
        found.join("\n")
    );
}

// Rules about single lines.

struct LineRule {
    why: &'static str,
    /// Where it holds.
    within: &'static [&'static str],
    /// Where it does not, each with its reason beside it.
    except: &'static [&'static str],
    finds: fn(&str) -> bool,
    /// A line that breaks it, and one like it that does not.
    bad: &'static str,
    good: &'static str,
}

const LINE_RULES: &[LineRule] = &[
    LineRule {
        why: "colours are named in style/tokens.css alone; elsewhere use var(--color-…)",
        within: &["style/", "src/"],
        except: &["style/tokens.css"],
        finds: has_colour,
        bad: ".a { color: #1a2b3c; }",
        good: ".a { color: var(--color-text); background: url(#add-icon); }",
    },
    LineRule {
        why: "colours are named in style/tokens.css alone; elsewhere use var(--color-…)",
        within: &["style/", "src/"],
        except: &["style/tokens.css"],
        finds: |line| {
            [
                "rgb(", "rgba(", "hsl(", "hsla(", "hwb(", "lab(", "lch(", "oklab(", "oklch(",
            ]
            .iter()
            .any(|call| has_word_start(line, call))
        },
        bad: ".a { color: oklch(60% 0.1 200); }",
        good: ".a { color: color-mix(in oklch, var(--a), var(--b)); }",
    },
    LineRule {
        why: "no inline style (the Content-Security-Policy forbids it): give it a class, or pass a number with style:--name",
        within: &["src/"],
        except: &[],
        finds: |line| {
            has_word_start(line, "style=")
                || after_word(line, "style:")
                    .any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        },
        bad: "<p style=\"color: red\">",
        good: "<p style:--progress=progress>",
    },
    LineRule {
        why: "the order of the layers decides, not !important",
        within: &["style/", "src/"],
        except: &[],
        finds: |line| line.replace(' ', "").contains("!important"),
        bad: "display: none !important;",
        good: "display: none;",
    },
    LineRule {
        why: "ui/ would fit any product: it knows neither the domain, nor the API, nor a page",
        within: &["src/ui/"],
        except: &[],
        finds: |line| {
            [
                "omocast_contract",
                "contract::",
                "crate::api",
                "crate::pages",
                "crate::components",
            ]
            .iter()
            .any(|text| line.contains(text))
        },
        bad: "use omocast_contract::Broadcast;",
        good: "use crate::ui::Button;",
    },
    LineRule {
        why: "components/ get data by props and tell intent by callbacks: they never call the API and know no page",
        within: &["src/components/"],
        // It turns the error type of the calls into words.
        except: &["src/components/error_text.rs"],
        finds: |line| {
            ["crate::api", "crate::pages"]
                .iter()
                .any(|text| line.contains(text))
        },
        bad: "use crate::api::use_api;",
        good: "use crate::ui::Button;",
    },
    LineRule {
        why: "src/api/http.rs is the only file that speaks HTTP: add a method to Api",
        within: &["src/"],
        except: &["src/api/http.rs"],
        finds: |line| line.contains("gloo_net"),
        bad: "use gloo_net::http::Request;",
        good: "use crate::api::Api;",
    },
    LineRule {
        why: "answers are read by crate::api::json::read: serde_json's own reader is compiled anew for each type",
        within: &["src/"],
        // The reader; and what no release has.
        except: &["src/api/json.rs", "src/api/fake/"],
        finds: |line| line.contains("serde_json::from_"),
        bad: "let page: Page = serde_json::from_str(&body)?;",
        good: "let body = serde_json::to_string(&page)?;",
    },
    LineRule {
        why: "a text in a view is phrase(Key::…): a closure at each place is code of its own in the wasm",
        within: &["src/"],
        except: &["src/i18n.rs"],
        finds: |line| {
            [
                "{move || t(",
                "=move || t(",
                "derive(|| t(",
                "derive(move || t(",
            ]
            .iter()
            .any(|text| line.contains(text))
        },
        bad: "<h1>{move || t(Key::NavConversations)}</h1>",
        good: "<h1>{phrase(Key::NavConversations)}</h1>",
    },
    LineRule {
        why: "lists that keep their rows are ui::rows: Leptos' For is compiled anew at each place",
        within: &["src/"],
        except: &["src/ui/flow.rs"],
        finds: |line| line.contains("<For "),
        bad: "<For each=move || ids.get() key=|id| *id let(id)>",
        good: "{rows(move || rows_of(ids))}",
    },
    LineRule {
        why: "src/route.rs is where the SPA's paths are spelled, and src/app.rs where they are routed: link with crate::route",
        within: &["src/"],
        except: &["src/route.rs", "src/app.rs"],
        finds: |line| literals(line).any(is_spa_path),
        bad: "<a href=\"/broadcasts/new\">",
        good: "<use href=\"/icons.svg#send\"/> \"/\" \" / \"",
    },
    LineRule {
        why: "crates/contract/src/api.rs is the only place that spells a path of the API",
        within: &["src/", "crates/*/src/"],
        except: &["crates/contract/src/api.rs"],
        finds: |line| literals(line).any(|text| text.starts_with("/api/")),
        bad: ".route(\"/api/broadcasts\", get(list))",
        good: ".route(api::BROADCASTS, get(list))",
    },
    LineRule {
        why: "crates/server/src/store/ is the only place that knows SQL: add a method to Store",
        within: &["crates/*/src/"],
        except: &["crates/server/src/store/", "crates/server/src/store.rs"],
        finds: |line| line.contains("sqlx"),
        bad: "use sqlx::Row;",
        good: "use crate::store::Store;",
    },
    LineRule {
        why: "contract has no I/O and never reads the clock: take `now` as an argument",
        within: &["crates/contract/src/"],
        except: &[],
        finds: |line| {
            [
                "SystemTime::now",
                "Instant::now",
                "Utc::now",
                "Timestamp::now",
                "std::fs",
                "std::net",
                "std::env",
                "tokio::",
            ]
            .iter()
            .any(|text| line.contains(text))
        },
        bad: "let now = Timestamp::now();",
        good: "fn reach(&self, now: Timestamp) -> Reach {",
    },
    LineRule {
        why: "a module is named for what it is about",
        within: &["src/", "crates/*/src/", "tests/"],
        // The table itself.
        except: &["tests/tidy.rs"],
        finds: |line| {
            after_word(line, "mod ").any(|rest| {
                [
                    "utils", "util", "common", "helpers", "types", "hooks", "services",
                ]
                .iter()
                .any(|name| {
                    rest.strip_prefix(name)
                        .is_some_and(|after| after.starts_with([';', ' ']))
                })
            })
        },
        bad: "pub(crate) mod utils;",
        good: "mod common_name;",
    },
    LineRule {
        why: "an exception to a lint is #[expect(…, reason = \"…\")], which ends when it is no longer needed",
        within: &["src/", "crates/*/src/", "tests/"],
        // The table itself.
        except: &["tests/tidy.rs"],
        finds: |line| line.contains("#[allow(") || line.contains("#![allow("),
        bad: "#[allow(dead_code)]",
        good: "#[expect(dead_code, reason = \"…\")]",
    },
];

/// `#` and 3, 4, 6 or 8 hexadecimal digits, not in the middle of a word.
fn has_colour(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| {
        let digits = line[at + 1..]
            .chars()
            .take_while(char::is_ascii_hexdigit)
            .count();
        let ends = line[at + 1 + digits..]
            .chars()
            .next()
            .is_none_or(|next| !next.is_alphanumeric() && next != '-' && next != '_');
        let starts =
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '&');
        matches!(digits, 3 | 4 | 6 | 8) && ends && starts
    })
}

/// What follows each place where the text starts a word.
fn after_word<'a>(line: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(text)
        .filter(|(at, _)| {
            !line[..*at].ends_with(|before: char| {
                before.is_alphanumeric() || before == '_' || before == '-'
            })
        })
        .map(|(at, found)| &line[at + found.len()..])
}

fn has_word_start(line: &str, text: &str) -> bool {
    after_word(line, text).next().is_some()
}

/// The texts in double quotes of a line.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// A path, but not of a file that is served as it is.
fn is_spa_path(text: &str) -> bool {
    let is_path = text.strip_prefix('/').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_lowercase() || first == ':')
    });
    let is_file = text.contains('.') || text.starts_with("/locales");
    is_path && !is_file
}

#[test]
fn no_line_breaks_a_rule() {
    let mut found = Vec::new();
    for source in sources() {
        for rule in LINE_RULES {
            let holds = rule
                .within
                .iter()
                .any(|pattern| is_in(&source.path, pattern));
            if !holds || rule.except.iter().any(|path| source.path.starts_with(path)) {
                continue;
            }
            for (number, line) in lines(&source, true) {
                if (rule.finds)(&line) {
                    found.push(format!(
                        "{}:{number}: {}\n    {}",
                        source.path,
                        rule.why,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert_none(&found);
}

#[test]
fn every_rule_finds_what_breaks_it_and_nothing_else() {
    for rule in LINE_RULES {
        assert!((rule.finds)(rule.bad), "not found: {}", rule.bad);
        assert!(!(rule.finds)(rule.good), "found though fine: {}", rule.good);
    }
}

#[test]
fn comments_and_unit_tests_are_not_code() {
    let rust = Source {
        path: "src/a.rs".into(),
        text: "let a = \"https://a\"; // b\n#[cfg(test)]\nmod tests {}\n".into(),
    };
    assert_eq!(
        lines(&rust, true),
        [(1, "let a = \"https://a\"; ".to_owned())]
    );
    let css = Source {
        path: "style/a.css".into(),
        text: "a /* b\nc */ d\n".into(),
    };
    assert_eq!(
        lines(&css, true),
        [(1, "a ".to_owned()), (2, " d".to_owned())]
    );
}

// Rules about files.

/// Files of ui/ and components/ that are not a component: with their reason.
const NOT_COMPONENTS: &[(&str, &str)] = &[
    ("src/ui/mod.rs", "lists the modules"),
    ("src/components/mod.rs", "lists the modules"),
    ("src/ui/caret.rs", "writes into a field, no markup"),
    ("src/ui/flow.rs", "what is there or not, no markup"),
    ("src/ui/ime.rs", "what fields for text share, no markup"),
    ("src/components/error_text.rs", "words, no markup"),
    ("src/components/reason_text.rs", "words, no markup"),
];

#[test]
fn a_component_has_its_css_and_its_stories() {
    let sources = sources();
    let has_css = |stem: &str| {
        sources
            .iter()
            .any(|source| source.path == format!("style/{stem}.css"))
    };
    let mut found = Vec::new();
    for source in &sources {
        let Some(rest) = ["src/ui/", "src/components/"]
            .iter()
            .find_map(|folder| source.path.strip_prefix(folder))
        else {
            continue;
        };
        // In a folder, mod.rs is the component and the other files are its parts.
        let stem = match rest.split_once('/') {
            None => source.stem(),
            Some((folder, "mod.rs")) => folder,
            Some(_) => continue,
        };
        if !rest.ends_with(".rs") || NOT_COMPONENTS.iter().any(|(path, _)| *path == source.path) {
            continue;
        }
        if !has_css(stem) {
            found.push(format!("{}:1: there is no style/{stem}.css (if it is no component, add it to NOT_COMPONENTS in tests/tidy.rs)", source.path));
        }
        if !source.text.contains("fn stories(") {
            found.push(format!("{}:1: there is no fn stories() for the gallery (if it is no component, add it to NOT_COMPONENTS in tests/tidy.rs)", source.path));
        }
    }
    assert_none(&found);
}

#[test]
fn every_css_variable_is_defined() {
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| is_in(&source.path, "style/") || is_in(&source.path, "src/"))
        .collect();
    let name_at = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
            .collect::<String>()
    };
    let mut defined = BTreeSet::new();
    for source in &sources {
        for (_, line) in lines(source, true) {
            for (at, _) in line.match_indices("--") {
                let name = name_at(&line[at..]);
                let after = line[at + name.len()..].trim_start();
                let is_set = if source.path.ends_with(".css") {
                    (after.starts_with(':') && !line[..at].ends_with('('))
                        || line[..at].trim_end().ends_with("@property")
                } else {
                    line[..at].ends_with("style:") || line[..at].ends_with('"')
                };
                if is_set {
                    defined.insert(name);
                }
            }
        }
    }
    let mut found = Vec::new();
    for source in &sources {
        for (number, line) in lines(source, true) {
            for (at, opening) in line.match_indices("var(") {
                let name = name_at(line[at + opening.len()..].trim_start());
                if !name.is_empty() && !defined.contains(&name) {
                    found.push(format!(
                        "{}:{number}: {name} is defined nowhere in style/",
                        source.path
                    ));
                }
            }
        }
    }
    assert_none(&found);
}

#[test]
fn every_css_file_is_in_a_layer() {
    let mut found = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| is_in(&source.path, "style/") && source.path.ends_with(".css"))
    {
        let is_layered = lines(source, true)
            .iter()
            .any(|(_, line)| line.trim_start().starts_with("@layer "));
        if !is_layered {
            found.push(format!(
                "{}:1: wrap it in its @layer, so that the order of files is no matter",
                source.path
            ));
        }
    }
    assert_none(&found);
}

#[test]
fn a_page_never_imports_another_page() {
    let mut found = Vec::new();
    for source in &sources() {
        let Some(rest) = source.path.strip_prefix("src/pages/") else {
            continue;
        };
        let own = rest.split(['/', '.']).next().unwrap_or(rest);
        if own == "mod" {
            continue;
        }
        for (number, line) in lines(source, true) {
            for other in line.split("crate::pages::").skip(1) {
                let other = other
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or(other);
                if other != own {
                    found.push(format!("{}:{number}: a page never imports another page: move what they share to components/", source.path));
                }
            }
        }
    }
    assert_none(&found);
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut found = Vec::new();
    for source in &sources() {
        let holds = ["src/", "crates/*/src/", "tests/"]
            .iter()
            .any(|pattern| is_in(&source.path, pattern));
        if holds && source.path.ends_with(".rs") && !source.text.starts_with("//!") {
            found.push(format!(
                "{}:1: the first line is not `//!` and what the module is for",
                source.path
            ));
        }
    }
    assert_none(&found);
}

#[test]
fn every_locale_has_the_same_keys() {
    let mut keys_by_file: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        if source.path.contains("locales/") && source.path.ends_with(".json") {
            let keys =
                json_keys(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
            keys_by_file.insert(source.path, keys);
        }
    }
    let all: BTreeSet<&String> = keys_by_file.values().flatten().collect();
    let mut found = Vec::new();
    for (path, keys) in &keys_by_file {
        for key in &all {
            if !keys.contains(*key) {
                found.push(format!(
                    "{path}:1: the key {key} is missing, which another locale has"
                ));
            }
        }
    }
    assert_none(&found);
}

/// The paths of all members of a JSON document, like `composer.send`. Arrays count as one value.
fn json_keys(text: &str) -> Result<BTreeSet<String>, String> {
    let mut keys = BTreeSet::new();
    let mut path: Vec<String> = Vec::new();
    let mut arrays = 0;
    let mut key: Option<String> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                let mut string = String::new();
                loop {
                    match characters.next().ok_or("a text without an end")? {
                        '"' => break,
                        '\\' => string.extend(characters.next()),
                        other => string.push(other),
                    }
                }
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                if arrays == 0 && characters.peek() == Some(&':') {
                    keys.insert(
                        path.iter()
                            .chain([&string])
                            .map(String::as_str)
                            .collect::<Vec<_>>()
                            .join("."),
                    );
                    key = Some(string);
                }
            }
            '[' => arrays += 1,
            ']' => arrays -= 1,
            '{' if arrays == 0 => path.extend(key.take()),
            '}' if arrays == 0 => {
                path.pop();
            }
            _ => {}
        }
    }
    if path.is_empty() && arrays == 0 {
        Ok(keys)
    } else {
        Err("an object or array without an end".to_owned())
    }
}

#[test]
fn the_keys_of_a_locale_are_found() {
    let keys = json_keys(r#"{ "a": "x \" { y", "b": { "c": ["d", {"e": 1}], "f": "" } }"#).unwrap();
    assert_eq!(
        keys.into_iter().collect::<Vec<_>>(),
        ["a", "b", "b.c", "b.f"]
    );
    assert!(json_keys("{ \"a\": [").is_err());
}

#[test]
fn nothing_names_a_folder_of_one_machine() {
    // Put together here, so that this file does not hold them.
    let folders = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat()];
    let mut found = Vec::new();
    for source in &sources() {
        for (number, line) in lines(source, false) {
            if folders.iter().any(|folder| line.contains(folder.as_str())) {
                found.push(format!(
                    "{}:{number}: this path exists on one machine only",
                    source.path
                ));
            }
        }
    }
    assert_none(&found);
}
