//! How a whole falls into parts: one bar. The parts' words stand in its label, for those who don't see it.

use leptos::prelude::*;

use super::Tone;

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub tone: Tone,
    pub value: u64,
}

#[component]
pub fn Meter(
    /// What the bar shows, in words and numbers.
    #[prop(into)]
    label: Signal<String>,
    /// The parts; what is missing to `total` stays empty.
    #[prop(into)]
    segments: Signal<Vec<Segment>>,
    /// The whole; the sum of the parts where it is 0.
    #[prop(optional, into)]
    total: Signal<u64>,
) -> impl IntoView {
    let rest = move || {
        let sum: u64 = segments.with(|parts| parts.iter().map(|part| part.value).sum());
        total.get().saturating_sub(sum)
    };
    // The parts are few and keep their order, so they are redrawn by place and their widths can move.
    let tones = Memo::new(move |_| {
        segments.with(|parts| parts.iter().map(|part| part.tone).collect::<Vec<_>>())
    });
    view! {
        <div class="meter" role="img" aria-label=move || label.get()>
            {move || {
                tones
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(index, tone)| {
                        let value = move || {
                            segments.with(|parts| parts.get(index).map_or(0, |part| part.value))
                        };
                        view! {
                            <span
                                class="meter__part"
                                data-tone=tone.as_str()
                                data-empty=move || (value() == 0).then_some("")
                                style:--share=move || value().to_string()
                            ></span>
                        }
                    })
                    .collect_view()
            }}
            <span
                class="meter__part"
                data-tone="rest"
                data-empty=move || (rest() == 0).then_some("")
                style:--share=move || rest().to_string()
            ></span>
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    fn part(tone: Tone, value: u64) -> Segment {
        Segment { tone, value }
    }
    vec![
        Story::new("who will receive it", || {
            let segments = vec![part(Tone::Action, 1146), part(Tone::Warn, 55)];
            view! { <Meter label="1,146 位將會收到，55 位略過" segments /> }.into_any()
        }),
        Story::new("under way", || {
            let segments = vec![
                part(Tone::Good, 640),
                part(Tone::Action, 210),
                part(Tone::Warn, 40),
                part(Tone::Bad, 12),
            ];
            view! { <Meter label="1,201 位中 640 位已送達" segments total=1201_u64 /> }.into_any()
        }),
        Story::new("one of 100,000", || {
            let segments = vec![part(Tone::Good, 99_999), part(Tone::Bad, 1)];
            view! { <Meter label="1 位失敗" segments /> }.into_any()
        }),
        Story::new("not begun", || {
            view! { <Meter label="尚未開始" segments=Vec::new() total=1_u64 /> }.into_any()
        }),
    ]
}
