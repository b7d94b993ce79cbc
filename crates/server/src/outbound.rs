//! From what staff wrote to what the connectors are handed: uploads with their addresses.

use omocast_contract::api::Media;
use omocast_contract::template::fill::fill as filled_in;
use omocast_contract::{MediaId, Medium, OutgoingMessage, SentTemplate, Timestamp};

use crate::channels::{Outbound, OutboundTemplate, Upload};
use crate::media::{MediaStore, Variant};

/// Messages as platforms get them, names not filled in yet.
/// The addresses of uploads hold for a week from `at`. None if an upload is not among `media`.
pub fn outbound(
    store: &MediaStore,
    messages: &[OutgoingMessage],
    media: &[Media],
    at: Timestamp,
) -> Option<Vec<Outbound>> {
    let upload = |id: MediaId| {
        let media = media.iter().find(|media| media.id == id)?;
        Some(upload_of(store, media, at))
    };
    let one = |message: &OutgoingMessage| {
        let caption = message.caption().map(str::to_owned);
        Some(match message {
            OutgoingMessage::Text { text } => Outbound::Text(text.clone()),
            OutgoingMessage::Image { media, .. } => Outbound::Image {
                upload: upload(*media)?,
                caption,
            },
            OutgoingMessage::Video { media, .. } => Outbound::Video {
                upload: upload(*media)?,
                caption,
            },
            OutgoingMessage::File { media, .. } => Outbound::File {
                upload: upload(*media)?,
                caption,
            },
        })
    };
    messages.iter().map(one).collect()
}

/// A template as platforms get it, for the customer called `name`.
pub fn outbound_template(
    sent: &SentTemplate,
    uploads: &[Upload],
    name: &str,
    name_fallback: &str,
) -> Outbound {
    let SentTemplate { template, fill } = sent;
    Outbound::Template(OutboundTemplate {
        name: template.name.clone(),
        language: template.language.clone(),
        filled: filled_in(template, fill, name, name_fallback),
        uploads: uploads.to_vec(),
    })
}

/// An upload with its addresses, which hold for a week from `at`.
pub fn upload_of(store: &MediaStore, media: &Media, at: Timestamp) -> Upload {
    let id = media.id;
    let original_url = match media.medium {
        Medium::File => store.public_file_url(id, &media.name, at),
        Medium::Text | Medium::Emoji | Medium::Image | Medium::Video | Medium::SavedReply => {
            store.public_url(id, Variant::Original, at)
        }
    };
    Upload {
        id,
        original_url,
        preview_url: store.public_url(id, Variant::Preview, at),
        name: media.name.clone(),
        mime: media.mime.clone(),
        bytes: media.bytes,
        path: store.path(id, Variant::Original),
    }
}
