//! The LINE Messaging API: one push of up to five messages, made repeatable by a retry key.

use std::time::Duration;

use omocast_contract::Reason;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Connectors, FetchError, Incoming, Outbound, Profile, Quota, SendOutcome, Silence, ask,
    is_plain, not_now,
};

/// In the text, which is all that tells the month's end from being too quick (Messaging API reference, status codes).
const MONTHLY_LIMIT: &str = "monthly limit";

impl Connectors {
    pub(super) async fn push_line(
        &self,
        token: &str,
        to: &str,
        messages: &[Outbound],
        key: Uuid,
    ) -> Vec<SendOutcome> {
        let request = self
            .client
            .post(format!("{}/v2/bot/message/push", self.endpoints.line))
            .bearer_auth(token)
            // With the first attempt too, or a repeat would not be known as one.
            .header("x-line-retry-key", key.to_string())
            .json(&push_body(to, messages));
        outcomes(ask(request).await, messages.len())
    }

    pub(super) async fn line_profile(
        &self,
        token: &str,
        user: &str,
    ) -> Result<Option<Profile>, FetchError> {
        if !is_plain(user) {
            return Ok(None);
        }
        let url = format!("{}/v2/bot/profile/{user}", self.endpoints.line);
        let answer = ask(self.client.get(url).bearer_auth(token))
            .await
            .map_err(|_| FetchError::NotNow("no answer".into()))?;
        let name = answer
            .body
            .as_ref()
            .and_then(|body| body["displayName"].as_str());
        match (answer.status, name) {
            (200, Some(name)) => Ok(Some(Profile {
                name: name.to_owned(),
            })),
            // Blocked, not a friend, or no consent.
            (404, _) => Ok(None),
            (status, _) => Err(FetchError::NotNow(format!("status {status}"))),
        }
    }

    /// What the month allows, and what is used of it (GET …/quota and …/quota/consumption).
    pub(super) async fn line_quota(&self, token: &str) -> Result<Quota, FetchError> {
        let limit = self.line_figures(token, "quota").await?;
        let used = self.line_figures(token, "quota/consumption").await?;
        let unreadable = || FetchError::NotNow("no figures".into());
        Ok(Quota {
            limit: match limit["type"].as_str() {
                Some("none") => None,
                _ => Some(limit["value"].as_u64().ok_or_else(unreadable)?),
            },
            used: used["totalUsage"].as_u64().ok_or_else(unreadable)?,
        })
    }

    async fn line_figures(&self, token: &str, path: &str) -> Result<Value, FetchError> {
        let url = format!("{}/v2/bot/message/{path}", self.endpoints.line);
        let answer = ask(self.client.get(url).bearer_auth(token))
            .await
            .map_err(|_| FetchError::NotNow("no answer".into()))?;
        match (answer.status, answer.body) {
            (200, Some(figures)) => Ok(figures),
            (status, _) => Err(FetchError::NotNow(format!("status {status}"))),
        }
    }

    pub(super) async fn line_content(
        &self,
        token: &str,
        message: &str,
    ) -> Result<Incoming, FetchError> {
        if !is_plain(message) {
            return Err(FetchError::Gone("not a message id"));
        }
        let url = format!(
            "{}/v2/bot/message/{message}/content",
            self.endpoints.line_data
        );
        let response = self
            .client
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .map_err(not_now)?;
        Incoming::of(response)
    }
}

fn push_body(to: &str, messages: &[Outbound]) -> Value {
    let messages: Vec<_> = messages
        .iter()
        .map(|message| match message {
            Outbound::Text(text) => json!({ "type": "text", "text": text }),
            Outbound::Image { upload, .. } => json!({
                "type": "image",
                "originalContentUrl": upload.original_url,
                "previewImageUrl": upload.preview_url,
            }),
            Outbound::Video { upload, .. } => json!({
                "type": "video",
                "originalContentUrl": upload.original_url,
                "previewImageUrl": upload.preview_url,
            }),
            // LINE has no files, and the contract refuses them; a link is better than nothing.
            Outbound::File { upload, .. } => json!({ "type": "text", "text": upload.original_url }),
            // The rule lets none come here.
            Outbound::Template(template) => {
                json!({ "type": "text", "text": template.filled.text() })
            }
        })
        .collect();
    json!({ "to": to, "messages": messages })
}

