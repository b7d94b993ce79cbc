//! Failures on demand, so that a sender's promise of "exactly once" can be tried.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};

use crate::Sandbox;
use crate::chance::Draw;
use crate::trouble::Trouble;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Fault {
    /// The message is accepted and reaches the customer, but no answer ever comes.
    TimeoutAfterAccept,
    /// The message is accepted and reaches the customer; the connection closes without a byte of answer.
    ResetAfterAccept,
    /// The message is accepted and reaches the customer; the answer breaks off in the middle.
    BreakOffAfterAccept,
    /// Answers this status in the platform's error shape; nothing is accepted.
    Status(u16),
    /// As `Status`, with a `Retry-After` of so many seconds.
    RetryAfter(u16, u64),
    /// As `Status`, but the answer breaks off in the middle.
    BreakOff(u16),
    /// A gateway's page of HTML with this status; nothing is accepted.
    Html(u16),
    /// JSON with this status that has neither a code nor a message; nothing is accepted.
    NoCode(u16),
    /// Points elsewhere (307, which asks to send the same there); nothing is accepted.
    Redirect,
    /// The connection closes without a byte of answer; nothing is accepted.
    ConnectionReset,
    /// Answers as usual, later. In JSON: milliseconds.
    Slow(#[serde(with = "millis")] Duration),
    /// The platform's own "too many requests"; nothing is accepted.
    RateLimited,
    /// Answers this error of Meta's, by code and subcode; nothing is accepted. LINE and the web chat answer 400.
    Code(u32, Option<u32>),
}

/// Faults for a share of the sendings: which ones depends on the seed, the customer and the number of the attempt
/// alone, so that a run can be repeated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chaos {
    pub seed: u64,
    /// Each fault with its share of all sendings; together not more than one.
    pub shares: Vec<(Fault, f64)>,
}

impl Chaos {
    fn draw(&self, account: &str, user: &str, attempt: u32) -> Option<Fault> {
        let mut drawn = Draw::new(self.seed)
            .with(account)
            .with(user)
            .with(&attempt.to_string())
            .share();
        let hit = self.shares.iter().find(|(_, share)| {
            drawn -= share;
            drawn < 0.0
        });
        hit.map(|(fault, _)| fault.clone())
    }
}

/// How a fault that accepts nothing is to be worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Status(u16),
    RateLimited,
    Code {
        code: u32,
        subcode: Option<u32>,
    },
    /// The account may not send.
    Locked,
    /// Nobody pays for the account.
    Unpaid,
}

impl Refusal {
    /// The HTTP status where the platform has no codes of its own.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            Self::RateLimited => 429,
            Self::Code { .. } => 400,
            Self::Locked | Self::Unpaid => 403,
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
    /// By account; under none, for all the others.
    chaos: HashMap<Option<String>, Chaos>,
    attempts: HashMap<(String, String), u32>,
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

    pub(crate) fn set_chaos(&mut self, account: Option<&str>, chaos: Option<Chaos>) {
        let account = account.map(str::to_owned);
        match chaos {
            Some(chaos) => self.chaos.insert(account, chaos),
            None => self.chaos.remove(&account),
        };
        self.attempts.clear();
    }

    fn take(&mut self, account: &str, users: &[&str]) -> Option<Fault> {
        self.next
            .pop_front()
            .or_else(|| {
                users.iter().find_map(|user| {
                    self.by_customer
                        .get(&(account.to_owned(), (*user).to_owned()))
                        .cloned()
                })
            })
            .or_else(|| self.draw(account, users.first().copied().unwrap_or_default()))
    }

    fn draw(&mut self, account: &str, user: &str) -> Option<Fault> {
        let chaos = self
            .chaos
            .get(&Some(account.to_owned()))
            .or_else(|| self.chaos.get(&None))?;
        let attempt = self
            .attempts
            .entry((account.to_owned(), user.to_owned()))
            .or_default();
        *attempt += 1;
        chaos.draw(account, user, *attempt)
    }
}

