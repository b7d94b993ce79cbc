//! Uploaded files.

use omocast_contract::api::Media;
use omocast_contract::limit::max_upload;
use omocast_contract::media::{clean_file_name, detect};
use omocast_contract::{FileType, MediaId, Medium, OutgoingMessage, ProblemCode};

use super::backend::{Answer, Backend, refuse, sentinel};
use super::demo_data as demo;

const SAMPLE_IMAGE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='480' height='480'%3E%3CradialGradient id='g'%3E%3Cstop stop-color='wheat'/%3E%3Cstop offset='1' stop-color='lightcoral'/%3E%3C/radialGradient%3E%3Crect width='480' height='480' fill='url(%23g)'/%3E%3C/svg%3E";

/// An upload and where the browser finds it.
pub(super) struct Kept {
    media: Media,
    url: String,
    preview_url: Option<String>,
}

/// What arrives of a file.
pub(super) struct Arrived {
    pub(super) name: String,
    /// Its first bytes: they decide what it is.
    pub(super) head: Vec<u8>,
    pub(super) bytes: u64,
    /// Where the browser finds its bytes, and those of its preview.
    pub(super) url: String,
    pub(super) preview_url: Option<String>,
}

impl Backend {
    pub(super) fn keep_media(&mut self, arrived: Arrived) -> Answer<Media> {
        self.signed_in()?;
        sentinel(&arrived.name)?;
        if arrived.name.contains("full") {
            return refuse(ProblemCode::StorageFull);
        }
        let found = detect(&arrived.name, &arrived.head)?;
        if arrived.bytes > max_upload(found.medium) {
            return refuse(ProblemCode::UploadTooLarge);
        }
        if found.medium == Medium::Video && arrived.preview_url.is_none() {
            return refuse(ProblemCode::PreviewMissing);
        }
        let media = Media {
            id: demo::media_id(self.next_media),
            name: clean_file_name(&arrived.name),
            mime: found.mime.to_owned(),
            bytes: arrived.bytes,
            medium: found.medium,
            file_type: found.file_type,
            has_preview: arrived.preview_url.is_some(),
        };
        self.next_media += 1;
        let kept = Kept {
            media: media.clone(),
            url: arrived.url,
            preview_url: arrived.preview_url,
        };
        self.media.insert(media.id, kept);
        Ok(media)
    }

    /// What the demo had before: a picture, a film and a catalogue, made of nothing.
    pub(super) fn keep_samples(&mut self) {
        let samples = [
            ("大衣.jpg", "image/jpeg", 412_000, Medium::Image, None),
            ("試穿.mp4", "video/mp4", 3_400_000, Medium::Video, None),
            (
                "秋冬型錄.pdf",
                "application/pdf",
                2_150_000,
                Medium::File,
                Some(FileType::Pdf),
            ),
        ];
        for (name, mime, bytes, medium, file_type) in samples {
            let media = Media {
                id: demo::media_id(self.next_media),
                name: name.to_owned(),
                mime: mime.to_owned(),
                bytes,
                medium,
                file_type,
                has_preview: medium != Medium::File,
            };
            self.next_media += 1;
            let kept = Kept {
                media: media.clone(),
                url: SAMPLE_IMAGE.to_owned(),
                preview_url: None,
            };
            self.media.insert(media.id, kept);
        }
    }

    pub(super) fn find_media(&self, id: MediaId) -> Option<Media> {
        self.media.get(&id).map(|kept| kept.media.clone())
    }

    /// The uploads that messages use.
    pub(super) fn media_of(&self, messages: &[OutgoingMessage]) -> Vec<Media> {
        let ids = messages.iter().filter_map(OutgoingMessage::media);
        ids.filter_map(|id| self.find_media(id)).collect()
    }

    /// Where the browser finds an upload's bytes.
    pub(super) fn media_url(&self, id: MediaId) -> Option<String> {
        self.media.get(&id).map(|kept| kept.url.clone())
    }

    /// Where the browser finds the small picture of an upload.
    pub(super) fn preview_url(&self, id: MediaId) -> Option<String> {
        let kept = self.media.get(&id)?;
        kept.preview_url.clone().or_else(|| Some(kept.url.clone()))
    }
}
