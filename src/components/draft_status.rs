//! How a draft is kept, in a few words, and the question when it was changed in two places.

use leptos::prelude::*;
use omocast_contract::Draft;
use omocast_contract::variable::CUSTOMER_NAME;

use crate::i18n::{Key, clock, phrase, t, t_with};
use crate::ui::{Button, ButtonKind, Icon, IconView, Notice, Tone, reactive};

/// How the draft that is being written is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DraftState {
    /// Nothing is written that would be a pity to lose.
    #[default]
    Idle,
    /// What was just written is about to be kept.
    Saving,
    /// The server has it.
    Saved,
    /// The server was not reached: this device has it.
    Offline,
    /// It was changed elsewhere too; none when it was sent or deleted there.
    Conflict(Option<Box<Draft>>),
    /// The server did not take it, in words; this device has it.
    Failed(String),
}

/// The words about it, for a header.
#[component]
pub fn DraftStatus(#[prop(into)] state: Signal<DraftState>) -> impl IntoView {
    let content = move || {
        let (icon, words) = match state.get() {
            DraftState::Idle => return None,
            DraftState::Saving => (None, t(Key::DraftsSaving)),
            DraftState::Saved => (Some(Icon::Check), t(Key::DraftsSaved)),
            DraftState::Offline => (Some(Icon::WifiOff), t(Key::DraftsOffline)),
            DraftState::Conflict(Some(_)) => (Some(Icon::TriangleAlert), t(Key::DraftsUnsettled)),
            DraftState::Conflict(None) => (Some(Icon::TriangleAlert), t(Key::DraftsNotThere)),
            DraftState::Failed(why) => (
                Some(Icon::CircleAlert),
                t_with(Key::DraftsFailed, &[("problem", &why)]),
            ),
        };
        Some(view! {
            {icon.map(|icon| view! { <IconView icon /> })}
            <span>{words}</span>
        })
    };
    let tone = move || {
        state.with(|state| match state {
            DraftState::Idle | DraftState::Saving | DraftState::Saved => "neutral",
            DraftState::Offline | DraftState::Conflict(_) => "warn",
            DraftState::Failed(_) => "bad",
        })
    };
    view! {
        <span class="draft-status" role="status" data-tone=tone>{reactive(content)}</span>
    }
    .into_any()
}

/// The question what shall count, when the draft was changed elsewhere too. Nothing is overwritten without it.
#[component]
pub fn DraftConflict(
    #[prop(into)] state: Signal<DraftState>,
    /// What is written here shall count.
    on_keep_mine: Callback<()>,
    /// What is kept elsewhere shall count.
    on_take_other: Callback<()>,
) -> impl IntoView {
    let notice = move || {
        let DraftState::Conflict(theirs) = state.get() else {
            return None;
        };
        let (words, mine, other) = match theirs {
            Some(theirs) => (
                t_with(
                    Key::DraftsConflict,
                    &[
                        ("time", &clock(theirs.updated_at)),
                        ("title", &shown(&theirs)),
                    ],
                ),
                Key::DraftsKeepMine,
                Key::DraftsTakeOther,
            ),
            None => (t(Key::DraftsGone), Key::DraftsKeepAsNew, Key::DraftsLetGo),
        };
        Some(view! {
            <Notice tone=Tone::Warn is_alert=true>
                <span class="draft-status__conflict">{words}</span>
                <span class="draft-status__choices">
                    <Button on_click=on_keep_mine>{phrase(mine)}</Button>
                    <Button kind=ButtonKind::Quiet on_click=on_take_other>{phrase(other)}</Button>
                </span>
            </Notice>
        })
    };
    reactive(notice).into_any()
}

fn shown(draft: &Draft) -> String {
    shown_title(&draft.title)
}

/// What a draft is called in a list: the customer's name is still a place to be filled in.
pub fn shown_title(title: &str) -> String {
    if title.is_empty() {
        return t(Key::DraftsUntitled);
    }
    let name = ["［", &t(Key::ComposeCustomerName), "］"].concat();
    title.replace(CUSTOMER_NAME, &name)
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Surface;

    use crate::ui::Story;

    fn theirs() -> Draft {
        Draft {
            id: "0190a000-0000-7000-8000-000000000001"
                .parse()
                .expect("a UUID"),
            version: 3,
            updated_at: crate::i18n::now(),
            title: "秋季新品已到店 🍂 本週六日於信義門市試穿，即可獲得九折優惠！".to_owned(),
            audience: None,
            messages: Vec::new(),
            media: Vec::new(),
            name_fallback: None,
            surface: Surface::Web,
        }
    }

    fn conflict(theirs: Option<Draft>) -> AnyView {
        let state = RwSignal::new(DraftState::Conflict(theirs.map(Box::new)));
        let settle = Callback::new(move |()| state.set(DraftState::Saved));
        view! {
            <DraftStatus state />
            <DraftConflict state on_keep_mine=settle on_take_other=settle />
        }
        .into_any()
    }

    vec![
        Story::new("every state", || {
            let states = [
                DraftState::Saving,
                DraftState::Saved,
                DraftState::Offline,
                DraftState::Failed("草稿太多，請先刪除一份。".to_owned()),
            ];
            states
                .into_iter()
                .map(|state| view! { <p><DraftStatus state=Signal::stored(state) /></p> })
                .collect_view()
                .into_any()
        }),
        Story::new("changed in two places", || conflict(Some(theirs()))),
        Story::new("sent or deleted elsewhere", || conflict(None)),
    ]
}
