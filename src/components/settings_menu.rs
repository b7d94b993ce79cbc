//! Language and looks, to choose before signing in as well as after.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::i18n::{self, Key, Locale, phrase, t};
use crate::theme::{self, Theme};
use crate::ui::{Icon, IconView, Menu, MenuItem, use_toasts};

/// The menu.
#[component]
pub fn SettingsMenu(
    /// Whether its button names the languages, each in its own words: for those who can't read the page.
    #[prop(optional)]
    is_wide: bool,
) -> impl IntoView {
    let toasts = use_toasts();
    let items = Signal::derive(move || {
        let languages = Locale::ALL.into_iter().map(move |locale| {
            let choose = move || {
                spawn_local(async move {
                    if i18n::switch(locale).await.is_err() {
                        toasts.error(i18n::t_now(Key::ErrorOffline));
                    }
                });
            };
            let item = MenuItem::new(locale.own_name(), choose).checked(i18n::locale() == locale);
            if locale == Locale::ALL[0] {
                item.heading(t(Key::AppLanguage))
            } else {
                item
            }
        });
        let themes = Theme::ALL.into_iter().map(|theme| {
            let item = MenuItem::new(t(theme_key(theme)), move || theme::switch(theme))
                .checked(theme::theme() == theme);
            if theme == Theme::ALL[0] {
                item.heading(t(Key::AppTheme))
            } else {
                item
            }
        });
        languages.chain(themes).collect::<Vec<_>>()
    });
    let label = phrase(Key::AppSettings);
    if is_wide {
        let names = Locale::ALL.map(Locale::own_name).join(" · ");
        view! {
            <span class="settings-menu settings-menu--wide">
                <Menu label items>
                    <IconView icon=Icon::Languages />
                    <span class="settings-menu__names">{names}</span>
                </Menu>
            </span>
        }
        .into_any()
    } else {
        view! { <Menu label icon=Icon::Settings items /> }.into_any()
    }
}

fn theme_key(theme: Theme) -> Key {
    match theme {
        Theme::System => Key::AppThemeSystem,
        Theme::Light => Key::AppThemeLight,
        Theme::Dark => Key::AppThemeDark,
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::{Story, provide_toasts};
    vec![
        Story::new("before signing in", || {
            provide_toasts();
            view! { <SettingsMenu is_wide=true /> }.into_any()
        }),
        Story::new("on the rail", || {
            provide_toasts();
            view! { <SettingsMenu /> }.into_any()
        }),
    ]
}
