//! The saved replies (預存回覆): to find one, to see what it holds, and to use it.

pub mod form;
pub mod sample;

use leptos::prelude::*;
use omocast_contract::member::Shop;
use omocast_contract::saved_reply::saved_reply_refusal;
use omocast_contract::{
    ChannelSet, MediaId, Medium, OutgoingMessage, ProblemCode, SavedReply, SavedReplyAudience,
    Surface,
};

use crate::components::error_text::{channel_names, problem_text};
use crate::components::finder::{Finder, FoundList};
use crate::components::reason_text::{medium_text, role_text};
use crate::i18n::{Key, PluralKey, list, moment, number, phrase, t, t_count, t_with};
use crate::ui::{
    Button, ButtonKind, Chip, EmptyState, Icon, IconButton, Notice, Row, Tone, reactive,
};
use sample::Sample;

/// The saved replies that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundReplies {
    pub rows: Vec<SavedReply>,
    pub categories: Vec<String>,
    pub has_more: bool,
    /// Whether they are on their way.
    pub is_loading: bool,
    /// Why they could not be loaded, in words.
    pub error: Option<String>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyEvent {
    /// They are to be loaded again.
    Retry,
    /// Those after the last one.
    More,
    Edit(SavedReply),
    Delete(SavedReply),
}

#[component]
pub fn SavedReplyBrowser(
    #[prop(into)] found: Signal<FoundReplies>,
    search: RwSignal<String>,
    /// Only this category; none for all.
    category: RwSignal<Option<String>>,
    /// The one that is looked at.
    chosen: RwSignal<Option<SavedReply>>,
    /// What has become of one meanwhile, in words.
    #[prop(into)]
    news: Signal<Option<String>>,
    /// Where it would go.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    #[prop(into)] surface: Signal<Surface>,
    /// How many messages there is room for.
    #[prop(into)]
    free_slots: Signal<usize>,
    /// The shops whose names are known.
    #[prop(into)]
    shops: Signal<Vec<Shop>>,
    /// Where the browser finds the small picture of an upload.
    #[prop(into)]
    preview_url: Callback<MediaId, String>,
    on_event: Callback<ReplyEvent>,
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
        let draw = |saved: SavedReply| {
            let key = [saved.id.to_string(), saved.version.to_string()].concat();
            Row::new(key, move || {
                row_view(saved.clone(), chosen, channels, surface, free_slots)
            })
        };
        found.with(|found| found.rows.iter().cloned().map(draw).collect())
    });
    let empty = || {
        view! {
            <EmptyState
                icon=Icon::MessageSquare
                title=phrase(Key::SavedEmpty)
                hint=phrase(Key::SavedEmptyHint)
            />
        }
        .into_any()
    };
    let preview = move || match chosen.get() {
        None => view! {
            <p class="saved-replies__hint">{phrase(Key::SavedChoose)}</p>
        }
        .into_any(),
        Some(saved) => {
            let refusal = {
                let messages = saved.messages.clone();
                Signal::derive(move || {
                    refusal_words(&messages, channels.get(), surface.get(), free_slots.get())
                })
            };
            view! {
                <Details saved refusal shops preview_url chosen on_event />
            }
            .into_any()
        }
    };
    view! {
        <div
            class="saved-replies"
            data-step=move || if chosen.with(Option::is_some) { "one" } else { "list" }
        >
            {move || {
                news.get().map(|words| {
                    view! {
                        <div class="saved-replies__news">
                            <Notice tone=Tone::Warn is_alert=true>{words}</Notice>
                        </div>
                    }
                })
            }}
            <div class="saved-replies__side">
                <Finder
                    list
                    search
                    search_label=phrase(Key::SavedSearch)
                    category
                    categories=Signal::derive(move || found.with(|found| found.categories.clone()))
                    takes_focus=true
                    label=phrase(Key::SavedTitle)
                    none=phrase(Key::SavedNone)
                    rows=draw
                    empty=Callback::new(move |()| empty())
                    on_retry=Callback::new(move |()| on_event.run(ReplyEvent::Retry))
                    on_more=Callback::new(move |()| on_event.run(ReplyEvent::More))
                />
            </div>
            <section class="saved-replies__preview" aria-label=phrase(Key::SavedPreview)>
                {reactive(preview)}
            </section>
        </div>
    }
    .into_any()
}

