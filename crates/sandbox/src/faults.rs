//! Failures on demand, so that a sender's promise of "exactly once" can be tried.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::Sandbox;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Fault {
    /// The message is accepted and reaches the customer, but no answer ever comes.
    TimeoutAfterAccept,
    /// Answers this status in the platform's error shape; nothing is accepted.
    Status(u16),
    /// The connection closes without a byte of answer; nothing is accepted.
    ConnectionReset,
    /// Answers as usual, later. In JSON: milliseconds.
    Slow(#[serde(with = "millis")] Duration),
    /// The platform's own "too many requests"; nothing is accepted.
    RateLimited,
    /// Answers this error of Meta's, by code and subcode; nothing is accepted. LINE and the web chat answer 400.
    Code(u32, Option<u32>),
}

/// How a fault that accepts nothing is to be worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Status(u16),
    RateLimited,
    Code { code: u32, subcode: Option<u32> },
}

impl Refusal {
    /// The HTTP status where the platform has no codes of its own.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            Self::RateLimited => 429,
            Self::Code { .. } => 400,
        }
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    next: VecDeque<Fault>,
    by_customer: HashMap<(String, String), Fault>,
}

impl Faults {
    pub(crate) fn push_next(&mut self, fault: Fault) {
        self.next.push_back(fault);
    }

    pub(crate) fn set(&mut self, account: &str, user: &str, fault: Option<Fault>) {
        let key = (account.to_owned(), user.to_owned());
        match fault {
            Some(fault) => self.by_customer.insert(key, fault),
            None => self.by_customer.remove(&key),
        };
    }

    fn take(&mut self, account: &str, users: &[&str]) -> Option<Fault> {
        self.next.pop_front().or_else(|| {
            users.iter().find_map(|user| {
                self.by_customer
                    .get(&(account.to_owned(), (*user).to_owned()))
                    .cloned()
            })
        })
    }
}

/// Marks a response that never reaches the caller, for the log of requests.
#[derive(Clone)]
pub(crate) struct NoAnswer;

/// hyper drops the connection when a body fails before its head was flushed: the caller sees a reset, not a status.
fn reset_connection() -> Response {
    let broken = futures::stream::once(async {
        Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let mut response = Body::from_stream(broken).into_response();
    response.extensions_mut().insert(NoAnswer);
    response
}

impl Sandbox {
    /// Runs `accept` under the fault that applies to this sending, if any. `refuse` words a refusal as the platform
    /// does.
    pub(crate) async fn under_fault(
        &self,
        account: &str,
        users: &[&str],
        refuse: impl FnOnce(Refusal) -> Response + Send,
        accept: impl FnOnce() -> Response + Send,
    ) -> Response {
        let fault = self.lock_faults().take(account, users);
        match fault {
            None => accept(),
            Some(Fault::Status(status)) => refuse(Refusal::Status(status)),
            Some(Fault::RateLimited) => refuse(Refusal::RateLimited),
            Some(Fault::Code(code, subcode)) => refuse(Refusal::Code { code, subcode }),
            Some(Fault::ConnectionReset) => reset_connection(),
            Some(Fault::Slow(duration)) => {
                tokio::time::sleep(duration).await;
                accept()
            }
            Some(Fault::TimeoutAfterAccept) => {
                drop(accept());
                self.closed_or(Duration::from_secs(300)).await;
                reset_connection()
            }
        }
    }
}
