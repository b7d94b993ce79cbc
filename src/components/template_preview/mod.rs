//! A template as WhatsApp shows it: on a customer's phone while it is filled in, and in the report of what was sent.

#[cfg(any(test, feature = "preview"))]
pub mod example;

use std::collections::BTreeMap;

use leptos::prelude::*;
use omocast_contract::link::find_links;
use omocast_contract::markup::{Run, runs};
use omocast_contract::template::HeaderKind;
use omocast_contract::template::fill::{FilledButton, FilledCard, FilledHeader, fill};
use omocast_contract::template::slot::{Part, Place};
use omocast_contract::template::text::{Segment, segments};
use omocast_contract::{Channel, FilledTemplate};

use crate::components::composer::draft::DraftMedia;
use crate::components::message_bubble::MediaUrls;
use crate::components::message_editor::{clock_of, file_type_name, picture_of};
use crate::components::preview_phone::{PhoneScreen, Sample, spoken};
use crate::components::reason_text::medium_text;
use crate::components::template_form::draft::TemplateDraft;
use crate::i18n::{Key, bytes, phrase, t, t_with};
use crate::ui::{Icon, IconView};

/// WhatsApp shows so many buttons; of more it shows one less, and one that opens the list of all.
const MOST_BUTTONS: usize = 3;

/// The phone with the template in it.
#[component]
pub fn TemplatePreview(
    /// None while no template is chosen.
    #[prop(into)]
    draft: Signal<Option<TemplateDraft>>,
    /// Customers to look at it as.
    #[prop(into)]
    samples: Signal<Vec<Sample>>,
    /// Who writes, where no customer is known yet.
    #[prop(into)]
    sender: Signal<String>,
    urls: MediaUrls,
) -> impl IntoView {
    let chat = Callback::new(move |name: String| {
        draft
            .with(|draft| {
                let draft = draft.as_ref()?;
                let filled = fill(&draft.template, &draft.fill(), &name, &draft.name_fallback);
                Some(bubble_view(&filled, &draft.media, urls))
            })
            .into_iter()
            .collect()
    });
    view! {
        <section class="preview-phone" aria-label=phrase(Key::PreviewTitle)>
            <PhoneScreen
                channel=Signal::stored(Some(Channel::Whatsapp))
                samples
                sender
                chat
            />
        </section>
    }
    .into_any()
}

/// The bubble of a template; `media` has what is known of the uploads of its headers.
pub fn bubble_view(
    filled: &FilledTemplate,
    media: &BTreeMap<Place, DraftMedia>,
    urls: MediaUrls,
) -> AnyView {
    let header = filled.header.as_ref().map(|header| match header {
        FilledHeader::Text { text } => {
            view! { <p class="template-preview__header">{plain_view(&text.text)}</p> }.into_any()
        }
        FilledHeader::Media { kind, .. } => {
            media_view(*kind, media.get(&Place::of(Part::Header)), urls)
        }
    });
    let footer = (!filled.footer.is_empty())
        .then(|| view! { <p class="template-preview__footer">{filled.footer.clone()}</p> });
    let cards = (!filled.cards.is_empty()).then(|| {
        let cards = filled.cards.iter().enumerate().map(|(at, card)| {
            let place = Place {
                card: Some(at),
                part: Part::Header,
            };
            card_view(card, media.get(&place), urls)
        });
        view! {
            // It is scrolled, by the keyboard too.
            <div class="template-preview__cards" tabindex="0" role="group" aria-label=phrase(Key::TemplateCards)>
                {cards.collect_view()}
            </div>
        }
    });
    view! {
        <div class="template-preview">
            <div class="template-preview__bubble">
                {header} <p class="template-preview__body" dir="auto">{words_view(&filled.body.text)}</p>
                {footer} {buttons_view(&filled.buttons)}
            </div>
            {cards}
        </div>
    }
    .into_any()
}