/// One request, one outcome; only the ids differ.
fn outcomes(answer: Result<Answer, Silence>, count: usize) -> Vec<SendOutcome> {
    let again = |seconds, reason, code: &str, may_have_arrived| SendOutcome::Retry {
        after: Duration::from_secs(seconds),
        reason,
        code: code.to_owned(),
        slows_account: false,
        may_have_arrived,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(Silence::NotSent) => {
            return vec![again(2, Reason::PlatformFault, "no_connection", false); count];
        }
        Err(Silence::Unanswered) => {
            return vec![again(2, Reason::NoAnswer, "no_answer", true); count];
        }
    };
    match (answer.status, &answer.body) {
        // 409: an earlier attempt was accepted; the answer names the same messages.
        (200 | 409, Some(body)) => (0..count)
            .map(|at| SendOutcome::accepted(body["sentMessages"][at]["id"].as_str().unwrap_or("")))
            .collect(),
        // Accepted, but the ids were lost on the way: the same key brings them again.
        (200 | 409, None) => {
            vec![again(1, Reason::NoAnswer, "no_ids", true); count]
        }
        _ => vec![refusal(&answer); count],
    }
}

fn refusal(answer: &Answer) -> SendOutcome {
    let body = answer.body.as_ref();
    let message = body.and_then(|body| body["message"].as_str()).unwrap_or("");
    let code = format!("{} {message}", answer.status)
        .trim()
        .chars()
        .take(200)
        .collect();
    let refused = |reason, code| SendOutcome::Refused { reason, code };
    match answer.status {
        400 if is_about_recipient(message) => refused(Reason::Unreachable, code),
        400 => refused(Reason::ContentRefused, code),
        // 403 is about the account's plan or role: no other customer would fare better.
        401 | 403 => SendOutcome::AccountStopped {
            reason: Reason::AccountNotConnected,
            code,
        },
        404 => refused(Reason::Unreachable, code),
        413 | 415 => refused(Reason::ContentRefused, code),
        429 if message.to_lowercase().contains(MONTHLY_LIMIT) => SendOutcome::AccountStopped {
            reason: Reason::MonthlyLimit,
            code,
        },
        429 => SendOutcome::Retry {
            after: answer.retry_after.unwrap_or(Duration::from_secs(1)),
            reason: Reason::RateLimited,
            code,
            slows_account: true,
            may_have_arrived: false,
        },
        // A redirect is somebody's in between: the platform has none.
        300..=399 | 500.. => SendOutcome::Retry {
            after: answer.retry_after.unwrap_or(Duration::from_secs(2)),
            reason: Reason::PlatformFault,
            code,
            // Where the platform says when it is back, the account waits for it as a whole.
            slows_account: answer.retry_after.is_some(),
            may_have_arrived: true,
        },
        _ => refused(Reason::Other, code),
    }
}

