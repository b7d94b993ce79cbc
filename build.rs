//! Makes the enum of all texts (`Key`, `PluralKey`) from the first locale, and fails the build if another locale
//! lacks one, has one more, or names other placeholders. The texts themselves stay out of the wasm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::{env, fs, path::Path};

const FIRST: &str = "zh-Hant";
const OTHERS: [&str; 1] = ["en"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_SPLIT").is_some() {
        // What uses what, down to the data: without it nobody could tell which part needs which function.
        println!("cargo::rustc-link-arg-bins=--emit-relocs");
    }
    println!("cargo::rerun-if-changed=public/locales");
    let first = read(FIRST);
    for name in OTHERS {
        check_against(&first, name, &read(name));
    }
    let mut revision = 0xcbf2_9ce4_8422_2325_u64;
    for name in [FIRST].iter().chain(&OTHERS) {
        // FNV-1a: enough to give the files of another build another address.
        for byte in fs::read(path(name)).expect("it was read before") {
            revision = (revision ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("keys.rs");
    fs::write(out, source(&first, revision)).expect("OUT_DIR can be written");
}

fn path(locale: &str) -> String {
    format!("public/locales/{locale}.json")
}

fn read(locale: &str) -> BTreeMap<String, String> {
    let path = path(locale);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let texts: BTreeMap<String, String> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    // A map forgets a key that is there twice, so the lines are counted too: one key a line.
    let lines = text
        .lines()
        .filter(|line| line.trim_start().starts_with('"'))
        .count();
    assert!(
        lines == texts.len(),
        "{path}: {lines} lines, {} keys: is one there twice?",
        texts.len()
    );
    texts
}

fn check_against(first: &BTreeMap<String, String>, name: &str, other: &BTreeMap<String, String>) {
    for (key, text) in first {
        let Some(translated) = other.get(key) else {
            panic!("{}: the key {key} of {FIRST} is missing", path(name));
        };
        let (expected, found) = (placeholders(text), placeholders(translated));
        assert!(
            expected == found,
            "{}: {key} has the placeholders {found:?}, {FIRST} has {expected:?}",
            path(name)
        );
    }
    for key in other.keys() {
        assert!(
            first.contains_key(key),
            "{}: {FIRST} has no key {key}",
            path(name)
        );
    }
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .collect()
}

/// `sign_in.e_mail` becomes `SignInEMail`.
fn variant(key: &str) -> String {
    key.split(['.', '_', '-'])
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        })
        .collect()
}

fn source(texts: &BTreeMap<String, String>, revision: u64) -> String {
    let mut keys = String::new();
    let mut names = String::new();
    let mut plurals = String::new();
    let mut forms = String::new();
    for (key, text) in texts {
        let name = variant(key);
        writeln!(keys, "    /// {}\n    {name},", text.replace('\n', " ")).expect("a String");
        write!(names, "{key:?}, ").expect("a String");
        if let Some(base) = key.strip_suffix(".other") {
            let one = format!("{base}.one");
            assert!(texts.contains_key(&one), "{key} stands without {one}");
            let base = variant(base);
            writeln!(plurals, "    /// {}\n    {base},", text.replace('\n', " "))
                .expect("a String");
            writeln!(
                forms,
                "            Self::{base} => (Key::{}, Key::{name}),",
                variant(&one)
            )
            .expect("a String");
        }
    }
    let count = texts.len();
    format!(
        "/// Every text of the product, by its place in the locale files.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr(u16)]\npub enum Key {{\n{keys}}}\n\n\
         /// The texts that differ with a count.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum PluralKey {{\n{plurals}}}\n\n\
         impl PluralKey {{\n    fn forms(self) -> (Key, Key) {{\n        match self {{\n{forms}        }}\n    }}\n}}\n\n\
         const NAMES: [&str; {count}] = [{names}];\n\
         const REVISION: &str = \"{revision:016x}\";\n"
    )
}
