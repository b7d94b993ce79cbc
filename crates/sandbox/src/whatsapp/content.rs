//! What a WhatsApp message may hold, and what is wrong with one that may not.

use serde_json::{Map, Value};

use super::templates::AskedTemplate;
use crate::graph::GraphError;
use crate::media::Medium;

const TEXT_LIMIT: usize = 4_096;
const CAPTION_LIMIT: usize = 1_024;
const CALLBACK_DATA_LIMIT: usize = 512;

pub(super) enum Content {
    Text(String),
    Media {
        medium: Medium,
        source: Source,
        caption: Option<String>,
        /// Of a document.
        filename: Option<String>,
    },
    Template(AskedTemplate),
}

#[derive(Debug)]
pub(super) enum Source {
    Id(String),
    Link(String),
}

pub(super) fn missing(details: &str) -> GraphError {
    GraphError::whatsapp(131_008, "Required parameter is missing", details)
}

pub(super) fn invalid(details: &str) -> GraphError {
    GraphError::whatsapp(131_009, "Parameter value is not valid", details)
}

pub(super) fn wrong_parameter(details: &str) -> GraphError {
    GraphError::whatsapp(100, "Invalid parameter", details)
}

pub(super) fn read_content(body: &Map<String, Value>) -> Result<Content, GraphError> {
    match body.get("recipient_type").map(Value::as_str) {
        None | Some(Some("individual")) => {}
        Some(_) => return Err(invalid("recipient_type must be individual.")),
    }
    match body.get("biz_opaque_callback_data") {
        None => {}
        Some(Value::String(data)) if data.chars().count() <= CALLBACK_DATA_LIMIT => {}
        Some(_) => {
            return Err(invalid(
                "biz_opaque_callback_data must be a string of at most 512 characters.",
            ));
        }
    }
    match body.get("type").map_or(Some("text"), Value::as_str) {
        Some("text") => read_text(body),
        Some("image") => read_media(body, "image", Medium::Image),
        Some("video") => read_media(body, "video", Medium::Video),
        Some("audio") => read_media(body, "audio", Medium::Audio),
        Some("document") => read_media(body, "document", Medium::File),
        Some("template") => AskedTemplate::read(body).map(Content::Template),
        Some(kind) => Err(GraphError::whatsapp(
            131_051,
            "Unsupported message type",
            &format!("Message type {kind} is not supported (by this sandbox, or at all)."),
        )),
        None => Err(invalid("type must be a string.")),
    }
}

fn read_text(body: &Map<String, Value>) -> Result<Content, GraphError> {
    let Some(text) = body.get("text").filter(|text| text.is_object()) else {
        return Err(missing("The parameter text is required for type text."));
    };
    if !matches!(text.get("preview_url"), None | Some(Value::Bool(_))) {
        return Err(invalid("text['preview_url'] must be a boolean."));
    }
    match text["body"].as_str() {
        None | Some("") => Err(missing("The parameter text['body'] is required.")),
        Some(body) if body.chars().count() > TEXT_LIMIT => Err(wrong_parameter(
            "Param text['body'] must be at most 4096 characters long.",
        )),
        Some(body) => Ok(Content::Text(body.to_owned())),
    }
}

fn read_media(
    body: &Map<String, Value>,
    kind: &str,
    medium: Medium,
) -> Result<Content, GraphError> {
    let Some(media) = body.get(kind).filter(|media| media.is_object()) else {
        return Err(missing(&format!(
            "The parameter {kind} is required for type {kind}."
        )));
    };
    let caption = media["caption"].as_str().map(str::to_owned);
    if caption.is_some() && medium == Medium::Audio {
        return Err(wrong_parameter("Param audio['caption'] is unexpected."));
    }
    if caption
        .as_ref()
        .is_some_and(|caption| caption.chars().count() > CAPTION_LIMIT)
    {
        return Err(wrong_parameter(&format!(
            "Param {kind}['caption'] must be at most 1024 characters long."
        )));
    }
    let filename = media["filename"].as_str().map(str::to_owned);
    if filename.is_some() && medium != Medium::File {
        return Err(wrong_parameter(&format!(
            "Param {kind}['filename'] is unexpected."
        )));
    }
    let source = read_source(media, kind)?;
    Ok(Content::Media {
        medium,
        source,
        caption,
        filename,
    })
}

/// Where a piece of media is: uploaded before, or behind a link.
pub(super) fn read_source(media: &Value, kind: &str) -> Result<Source, GraphError> {
    match (media["id"].as_str(), media["link"].as_str()) {
        (Some(id), None) => Ok(Source::Id(id.to_owned())),
        (None, Some(link)) if is_link(link) => Ok(Source::Link(link.to_owned())),
        (None, Some(_)) => Err(wrong_parameter(&format!(
            "Param {kind}['link'] is not a valid URI."
        ))),
        (None, None) | (Some(_), Some(_)) => Err(invalid(&format!(
            "{kind} needs exactly one of id and link."
        ))),
    }
}

fn is_link(text: &str) -> bool {
    reqwest::Url::parse(text)
        .is_ok_and(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
}
