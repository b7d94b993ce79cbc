//! Where a reply to one customer is written.
//!
//! The field is not controlled: its text is taken over as it is typed, and only written to when somebody else changes it,
//! so that an input method's composition is never disturbed.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::Channel;
use omocast_contract::limit::text_limit;
use omocast_contract::text::{is_blank, length};
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlInputElement};

use crate::components::channel_badge::channel_name;
use crate::i18n::{Key, PluralKey, number, phrase, t_count, t_with};
use crate::ui::{Button, ButtonKind, Icon, IconButton, Notice, Show, Tone, is_composing, reactive};

/// The reply box.
#[component]
pub fn ReplyBox(
    /// What is written. Emptied by the owner once it is sent.
    text: RwSignal<String>,
    /// Where it will go: its limit counts.
    #[prop(into)]
    channel: Signal<Channel>,
    /// Why nothing can be sent now, in words.
    #[prop(into)]
    refusal: Signal<Option<String>>,
    /// Whether something is being sent.
    #[prop(into)]
    is_sending: Signal<bool>,
    /// Why the last attempt failed, in words.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// What part of an image is sent, 0 to 1, while it is.
    #[prop(into)]
    upload: Signal<Option<f64>>,
    /// The text is to be sent.
    on_send: Callback<String>,
    /// An image is to be sent.
    on_image: Callback<File>,
    /// The saved replies (預存回覆) are wanted.
    on_saved_replies: Callback<()>,
    /// How many messages of a saved reply wait to be sent, one after the other.
    #[prop(into)]
    waiting: Signal<usize>,
    /// Those that wait are to be sent, or to be given up.
    on_waiting: Callback<bool>,
) -> impl IntoView {
    let field = NodeRef::<html::Textarea>::new();
    let picker = NodeRef::<html::Input>::new();
    let is_too_long = Memo::new(move |_| {
        let (limit, unit) = text_limit(channel.get());
        text.with(|text| length(text, unit) > limit)
    });
    // An effect, because the field is left alone unless the text was changed by somebody else than the writer.
    Effect::new(move |_| {
        let text = text.get();
        if let Some(field) = field.get()
            && field.value() != text
        {
            field.set_value(&text);
        }
    });
    let may_send = Memo::new(move |_| {
        refusal.with(Option::is_none) && !is_too_long.get() && text.with(|text| !is_blank(text))
    });
    let send = move || {
        if may_send.get_untracked() && !is_sending.get_untracked() {
            on_send.run(text.get_untracked());
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !is_composing(&event) {
            event.prevent_default();
            send();
        }
    };
    let on_pick = move |event: ev::Event| {
        let input: Option<HtmlInputElement> =
            event.target().and_then(|target| target.dyn_into().ok());
        if let Some(input) = input {
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                on_image.run(file);
            }
            // So that the same file can be chosen again.
            input.set_value("");
        }
    };
    let count = move || {
        let (limit, unit) = text_limit(channel.get());
        let used = text.with(|text| length(text, unit));
        (used * 5 >= limit * 4).then(|| {
            let (used, limit) = (number(used as u64), number(limit as u64));
            t_with(Key::ReplyCount, &[("used", &used), ("limit", &limit)])
        })
    };
    let problem = move || {
        if is_too_long.get() {
            let channel = channel_name(channel.get());
            return Some(t_with(Key::ReplyTooLong, &[("channel", &channel)]));
        }
        error
            .get()
            .map(|reason| t_with(Key::ReplyFailed, &[("reason", &reason)]))
    };
    view! {
        <div class="reply-box">
            {move || refusal.get().map(|reason| view! { <Notice tone=Tone::Warn>{reason}</Notice> })}
            <Show when=move || waiting.get() != 0>
                <Notice tone=Tone::Action>
                    <span class="reply-box__waiting">
                        {move || t_count(PluralKey::ReplyWaiting, waiting.get() as u64, &[])}
                    </span>
                    <Button
                        icon=Icon::Send
                        busy=is_sending
                        disabled_reason=refusal
                        on_click=move || on_waiting.run(true)
                    >
                        {phrase(Key::ReplySendAll)}
                    </Button>
                    <Button kind=ButtonKind::Quiet on_click=move || on_waiting.run(false)>
                        {phrase(Key::UiCancel)}
                    </Button>
                </Notice>
            </Show>
            <p class="reply-box__problem" role="alert" id="reply-problem">{reactive(problem)}</p>
            <div class="reply-box__field">
                <IconButton
                    icon=Icon::Image
                    label=phrase(Key::ReplyAttach)
                    disabled_reason=refusal
                    on_click=move || {
                        if let Some(picker) = picker.get_untracked() {
                            picker.click();
                        }
                    }
                />
                <input
                    node_ref=picker
                    class="reply-box__picker"
                    type="file"
                    accept="image/jpeg,image/png"
                    tabindex="-1"
                    aria-label=phrase(Key::ReplyAttach)
                    on:change=on_pick
                />
                <IconButton
                    icon=Icon::MessageSquare
                    label=phrase(Key::SavedTitle)
                    disabled_reason=refusal
                    on_click=on_saved_replies
                />
                <textarea
                    node_ref=field
                    class="reply-box__text"
                    rows="1"
                    aria-label=phrase(Key::ReplyLabel)
                    aria-describedby="reply-problem"
                    aria-invalid=move || is_too_long.get().then_some("true")
                    placeholder=phrase(Key::ReplyPlaceholder)
                    title=phrase(Key::ReplyHint)
                    enterkeyhint="send"
                    readonly=move || refusal.with(Option::is_some)
                    on:input:target=move |event| text.set(event.target().value())
                    on:keydown=on_key
                ></textarea>
                <Button
                    kind=ButtonKind::Primary
                    icon=Icon::Send
                    busy=is_sending
                    disabled_reason=refusal
                    on_click=send
                >
                    {phrase(Key::ReplySend)}
                </Button>
            </div>
            <div class="reply-box__foot">
                <span role="status">
                    {move || {
                        upload
                            .get()
                            .map(|part| {
                                let percent = number((part * 100.0) as u64);
                                t_with(Key::ReplyUploading, &[("percent", &percent)])
                            })
                    }}
                </span>
                <span class="reply-box__count" data-over=move || is_too_long.get().then_some("true")>{reactive(count)}</span>
            </div>
        </div>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(
        text: &str,
        refusal: Option<&str>,
        error: Option<&str>,
        upload: Option<f64>,
    ) -> AnyView {
        with_waiting(text, refusal, error, upload, 0)
    }

    fn with_waiting(
        text: &str,
        refusal: Option<&str>,
        error: Option<&str>,
        upload: Option<f64>,
        waiting: usize,
    ) -> AnyView {
        let text = RwSignal::new(text.to_owned());
        view! {
            <ReplyBox
                text
                channel=Channel::Instagram
                refusal=Signal::stored(refusal.map(str::to_owned))
                is_sending=upload.is_some()
                error=Signal::stored(error.map(str::to_owned))
                upload=Signal::stored(upload)
                on_send=Callback::new(move |_| text.set(String::new()))
                on_image=Callback::new(|_| ())
                on_saved_replies=Callback::new(|()| ())
                waiting
                on_waiting=Callback::new(|_| ())
            />
        }
        .into_any()
    }

    vec![
        Story::new("empty", || story("", None, None, None)),
        Story::new("near the limit", || {
            story(&"好".repeat(300), None, None, None)
        }),
        Story::new("too long", || story(&"好".repeat(400), None, None, None)),
        Story::new("refused, with the reason", || {
            story(
                "",
                Some("已逾 24 小時：顧客再次來訊前無法發送。"),
                None,
                None,
            )
        }),
        Story::new("it was not sent", || {
            story("好的", None, Some("無法連線，請檢查網路後重試。"), None)
        }),
        Story::new("messages of a saved reply wait", || {
            with_waiting("", None, None, None, 3)
        }),
        Story::new("an image on its way", || story("", None, None, Some(0.42))),
    ]
}
