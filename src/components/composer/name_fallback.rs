//! What customers without a name are called.

use leptos::prelude::*;

use super::draft::ComposeDraft;
use super::{Place, PlacedProblem};
use crate::i18n::{Key, phrase, t_now};
use crate::ui::{Show, TextField};

/// What customers without a name are called, where a message uses the name.
#[component]
pub fn NameFallback(
    draft: RwSignal<ComposeDraft>,
    problems: Signal<Vec<PlacedProblem>>,
) -> impl IntoView {
    let uses_name = Memo::new(move |_| draft.with(ComposeDraft::uses_name));
    let word = RwSignal::new(draft.with_untracked(|draft| draft.name_fallback.clone()));
    // Effects, because the field and the draft are each changed by others: the writer, and a draft that is opened.
    Effect::new(move |_| {
        let kept = draft.with(|draft| draft.name_fallback.clone());
        if word.with_untracked(|word| *word != kept) {
            word.set(kept);
        }
    });
    Effect::new(move |is_later: Option<()>| {
        let word = word.get();
        if is_later.is_some() && draft.with_untracked(|draft| draft.name_fallback != word) {
            draft.update(|draft| draft.name_fallback = word);
        }
    });
    Effect::new(move |_| {
        if uses_name.get() && draft.with_untracked(|draft| draft.name_fallback.is_empty()) {
            draft.update(|draft| draft.name_fallback = t_now(Key::ComposeFallbackDefault));
        }
    });
    let error = Signal::derive(move || {
        problems.with(|problems| {
            let problem = problems
                .iter()
                .find(|problem| problem.place == Place::NameFallback)?;
            Some(problem.words.clone())
        })
    });
    view! {
        <Show when=uses_name>
            <div class="composer__fallback">
                <TextField label=phrase(Key::ComposeFallback) value=word error />
            </div>
        </Show>
    }
    .into_any()
}
