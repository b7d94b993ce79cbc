//! The templates of a WhatsApp Business account that may be sent: to find one and choose it.

use leptos::prelude::*;
use omocast_contract::api::TemplateSync;
use omocast_contract::{Template, TemplateCategory, WabaId};

use crate::components::finder::{Finder, FoundList};
use crate::components::platform_code::PlatformCode;
use crate::components::reason_text::reason_text;
use crate::i18n::{Key, PluralKey, moment, phrase, t, t_count, t_with};
use crate::ui::{
    Button, ButtonKind, Chip, EmptyState, Icon, IconView, Notice, Row, Tone, reactive,
};

/// The templates that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundTemplates {
    pub rows: Vec<Template>,
    pub categories: Vec<String>,
    pub has_more: bool,
    /// Whether they are on their way.
    pub is_loading: bool,
    /// Why they could not be loaded, in words.
    pub error: Option<String>,
    /// How they were last read from Meta, once that is known.
    pub sync: Option<TemplateSync>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum PickerEvent {
    Choose(Template),
    /// They are to be loaded again.
    Retry,
    /// Those after the last one.
    More,
    /// They are to be read from Meta again.
    Sync,
}

/// The list.
#[component]
pub fn TemplatePicker(
    #[prop(into)] found: Signal<FoundTemplates>,
    /// The account whose templates these are.
    #[prop(into)]
    waba: Signal<Option<WabaId>>,
    search: RwSignal<String>,
    category: RwSignal<Option<String>>,
    /// Whether they are being read from Meta.
    #[prop(into)]
    is_syncing: Signal<bool>,
    on_event: Callback<PickerEvent>,
) -> impl IntoView {
    let list = Signal::derive(move || {
        found.with(|found| FoundList {
            is_empty: found.rows.is_empty(),
            is_loading: found.is_loading,
            has_more: found.has_more,
            error: found.error.clone(),
        })
    });
    let draw = Callback::new(move |()| {
        let draw = |template: Template| {
            let key = [template.id.to_string(), template.updated_at.0.to_string()].concat();
            Row::new(key, move || row_view(template.clone(), on_event))
        };
        found.with(|found| found.rows.iter().cloned().map(draw).collect())
    });
    let sync = Memo::new(move |_| found.with(|found| found.sync.clone()));
    let sync_button = move || {
        view! {
            <Button
                kind=ButtonKind::Quiet
                icon=Icon::Refresh
                busy=is_syncing
                on_click=move || on_event.run(PickerEvent::Sync)
            >
                {phrase(Key::TemplateSync)}
            </Button>
        }
    };
    let hint = Signal::derive(move || match sync.get() {
        Some(sync) if sync.listed > 0 => t_count(PluralKey::TemplateEmptyPending, sync.listed, &[]),
        Some(_) | None => t(Key::TemplateEmptyHint),
    });
    let empty = Callback::new(move |()| {
        let manager = waba.get_untracked().map(|waba| {
            view! {
                // Elsewhere, so that what is chosen here stays.
                <a class="button" href=waba.templates_url() target="_blank" rel="noopener">
                    <IconView icon=Icon::ExternalLink />
                    <span class="button__text">{phrase(Key::TemplateOpenManager)}</span>
                </a>
            }
        });
        view! {
            <EmptyState icon=Icon::File title=phrase(Key::TemplateEmpty) hint>
                {manager} {sync_button()}
            </EmptyState>
        }
        .into_any()
    });
    let foot = move || {
        let sync = sync.get()?;
        let failure = sync.failure.map(|failure| {
            let reason = reason_text(failure.reason);
            view! {
                <Notice tone=Tone::Warn>
                    <span>{t_with(Key::TemplateSyncFailed, &[("reason", &reason)])}</span>
                    <PlatformCode code=failure.platform_code />
                </Notice>
            }
        });
        let at = sync.synced_at.map(|at| {
            let time = moment(at);
            view! { <span>{t_with(Key::TemplateSyncedAt, &[("time", &time)])}</span> }
        });
        let has_any = found.with(|found| !found.rows.is_empty());
        Some(view! {
            {failure}
            <p class="template-picker__sync">{at} {has_any.then(sync_button)}</p>
        })
    };
    view! {
        <div class="template-picker">
            <Finder
                list
                search
                search_label=phrase(Key::TemplateSearch)
                category
                categories=Signal::derive(move || found.with(|found| found.categories.clone()))
                label=phrase(Key::TemplateList)
                none=phrase(Key::TemplateNone)
                rows=draw
                empty
                on_retry=Callback::new(move |()| on_event.run(PickerEvent::Retry))
                on_more=Callback::new(move |()| on_event.run(PickerEvent::More))
            />
            {reactive(foot)}
        </div>
    }
    .into_any()
}

