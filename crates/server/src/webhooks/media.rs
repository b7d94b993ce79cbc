//! What customers send besides words: fetched from the platform piece by piece, and known by what it is.

use std::collections::HashSet;

use omocast_contract::limit::MAX_UPLOAD_BYTES;
use omocast_contract::media::{DETECT_BYTES, clean_file_name, detect};
use omocast_contract::{MediaId, Medium};
use uuid::Uuid;

use crate::app::App;
use crate::channels::{Account, FetchError};
use crate::media::Variant;
use crate::store::inbound::{Change, Fetched, FetchedMedia, InboundContent, InboundMedia};

/// After this many attempts a webhook is stored without what can't be had.
const ATTEMPTS: u32 = 5;

/// Fetches what the messages refer to, unless they are stored already.
pub(super) async fn fetch_media(
    app: &App,
    account: &Account,
    changes: &[Change],
    attempts: u32,
    fetched: &mut Fetched,
) -> anyhow::Result<()> {
    let media: Vec<(&String, &InboundMedia)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Message(message) => match &message.content {
                InboundContent::Media(media) => Some((&message.external_id, media)),
                InboundContent::Text(_) | InboundContent::Other(_) => None,
            },
            Change::Blocked { .. }
            | Change::Unsent { .. }
            | Change::Status(_)
            | Change::Echo(_)
            | Change::Watermark(_)
            | Change::Marketing(_) => None,
        })
        .collect();
    if media.is_empty() {
        return Ok(());
    }
    let messages: Vec<_> = media
        .iter()
        .map(|(message, _)| (*message).clone())
        .collect();
    let stored: HashSet<String> = app.store.find_messages(account.id, &messages).await?;
    for (message, told) in media {
        let Some(reference) = &told.reference else {
            continue;
        };
        if stored.contains(message) || fetched.media.contains_key(reference) {
            continue;
        }
        match fetch_one(app, account, reference, told).await {
            Ok(media) => drop(fetched.media.insert(reference.clone(), media)),
            Err(Failure::Fetch(FetchError::NotNow(why))) if attempts < ATTEMPTS => {
                anyhow::bail!("what a customer sent could not be fetched: {why}");
            }
            // The message is shown without it.
            Err(Failure::Fetch(error)) => {
                tracing::info!(account = %account.id, "what a customer sent is lost: {error}");
            }
            Err(Failure::Store(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

enum Failure {
    Fetch(FetchError),
    Store(std::io::Error),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Store(error)
    }
}

async fn fetch_one(
    app: &App,
    account: &Account,
    reference: &str,
    told: &InboundMedia,
) -> Result<FetchedMedia, Failure> {
    let mut incoming = app.connectors.fetch_media(account, reference).await?;
    let mut file = app.media.begin().await?;
    let mut head = Vec::new();
    let mut bytes = 0_u64;
    while let Some(chunk) = incoming.chunk().await? {
        bytes += chunk.len() as u64;
        if bytes > MAX_UPLOAD_BYTES {
            return Err(FetchError::Gone("too large").into());
        }
        let missing = DETECT_BYTES.saturating_sub(head.len()).min(chunk.len());
        head.extend_from_slice(&chunk[..missing]);
        file.write(&chunk).await?;
    }
    let mut media = describe(told, &head).ok_or(FetchError::Gone("nothing we keep"))?;
    media.bytes = bytes;
    app.media.keep(file, media.id, Variant::Original).await?;
    Ok(media)
}

/// What it is, by its content. What omocast itself would not send is a file to be downloaded; programs are not kept.
fn describe(told: &InboundMedia, head: &[u8]) -> Option<FetchedMedia> {
    let is_program = [
        &b"MZ"[..],
        b"\x7fELF",
        b"#!",
        b"\xca\xfe\xba\xbe",
        b"\xcf\xfa\xed\xfe",
    ]
    .iter()
    .any(|program| head.starts_with(program));
    if head.is_empty() || is_program {
        return None;
    }
    let name = clean_file_name(&told.name);
    let (medium, mime, file_type) = match detect(&name, head) {
        Ok(found) => (found.medium, found.mime, found.file_type),
        Err(_) => {
            let mime = infer::get(head).map_or("application/octet-stream", |kind| kind.mime_type());
            (Medium::File, mime, None)
        }
    };
    let name = match medium {
        Medium::File if told.name.is_empty() => {
            let ending = infer::get(head).map_or("bin", |kind| kind.extension());
            format!("file.{ending}")
        }
        _ => name,
    };
    Some(FetchedMedia {
        id: MediaId(Uuid::now_v7()),
        medium,
        file_type,
        name,
        mime: mime.to_owned(),
        bytes: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(medium: Medium, name: &str, head: &[u8], expected: Option<(Medium, &str, &str)>) {
        let told = InboundMedia {
            medium,
            reference: None,
            name: name.to_owned(),
            caption: String::new(),
        };
        let found = describe(&told, head);
        let found = found
            .as_ref()
            .map(|media| (media.medium, media.mime.as_str(), media.name.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_customer_sent_is_what_its_content_says() {
        let jpeg = b"\xff\xd8\xff\xe0";
        let image = Some((Medium::Image, "image/jpeg", "file"));
        check(Medium::Image, "", jpeg, image);
        check(Medium::File, "", jpeg, image);
        let mp4 = b"\0\0\0\x18ftypisom";
        check(
            Medium::Video,
            "a.mp4",
            mp4,
            Some((Medium::Video, "video/mp4", "a.mp4")),
        );
        let pdf = Some((Medium::File, "application/pdf", "型錄.pdf"));
        check(Medium::File, "型錄.pdf", b"%PDF-1.4", pdf);
    }

    #[test]
    fn what_we_would_not_send_is_a_file_and_a_program_is_not_kept() {
        let sound = Some((Medium::File, "audio/ogg", "file.ogg"));
        check(Medium::File, "", b"OggS\0\0", sound);
        check(Medium::File, "a.exe", b"MZ\x90\0", None);
        check(Medium::File, "a.pdf", b"", None);
    }
}
