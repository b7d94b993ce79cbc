//! 全選, and in words how many customers are chosen: said from the rule of the selection alone, whatever the list's length.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::audience::PickState;
use omocast_contract::{Audience, Pick};

use crate::i18n::{Key, number, phrase, t, t_with};
use crate::ui::{Checkbox, Mark};

/// How many are chosen, in words.
pub fn selection_words(audience: &Audience, selectable: Option<u64>) -> String {
    let Some(selectable) = selectable else {
        return t(Key::UiLoading);
    };
    let picked = audience.picked(selectable);
    match (&audience.pick, audience.state(selectable)) {
        (_, PickState::None) => t(Key::SelectNone),
        (_, PickState::All) => t_with(Key::SelectAllPicked, &[("count", &number(selectable))]),
        (Pick::AllExcept(out), PickState::Some) => t_with(
            Key::SelectAllExcept,
            &[
                ("count", &number(selectable)),
                ("out", &number(out.len() as u64)),
            ],
        ),
        (Pick::Only(_), PickState::Some) => t_with(Key::SelectSome, &[("count", &number(picked))]),
    }
}

/// What a press of 全選 makes of a selection: everything, or nothing if it was everything.
pub fn toggled_all(audience: &Audience, selectable: u64) -> Pick {
    match audience.state(selectable) {
        PickState::All => Pick::default(),
        PickState::None | PickState::Some => Pick::AllExcept(Vec::new()),
    }
}

/// The bar above the rows in selection mode.
#[component]
pub fn SelectBar(
    /// The selection.
    #[prop(into)]
    audience: Signal<Audience>,
    /// How many can be chosen; none until it is known.
    #[prop(into)]
    selectable: Signal<Option<u64>>,
    /// Why nobody can be chosen yet; none where somebody can.
    #[prop(optional, into)]
    disabled_reason: Option<Signal<Option<String>>>,
    /// 全選 was pressed.
    on_toggle_all: Callback<()>,
    /// The box of 全選, for whoever gives it the focus.
    #[prop(optional)]
    all: NodeRef<html::Input>,
) -> impl IntoView {
    let state =
        Memo::new(move |_| audience.with(|audience| audience.state(selectable.get().unwrap_or(0))));
    view! {
        <div class="select-bar" role="group" aria-label=phrase(Key::SelectTitle)>
            <Checkbox
                mark=Signal::derive(move || match state.get() {
                    PickState::None => Mark::Off,
                    PickState::Some => Mark::Mixed,
                    PickState::All => Mark::On,
                })
                label=phrase(Key::SelectAll)
                disabled_reason=disabled_reason.unwrap_or_default()
                on_change=move |_| on_toggle_all.run(())
                node_ref=all
            />
            <span class="select-bar__words" role="status" aria-live="polite">
                {move || audience.with(|audience| selection_words(audience, selectable.get()))}
            </span>
        </div>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::components::customer_row::example_event;
    use crate::ui::Story;
    use omocast_contract::Filter;

    fn story(pick: Pick, selectable: Option<u64>) -> AnyView {
        let mut audience = Audience::everything(Filter::default());
        audience.pick = pick;
        view! { <SelectBar audience=Signal::stored(audience) selectable=Signal::stored(selectable) on_toggle_all=Callback::new(|()| ()) /> }
            .into_any()
    }

    vec![
        Story::new("nobody", || story(Pick::default(), Some(1_204))),
        Story::new("some", || {
            story(
                Pick::Only((0..3).map(|n| example_event(n).id.into()).collect()),
                Some(1_204),
            )
        }),
        Story::new("everybody", || {
            story(Pick::AllExcept(Vec::new()), Some(1_204))
        }),
        Story::new("everybody but some", || {
            story(
                Pick::AllExcept((0..3).map(|n| example_event(n).id.into()).collect()),
                Some(1_204),
            )
        }),
        Story::new("a channel must be chosen first", || {
            let audience = Signal::stored(Audience::default());
            let reason = || Some(t(Key::ProblemChannelNotChosen));
            view! {
                <SelectBar
                    audience
                    selectable=Signal::stored(Some(0))
                    disabled_reason=Signal::derive(reason)
                    on_toggle_all=Callback::new(|()| ())
                />
            }
            .into_any()
        }),
        Story::new("the number is not known yet", || {
            story(Pick::default(), None)
        }),
    ]
}