fn card_view(card: &FilledCard, media: Option<&DraftMedia>, urls: MediaUrls) -> AnyView {
    view! {
        <div class="template-preview__bubble template-preview__bubble--card">
            {media_view(card.kind, media, urls)}
            <p class="template-preview__body" dir="auto">{words_view(&card.body.text)}</p>
            {buttons_view(&card.buttons)}
        </div>
    }
    .into_any()
}

fn media_view(kind: HeaderKind, media: Option<&DraftMedia>, urls: MediaUrls) -> AnyView {
    let medium = medium_text(kind.medium());
    let name = media.map(|media| media.name.clone()).unwrap_or_default();
    let alt = match media {
        Some(_) => spoken(&medium, &name),
        None => medium,
    };
    match kind {
        HeaderKind::Image | HeaderKind::Video => {
            let picture = media.and_then(|media| picture_of(media, urls));
            let picture = match picture {
                Some(address) => {
                    view! { <img class="template-preview__picture" src=address alt=alt /> }
                        .into_any()
                }
                None => view! {
                    <span class="template-preview__picture" role="img" aria-label=alt>
                        <IconView icon=if kind == HeaderKind::Video { Icon::Video } else { Icon::Image } />
                    </span>
                }
                .into_any(),
            };
            let is_film = kind == HeaderKind::Video && media.is_some();
            let play = is_film.then(|| {
                view! {
                    <span class="preview-phone__play" aria-hidden="true">
                        <IconView icon=Icon::Play />
                    </span>
                }
            });
            let seconds = media.map_or(0, |media| media.seconds);
            let length = (seconds > 0).then(|| {
                view! { <span class="preview-phone__length">{clock_of(seconds)}</span> }
            });
            view! { <span class="template-preview__media">{picture} {play} {length}</span> }
                .into_any()
        }
        HeaderKind::Document => {
            let about = media.map(|media| {
                let kind = media.file_type.map(file_type_name).unwrap_or_default();
                [kind, &bytes(media.bytes)].join(" · ")
            });
            let name = if name.is_empty() { alt } else { name };
            view! {
                <span class="template-preview__file">
                    <IconView icon=Icon::File />
                    <span class="template-preview__file-name">{name}</span>
                    {about.map(|about| view! { <span class="template-preview__file-about">{about}</span> })}
                </span>
            }
            .into_any()
        }
    }
}

/// As it is said, without WhatsApp's markup: headers have none.
fn plain_view(words: &str) -> Vec<AnyView> {
    segments(words)
        .into_iter()
        .map(|segment| match segment {
            Segment::Words(words) => words.to_owned().into_any(),
            Segment::Variable(name) => {
                let name = ["{{", name, "}}"].concat();
                view! { <span class="template-preview__variable">{name}</span> }.into_any()
            }
        })
        .collect()
}

/// With its markup as WhatsApp shows it, its links, and what is not filled in yet.
fn words_view(words: &str) -> Vec<AnyView> {
    runs(words)
        .iter()
        .filter(|run| !run.is_mark)
        .map(run_view)
        .collect()
}

fn run_view(run: &Run<'_>) -> AnyView {
    let mut parts = Vec::new();
    let mut at = 0;
    for link in find_links(run.text) {
        parts.extend(plain_view(&run.text[at..link.start]));
        let url = link.url.to_owned();
        parts.push(view! { <span class="preview-phone__link">{url}</span> }.into_any());
        at = link.end;
    }
    parts.extend(plain_view(&run.text[at..]));
    let mut view = parts.into_any();
    if run.style.is_mono {
        view = view! { <code class="template-preview__mono">{view}</code> }.into_any();
    }
    if run.style.is_strike {
        view = view! { <s>{view}</s> }.into_any();
    }
    if run.style.is_italic {
        view = view! { <em>{view}</em> }.into_any();
    }
    if run.style.is_bold {
        view = view! { <strong>{view}</strong> }.into_any();
    }
    view
}

