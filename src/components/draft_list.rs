//! The drafts of a member: to go on with one, or to delete it.

use leptos::prelude::*;
use omocast_contract::{DraftId, DraftSummary, Medium};

use crate::components::draft_status::shown_title;
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, list, moment, phrase, t_with};
use crate::ui::{
    Chip, EmptyState, ErrorPanel, Icon, IconButton, Row, Skeleton, Tone, reactive, rows,
};

/// The drafts, as far as they are there.
#[derive(Clone, Debug, PartialEq)]
pub enum DraftRows {
    Loading,
    Known(Vec<DraftSummary>),
    /// Why they could not be loaded, in words.
    Failed(String),
}

#[component]
pub fn DraftList(
    #[prop(into)] drafts: Signal<DraftRows>,
    /// The one that is being written here.
    #[prop(into)]
    current: Signal<Option<DraftId>>,
    on_open: Callback<DraftId>,
    on_delete: Callback<DraftId>,
    on_retry: Callback<()>,
) -> impl IntoView {
    let is_known = Memo::new(move |_| {
        drafts.with(|drafts| match drafts {
            DraftRows::Loading => None,
            DraftRows::Failed(why) => Some(Err(why.clone())),
            DraftRows::Known(rows) => Some(Ok(rows.is_empty())),
        })
    });
    let known = move || {
        drafts.with(|drafts| match drafts {
            DraftRows::Known(rows) => rows.clone(),
            DraftRows::Loading | DraftRows::Failed(_) => Vec::new(),
        })
    };
    let content = move || match is_known.get() {
        None => view! { <Skeleton rows=4 /> }.into_any(),
        Some(Err(why)) => view! { <ErrorPanel error=why on_retry /> }.into_any(),
        Some(Ok(true)) => view! {
            <EmptyState
                icon=Icon::Pencil
                title=phrase(Key::DraftsEmpty)
                hint=phrase(Key::DraftsEmptyHint)
            />
        }
        .into_any(),
        Some(Ok(false)) => view! {
            <ul class="draft-list__rows" aria-label=phrase(Key::DraftsTitle)>
                {rows(move || {
                    let draw = |draft: DraftSummary| {
                        let key = [draft.id.to_string(), draft.version.to_string()].concat();
                        Row::new(key, move || row_view(draft.clone(), current, on_open, on_delete))
                    };
                    known().into_iter().map(draw).collect()
                })}
            </ul>
        }
        .into_any(),
    };
    view! { <div class="draft-list">{reactive(content)}</div> }.into_any()
}

fn row_view(
    draft: DraftSummary,
    current: Signal<Option<DraftId>>,
    on_open: Callback<DraftId>,
    on_delete: Callback<DraftId>,
) -> AnyView {
    let id = draft.id;
    let title = StoredValue::new(draft.title);
    let shown = move || title.with_value(|title| shown_title(title));
    let uploads: Vec<Medium> = draft
        .media
        .iter()
        .copied()
        .filter(|medium| *medium != Medium::Text)
        .collect();
    let about = move || {
        let names: Vec<String> = uploads.iter().map(|medium| medium_text(*medium)).collect();
        let at = moment(draft.updated_at);
        if names.is_empty() {
            at
        } else {
            [at, list(&names)].join(" · ")
        }
    };
    view! {
        <li class="draft-list__row">
            <button type="button" class="draft-list__open" on:click=move |_| on_open.run(id)>
                <span class="draft-list__title">{reactive(shown)}</span>
                <span class="draft-list__about">{reactive(about)}</span>
            </button>
            {move || {
                (current.get() == Some(id))
                    .then(|| view! { <Chip tone=Tone::Action text=phrase(Key::DraftsNow) /> })
            }}
            <IconButton
                icon=Icon::Trash
                label=Signal::derive(move || t_with(Key::DraftsDelete, &[("title", &shown())]))
                on_click=move || on_delete.run(id)
            />
        </li>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn id(number: u32) -> DraftId {
        format!("0190a000-0000-7000-8000-{number:012x}")
            .parse()
            .expect("a UUID")
    }

    fn story(drafts: DraftRows) -> AnyView {
        let drafts = RwSignal::new(drafts);
        let delete = move |id| {
            drafts.update(|drafts| {
                if let DraftRows::Known(rows) = drafts {
                    rows.retain(|draft| draft.id != id);
                }
            });
        };
        view! {
            <DraftList
                drafts
                current=Some(id(1))
                on_open=Callback::new(|_| ())
                on_delete=Callback::new(delete)
                on_retry=Callback::new(|()| ())
            />
        }
        .into_any()
    }

    vec![
        Story::new("some", || {
            let row = |number, title: &str, media: &[Medium]| DraftSummary {
                id: id(number),
                version: 1,
                updated_at: crate::i18n::now().plus(-i64::from(number) * 50_000_000),
                title: title.to_owned(),
                media: media.to_vec(),
            };
            story(DraftRows::Known(vec![
                row(
                    1,
                    "秋季新品已到店 🍂 本週六日於信義門市試穿，即可獲得九折優惠！詳情請見官網公告",
                    &[Medium::Text, Medium::Image, Medium::Image],
                ),
                row(2, "聖誕節營業時間", &[Medium::Text]),
                row(3, "", &[Medium::Video, Medium::File]),
            ]))
        }),
        Story::new("none", || story(DraftRows::Known(Vec::new()))),
        Story::new("loading", || story(DraftRows::Loading)),
        Story::new("they did not load", || {
            story(DraftRows::Failed("無法連線，請檢查網路後重試。".to_owned()))
        }),
    ]
}
