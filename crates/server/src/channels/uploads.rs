//! Files that a platform keeps for us: uploaded once for an account, and sent by their id to as many as there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{AccountId, MediaId, Reason, Timestamp};
use reqwest::Body;
use reqwest::multipart::Part;
use tokio::sync::Mutex;

use super::messenger::Speaker;
use super::{Account, Connectors, Credentials, Outbound, SendOutcome, Upload};
use crate::app::Clock;
use crate::store::{Store, StoreError};

/// How long a refused upload is not tried again: a broadcast to thousands should not try it thousands of times.
const REFUSAL_KEPT: i64 = HOUR / 60;
/// An id that was given this recently is not what is wrong with a message that is refused.
const SURELY_GOOD: i64 = HOUR;

/// Which platforms keep files, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptBy {
    Whatsapp,
    Messenger,
}

impl KeptBy {
    /// None where messages hold links instead.
    fn of(account: &Account) -> Option<Self> {
        match &account.credentials {
            Credentials::Whatsapp { .. } => Some(Self::Whatsapp),
            Credentials::Facebook { .. } | Credentials::Instagram { .. } => {
                let (speaker, _) = Speaker::of(account)?;
                speaker.keeps_uploads().then_some(Self::Messenger)
            }
            Credentials::Line { .. } | Credentials::Web { .. } => None,
        }
    }

    /// 30 days (Cloud API, media), 90 days (Messenger, saving assets); two less, to be on the safe side.
    fn life(self) -> i64 {
        match self {
            Self::Whatsapp => 28 * DAY,
            Self::Messenger => 88 * DAY,
        }
    }

    /// How long an upload may take: some 2 Mbit/s.
    pub(super) fn time_for(upload: &Upload) -> Duration {
        Duration::from_secs(30 + upload.bytes / 250_000)
    }
}

/// What the platform calls the files of a message; those it does not keep are sent as links.
#[derive(Debug, Default)]
pub(super) struct Kept(HashMap<MediaId, String>);

impl Kept {
    pub(super) fn id(&self, upload: MediaId) -> Option<&str> {
        self.0.get(&upload).map(String::as_str)
    }

    #[cfg(test)]
    pub(super) fn one(upload: MediaId, id: &str) -> Self {
        Self(HashMap::from([(upload, id.to_owned())]))
    }
}

type Key = (AccountId, MediaId);
/// Held while the file is being uploaded; what came of the last try, where it failed.
type Slot = Arc<Mutex<Option<(Timestamp, SendOutcome)>>>;

/// What is known of the files that platforms keep. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    store: Store,
    clock: Clock,
    slots: Arc<std::sync::Mutex<HashMap<Key, Slot>>>,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uploads")
    }
}

impl Uploads {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            slots: Arc::default(),
        }
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= 1_000 {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(key).or_default().clone()
    }
}

impl Connectors {
    /// Does beforehand what a message needs of the platform, so that only the message itself can be lost in the dark.
    pub async fn prepare(&self, account: &Account, message: &Outbound) -> Result<(), SendOutcome> {
        self.kept_uploads(account, message).await.map(drop)
    }

    /// The platform's ids of what the message holds, uploaded now if it is not there yet; none for a text, and where
    /// the platform fetches links.
    pub(super) async fn kept_uploads(
        &self,
        account: &Account,
        message: &Outbound,
    ) -> Result<Kept, SendOutcome> {
        let mut kept = Kept::default();
        let (Some(kept_by), Some(uploads)) = (KeptBy::of(account), &self.uploads) else {
            return Ok(kept);
        };
        for upload in message.uploads() {
            if let Entry::Vacant(entry) = kept.0.entry(upload.id) {
                let id = self.kept_upload(account, message, upload, kept_by, uploads);
                entry.insert(id.await?);
            }
        }
        Ok(kept)
    }

    async fn kept_upload(
        &self,
        account: &Account,
        message: &Outbound,
        upload: &Upload,
        kept_by: KeptBy,
        uploads: &Uploads,
    ) -> Result<String, SendOutcome> {
        let slot = uploads.slot((account.id, upload.id));
        // One at a time: who waits finds what the first one left.
        let mut last = slot.lock().await;
        let now = uploads.clock.now();
        match uploads
            .store
            .find_platform_upload(account.id, upload.id, now)
            .await
        {
            Ok(Some(kept)) => return Ok(kept.external_id),
            Ok(None) => {}
            Err(error) => return Err(not_kept(&error)),
        }
        if let Some((until, outcome)) = &*last
            && now < *until
        {
            return Err(outcome.clone());
        }
        let uploaded = match kept_by {
            KeptBy::Whatsapp => self.upload_whatsapp(account, upload).await,
            KeptBy::Messenger => self.upload_attachment(account, message, upload).await,
        };
        match harmless(uploaded) {
            Ok(id) => {
                *last = None;
                let until = now.plus(kept_by.life());
                uploads
                    .store
                    .keep_platform_upload(account.id, upload.id, &id, now, until)
                    .await
                    .map_err(|error| not_kept(&error))?;
                Ok(id)
            }
            Err(outcome) => {
                let pause = match &outcome {
                    SendOutcome::Retry { after, .. } => {
                        i64::try_from(after.as_millis()).unwrap_or(REFUSAL_KEPT)
                    }
                    _ => REFUSAL_KEPT,
                };
                *last = Some((now.plus(pause), outcome.clone()));
                Err(outcome)
            }
        }
    }

