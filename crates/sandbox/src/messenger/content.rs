//! What a request to the Send API asks for, and what is wrong with one that asks for what there is not.

use serde_json::{Map, Value};

use super::recipient;
use crate::account::Platform;
use crate::graph::GraphError;
use crate::media::Medium;

/// Characters on Facebook.
const TEXT_LIMIT: usize = 2_000;
/// Bytes of UTF-8 on Instagram.
const INSTAGRAM_TEXT_LIMIT: usize = 1_000;
const METADATA_LIMIT: usize = 1_000;

pub(super) enum Asked {
    Message {
        content: Content,
        metadata: Option<String>,
    },
    /// Typing, or having seen: nothing arrives.
    Action,
}

pub(super) enum Content {
    Text(String),
    Media { medium: Medium, source: Source },
}

pub(super) enum Source {
    Url(String),
    Attachment(String),
}

fn wrong(message: &str) -> GraphError {
    GraphError::new(100, None, message)
}

pub(super) fn read_request(
    platform: Platform,
    body: &Map<String, Value>,
) -> Result<Asked, GraphError> {
    if recipient(body).is_empty() {
        return Err(wrong("The parameter recipient is required"));
    }
    if let Some(action) = body.get("sender_action") {
        return match action.as_str() {
            Some("typing_on" | "typing_off" | "mark_seen" | "react" | "unreact") => {
                Ok(Asked::Action)
            }
            Some(_) | None => Err(wrong(
                "Param sender_action must be one of the known actions",
            )),
        };
    }
    check_type(platform, body)?;
    let Some(message) = body.get("message").and_then(Value::as_object) else {
        return Err(wrong("The parameter message is required"));
    };
    let metadata = match message.get("metadata") {
        None => None,
        Some(Value::String(text)) if text.chars().count() <= METADATA_LIMIT => Some(text.clone()),
        Some(_) => {
            return Err(wrong(
                "Param message[metadata] must be a string of at most 1000 characters",
            ));
        }
    };
    let content = match (message.get("text"), message.get("attachment")) {
        (Some(text), None) => read_text(platform, text)?,
        (None, Some(attachment)) => read_attachment(platform, attachment)?,
        (Some(_), Some(_)) => {
            return Err(GraphError::new(
                100,
                Some(2_018_191),
                "A message holds exactly one of text, attachment and dynamic_text",
            ));
        }
        (None, None) => {
            return Err(wrong(
                "Message cannot be empty, must provide valid attachment or text (the sandbox takes no other content)",
            ));
        }
    };
    Ok(Asked::Message { content, metadata })
}

fn check_type(platform: Platform, body: &Map<String, Value>) -> Result<(), GraphError> {
    let kind = body.get("messaging_type").map(Value::as_str);
    let tag = body.get("tag").map(Value::as_str);
    match kind {
        // Instagram's own examples leave it out.
        None if platform == Platform::Instagram => {}
        None => return Err(wrong("The parameter messaging_type is required")),
        Some(Some("RESPONSE" | "UPDATE")) if tag.is_none() => {}
        Some(Some("MESSAGE_TAG")) if tag.is_some() => {}
        Some(_) => {
            return Err(wrong(
                "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}, the last with a tag",
            ));
        }
    }
    match tag {
        None => Ok(()),
        Some(Some("HUMAN_AGENT" | "human_agent")) => Err(GraphError::new(
            100,
            Some(2_018_276),
            "The app has no permission for the tag HUMAN_AGENT",
        )),
        Some(_) => Err(GraphError::new(
            100,
            Some(1_893_061),
            "This message tag is no longer available",
        )),
    }
}

fn read_text(platform: Platform, text: &Value) -> Result<Content, GraphError> {
    let Some(text) = text.as_str().filter(|text| !text.is_empty()) else {
        return Err(wrong("Param message[text] must be a non-empty string"));
    };
    let is_too_long = match platform {
        Platform::Instagram => text.len() > INSTAGRAM_TEXT_LIMIT,
        Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => {
            text.chars().count() > TEXT_LIMIT
        }
    };
    if is_too_long {
        let limit = if platform == Platform::Instagram {
            INSTAGRAM_TEXT_LIMIT
        } else {
            TEXT_LIMIT
        };
        return Err(wrong(&format!(
            "Length of param message[text] must be less than or equal to {limit}"
        )));
    }
    Ok(Content::Text(text.to_owned()))
}

fn read_attachment(platform: Platform, attachment: &Value) -> Result<Content, GraphError> {
    let medium = read_medium(platform, attachment)?;
    let payload = &attachment["payload"];
    let source = match (payload["url"].as_str(), payload["attachment_id"].as_str()) {
        (Some(url), None) if is_link(url) => Source::Url(url.to_owned()),
        (Some(_), None) => {
            return Err(wrong(
                "Param message[attachment][payload][url] should represent a valid URL",
            ));
        }
        (None, Some(id)) => Source::Attachment(id.to_owned()),
        (None, None) | (Some(_), Some(_)) => {
            return Err(wrong(
                "Param message[attachment][payload] needs exactly one of url and attachment_id",
            ));
        }
    };
    Ok(Content::Media { medium, source })
}

pub(super) fn read_medium(platform: Platform, attachment: &Value) -> Result<Medium, GraphError> {
    match attachment["type"].as_str() {
        Some("image") => Ok(Medium::Image),
        Some("video") => Ok(Medium::Video),
        Some("audio") => Ok(Medium::Audio),
        Some("file") => Ok(Medium::File),
        Some(kind) => Err(wrong(&format!(
            "Param message[attachment][type] must be one of {{image, video, audio, file}} here ({platform:?}), not \
             {kind}"
        ))),
        None => Err(wrong("The parameter message[attachment][type] is required")),
    }
}

pub(super) fn is_link(text: &str) -> bool {
    reqwest::Url::parse(text)
        .is_ok_and(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
}
