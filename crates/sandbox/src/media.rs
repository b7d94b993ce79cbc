//! Media: what the platforms find when they fetch a link, and what they take as an upload.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures::StreamExt;
use tokio::sync::OnceCell;

use crate::Sandbox;
use crate::account::Platform;

/// How long one look at a link is good for: a broadcast to thousands should not fetch it thousands of times.
const VERDICT_KEPT: Duration = Duration::from_secs(60);
/// Meta gives up fetching a film after this; LINE says nothing.
const FETCHED_WITHIN: Duration = Duration::from_secs(75);

const MB: usize = 1024 * 1024;

/// What is wrong with what is behind a link, or with an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadMedia {
    /// No answer, or not a 2xx.
    Unreachable,
    WrongType,
    TooLarge,
}

impl BadMedia {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "undeliverable media: the link could not be fetched",
            Self::WrongType => "undeliverable media: not of a type that is taken here",
            Self::TooLarge => "undeliverable media: the file is too large",
        }
    }
}

/// What a platform calls a piece of media; `Preview` is the picture LINE shows before the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Medium {
    Image,
    Preview,
    Video,
    Audio,
    File,
}

const PICTURES: &[&str] = &["image/jpeg", "image/png"];
const MOVING_PICTURES: &[&str] = &["image/jpeg", "image/png", "image/gif"];
const FILMS: &[&str] = &["video/mp4", "video/quicktime", "video/webm", "video/3gpp"];
const SOUNDS: &[&str] = &["audio/mpeg", "audio/wav", "audio/ogg", "video/mp4"];
const DOCUMENTS: &[&str] = &[
    "application/pdf",
    "application/zip",
    "application/x-ole-storage",
    "text/plain",
];

/// What a platform takes of one medium.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// None takes anything.
    pub(crate) types: Option<&'static [&'static str]>,
    pub(crate) limit: usize,
}

impl Wanted {
    /// None where the platform has no such message.
    pub(crate) fn by(platform: Platform, medium: Medium) -> Option<Self> {
        let wanted = |types, limit| {
            Some(Self {
                types: Some(types),
                limit,
            })
        };
        match (platform, medium) {
            (Platform::Line, Medium::Image) => wanted(PICTURES, 10 * MB),
            (Platform::Line, Medium::Preview) => wanted(PICTURES, MB),
            (Platform::Line, Medium::Video) => wanted(&["video/mp4"], 200 * MB),
            (Platform::Line, Medium::Audio) => wanted(SOUNDS, 200 * MB),
            (Platform::Facebook | Platform::Instagram, Medium::Image) => {
                wanted(MOVING_PICTURES, 8 * MB)
            }
            (Platform::Facebook | Platform::Instagram, Medium::Video) => wanted(FILMS, 25 * MB),
            (Platform::Facebook | Platform::Instagram, Medium::Audio) => wanted(SOUNDS, 25 * MB),
            (Platform::Facebook, Medium::File) => Some(Self {
                types: None,
                limit: 25 * MB,
            }),
            (Platform::Instagram, Medium::File) => wanted(&["application/pdf"], 25 * MB),
            (Platform::Whatsapp, Medium::Image) => wanted(PICTURES, 5 * MB),
            (Platform::Whatsapp, Medium::Video) => wanted(&["video/mp4", "video/3gpp"], 16 * MB),
            (Platform::Whatsapp, Medium::Audio) => wanted(SOUNDS, 16 * MB),
            (Platform::Whatsapp, Medium::File) => wanted(DOCUMENTS, 100 * MB),
            (Platform::Web, Medium::Image) => wanted(PICTURES, 10 * MB),
            (Platform::Line, Medium::File)
            | (Platform::Facebook | Platform::Instagram | Platform::Whatsapp, Medium::Preview)
            | (Platform::Web, Medium::Preview | Medium::Video | Medium::Audio | Medium::File) => {
                None
            }
        }
    }

    pub(crate) fn takes(self, mime_type: &str) -> bool {
        self.types.is_none_or(|types| types.contains(&mime_type))
    }

    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), BadMedia> {
        if bytes.len() > self.limit {
            return Err(BadMedia::TooLarge);
        }
        if bytes.is_empty() || !self.takes(media_type(bytes)) {
            return Err(BadMedia::WrongType);
        }
        Ok(())
    }
}

/// The MIME type by the first bytes, never by what the sender calls it.
pub(crate) fn media_type(bytes: &[u8]) -> &'static str {
    let after = |at: usize, what: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(what));
    match bytes {
        _ if after(0, &[0xff, 0xd8, 0xff]) => "image/jpeg",
        _ if after(0, b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if after(0, b"GIF8") => "image/gif",
        _ if after(4, b"ftypqt") => "video/quicktime",
        _ if after(4, b"ftyp3g") => "video/3gpp",
        _ if after(4, b"ftyp") => "video/mp4",
        _ if after(0, &[0x1a, 0x45, 0xdf, 0xa3]) => "video/webm",
        _ if after(0, b"%PDF-") => "application/pdf",
        _ if after(0, b"PK\x03\x04") => "application/zip",
        _ if after(0, &[0xd0, 0xcf, 0x11, 0xe0]) => "application/x-ole-storage",
        _ if after(0, b"ID3") || after(0, &[0xff, 0xfb]) => "audio/mpeg",
        _ if after(0, b"OggS") => "audio/ogg",
        _ if after(0, b"RIFF") && after(8, b"WAVE") => "audio/wav",
        _ if !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => "text/plain",
        _ => "application/octet-stream",
    }
}