fn row_view(
    saved: SavedReply,
    chosen: RwSignal<Option<SavedReply>>,
    channels: Signal<ChannelSet>,
    surface: Signal<Surface>,
    free_slots: Signal<usize>,
) -> AnyView {
    let id = saved.id;
    let is_chosen = Memo::new(move |_| {
        chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.id == id))
    });
    let messages = saved.messages.clone();
    let refusal = Memo::new(move |_| {
        refusal_words(&messages, channels.get(), surface.get(), free_slots.get())
    });
    let title = saved.title.clone();
    let (words, at, kinds) = (first_words(&saved), saved.updated_at, uploads(&saved));
    let about = move || {
        let kinds = kinds.iter().map(|medium| medium_text(*medium));
        let parts: Vec<String> = kinds.chain(Some(words.clone())).collect();
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    view! {
        <li>
            <button
                type="button"
                class="finder__row"
                aria-pressed=move || if is_chosen.get() { "true" } else { "false" }
                data-refused=move || refusal.with(Option::is_some).then_some("")
                on:click=move |_| chosen.set(Some(saved.clone()))
            >
                <span class="finder__title">{title}</span>
                <span class="finder__time">{move || moment(at)}</span>
                <span class="finder__about">{reactive(about)}</span>
                {move || {
                    refusal.get().map(|why| view! { <span class="finder__refusal">{why}</span> })
                }}
            </button>
        </li>
    }
    .into_any()
}

/// What one holds, for whom it is, and what can be done with it.
#[component]
fn Details(
    saved: SavedReply,
    refusal: Signal<Option<String>>,
    shops: Signal<Vec<Shop>>,
    preview_url: Callback<MediaId, String>,
    chosen: RwSignal<Option<SavedReply>>,
    on_event: Callback<ReplyEvent>,
) -> impl IntoView {
    let is_asking = RwSignal::new(false);
    let reply = StoredValue::new(saved.clone());
    let audience = saved.audience.clone();
    let about = move || {
        let names = [
            shops.with(|shops| audience_text(&audience, shops)),
            reply.with_value(|reply| reply.author_name.clone()),
            reply.with_value(|reply| moment(reply.updated_at)),
        ];
        names.join(" · ")
    };
    let samples = saved
        .messages
        .iter()
        .map(|message| {
            let media = message
                .media()
                .and_then(|id| saved.media.iter().find(|media| media.id == id).cloned());
            view! { <Sample message=message.clone() media preview_url /> }
        })
        .collect_view();
    let count = saved.messages.len() as u64;
    let can_edit = saved.can_edit;
    let ask = move || {
        is_asking.get().then(|| {
            let title = reply.with_value(|reply| reply.title.clone());
            view! {
                <Notice tone=Tone::Warn is_alert=true>
                    <span class="saved-replies__question">
                        {move || t_with(Key::SavedDeleteAsk, &[("title", &title)])}
                    </span>
                    <Button
                        kind=ButtonKind::Danger
                        on_click=move || on_event.run(ReplyEvent::Delete(reply.get_value()))
                    >
                        {phrase(Key::SavedDelete)}
                    </Button>
                    <Button kind=ButtonKind::Quiet on_click=move || is_asking.set(false)>
                        {phrase(Key::UiCancel)}
                    </Button>
                </Notice>
            }
        })
    };
    view! {
        <header class="saved-replies__head">
            <span class="saved-replies__back">
                <IconButton
                    icon=Icon::ChevronLeft
                    label=phrase(Key::UiBack)
                    on_click=move || chosen.set(None)
                />
            </span>
            <div class="saved-replies__heading">
                <h3 class="saved-replies__name">{saved.title.clone()}</h3>
                <p class="saved-replies__meta">
                    {(!saved.category.is_empty()).then(|| view! { <Chip text=saved.category.clone() /> })}
                    <span>{reactive(about)}</span>
                </p>
            </div>
            {can_edit
                .then(|| {
                    view! {
                        <IconButton
                            icon=Icon::Pencil
                            label=phrase(Key::SavedEdit)
                            on_click=move || on_event.run(ReplyEvent::Edit(reply.get_value()))
                        />
                        <IconButton
                            icon=Icon::Trash
                            label=phrase(Key::SavedDelete)
                            on_click=move || is_asking.set(true)
                        />
                    }
                })}
        </header>
        {reactive(ask)}
        {move || refusal.get().map(|why| view! { <Notice tone=Tone::Warn>{why}</Notice> })}
        <p class="saved-replies__count">{move || t_count(PluralKey::SavedMessages, count, &[])}</p>
        <ol class="saved-replies__samples">{samples}</ol>
    }
    .into_any()
}

