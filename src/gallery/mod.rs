//! The designers' gallery: every component in every state, without a server. Feature `preview` only.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::components;
use crate::i18n::{self, Locale};
use crate::theme::{self, Theme};
use crate::ui::{self, Story, Tab, Tabs, unique_id};

/// A component and its stories.
pub struct Entry {
    pub group: &'static str,
    pub name: &'static str,
    pub stories: fn() -> Vec<Story>,
}

const fn entry(group: &'static str, name: &'static str, stories: fn() -> Vec<Story>) -> Entry {
    Entry {
        group,
        name,
        stories,
    }
}

/// Every component, by hand: a line for each new one.
pub const ENTRIES: &[Entry] = &[
    entry("ui", "avatar", ui::avatar::stories),
    entry("ui", "button", ui::button::stories),
    entry("ui", "checkbox", ui::checkbox::stories),
    entry("ui", "chip", ui::chip::stories),
    entry("ui", "dialog", ui::dialog::stories),
    entry("ui", "empty_state", ui::empty_state::stories),
    entry("ui", "error_panel", ui::error_panel::stories),
    entry("ui", "icon", ui::icon::stories),
    entry("ui", "icon_button", ui::icon_button::stories),
    entry("ui", "menu", ui::menu::stories),
    entry("ui", "meter", ui::meter::stories),
    entry("ui", "notice", ui::notice::stories),
    entry("ui", "skeleton", ui::skeleton::stories),
    entry("ui", "spinner", ui::spinner::stories),
    entry("ui", "tabs", ui::tabs::stories),
    entry("ui", "text_area", ui::text_area::stories),
    entry("ui", "text_field", ui::text_field::stories),
    entry("ui", "toasts", ui::toasts::stories),
    entry("ui", "tooltip", ui::tooltip::stories),
    entry("ui", "windowed_list", ui::windowed_list::stories),
    entry(
        "components",
        "broadcast_action",
        components::broadcast_action::stories,
    ),
    entry(
        "components",
        "broadcast_check",
        components::broadcast_check::stories,
    ),
    entry(
        "components",
        "broadcast_contents",
        components::broadcast_contents::stories,
    ),
    entry(
        "components",
        "broadcast_log",
        components::broadcast_log::stories,
    ),
    entry(
        "components",
        "channel_badge",
        components::channel_badge::stories,
    ),
    entry(
        "components",
        "channel_choice",
        components::channel_choice::stories,
    ),
    entry("components", "composer", components::composer::stories),
    entry(
        "components",
        "customer_panel",
        components::customer_panel::stories,
    ),
    entry(
        "components",
        "customer_row",
        components::customer_row::stories,
    ),
    entry("components", "draft_list", components::draft_list::stories),
    entry(
        "components",
        "draft_status",
        components::draft_status::stories,
    ),
    entry(
        "components",
        "emoji_picker",
        components::emoji_picker::stories,
    ),
    entry(
        "components",
        "filter_chips",
        components::filter_chips::stories,
    ),
    entry(
        "components",
        "filter_dialog",
        components::filter_dialog::stories,
    ),
    entry("components", "finder", components::finder::stories),
    entry(
        "components",
        "hold_notice",
        components::hold_notice::stories,
    ),
    entry(
        "components",
        "insert_tools",
        components::insert_tools::stories,
    ),
    entry(
        "components",
        "message_bubble",
        components::message_bubble::stories,
    ),
    entry(
        "components",
        "message_editor",
        components::message_editor::stories,
    ),
    entry(
        "components",
        "outcome_list",
        components::outcome_list::stories,
    ),
    entry(
        "components",
        "paused_accounts",
        components::paused_accounts::stories,
    ),
    entry(
        "components",
        "platform_code",
        components::platform_code::stories,
    ),
    entry(
        "components",
        "preview_phone",
        components::preview_phone::stories,
    ),
    entry(
        "components",
        "progress_figures",
        components::progress_figures::stories,
    ),
    entry(
        "components",
        "progress_meter",
        components::progress_meter::stories,
    ),
    entry(
        "components",
        "recipient_table",
        components::recipient_table::stories,
    ),
    entry("components", "reply_box", components::reply_box::stories),
    entry("components", "retry_list", components::retry_list::stories),
    entry("components", "rich_text", components::rich_text::stories),
    entry(
        "components",
        "saved_replies",
        components::saved_replies::stories,
    ),
    entry("components", "select_bar", components::select_bar::stories),
    entry("components", "send_bar", components::send_bar::stories),
    entry(
        "components",
        "settings_menu",
        components::settings_menu::stories,
    ),
    entry(
        "components",
        "status_chip",
        components::status_chip::stories,
    ),
    entry(
        "components",
        "template_form",
        components::template_form::stories,
    ),
    entry(
        "components",
        "template_picker",
        components::template_picker::stories,
    ),
    entry(
        "components",
        "template_preview",
        components::template_preview::stories,
    ),
    entry("components", "test_send", components::test_send::stories),
    entry(
        "components",
        "thread_view",
        components::thread_view::stories,
    ),
    entry(
        "components",
        "waba_conflict",
        components::waba_conflict::stories,
    ),
];