    /// A message was refused that held a file by an old id: the platform may have lost the file, so the next try
    /// uploads it again. Others who used the same id may have found that out before.
    pub(super) async fn doubt_uploads(
        &self,
        account: &Account,
        message: &Outbound,
        kept: &Kept,
        outcome: SendOutcome,
    ) -> SendOutcome {
        let Some(uploads) = &self.uploads else {
            return outcome;
        };
        let SendOutcome::Refused {
            reason: Reason::ContentRefused | Reason::MediaRefused,
            code,
        } = &outcome
        else {
            return outcome;
        };
        let given_before = uploads.clock.now().plus(-SURELY_GOOD);
        let mut is_in_doubt = false;
        for upload in message.uploads() {
            let Some(id) = kept.id(upload.id) else {
                continue;
            };
            let forgotten = uploads
                .store
                .forget_platform_upload(account.id, upload.id, id, given_before)
                .await;
            is_in_doubt |= matches!(forgotten, Ok(true));
        }
        if !is_in_doubt {
            return outcome;
        }
        SendOutcome::Retry {
            after: Duration::from_secs(1),
            reason: Reason::MediaRefused,
            code: code.clone(),
            slows_account: false,
            may_have_arrived: false,
        }
    }
}

/// An upload that may or may not have been taken does no harm when it is repeated.
fn harmless(outcome: SendOutcome) -> Result<String, SendOutcome> {
    match outcome {
        SendOutcome::Accepted { external_id, .. } => Ok(external_id),
        SendOutcome::Unknown { code } => Err(SendOutcome::Retry {
            after: Duration::from_secs(5),
            reason: Reason::PlatformFault,
            code,
            slows_account: false,
            may_have_arrived: false,
        }),
        SendOutcome::Refused {
            reason: Reason::ContentRefused | Reason::Other,
            code,
        } => Err(SendOutcome::Refused {
            reason: Reason::MediaRefused,
            code,
        }),
        other => Err(other),
    }
}

fn not_kept(error: &StoreError) -> SendOutcome {
    tracing::error!("what a platform keeps is not known: {error}");
    SendOutcome::Retry {
        after: Duration::from_secs(5),
        reason: Reason::PlatformFault,
        code: "store".into(),
        slows_account: false,
        may_have_arrived: false,
    }
}

/// The file as part of a form, read while it is sent.
pub(super) async fn file_part(upload: &Upload, name: String) -> Result<Part, SendOutcome> {
    let gone = |error: &dyn fmt::Display| {
        tracing::error!(media = %upload.id, "an upload cannot be read: {error}");
        SendOutcome::Refused {
            reason: Reason::MediaRefused,
            code: "no_file".into(),
        }
    };
    let file = tokio::fs::File::open(&upload.path)
        .await
        .map_err(|error| gone(&error))?;
    let length = file.metadata().await.map_err(|error| gone(&error))?.len();
    Part::stream_with_length(Body::from(file), length)
        .file_name(name)
        .mime_str(&upload.mime)
        .map_err(|error| gone(&error))
}

/// A file's name in ASCII: what else there was is left out, the ending is kept.
pub(super) fn ascii_name(name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
            .collect()
    };
    let stem = plain(stem);
    let stem = match stem.trim() {
        "" => "file",
        stem => stem,
    };
    match plain(ending).as_str() {
        "" => stem.to_owned(),
        ending => format!("{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_ascii_keeps_its_ending() {
        assert_eq!(ascii_name("2026 型錄.pdf"), "2026.pdf");
        assert_eq!(ascii_name("型錄.pdf"), "file.pdf");
        assert_eq!(ascii_name("型錄"), "file");
        assert_eq!(ascii_name("a\"b\r\n.tar.gz"), "ab.tar.gz");
    }

    #[test]
    fn an_upload_without_an_answer_is_repeated() {
        let unknown = SendOutcome::Unknown {
            code: "no_answer".into(),
        };
        assert!(matches!(
            harmless(unknown),
            Err(SendOutcome::Retry {
                may_have_arrived: false,
                ..
            })
        ));
    }
}
