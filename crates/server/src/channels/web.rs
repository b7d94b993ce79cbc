//! omocast's own web chat: one message a request, signed, and made repeatable by the message's id.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use omocast_contract::Reason;
use reqwest::{Url, header};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Account, Answer, Connectors, Outbound, SendOutcome, Silence, ask};

impl Connectors {
    pub(super) async fn send_web(
        &self,
        account: &Account,
        secret: &str,
        to: &str,
        message: &Outbound,
        key: Uuid,
    ) -> SendOutcome {
        let url = Url::parse(&self.endpoints.web).ok().and_then(|mut url| {
            url.path_segments_mut()
                .ok()?
                .pop_if_empty()
                .push(&account.external_id)
                .push("messages");
            Some(url)
        });
        let Some(url) = url else {
            return SendOutcome::AccountStopped {
                reason: Reason::AccountNotConnected,
                code: "no_address".into(),
            };
        };
        let body = body(to, message, key).to_string();
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-omocast-signature", signature(secret, body.as_bytes()))
            .body(body);
        outcome(ask(request).await, key)
    }
}

fn body(to: &str, message: &Outbound, key: Uuid) -> Value {
    match message {
        Outbound::Text(text) => json!({ "visitor_id": to, "id": key, "text": text }),
        Outbound::Image { upload, .. } => {
            json!({ "visitor_id": to, "id": key, "image_url": upload.original_url })
        }
        Outbound::Video { upload, .. } | Outbound::File { upload, .. } => {
            json!({ "visitor_id": to, "id": key, "text": upload.original_url })
        }
        // The rule lets none come here.
        Outbound::Template(template) => {
            json!({ "visitor_id": to, "id": key, "text": template.filled.text() })
        }
    }
}

/// `sha256=` and the HMAC of the body in hex, in both directions.
fn signature(secret: &str, body: &[u8]) -> String {
    use std::fmt::Write;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("an HMAC takes a key of any length");
    mac.update(body);
    mac.finalize()
        .into_bytes()
        .iter()
        .fold("sha256=".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
}

fn outcome(answer: Result<Answer, Silence>, key: Uuid) -> SendOutcome {
    let again = |after: Option<Duration>, reason, code: String| SendOutcome::Retry {
        after: after.unwrap_or(Duration::from_secs(2)),
        reason,
        slows_account: reason == Reason::RateLimited,
        // The id makes a repeat harmless whether the first arrived or not.
        may_have_arrived: reason == Reason::NoAnswer,
        code,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(Silence::NotSent) => return again(None, Reason::PlatformFault, "no_connection".into()),
        Err(Silence::Unanswered) => return again(None, Reason::NoAnswer, "no_answer".into()),
    };
    let told = answer
        .body
        .as_ref()
        .and_then(|body| body["error"]["code"].as_str());
    let code = told.map_or_else(|| format!("http {}", answer.status), str::to_owned);
    match answer.status {
        200..300 => SendOutcome::accepted(key),
        401 | 403 => SendOutcome::AccountStopped {
            reason: Reason::AccountNotConnected,
            code,
        },
        404 if told == Some("unknown_visitor") => SendOutcome::Refused {
            reason: Reason::Unreachable,
            code,
        },
        404 => SendOutcome::AccountStopped {
            reason: Reason::AccountNotConnected,
            code,
        },
        400 | 413 | 422 => SendOutcome::Refused {
            reason: Reason::ContentRefused,
            code,
        },
        429 => again(answer.retry_after, Reason::RateLimited, code),
        500.. => again(answer.retry_after, Reason::PlatformFault, code),
        _ => SendOutcome::Refused {
            reason: Reason::Other,
            code,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, code: &str, expected: Reason) {
        let body = Some(json!({ "error": { "code": code } }));
        match outcome(
            Ok(Answer {
                status,
                retry_after: None,
                body,
                ..Answer::default()
            }),
            Uuid::nil(),
        ) {
            SendOutcome::Refused { reason, .. }
            | SendOutcome::Retry { reason, .. }
            | SendOutcome::AccountStopped { reason, .. } => assert_eq!(reason, expected),
            other @ (SendOutcome::Accepted { .. }
            | SendOutcome::TemplateStopped { .. }
            | SendOutcome::Unknown { .. }) => {
                panic!("{other:?}")
            }
        }
    }

    #[test]
    fn refusals_of_the_web_chat() {
        check(401, "bad_signature", Reason::AccountNotConnected);
        check(404, "unknown_visitor", Reason::Unreachable);
        check(404, "unknown_site", Reason::AccountNotConnected);
        check(422, "text_too_long", Reason::ContentRefused);
        check(429, "rate_limited", Reason::RateLimited);
        check(500, "failed", Reason::PlatformFault);
        check(302, "", Reason::Other);
    }

    #[test]
    fn silence_is_tried_again() {
        for silence in [Silence::NotSent, Silence::Unanswered] {
            let outcome = outcome(Err(silence), Uuid::nil());
            assert!(matches!(outcome, SendOutcome::Retry { .. }));
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn a_signature_is_an_hmac_of_the_body() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