/// Marks a response that never reaches the caller, for the log of requests.
#[derive(Clone)]
pub(crate) struct NoAnswer;

/// Marks a response that breaks off in the middle, for the log of requests.
#[derive(Clone)]
pub(crate) struct BrokenOff;

fn reset() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

/// hyper drops the connection when a body fails before its head was flushed: the caller sees a reset, not a status.
pub(crate) fn reset_connection() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(reset()) });
    let mut response = Body::from_stream(broken).into_response();
    response.extensions_mut().insert(NoAnswer);
    response
}

/// The head and half of the body arrive.
async fn break_off(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return reset_connection();
    };
    parts.extensions.insert(BrokenOff);
    let half = body.slice(..body.len() / 2);
    let broken = stream::unfold(Some(half), |half| async move {
        let Some(half) = half else {
            // What was written before goes out while this waits.
            tokio::task::yield_now().await;
            return Some((Err(reset()), None));
        };
        Some((Ok(half), None))
    });
    Response::from_parts(parts, Body::from_stream(broken))
}

/// What a gateway says where the platform behind it does not.
pub(crate) fn html(status: u16) -> Response {
    let status = status_code(status);
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    );
    (status, Html(page)).into_response()
}

fn redirect() -> Response {
    let elsewhere = [(header::LOCATION, "https://elsewhere.invalid/")];
    (StatusCode::TEMPORARY_REDIRECT, elsewhere).into_response()
}

fn no_code(status: u16) -> Response {
    let body = serde_json::json!({ "error": { "type": "OAuthException" } });
    (status_code(status), axum::Json(body)).into_response()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
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
        let trouble = self.with(|state| {
            let account = state.get_mut(account)?;
            account.tally.count_sending();
            account.trouble
        });
        match trouble {
            Some(Trouble::Locked) => return refuse(Refusal::Locked),
            Some(Trouble::Unpaid) => return refuse(Refusal::Unpaid),
            Some(Trouble::TokenRevoked) | None => {}
        }
        let fault = self.lock_faults().take(account, users);
        match fault {
            None => accept(),
            Some(Fault::Status(status)) => refuse(Refusal::Status(status)),
            Some(Fault::RetryAfter(status, seconds)) => {
                let mut response = refuse(Refusal::Status(status));
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Some(Fault::RateLimited) => refuse(Refusal::RateLimited),
            Some(Fault::Code(code, subcode)) => refuse(Refusal::Code { code, subcode }),
            Some(Fault::Html(status)) => html(status),
            Some(Fault::NoCode(status)) => no_code(status),
            Some(Fault::Redirect) => redirect(),
            Some(Fault::ConnectionReset) => reset_connection(),
            Some(Fault::BreakOff(status)) => break_off(refuse(Refusal::Status(status))).await,
            Some(Fault::BreakOffAfterAccept) => {
                let answer = accept();
                break_off(answer).await
            }
            Some(Fault::ResetAfterAccept) => {
                drop(accept());
                reset_connection()
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<Option<Fault>> {
        let chaos = Chaos {
            seed,
            shares: vec![(Fault::RateLimited, 0.1), (Fault::Redirect, 0.2)],
        };
        let users = 0..2_000;
        users
            .map(|user| chaos.draw("account", &format!("user {}", user / 2), user % 2))
            .collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn every_fault_gets_its_share() {
        let drawn = drawn(1);
        let count = |fault: Option<Fault>| drawn.iter().filter(|other| **other == fault).count();
        let counts = [
            count(Some(Fault::RateLimited)),
            count(Some(Fault::Redirect)),
            count(None),
        ];
        for (count, expected) in counts.into_iter().zip([200, 400, 1_400]) {
            assert!(count.abs_diff(expected) < 60, "{counts:?}");
        }
    }
}
