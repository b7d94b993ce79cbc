//! A template on the phone: header, text, footer and buttons in one bubble, the cards of a carousel below.

use super::formatting::formatted;
use super::html::{escape, file, image, video};
use crate::whatsapp::{PhoneButton, PhoneCard, PhoneHeader, PhoneTemplate};

/// More buttons than this are behind "see all".
const BUTTONS_SHOWN: usize = 3;

/// `media` gives the escaped address under which the page finds what is behind a link, of the template or a card.
pub(super) fn html(
    template: &PhoneTemplate,
    message: &str,
    media: &dyn Fn(&str, Option<usize>) -> String,
) -> String {
    let header = template
        .header
        .as_ref()
        .map(|header| header_html(header, &|url| media(url, None)))
        .unwrap_or_default();
    let footer = template
        .footer
        .as_ref()
        .map(|footer| format!(r#"<p class="template__footer">{}</p>"#, escape(footer)))
        .unwrap_or_default();
    let text = text_html(&template.body);
    let buttons = buttons_html(&template.buttons, message, None);
    let cards = cards_html(&template.cards, message, media);
    format!(r#"<div class="template">{header}{text}{footer}{buttons}{cards}</div>"#)
}

fn text_html(text: &str) -> String {
    format!(r#"<p class="bubble__text">{}</p>"#, formatted(text))
}

fn header_html(header: &PhoneHeader, media: &dyn Fn(&str) -> String) -> String {
    match header {
        PhoneHeader::Text { text } => {
            format!(r#"<p class="template__title">{}</p>"#, escape(text))
        }
        PhoneHeader::Image { url } => image(&media(url)),
        PhoneHeader::Video { url } => video(&media(url), None),
        PhoneHeader::Document { url, name } => file(&media(url), name),
    }
}

fn cards_html(
    cards: &[PhoneCard],
    message: &str,
    media: &dyn Fn(&str, Option<usize>) -> String,
) -> String {
    if cards.is_empty() {
        return String::new();
    }
    let items: String = cards
        .iter()
        .enumerate()
        .map(|(at, card)| {
            let header = header_html(&card.header, &|url| media(url, Some(at)));
            let text = card.body.as_deref().map(text_html).unwrap_or_default();
            let buttons = buttons_html(&card.buttons, message, Some(at));
            format!(r#"<li class="template__card">{header}{text}{buttons}</li>"#)
        })
        .collect();
    format!(
        r#"<ul class="template__cards" role="list" tabindex="0" aria-label="{} 張卡片">{items}</ul>"#,
        cards.len()
    )
}

fn buttons_html(buttons: &[PhoneButton], message: &str, card: Option<usize>) -> String {
    if buttons.is_empty() {
        return String::new();
    }
    let mut items: Vec<_> = buttons
        .iter()
        .enumerate()
        .map(|(at, button)| button_html(button, message, card, at))
        .collect();
    let folded = if items.len() > BUTTONS_SHOWN {
        let rest: String = items.drain(BUTTONS_SHOWN - 1..).collect();
        format!(
            r#"<details class="template__more"><summary class="template__button">查看所有選項</summary>{rest}</details>"#
        )
    } else {
        String::new()
    };
    format!(
        r#"<div class="template__buttons">{}{folded}</div>"#,
        items.concat()
    )
}

fn button_html(button: &PhoneButton, message: &str, card: Option<usize>, at: usize) -> String {
    match button {
        PhoneButton::QuickReply { text, .. } => {
            let card = card.map_or_else(String::new, |card| format!(r#" data-card="{card}""#));
            format!(
                r#"<button class="template__button" type="button" data-press="{at}" data-message="{}"{card}>{}</button>"#,
                escape(message),
                escape(text)
            )
        }
        PhoneButton::Url { text, url } => link_html(text, url, r#" target="_blank""#),
        PhoneButton::PhoneNumber { text, phone_number } => {
            let number: String = phone_number
                .chars()
                .filter(|character| character.is_ascii_digit() || *character == '+')
                .collect();
            link_html(text, &format!("tel:{number}"), "")
        }
    }
}

fn link_html(text: &str, url: &str, target: &str) -> String {
    let is_safe = ["http://", "https://", "tel:"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !is_safe {
        return format!(r#"<span class="template__button">{}</span>"#, escape(text));
    }
    format!(
        r#"<a class="template__button" href="{}"{target} rel="noopener noreferrer">{}</a>"#,
        escape(url),
        escape(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::TemplateCategory;

    fn template(buttons: Vec<PhoneButton>) -> PhoneTemplate {
        PhoneTemplate {
            name: "autumn".into(),
            language: "zh_TW".into(),
            category: TemplateCategory::Marketing,
            billable: true,
            header: None,
            body: "*<b>*".into(),
            footer: None,
            buttons,
            cards: Vec::new(),
        }
    }

    fn url(url: &str) -> PhoneButton {
        PhoneButton::Url {
            text: "看看".into(),
            url: url.into(),
        }
    }

    fn shown(template: &PhoneTemplate) -> String {
        html(template, "wamid.\"", &|url, _| escape(url))
    }

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        assert!(
            shown(&template(vec![url("https://a.example/?b&c")])).contains(
                r#"<a class="template__button" href="https://a.example/?b&amp;c" target="_blank""#
            )
        );
        let script = shown(&template(vec![url("javascript:alert(1)")]));
        assert!(!script.contains("href"), "{script}");
    }

    #[test]
    fn more_than_three_buttons_are_folded() {
        let html = shown(&template(vec![url("https://a.example"); 3]));
        assert!(!html.contains("<details"));
        let html = shown(&template(vec![url("https://a.example"); 4]));
        let (first, rest) = html.split_once("<details").unwrap();
        assert_eq!(
            (first.matches("<a ").count(), rest.matches("<a ").count()),
            (2, 2)
        );
    }

    #[test]
    fn nothing_in_a_template_becomes_markup() {
        let reply = PhoneButton::QuickReply {
            text: "<i>".into(),
            payload: "x".into(),
        };
        let html = shown(&template(vec![reply]));
        assert!(html.contains("<strong>&lt;b&gt;</strong>"), "{html}");
        assert!(html.contains(r#"data-message="wamid.&quot;""#) && html.contains("&lt;i&gt;"));
    }
}
