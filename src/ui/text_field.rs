//! A line of text with its label, and its error beside it.

use leptos::html;
use leptos::prelude::*;

use super::ime::{Typing, press};
use super::{Icon, IconView, reactive, unique_id};

/// What a line of text is, to the browser's keyboards and password managers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextKind {
    #[default]
    Text,
    Search,
    Email,
    Password,
    /// A time of some clock, to the minute: `2026-11-30T09:00`.
    DateTime,
}

impl TextKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Search => "search",
            Self::Email => "email",
            Self::Password => "password",
            Self::DateTime => "datetime-local",
        }
    }
}

#[component]
pub fn TextField(
    #[prop(into)] label: Signal<String>,
    /// Whether the label is only heard.
    #[prop(optional)]
    is_label_hidden: bool,
    value: RwSignal<String>,
    #[prop(optional)] kind: TextKind,
    #[prop(optional, into)] icon: Option<Icon>,
    #[prop(optional, into)] placeholder: Signal<String>,
    /// The `autocomplete` token.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// The name in its form.
    #[prop(optional)]
    name: &'static str,
    #[prop(optional, into)] maxlength: Option<u32>,
    /// The earliest time.
    #[prop(optional, into)]
    min: Option<String>,
    /// What is wrong with it; none when nothing is.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// Enter without Shift, but not the one that ends a composition.
    #[prop(optional, into)]
    on_enter: Option<Callback<()>>,
    #[prop(optional)] node_ref: NodeRef<html::Input>,
) -> impl IntoView {
    let id = unique_id();
    let error_id = unique_id();
    let typing = Typing::new(value, move || node_ref.get().map(Into::into));
    let has_error = move || error.with(Option::is_some);
    let described_by = {
        let error_id = error_id.clone();
        move || has_error().then(|| error_id.clone())
    };
    view! {
        <div class="text-field">
            <label
                class=if is_label_hidden { "visually-hidden" } else { "text-field__label" }
                for=id.clone()
            >
                {move || label.get()}
            </label>
            <span class="text-field__frame">
                {icon.map(|icon| view! { <IconView icon /> })}
                <input
                    class="text-field__input"
                    id=id
                    type=kind.as_str()
                    name=name
                    autocomplete=autocomplete
                    maxlength=maxlength
                    min=min
                    placeholder=move || placeholder.get()
                    aria-invalid=move || has_error().then_some("true")
                    aria-describedby=reactive(described_by)
                    node_ref=node_ref
                    on:input=move |event| typing.take(&event)
                    on:compositionstart=move |_| typing.begin()
                    on:compositionend=move |event| typing.end(&event)
                    on:keydown=move |key| press(&key, on_enter)
                />
            </span>
            {move || {
                error
                    .get()
                    .map(|error| {
                        view! {
                            <p class="text-field__error" role="alert" id=error_id.clone()>
                                {error}
                            </p>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("kinds", || {
            view! {
                <div class="gallery__column">
                    <TextField label="電子郵件" kind=TextKind::Email value=RwSignal::new(String::new()) />
                    <TextField label="密碼" kind=TextKind::Password value=RwSignal::new("12345678".into()) />
                    <TextField
                        label="搜尋顧客"
                        is_label_hidden=true
                        kind=TextKind::Search
                        icon=Icon::Search
                        placeholder="搜尋顧客"
                        value=RwSignal::new(String::new())
                    />
                    <TextField
                        label="時間（Asia/Taipei）"
                        kind=TextKind::DateTime
                        min="2026-11-23T10:43"
                        value=RwSignal::new("2026-11-30T09:00".into())
                    />
                </div>
            }
            .into_any()
        }),
        Story::new("with an error", || {
            view! {
                <TextField
                    label="電子郵件"
                    kind=TextKind::Email
                    value=RwSignal::new("mei".into())
                    error=Some("請輸入電子郵件".to_owned())
                />
            }
            .into_any()
        }),
    ]
}
