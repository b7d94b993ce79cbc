//! What WhatsApp, Messenger and Instagram share: Meta's Graph API and the way it refuses.

use std::time::Duration;

use omocast_contract::{Reason, TemplateStatus};
use serde_json::Value;

use super::{Answer, SendOutcome, Silence};

/// What an error code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused(Reason),
    Stopped(Reason),
    TemplateStopped(TemplateStatus),
    /// Too quick for this one customer.
    SlowCustomer,
    /// Too quick for the account, the business or the app.
    SlowAccount,
    /// A passing fault.
    Again,
    /// An error, though the message may have been sent.
    Unknown,
}

impl Verdict {
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Refused(reason) | Self::Stopped(reason) => reason,
            Self::TemplateStopped(_) => Reason::TemplateStopped,
            Self::SlowCustomer | Self::SlowAccount => Reason::RateLimited,
            Self::Again => Reason::PlatformFault,
            Self::Unknown => Reason::NoAnswer,
        }
    }

    fn into_outcome(self, code: String, retry_after: Option<Duration>) -> SendOutcome {
        let retry = |seconds, slows_account| SendOutcome::Retry {
            after: retry_after.unwrap_or(Duration::from_secs(seconds)),
            reason: self.reason(),
            code: code.clone(),
            slows_account,
            // An answer that names an error is a refusal.
            may_have_arrived: false,
        };
        match self {
            Self::Refused(reason) => SendOutcome::Refused { reason, code },
            Self::Stopped(reason) => SendOutcome::AccountStopped { reason, code },
            Self::TemplateStopped(status) => SendOutcome::TemplateStopped { status, code },
            // One message in six seconds is what a pair may exchange for long.
            Self::SlowCustomer => retry(6, false),
            Self::SlowAccount => retry(1, true),
            // Where the platform says when it is back, the account waits for it as a whole.
            Self::Again => retry(2, retry_after.is_some()),
            Self::Unknown => SendOutcome::Unknown { code },
        }
    }
}

/// What an answer means: the id of what was accepted, or what the code asks for. Classified by code, never by HTTP
/// status: a rate limit usually comes as a 400.
pub(super) fn outcome(
    answer: Result<Answer, Silence>,
    id: impl FnOnce(&Value) -> Option<&str>,
    verdict: impl FnOnce(i64, Option<i64>) -> Option<Verdict>,
) -> SendOutcome {
    let unknown = |code: &str| SendOutcome::Unknown {
        code: code.to_owned(),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(Silence::NotSent) => {
            return SendOutcome::Retry {
                after: Duration::from_secs(2),
                reason: Reason::PlatformFault,
                code: "no_connection".into(),
                slows_account: false,
                may_have_arrived: false,
            };
        }
        Err(Silence::Unanswered) => return unknown("no_answer"),
    };
    if (200..300).contains(&answer.status) {
        return match answer.body.as_ref().and_then(id) {
            Some(id) => SendOutcome::Accepted {
                external_id: id.to_owned(),
                slow_down: answer.slow_down,
            },
            None => unknown("no_id"),
        };
    }
    let error = answer.body.as_ref().map(|body| &body["error"]);
    let code = error.and_then(|error| error["code"].as_i64());
    match (code, error) {
        (Some(code), Some(error)) => {
            let subcode = error["error_subcode"].as_i64();
            let is_transient = error["is_transient"].as_bool() == Some(true);
            let shown = match subcode {
                Some(subcode) => format!("{code}/{subcode}"),
                None => code.to_string(),
            };
            verdict(code, subcode)
                .unwrap_or_else(|| verdict_of_status(answer.status, is_transient))
                .into_outcome(shown, answer.retry_after.or(answer.slow_down))
        }
        // A gateway gave up waiting for what is behind it, which may have taken the message. Only 503 says that nobody
        // has looked at it (RFC 9110, 15.6.4).
        (None, _) | (Some(_), None) if answer.status >= 500 && answer.status != 503 => {
            unknown(&format!("http {}", answer.status))
        }
        (None, _) | (Some(_), None) => verdict_of_status(answer.status, false)
            .into_outcome(format!("http {}", answer.status), answer.retry_after),
    }
}

fn verdict_of_status(status: u16, is_transient: bool) -> Verdict {
    match status {
        401 | 403 => Verdict::Stopped(Reason::AccountNotConnected),
        429 => Verdict::SlowAccount,
        // A redirect is somebody's in between: the platform has none.
        300..=399 | 500.. => Verdict::Again,
        _ if is_transient => Verdict::Again,
        _ => Verdict::Refused(Reason::Other),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::channels) fn answer(status: u16, body: Value) -> Result<Answer, Silence> {
        Ok(Answer {
            status,
            body: Some(body),
            ..Answer::default()
        })
    }

    pub(in crate::channels) fn error(code: i64, subcode: Option<i64>) -> Result<Answer, Silence> {
        let mut error = json!({ "code": code, "message": "" });
        if let Some(subcode) = subcode {
            error["error_subcode"] = subcode.into();
        }
        answer(400, json!({ "error": error }))
    }

    fn judge(answer: Result<Answer, Silence>) -> SendOutcome {
        outcome(answer, |body| body["id"].as_str(), |_, _| None)
    }

    #[test]
    fn an_accepted_message_has_an_id() {
        let expected = SendOutcome::accepted("7");
        assert_eq!(judge(answer(200, json!({ "id": "7" }))), expected);
    }

    #[test]
    fn what_may_have_arrived_is_never_sent_again() {
        let unknown = |answer| assert!(matches!(judge(answer), SendOutcome::Unknown { .. }));
        unknown(Err(Silence::Unanswered));
        unknown(Ok(Answer {
            status: 200,
            ..Answer::default()
        }));
        unknown(answer(200, json!({})));
        for status in [500, 502, 504, 524] {
            unknown(Ok(Answer {
                status,
                ..Answer::default()
            }));
        }
        assert!(matches!(
            judge(Err(Silence::NotSent)),
            SendOutcome::Retry { .. }
        ));
    }

    #[test]
    fn what_is_in_between_is_no_refusal() {
        for status in [302, 503] {
            let html = Ok(Answer {
                status,
                ..Answer::default()
            });
            assert!(matches!(judge(html), SendOutcome::Retry { .. }), "{status}");
        }
        let no_code = answer(400, json!({ "error": { "message": "?" } }));
        assert!(matches!(
            judge(no_code),
            SendOutcome::Refused {
                reason: Reason::Other,
                ..
            }
        ));
    }

    #[test]
    fn a_code_without_words_is_judged_by_its_status() {
        let again = json!({ "error": { "code": 777, "is_transient": true } });
        assert!(matches!(
            judge(answer(400, again)),
            SendOutcome::Retry { .. }
        ));
        let server = json!({ "error": { "code": 777 } });
        assert!(matches!(
            judge(answer(503, server)),
            SendOutcome::Retry { .. }
        ));
        let refused = json!({ "error": { "code": 777 } });
        assert!(matches!(
            judge(answer(400, refused)),
            SendOutcome::Refused {
                reason: Reason::Other,
                ..
            }
        ));
    }
}