/// What Meta takes a template for, in words.
fn category_text(category: TemplateCategory) -> String {
    t(match category {
        TemplateCategory::Marketing => Key::TemplateCategoryMarketing,
        TemplateCategory::Utility => Key::TemplateCategoryUtility,
        TemplateCategory::Authentication => Key::TemplateCategoryAuthentication,
    })
}

fn row_view(template: Template, on_event: Callback<PickerEvent>) -> AnyView {
    let title = template.display_name().to_owned();
    let language = template.language.clone();
    let words = omocast_contract::markup::plain(&template.body.pattern);
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let (meta_category, category) = (template.meta_category, template.category.clone());
    let about = move || {
        let category = if category.is_empty() {
            category_text(meta_category)
        } else {
            category.clone()
        };
        [category, words.clone()].join(" · ")
    };
    view! {
        <li>
            <button
                type="button"
                class="finder__row"
                on:click=move |_| on_event.run(PickerEvent::Choose(template.clone()))
            >
                <span class="finder__title">{title}</span>
                <span class="finder__time"><Chip text=language /></span>
                <span class="finder__about">{reactive(about)}</span>
            </button>
        </li>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::api::SyncFailure;
    use omocast_contract::{Reason, Timestamp};

    use crate::components::template_preview::example::examples;
    use crate::ui::Story;

    fn story(found: FoundTemplates, is_syncing: bool) -> AnyView {
        view! {
            <TemplatePicker
                found=Signal::stored(found)
                waba=Some(WabaId("100000000000001".to_owned()))
                search=RwSignal::new(String::new())
                category=RwSignal::new(None)
                is_syncing
                on_event=Callback::new(|_| ())
            />
        }
        .into_any()
    }
    fn sync(listed: u64) -> TemplateSync {
        TemplateSync {
            synced_at: Some(Timestamp(1_795_000_000_000)),
            listed,
            ..TemplateSync::default()
        }
    }
    fn some() -> FoundTemplates {
        let mut rows = examples();
        let mut english = rows[0].clone();
        english.language = "en_US".to_owned();
        english.updated_at = Timestamp(1);
        rows.insert(1, english);
        FoundTemplates {
            rows,
            categories: vec!["行銷".to_owned(), "門市資訊".to_owned()],
            sync: Some(sync(7)),
            ..FoundTemplates::default()
        }
    }
    vec![
        Story::new("some, one of them in two languages", || {
            story(some(), false)
        }),
        Story::new("the last synchronisation failed", || {
            let failure = SyncFailure {
                reason: Reason::AccountNotConnected,
                platform_code: Some("190".to_owned()),
                at: Timestamp(1_795_000_000_000),
            };
            let mut found = some();
            found.sync = Some(TemplateSync {
                failure: Some(failure),
                ..sync(7)
            });
            story(found, false)
        }),
        Story::new("loading", || {
            story(
                FoundTemplates {
                    is_loading: true,
                    ..FoundTemplates::default()
                },
                false,
            )
        }),
        Story::new("none at Meta", || {
            story(
                FoundTemplates {
                    sync: Some(sync(0)),
                    ..FoundTemplates::default()
                },
                false,
            )
        }),
        Story::new("none approved yet, being read again", || {
            story(
                FoundTemplates {
                    sync: Some(sync(3)),
                    ..FoundTemplates::default()
                },
                true,
            )
        }),
        Story::new("could not be loaded", || {
            story(
                FoundTemplates {
                    error: Some("無法連線，請檢查網路後重試。".to_owned()),
                    ..FoundTemplates::default()
                },
                false,
            )
        }),
    ]
}