/// "Failed to send messages" is said of a user the account does not know.
fn is_about_recipient(message: &str) -> bool {
    message == "Failed to send messages" || message.starts_with("The property, 'to'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::tests::{check_schema, upload};

    fn answer(status: u16, body: Value) -> Result<Answer, Silence> {
        Ok(Answer {
            status,
            body: Some(body),
            ..Answer::default()
        })
    }

    #[track_caller]
    fn check_refused(status: u16, message: &str, reason: Reason) {
        let outcome = outcomes(answer(status, json!({ "message": message })), 2);
        let expected = SendOutcome::Refused {
            reason,
            code: format!("{status} {message}"),
        };
        assert_eq!(outcome, vec![expected; 2]);
    }

    #[track_caller]
    fn check_stopped(status: u16, message: &str, reason: Reason) {
        let outcome = outcomes(answer(status, json!({ "message": message })), 1);
        let expected = SendOutcome::AccountStopped {
            reason,
            code: format!("{status} {message}"),
        };
        assert_eq!(outcome, vec![expected]);
    }

    #[track_caller]
    fn check_retry(answer: Result<Answer, Silence>, expected: Reason) {
        for outcome in outcomes(answer, 3) {
            let SendOutcome::Retry { reason, .. } = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(reason, expected);
        }
    }

    #[test]
    fn what_is_pushed_is_what_line_documents() {
        let messages = [
            Outbound::Text("哈囉 🍂".into()),
            Outbound::Image {
                upload: upload("a.jpg"),
                caption: None,
            },
            Outbound::Video {
                upload: upload("a.mp4"),
                caption: None,
            },
        ];
        let body = push_body("U0123456789abcdef0123456789abcdef", &messages);
        check_schema("line-messaging", "PushMessageRequest", &body);
    }

    #[test]
    fn each_message_gets_its_own_id() {
        let ids = json!({ "sentMessages": [{ "id": "1" }, { "id": "2" }] });
        for status in [200, 409] {
            let accepted = |id: &str| SendOutcome::accepted(id);
            assert_eq!(
                outcomes(answer(status, ids.clone()), 2),
                [accepted("1"), accepted("2")],
                "{status}"
            );
        }
    }

    #[test]
    fn a_repeat_that_names_no_messages_is_accepted_all_the_same() {
        let body = json!({ "message": "The retry key is already accepted" });
        let expected = SendOutcome::accepted("");
        assert_eq!(outcomes(answer(409, body), 1), [expected]);
    }

    #[test]
    fn ids_that_were_lost_are_asked_for_again() {
        check_retry(
            Ok(Answer {
                status: 200,
                ..Answer::default()
            }),
            Reason::NoAnswer,
        );
    }

    #[test]
    fn what_line_refuses_for_good() {
        check_refused(
            400,
            "The request body has 1 error(s)",
            Reason::ContentRefused,
        );
        check_refused(400, "Failed to send messages", Reason::Unreachable);
        check_refused(
            400,
            "The property, 'to', in the request body is invalid (line: -, column: -)",
            Reason::Unreachable,
        );
        check_refused(404, "Not found", Reason::Unreachable);
        check_refused(413, "Request entity too large", Reason::ContentRefused);
        check_refused(415, "Unsupported media type", Reason::ContentRefused);
    }

    #[test]
    fn what_stops_the_account() {
        check_stopped(
            401,
            "Authentication failed due to the following reason: invalid token.",
            Reason::AccountNotConnected,
        );
        check_stopped(
            403,
            "Access to this API is not available for your account",
            Reason::AccountNotConnected,
        );
        for text in [
            "You have reached your monthly limit.",
            "Monthly limit reached",
        ] {
            check_stopped(429, text, Reason::MonthlyLimit);
        }
    }

    #[test]
    fn what_may_be_sent_again() {
        let too_quick = "The API rate limit has been exceeded. Try again later.";
        check_retry(
            answer(429, json!({ "message": too_quick })),
            Reason::RateLimited,
        );
        check_retry(
            answer(429, json!({ "message": "Too many requests" })),
            Reason::RateLimited,
        );
        check_retry(answer(500, json!({ "message": "" })), Reason::PlatformFault);
        check_retry(answer(302, json!({})), Reason::PlatformFault);
        check_retry(Err(Silence::NotSent), Reason::PlatformFault);
        check_retry(Err(Silence::Unanswered), Reason::NoAnswer);
    }

    #[test]
    fn an_answer_that_is_no_json_is_judged_by_its_status() {
        let gateway = Answer {
            status: 502,
            ..Answer::default()
        };
        check_retry(Ok(gateway), Reason::PlatformFault);
    }
}