fn buttons_view(buttons: &[FilledButton]) -> Option<AnyView> {
    if buttons.is_empty() {
        return None;
    }
    let is_folded = buttons.len() > MOST_BUTTONS;
    let shown = if is_folded {
        MOST_BUTTONS - 1
    } else {
        buttons.len()
    };
    let button = |icon, text: String, title: String| {
        view! {
            <li class="template-preview__button" title=title>
                <IconView icon />
                {text}
            </li>
        }
        .into_any()
    };
    let mut drawn: Vec<AnyView> = buttons
        .iter()
        .take(shown)
        .map(|found| match found.clone() {
            FilledButton::QuickReply { text } => button(Icon::Reply, text, String::new()),
            FilledButton::Url { text, url } => button(Icon::ExternalLink, text, url.text),
            FilledButton::Phone { text, phone } => button(Icon::Phone, text, phone),
            FilledButton::Unsupported { text } => button(Icon::CircleAlert, text, String::new()),
        })
        .collect();
    if is_folded {
        let all: Vec<String> = buttons
            .iter()
            .map(|found| match found {
                FilledButton::QuickReply { text }
                | FilledButton::Url { text, .. }
                | FilledButton::Phone { text, .. }
                | FilledButton::Unsupported { text } => text.clone(),
            })
            .collect();
        drawn.push(button(
            Icon::List,
            t(Key::TemplateSeeAll),
            crate::i18n::list(&all),
        ));
    }
    Some(view! { <ul class="template-preview__buttons">{drawn}</ul> }.into_any())
}

/// 「訊息範本「秋季新品預覽」（zh_TW）」
pub fn about_template(template: &omocast_contract::Template) -> String {
    t_with(
        Key::TemplateAbout,
        &[
            ("name", template.display_name()),
            ("language", &template.language),
        ],
    )
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Template;

    use crate::ui::Story;

    const PICTURE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='480' height='270'%3E%3CradialGradient id='g'%3E%3Cstop stop-color='wheat'/%3E%3Cstop offset='1' stop-color='lightcoral'/%3E%3C/radialGradient%3E%3Crect width='480' height='270' fill='url(%23g)'/%3E%3C/svg%3E";

    fn story(at: usize, is_filled: bool) -> AnyView {
        let template: Option<Template> = example::examples().into_iter().nth(at);
        let draft = template.map(|template| {
            let mut draft = TemplateDraft::of(template.clone());
            draft.name_fallback = "貴賓".to_owned();
            if is_filled {
                for slot in template.slots() {
                    draft.values.insert(slot.id, slot.sample.to_owned());
                }
                for slot in template.media_slots() {
                    let media = DraftMedia {
                        seconds: 32,
                        local_url: Some(PICTURE.to_owned()),
                        local_preview: Some(PICTURE.to_owned()),
                        file_type: Some(omocast_contract::FileType::Pdf),
                        ..DraftMedia::picked(
                            slot.kind.medium(),
                            "秋冬型錄.pdf".to_owned(),
                            2_150_000,
                        )
                    };
                    draft.media.insert(slot.place, media);
                }
            }
            draft
        });
        let sample = |name: &str| Sample {
            name: name.to_owned(),
            account: "ATELIER +886 2 5555 0143".to_owned(),
        };
        view! {
            <TemplatePreview
                draft
                samples=vec![sample("林志明"), sample("")]
                sender="ATELIER"
                urls=MediaUrls::none()
            />
        }
        .into_any()
    }
    vec![
        Story::new("none chosen", || story(99, false)),
        Story::new("nothing filled in yet", || story(0, false)),
        Story::new("a picture, markup, buttons", || story(0, true)),
        Story::new("a text above, named variables", || story(1, true)),
        Story::new("more buttons than WhatsApp shows", || story(2, true)),
        Story::new("a carousel", || story(3, true)),
        Story::new("a document", || story(4, true)),
        Story::new("a video", || story(5, true)),
    ]
}