/// Why a saved reply can't be used here, in words; none when it can.
pub fn refusal_words(
    messages: &[OutgoingMessage],
    channels: ChannelSet,
    surface: Surface,
    free_slots: usize,
) -> Option<String> {
    let refusal = saved_reply_refusal(messages, channels, surface, free_slots)?;
    Some(match refusal.code {
        // The seed's sentence, to the letter; which channels they are stands beside it.
        ProblemCode::SavedReplyHasFile => t(Key::SavedHasFile),
        ProblemCode::SavedReplyTooLong => {
            let (needed, left) = (number(messages.len() as u64), number(free_slots as u64));
            t_with(
                Key::SavedTooLong,
                &[("needed", needed.as_str()), ("left", left.as_str())],
            )
        }
        ProblemCode::MediumNotSupported => {
            let refused = |medium: &Medium| {
                let mut channels = refusal.channels.iter();
                channels.any(|channel| !medium.is_taken_in_replies(surface, channel))
            };
            let mut media: Vec<Medium> = messages.iter().map(OutgoingMessage::medium).collect();
            media.dedup();
            let names: Vec<String> = media.into_iter().filter(refused).map(medium_text).collect();
            t_with(
                Key::SavedNotTaken,
                &[
                    ("channels", channel_names(refusal.channels.iter()).as_str()),
                    ("media", list(&names).as_str()),
                ],
            )
        }
        code => problem_text(code),
    })
}

/// For whom it is, in words.
pub fn audience_text(audience: &SavedReplyAudience, shops: &[Shop]) -> String {
    match audience {
        SavedReplyAudience::Everyone => t(Key::SavedForEveryone),
        SavedReplyAudience::OnlyMe => t(Key::SavedForMe),
        SavedReplyAudience::Roles { roles } => list(
            &roles
                .iter()
                .map(|role| role_text(*role))
                .collect::<Vec<_>>(),
        ),
        SavedReplyAudience::Shops { shops: offered } => {
            let known = shops.iter().filter(|shop| offered.contains(&shop.id));
            let mut names: Vec<String> = known.map(|shop| shop.name.clone()).collect();
            let others = offered.len().saturating_sub(names.len()) as u64;
            if others > 0 {
                names.push(t_count(PluralKey::SavedOtherShops, others, &[]));
            }
            list(&names)
        }
    }
}

fn first_words(saved: &SavedReply) -> String {
    let words = saved.messages.iter().filter_map(OutgoingMessage::words);
    let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
    let line: String = words.join(" ").chars().take(80).collect();
    line.replace(
        omocast_contract::variable::CUSTOMER_NAME,
        &["［", &t(Key::ComposeCustomerName), "］"].concat(),
    )
}

fn uploads(saved: &SavedReply) -> Vec<Medium> {
    let mut media: Vec<Medium> = saved
        .messages
        .iter()
        .map(OutgoingMessage::medium)
        .filter(|medium| *medium != Medium::Text)
        .collect();
    media.dedup();
    media
}

/// An id for a story.
#[cfg(feature = "preview")]
fn story_id<T: std::str::FromStr>(number: u32) -> T {
    let id = format!("0190a000-0000-7000-8000-{number:012x}");
    id.parse().unwrap_or_else(|_| unreachable!("a UUID"))
}

