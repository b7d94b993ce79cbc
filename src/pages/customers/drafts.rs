//! The member's drafts in a dialog, loaded each time it is opened.

use leptos::prelude::*;
use omocast_contract::{DraftId, ProblemCode};
use wasm_bindgen_futures::spawn_local;

use crate::api::use_api;
use crate::components::draft_list::{DraftList, DraftRows};
use crate::components::error_text::error_text;
use crate::drafts::DraftKeeper;
use crate::drafts::body::DraftBody;
use crate::drafts::new_id::new_id;
use crate::i18n::{Key, phrase, t_now};
use crate::ui::{Button, Dialog, Icon, use_toasts};

#[component]
pub fn DraftsDialog(open: RwSignal<bool>, keeper: DraftKeeper) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let toasts = use_toasts();
    let drafts = RwSignal::new(DraftRows::Loading);
    let current = RwSignal::new(None::<DraftId>);
    let load = move || {
        let api = api.get_value();
        spawn_local(async move {
            let answer = api.list_drafts().await;
            drafts.try_set(match answer {
                Ok(answer) => DraftRows::Known(answer.rows),
                Err(error) => DraftRows::Failed(untrack(|| error_text(&error))),
            });
        });
    };
    // An effect, because an opened dialog asks the server.
    Effect::new(move |_| {
        if open.get() {
            drafts.set(DraftRows::Loading);
            current.set(Some(keeper.id()));
            // What is written here belongs into the list.
            keeper.flush();
            load();
        }
    });
    let resume = move |id: DraftId| {
        if id == keeper.id() {
            open.set(false);
            return;
        }
        spawn_local(async move {
            match keeper.open_draft(id).await {
                Ok(()) => {
                    open.try_set(false);
                }
                Err(error) => {
                    toasts.error(untrack(|| error_text(&error)));
                    load();
                }
            }
        });
    };
    let delete = move |id: DraftId| {
        let api = api.get_value();
        spawn_local(async move {
            // As it is now: an undo brings all of it back.
            let before = api.find_draft(id).await;
            let answer = match &before {
                Ok(_) => api.delete_draft(id).await,
                Err(error) => Err(error.clone()),
            };
            match answer {
                Ok(()) => {}
                // Somebody was quicker.
                Err(error) if error.code() == Some(ProblemCode::NotFound) => {}
                Err(error) => return toasts.error(untrack(|| error_text(&error))),
            }
            drafts.try_update(|drafts| {
                if let DraftRows::Known(rows) = drafts {
                    rows.retain(|draft| draft.id != id);
                }
            });
            keeper.deleted(id);
            current.try_set(Some(keeper.id()));
            let Ok(before) = before else { return };
            toasts.undo(t_now(Key::DraftsDeleted), move || {
                spawn_local(async move {
                    // A new one: the old id may be known as gone elsewhere.
                    let edit = DraftBody::from(before).edit(0);
                    match api.update_draft(new_id(), &edit).await {
                        Ok(_) => load(),
                        Err(error) => toasts.error(untrack(|| error_text(&error))),
                    }
                });
            });
        });
    };
    let begin = move || {
        keeper.begin();
        open.set(false);
    };
    view! {
        <Dialog
            open
            title=phrase(Key::DraftsTitle)
            on_close=Callback::new(move |()| open.set(false))
            footer=move || {
                view! { <Button icon=Icon::Plus on_click=begin>{phrase(Key::DraftsNew)}</Button> }
            }
        >
            <DraftList
                drafts
                current
                on_open=Callback::new(resume)
                on_delete=Callback::new(delete)
                on_retry=Callback::new(move |()| {
                    drafts.set(DraftRows::Loading);
                    load();
                })
            />
        </Dialog>
    }
    .into_any()
}
