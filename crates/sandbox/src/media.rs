//! Pictures: what the platforms find when they fetch a link, and what they take as an upload.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::OnceCell;

use crate::Sandbox;

/// How long one look at a link is good for: a broadcast to thousands should not fetch it thousands of times.
const VERDICT_KEPT: Duration = Duration::from_secs(60);

/// What is wrong with a link's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadMedia {
    /// No answer, or not a 2xx.
    Unreachable,
    NotAPicture,
    TooLarge,
}

impl BadMedia {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "undeliverable media: the link could not be fetched",
            Self::NotAPicture => "undeliverable media: neither JPEG nor PNG",
            Self::TooLarge => "undeliverable media: the file is too large",
        }
    }
}

/// The MIME type of a JPEG or PNG, by its first bytes.
pub(crate) fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some("image/jpeg")
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else {
        None
    }
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

/// The latest looks, by link and size limit. Those that failed are taken again.
#[derive(Default)]
pub(crate) struct Verdicts {
    looks: HashMap<(String, usize), Look>,
    sweep_at: usize,
}

impl Verdicts {
    fn cell(&mut self, url: &str, limit: usize) -> Arc<OnceCell<Verdict>> {
        if self.looks.len() >= self.sweep_at {
            self.looks.retain(|_, look| look.holds());
            self.sweep_at = (self.looks.len() * 2).max(128);
        }
        let key = (url.to_owned(), limit);
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
    pub(crate) async fn check_picture(&self, url: &str, limit: usize) -> Verdict {
        let cell = self.lock_verdicts().cell(url, limit);
        *cell.get_or_init(|| self.fetch_and_check(url, limit)).await
    }

    async fn fetch_and_check(&self, url: &str, limit: usize) -> Verdict {
        let bytes = self.fetch(url, limit).await?;
        picture_type(&bytes)
            .map(|_| ())
            .ok_or(BadMedia::NotAPicture)
    }

    pub(crate) async fn fetch(&self, url: &str, limit: usize) -> Result<Vec<u8>, BadMedia> {
        let _permit = self.fetch_permit().await;
        let response = self
            .http()
            .get(url)
            .timeout(Duration::from_secs(10))
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
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(picture_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(picture_type(&[0xff, 0xd8, 0xff, 0xe0]), Some("image/jpeg"));
        assert_eq!(picture_type(b"GIF89a"), None);
        assert_eq!(picture_type(b""), None);
    }
}