/// What a file behind a link is called, as the platforms guess it: the end of the path.
pub(crate) fn name_in_link(link: &str) -> String {
    reqwest::Url::parse(link)
        .ok()
        .and_then(|url| url.path_segments()?.next_back().map(percent_decoded))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "file".to_owned())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let hex = others
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(hex.unwrap_or(first));
        rest = if hex.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

type Verdict = Result<(), BadMedia>;

struct Look {
    at: Instant,
    verdict: Arc<OnceCell<Verdict>>,
}

impl Look {
    fn holds(&self) -> bool {
        let failed = self.verdict.get().is_some_and(Result::is_err);
        self.at.elapsed() < VERDICT_KEPT && !failed
    }
}

/// The latest looks, by link, platform and medium. Those that failed are taken again.
#[derive(Default)]
pub(crate) struct Verdicts {
    looks: HashMap<(String, Platform, Medium), Look>,
    sweep_at: usize,
}

impl Verdicts {
    fn cell(&mut self, url: &str, platform: Platform, medium: Medium) -> Arc<OnceCell<Verdict>> {
        if self.looks.len() >= self.sweep_at {
            self.looks.retain(|_, look| look.holds());
            self.sweep_at = (self.looks.len() * 2).max(128);
        }
        let key = (url.to_owned(), platform, medium);
        if let Some(look) = self.looks.get(&key).filter(|look| look.holds()) {
            return Arc::clone(&look.verdict);
        }
        let look = Look {
            at: Instant::now(),
            verdict: Arc::default(),
        };
        let verdict = Arc::clone(&look.verdict);
        self.looks.insert(key, look);
        verdict
    }
}

impl Sandbox {
    /// Fetches the link, as the platform does, and looks at what comes.
    pub(crate) async fn check_link(
        &self,
        url: &str,
        platform: Platform,
        medium: Medium,
    ) -> Verdict {
        let cell = self.lock_verdicts().cell(url, platform, medium);
        *cell
            .get_or_init(|| async { self.fetch_wanted(url, platform, medium).await.map(|_| ()) })
            .await
    }

    /// Fetches the link and gives what it leads to, if the platform takes it.
    pub(crate) async fn fetch_wanted(
        &self,
        url: &str,
        platform: Platform,
        medium: Medium,
    ) -> Result<Bytes, BadMedia> {
        let wanted = Wanted::by(platform, medium).ok_or(BadMedia::WrongType)?;
        let bytes = self.fetch(url, wanted.limit).await?;
        wanted.check(&bytes)?;
        Ok(bytes)
    }

    pub(crate) async fn fetch(&self, url: &str, limit: usize) -> Result<Bytes, BadMedia> {
        let _permit = self.fetch_permit().await;
        let response = self
            .http()
            .get(url)
            .timeout(FETCHED_WITHIN)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|_| BadMedia::Unreachable)?;
        let mut bytes = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| BadMedia::Unreachable)?);
            if bytes.len() > limit {
                return Err(BadMedia::TooLarge);
            }
        }
        Ok(bytes.into())
    }

    /// The media of a message may be shown, or not.
    pub(crate) fn media_checked(&self, account: &str, user: &str, id: &str, verdict: Verdict) {
        self.change(|state| {
            let message = state
                .get_mut(account)
                .and_then(|account| account.customer_mut(user))
                .and_then(|customer| customer.message_mut(id));
            if let Some(message) = message {
                message.pending = false;
                message.problem = verdict.err().map(|bad| bad.text().to_owned());
            }
        });
        self.phone_changed(account, user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_known_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], "image/png"),
            (&[0xff, 0xd8, 0xff, 0xe0], "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"\0\0\0\x18ftypisom", "video/mp4"),
            (b"\0\0\0\x18ftypqt  ", "video/quicktime"),
            (b"%PDF-1.4", "application/pdf"),
            (b"PK\x03\x04", "application/zip"),
            ("純文字".as_bytes(), "text/plain"),
            (b"MZ\0\0", "application/octet-stream"),
        ] {
            assert_eq!(media_type(bytes), expected);
        }
    }

    #[test]
    fn an_instagram_file_is_a_pdf() {
        let wanted = Wanted::by(Platform::Instagram, Medium::File).unwrap();
        assert_eq!(wanted.check(b"%PDF-1.4"), Ok(()));
        assert_eq!(wanted.check(b"PK\x03\x04"), Err(BadMedia::WrongType));
    }

    #[test]
    fn a_link_names_its_file() {
        let named = "https://a.example/x/%E5%9E%8B%E9%8C%84.pdf?y=1";
        assert_eq!(name_in_link(named), "型錄.pdf");
        assert_eq!(name_in_link("https://a.example"), "file");
    }

    #[test]
    fn line_has_no_files() {
        assert!(Wanted::by(Platform::Line, Medium::File).is_none());
    }
}
