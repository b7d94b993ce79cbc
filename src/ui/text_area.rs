//! Some lines of text. It grows with them, and never disturbs an input method.

use leptos::html;
use leptos::prelude::*;

use super::ime::{Typing, press};
use super::{reactive, unique_id};

#[component]
pub fn TextArea(
    #[prop(into)] label: Signal<String>,
    /// Whether the label is only heard.
    #[prop(optional)]
    is_label_hidden: bool,
    /// Whether it stands in a frame of its own; false where what is around it is its frame.
    #[prop(default = true)]
    has_frame: bool,
    value: RwSignal<String>,
    #[prop(optional, into)] placeholder: Signal<String>,
    #[prop(default = 2)] rows: u32,
    /// What is wrong with it; none when nothing is.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// The id of what else describes it, such as a count.
    #[prop(optional, into)]
    described_by: Option<String>,
    /// Enter without Shift, but not the one that ends a composition. Without this, Enter is a new line.
    #[prop(optional, into)]
    on_enter: Option<Callback<()>>,
    /// The element, for whoever inserts at the caret.
    #[prop(optional)]
    node_ref: NodeRef<html::Textarea>,
) -> impl IntoView {
    let id = unique_id();
    let error_id = unique_id();
    let typing = Typing::new(value, move || node_ref.get().map(Into::into));
    let has_error = move || error.with(Option::is_some);
    let described_by = {
        let error_id = error_id.clone();
        move || {
            let error_id = has_error().then(|| error_id.clone());
            match (error_id, described_by.clone()) {
                (Some(error), Some(other)) => Some([error, other].join(" ")),
                (one, other) => one.or(other),
            }
        }
    };
    view! {
        <div class="text-area" data-frame=has_frame.then_some("")>
            <label
                class=if is_label_hidden { "visually-hidden" } else { "text-area__label" }
                for=id.clone()
            >
                {move || label.get()}
            </label>
            <textarea
                class="text-area__input"
                id=id
                rows=rows
                placeholder=move || placeholder.get()
                aria-invalid=move || has_error().then_some("true")
                aria-describedby=reactive(described_by)
                node_ref=node_ref
                on:input=move |event| typing.take(&event)
                on:compositionstart=move |_| typing.begin()
                on:compositionend=move |event| typing.end(&event)
                on:keydown=move |key| press(&key, on_enter)
            ></textarea>
            {move || {
                error
                    .get()
                    .map(|error| {
                        view! {
                            <p class="text-area__error" role="alert" id=error_id.clone()>
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
        Story::new("framed", || {
            view! {
                <TextArea
                    label="回覆"
                    placeholder="輸入訊息"
                    value=RwSignal::new("您好，秋季新品已到店 🍂\n本週六日於信義門市試穿。".into())
                />
            }
            .into_any()
        }),
        Story::new("frameless, with an error", || {
            view! {
                <TextArea
                    label="第 1 則訊息"
                    is_label_hidden=true
                    has_frame=false
                    value=RwSignal::new(String::new())
                    placeholder="輸入文字"
                    error=Some("請輸入文字".to_owned())
                />
            }
            .into_any()
        }),
    ]
}
