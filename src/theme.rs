//! Light, dark, or as the system has it. `style/tokens.css` does the rest.

use leptos::prelude::*;

const STORED_AS: &str = "omocast.theme";

/// How the product looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

thread_local! {
    static CURRENT: ArcRwSignal<Theme> = ArcRwSignal::new(Theme::System);
}

/// The theme in use.
pub fn theme() -> Theme {
    CURRENT.with(Clone::clone).get()
}

/// Takes up what was chosen here before: once, at the start.
pub fn start() {
    let stored = window()
        .local_storage()
        .ok()
        .flatten()
        .and_then(|storage| storage.get_item(STORED_AS).ok().flatten());
    let theme = Theme::ALL
        .into_iter()
        .find(|theme| stored.as_deref() == Some(theme.as_str()));
    show(theme.unwrap_or_default());
}

/// Switches and remembers it.
pub fn switch(theme: Theme) {
    show(theme);
    if let Ok(Some(storage)) = window().local_storage() {
        // A full or forbidden storage only means that the choice is not remembered.
        let _ = storage.set_item(STORED_AS, theme.as_str());
    }
}

fn show(theme: Theme) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-theme", theme.as_str());
    }
    CURRENT.with(Clone::clone).set(theme);
}
