//! A remark that stands where it matters.

use leptos::prelude::*;

use super::{Icon, IconView, Tone};

#[component]
pub fn Notice(
    #[prop(optional)] tone: Tone,
    /// Whether it is spoken at once: for an error that has just come up.
    #[prop(optional)]
    is_alert: bool,
    children: Children,
) -> impl IntoView {
    let icon = match tone {
        Tone::Neutral | Tone::Action => Icon::Info,
        Tone::Good => Icon::CircleCheck,
        Tone::Warn => Icon::TriangleAlert,
        Tone::Bad => Icon::CircleAlert,
    };
    view! {
        <div class="notice" data-tone=tone.as_str() role=is_alert.then_some("alert")>
            <IconView icon />
            <div class="notice__body">{children()}</div>
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::{Button, ButtonKind, Story};
    vec![
        Story::new("tones", || {
            view! {
                <div class="gallery__column">
                    <Notice>"每位顧客會依序收到 3 則訊息。"</Notice>
                    <Notice tone=Tone::Action>"草稿已儲存。"</Notice>
                    <Notice tone=Tone::Good>"已發送給 1,146 位。"</Notice>
                    <Notice tone=Tone::Warn>"55 位已逾 24 小時，將略過。"</Notice>
                    <Notice tone=Tone::Bad is_alert=true>"無法連線，請檢查網路後重試。"</Notice>
                </div>
            }
            .into_any()
        }),
        Story::new("with a way out", || {
            view! {
                <Notice tone=Tone::Warn>
                    <span>"影片：Instagram 不支援"</span>
                    <Button kind=ButtonKind::Quiet>"排除 Instagram"</Button>
                </Notice>
            }
            .into_any()
        }),
    ]
}
