//! The chosen customers belong to several WhatsApp Business accounts, of which a template goes to one alone.

use leptos::prelude::*;
use omocast_contract::{Channel, ProblemCode, WabaCount, WabaId};

use crate::components::channel_badge::ChannelBadge;
use crate::components::error_text::problem_text;
use crate::i18n::{Key, PluralKey, phrase, t_count};
use crate::ui::{Button, ButtonKind, Dialog, reactive};

/// The dialog: it says so in the seed's words, and keeps the customers of one account or leads back to the choice.
#[component]
pub fn WabaConflict(
    #[prop(into)] open: Signal<bool>,
    /// The accounts, with how many customers each.
    #[prop(into)]
    counts: Signal<Vec<WabaCount>>,
    /// Whether the others are being left out.
    #[prop(into)]
    is_busy: Signal<bool>,
    /// Only the customers of this account are to stay.
    on_keep: Callback<WabaId>,
    /// Nothing is to change.
    on_close: Callback<()>,
) -> impl IntoView {
    let choices = move || {
        counts
            .get()
            .into_iter()
            .filter(|count| count.customers > 0)
            .map(|WabaCount { waba, customers }| {
                let id = waba.id.clone();
                let words = move || {
                    let account = [("account", waba.name.as_str())];
                    t_count(PluralKey::TemplateConflictKeep, customers, &account)
                };
                view! {
                    <li class="waba-conflict__choice">
                        <ChannelBadge channel=Channel::Whatsapp is_decoration=true />
                        <Button busy=is_busy on_click=move || on_keep.run(id.clone())>
                            {reactive(words)}
                        </Button>
                    </li>
                }
            })
            .collect_view()
    };
    let footer = move || {
        view! {
            <Button kind=ButtonKind::Primary on_click=on_close>
                {phrase(Key::TemplateConflictAgain)}
            </Button>
        }
    };
    view! {
        <Dialog open title=phrase(Key::TemplateConflictTitle) on_close is_kept_open=true footer>
            <div class="waba-conflict">
                <p role="alert">{move || problem_text(ProblemCode::WabaConflict)}</p>
                <ul class="waba-conflict__choices">{reactive(choices)}</ul>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use omocast_contract::Waba;

    fn story(accounts: &[(&str, u64)], is_busy: bool) -> AnyView {
        let open = RwSignal::new(false);
        let counts: Vec<WabaCount> = accounts
            .iter()
            .map(|&(name, customers)| WabaCount {
                waba: Waba {
                    id: WabaId(name.to_owned()),
                    name: name.to_owned(),
                },
                customers,
            })
            .collect();
        view! {
            <Button on_click=move || open.set(true)>"開啟"</Button>
            <WabaConflict
                open
                counts
                is_busy
                on_keep=Callback::new(move |_| open.set(false))
                on_close=Callback::new(move |()| open.set(false))
            />
        }
        .into_any()
    }
    vec![
        Story::new("two accounts", || {
            story(&[("ATELIER 台灣", 118), ("ATELIER Hong Kong", 32)], false)
        }),
        Story::new("many, with long names", || {
            story(
                &[
                    ("ATELIER 台灣", 11_118),
                    ("ATELIER Hong Kong Flagship Store & Concierge", 1),
                    ("ATELIER 東京青山本店コンシェルジュ", 402),
                ],
                false,
            )
        }),
        Story::new("the others are being left out", || {
            story(&[("ATELIER 台灣", 118), ("ATELIER Hong Kong", 32)], true)
        }),
    ]
}
