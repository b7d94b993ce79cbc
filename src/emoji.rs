//! The emoji there are and the words they are found by, fetched per language when a picker is first opened.

use std::cell::RefCell;
use std::sync::Arc;

use leptos::prelude::window;

use crate::api::json;
use crate::i18n::{self, Locale, lower_case};

/// As many as two rows of the picker hold.
const MAX_RECENT: usize = 16;
const RECENT_STORED_AS: &str = "omocast.emoji";

/// One emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    /// What is inserted.
    pub text: String,
    pub name: String,
    /// Its name and the other words it is found by, in lower case.
    words: String,
}

/// Every emoji in Unicode's order, by Unicode's groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EmojiSet {
    pub groups: Vec<Vec<Emoji>>,
}

impl EmojiSet {
    /// Reads a file that the build made: per group, emoji with name and words.
    pub fn read(text: &str) -> Result<Self, String> {
        let groups: Vec<Vec<(String, String, String)>> =
            json::read(text).map_err(|error| error.to_string())?;
        let emoji = |(text, name, words): (String, String, String)| {
            let words = lower_case(&[name.as_str(), &words].join(" "));
            Emoji { text, name, words }
        };
        let groups = groups
            .into_iter()
            .map(|group| group.into_iter().map(emoji).collect())
            .collect();
        Ok(Self { groups })
    }

    fn all(&self) -> impl Iterator<Item = &Emoji> {
        self.groups.iter().flatten()
    }

    pub fn find(&self, text: &str) -> Option<&Emoji> {
        self.all().find(|emoji| emoji.text == text)
    }

    /// Those that all the words entered are found in; the ones whose name begins with them first.
    pub fn search(&self, entered: &str) -> Vec<Emoji> {
        let entered = lower_case(entered.trim());
        search(self.all(), &entered)
    }
}

fn search<'a>(all: impl Iterator<Item = &'a Emoji>, entered: &str) -> Vec<Emoji> {
    let mut found: Vec<(bool, &Emoji)> = all
        .filter(|emoji| {
            emoji.text == entered
                || entered
                    .split_whitespace()
                    .all(|word| emoji.words.contains(word))
        })
        .map(|emoji| (!emoji.words.starts_with(entered), emoji))
        .collect();
    found.sort_by_key(|(is_later, _)| *is_later);
    found.into_iter().map(|(_, emoji)| emoji.clone()).collect()
}

thread_local! {
    static LOADED: RefCell<Option<(Locale, Arc<EmojiSet>)>> = const { RefCell::new(None) };
}

/// The emoji with the words of a language. Fetched once, until another language is used.
pub async fn load(locale: Locale) -> Result<Arc<EmojiSet>, String> {
    let known = LOADED.with_borrow(|loaded| {
        let (of, set) = loaded.as_ref()?;
        (*of == locale).then(|| Arc::clone(set))
    });
    if let Some(set) = known {
        return Ok(set);
    }
    let json = i18n::fetch_text("emoji", locale).await?;
    give(locale, &json)
}

/// Uses these emoji, the content of a file of the build.
pub fn give(locale: Locale, json: &str) -> Result<Arc<EmojiSet>, String> {
    let set = Arc::new(EmojiSet::read(json)?);
    LOADED.set(Some((locale, Arc::clone(&set))));
    Ok(set)
}

/// What was picked last in this browser, the latest first.
pub fn recent() -> Vec<String> {
    let stored = window()
        .local_storage()
        .ok()
        .flatten()
        .and_then(|storage| storage.get_item(RECENT_STORED_AS).ok().flatten())
        .unwrap_or_default();
    stored.split_whitespace().map(str::to_owned).collect()
}

/// Notes that one was picked.
pub fn remember(picked: &str) {
    let recent = with_latest(recent(), picked);
    if let Ok(Some(storage)) = window().local_storage() {
        // A full or forbidden storage only means that it is not remembered.
        let _ = storage.set_item(RECENT_STORED_AS, &recent.join(" "));
    }
}

fn with_latest(mut recent: Vec<String>, picked: &str) -> Vec<String> {
    recent.retain(|known| known != picked);
    recent.insert(0, picked.to_owned());
    recent.truncate(MAX_RECENT);
    recent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emoji(text: &str, words: &str) -> Emoji {
        Emoji {
            text: text.to_owned(),
            name: String::new(),
            words: words.to_owned(),
        }
    }

    #[track_caller]
    fn check(entered: &str, expected: &[&str]) {
        let all = [
            emoji("❤️", "紅心 愛 心"),
            emoji("💛", "黃心 愛"),
            emoji("🫶", "比心 愛 手"),
            emoji("✋", "手掌 舉手"),
        ];
        let found = search(all.iter(), entered);
        let found: Vec<_> = found.iter().map(|emoji| emoji.text.as_str()).collect();
        assert_eq!(found, expected, "{entered}");
    }

    #[test]
    fn every_word_entered_must_be_found() {
        check("愛 手", &["🫶"]);
        check("貓", &[]);
    }

    #[test]
    fn a_name_that_begins_so_comes_first() {
        check("手", &["✋", "🫶"]);
        check("愛", &["❤️", "💛", "🫶"]);
    }

    #[test]
    fn an_emoji_finds_itself() {
        check("💛", &["💛"]);
    }

    #[test]
    fn the_latest_comes_first_and_stands_once() {
        let mut recent = Vec::new();
        for number in 0..20 {
            recent = with_latest(recent, &number.to_string());
        }
        recent = with_latest(recent, "10");
        assert_eq!((recent.len(), recent[0].as_str()), (MAX_RECENT, "10"));
        assert_eq!(recent.iter().filter(|known| *known == "10").count(), 1);
    }
}