/// A list of the components, and all stories of the chosen one. Its own words are English: it is a tool, not the product.
#[component]
pub fn GalleryPage() -> impl IntoView {
    let chosen = RwSignal::new(chosen_before());
    let width = RwSignal::new("full");
    let choose = move |index: usize| {
        chosen.set(index);
        // So that a reload, and a link sent to a colleague, show the same component.
        let _ = window().location().set_hash(ENTRIES[index].name);
    };
    let names = ENTRIES
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let begins_group = index == 0 || ENTRIES[index - 1].group != entry.group;
            view! {
                {begins_group.then(|| view! { <p class="gallery__group">{entry.group}</p> })}
                <button
                    type="button"
                    class="gallery__name"
                    aria-current=move || (chosen.get() == index).then_some("true")
                    on:click=move |_| choose(index)
                >
                    {entry.name}
                </button>
            }
        })
        .collect_view();
    let locales = Locale::ALL
        .map(|locale| Tab::new(locale.as_str(), locale.own_name()))
        .to_vec();
    let themes = Theme::ALL
        .map(|theme| Tab::new(theme.as_str(), theme.as_str()))
        .to_vec();
    let widths = ["phone", "tablet", "full"]
        .map(|width| Tab::new(width, width))
        .to_vec();
    let switch_locale = Callback::new(|tag: String| {
        if let Some(locale) = Locale::of_tag(&tag) {
            // The texts are part of this build, so they are always there.
            spawn_local(async move {
                let _ = i18n::switch(locale).await;
            });
        }
    });
    let switch_theme = Callback::new(|name: String| {
        if let Some(theme) = Theme::ALL.into_iter().find(|theme| theme.as_str() == name) {
            theme::switch(theme);
        }
    });
    let switch_width = Callback::new(move |name: String| {
        let known = ["phone", "tablet", "full"];
        if let Some(name) = known.into_iter().find(|known| *known == name) {
            width.set(name);
        }
    });
    view! {
        <div class="gallery">
            <nav class="gallery__side" aria-label="Components">
                {names}
            </nav>
            <main class="gallery__main">
                <header class="gallery__bar">
                    <h1 class="gallery__title">{move || ENTRIES[chosen.get()].name}</h1>
                    <Tabs
                        label="Width"
                        tabs=widths
                        selected=Signal::derive(move || width.get().to_owned())
                        on_select=switch_width
                    />
                    <Tabs
                        label="Theme"
                        tabs=themes
                        selected=Signal::derive(|| theme::theme().as_str().to_owned())
                        on_select=switch_theme
                    />
                    <Tabs
                        label="Language"
                        tabs=locales
                        selected=Signal::derive(|| i18n::locale().as_str().to_owned())
                        on_select=switch_locale
                    />
                </header>
                <div class="gallery__stories" data-width=move || width.get()>
                    {move || {
                        (ENTRIES[chosen.get()].stories)()
                            .into_iter()
                            .map(|story| view! { <Stage story /> })
                            .collect_view()
                    }}
                </div>
            </main>
        </div>
    }
    .into_any()
}

/// One story with its name.
#[component]
pub fn Stage(story: Story) -> impl IntoView {
    let name_id = unique_id();
    view! {
        <section class="gallery__story" aria-labelledby=name_id.clone()>
            <h2 class="gallery__story-name" id=name_id.clone()>
                {story.name}
            </h2>
            <div class="gallery__stage">{untrack(story.view)}</div>
        </section>
    }
    .into_any()
}

fn chosen_before() -> usize {
    let hash = window().location().hash().unwrap_or_default();
    let name = hash.trim_start_matches('#');
    ENTRIES
        .iter()
        .position(|entry| entry.name == name)
        .unwrap_or(0)
}
