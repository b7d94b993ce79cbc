//! The platform's own code beside a reason, which support asks for: small, after the words of the product.

use leptos::prelude::*;

use crate::i18n::{Key, t_with};

/// The code, and what the platform says with it in its own language, which one finds by pointing at it.
/// What comes without a code is itself shown as one, and cut off where it is long.
#[component]
pub fn PlatformCode(#[prop(into)] code: Signal<Option<String>>) -> impl IntoView {
    move || {
        code.get().map(|whole| {
            let words = code_text(&whole);
            let title = (number_of(&whole) != whole).then(|| whole.clone());
            view! { <small class="platform-code" title=title>{words}</small> }
        })
    }
}

/// 「代碼 131047」. Reactive on the locale.
pub fn code_text(code: &str) -> String {
    t_with(Key::ReasonCode, &[("code", number_of(code))])
}

/// The code alone, where one stands before the platform's words: 「429 You have reached your monthly limit.」.
fn number_of(code: &str) -> &str {
    match code.split_once(' ') {
        Some((first, _)) if first.starts_with(|first: char| first.is_ascii_digit()) => first,
        _ => code,
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(code: &str) -> AnyView {
        let code = code.to_owned();
        view! {
            <p>"已逾 24 小時 " <PlatformCode code=Signal::derive(move || Some(code.clone())) /></p>
        }
        .into_any()
    }
    vec![
        Story::new("a code", || story("131047")),
        Story::new("a code with the platform's words", || {
            story("429 You have reached your monthly limit.")
        }),
        Story::new("words alone", || {
            story("connection closed before message completed, while the answer was being read")
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_s_words_are_told_from_its_code() {
        for (whole, number) in [
            ("131047", "131047"),
            ("100/2018278", "100/2018278"),
            ("429 You have reached your monthly limit.", "429"),
            ("not_of_meta", "not_of_meta"),
            ("connection closed", "connection closed"),
        ] {
            assert_eq!(number_of(whole), number);
        }
    }
}