#[cfg(feature = "preview")]
fn story_replies() -> Vec<SavedReply> {
    use omocast_contract::Role;
    use omocast_contract::api::Media;

    let text = |text: &str| OutgoingMessage::Text {
        text: text.to_owned(),
    };
    let media = |number, medium, name: &str| Media {
        id: story_id(number),
        name: name.to_owned(),
        mime: String::new(),
        bytes: 2_150_000,
        medium,
        file_type: None,
        has_preview: medium != Medium::File,
    };
    let reply = |number: u32, title: &str, category: &str, audience, messages, media| SavedReply {
        id: story_id(number),
        title: title.to_owned(),
        category: category.to_owned(),
        audience,
        messages,
        media,
        author: story_id(90),
        author_name: "林佩珊".to_owned(),
        updated_at: crate::i18n::now().plus(-i64::from(number) * 40_000_000),
        version: 1,
        can_edit: number != 2,
    };
    vec![
        reply(
            1,
            "秋季新品",
            "行銷",
            SavedReplyAudience::Everyone,
            vec![
                text(
                    "{{customer_name}} 您好，秋季新品已到店 🍂\n本週六日於信義門市試穿，即可獲得九折優惠！",
                ),
                OutgoingMessage::Image {
                    media: story_id(1),
                    caption: None,
                },
            ],
            vec![media(1, Medium::Image, "大衣.jpg")],
        ),
        reply(
            2,
            "秋冬型錄",
            "行銷",
            SavedReplyAudience::Roles {
                roles: vec![Role::SalesManager, Role::SalesRep],
            },
            vec![
                text("附上秋冬型錄，歡迎參考。"),
                OutgoingMessage::File {
                    media: story_id(2),
                    caption: None,
                },
            ],
            vec![media(2, Medium::File, "2026 秋冬型錄.pdf")],
        ),
        reply(
            3,
            "一個特別長特別長特別長特別長特別長特別長的標題，放不下的部分會被省略",
            "",
            SavedReplyAudience::OnlyMe,
            vec![text(&"很長的內容。".repeat(60))],
            Vec::new(),
        ),
    ]
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Channel;

    use crate::ui::Story;

    fn story(found: FoundReplies, chosen: Option<SavedReply>) -> AnyView {
        story_with_news(found, chosen, None)
    }

    fn story_with_news(
        found: FoundReplies,
        chosen: Option<SavedReply>,
        news: Option<String>,
    ) -> AnyView {
        let channels: ChannelSet = [Channel::Line, Channel::Whatsapp].into_iter().collect();
        view! {
            <SavedReplyBrowser
                found=Signal::stored(found)
                search=RwSignal::new(String::new())
                category=RwSignal::new(None)
                chosen=RwSignal::new(chosen)
                news=Signal::stored(news)
                channels=Signal::stored(channels)
                surface=Signal::stored(Surface::Web)
                free_slots=5_usize
                shops=Signal::stored(Vec::<Shop>::new())
                preview_url=Callback::new(|_| "/icon.svg".to_owned())
                on_event=Callback::new(|_| ())
            />
        }
        .into_any()
    }

    fn some() -> FoundReplies {
        FoundReplies {
            rows: story_replies(),
            categories: ["行銷", "門市資訊"].map(str::to_owned).to_vec(),
            has_more: true,
            ..FoundReplies::default()
        }
    }

    vec![
        Story::new("some, one looked at", || {
            story(some(), story_replies().into_iter().next())
        }),
        Story::new("one that can't be used here", || {
            story(some(), story_replies().into_iter().nth(1))
        }),
        Story::new("one deleted meanwhile", || {
            let news = untrack(|| t_with(Key::SavedNewsGone, &[("title", "門市營業時間")]));
            story_with_news(some(), None, Some(news))
        }),
        Story::new("none chosen", || story(some(), None)),
        Story::new("none yet", || story(FoundReplies::default(), None)),
        Story::new("loading", || {
            let found = FoundReplies {
                is_loading: true,
                ..FoundReplies::default()
            };
            story(found, None)
        }),
        Story::new("they did not load", || {
            let found = FoundReplies {
                error: Some("無法連線，請檢查網路後重試。".to_owned()),
                ..FoundReplies::default()
            };
            story(found, None)
        }),
        Story::new("being written", form::story),
    ]
}
