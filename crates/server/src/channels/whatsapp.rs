//! The WhatsApp Cloud API: a request per message, and most refusals told later by a status.

use std::time::Duration;

use axum::body::Bytes;
use omocast_contract::Reason;
use reqwest::Url;
use serde_json::{Value, json};

use super::{
    Account, Answer, Connectors, FetchError, Outbound, SendOutcome, Silence, ask, is_plain,
    not_now, read_image,
};

impl Connectors {
    fn graph(&self, path: &str) -> String {
        format!(
            "{}/{}/{path}",
            self.endpoints.graph, self.endpoints.graph_version
        )
    }

    pub(super) async fn send_whatsapp(
        &self,
        account: &Account,
        token: &str,
        to: &str,
        message: &Outbound,
        opaque: &str,
    ) -> SendOutcome {
        let request = self
            .client
            .post(self.graph(&format!("{}/messages", account.external_id)))
            .bearer_auth(token)
            .json(&send_body(to, message, opaque));
        outcome(ask(request).await)
    }

    pub(super) async fn whatsapp_media(&self, token: &str, id: &str) -> Result<Bytes, FetchError> {
        if !is_plain(id) {
            return Err(FetchError::Gone("not a media id"));
        }
        let answer = ask(self.client.get(self.graph(id)).bearer_auth(token))
            .await
            .map_err(|_| FetchError::NotNow("no answer".into()))?;
        let url = answer.body.as_ref().and_then(|body| body["url"].as_str());
        let url = match (answer.status, url) {
            (200, Some(url)) => self.media_url(url)?,
            (200 | 400 | 404, _) => return Err(FetchError::Gone("the platform no longer has it")),
            (status, _) => return Err(FetchError::NotNow(format!("status {status}"))),
        };
        let response = self
            .client
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .map_err(not_now)?;
        read_image(response).await
    }

    /// The token goes along, so never in the clear, except to the host that the token is given to anyway.
    fn media_url(&self, url: &str) -> Result<Url, FetchError> {
        let graph = Url::parse(&self.endpoints.graph).ok();
        let is_graph = |url: &Url| {
            graph.as_ref().is_some_and(|graph| {
                (graph.scheme(), graph.host(), graph.port_or_known_default())
                    == (url.scheme(), url.host(), url.port_or_known_default())
            })
        };
        Url::parse(url)
            .ok()
            .filter(|url| url.scheme() == "https" || is_graph(url))
            .ok_or(FetchError::Gone("not an address to send a token to"))
    }
}

/// Who has no phone number is named by the business-scoped user id (`TW.1349…`), in a field of its own.
fn send_body(to: &str, message: &Outbound, opaque: &str) -> Value {
    let recipient = if to.bytes().all(|byte| byte.is_ascii_digit()) {
        "to"
    } else {
        "recipient"
    };
    let (kind, content) = match message {
        Outbound::Text(text) => (
            "text",
            json!({ "body": text, "preview_url": has_link(text) }),
        ),
        Outbound::Image { original_url, .. } => ("image", json!({ "link": original_url })),
    };
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        recipient: to,
        "type": kind,
        kind: content,
        "biz_opaque_callback_data": opaque,
    })
}

fn has_link(text: &str) -> bool {
    text.contains("https://") || text.contains("http://")
}

fn outcome(answer: Result<Answer, Silence>) -> SendOutcome {
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
        let id = answer
            .body
            .as_ref()
            .and_then(|body| body["messages"][0]["id"].as_str());
        return match id {
            Some(id) => SendOutcome::Accepted {
                external_id: id.to_owned(),
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
                .into_outcome(shown, answer.retry_after)
        }
        // A gateway gave up waiting for what is behind it, which may have taken the message.
        (None, _) | (Some(_), None) if matches!(answer.status, 500 | 502 | 504) => {
            unknown(&format!("http {}", answer.status))
        }
        (None, _) | (Some(_), None) => verdict_of_status(answer.status, false)
            .into_outcome(format!("http {}", answer.status), answer.retry_after),
    }
}

/// What an error code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refused(Reason),
    Stopped(Reason),
    /// Too quick for this one customer.
    SlowCustomer,
    /// Too quick for the number, the business or the app.
    SlowAccount,
    /// A passing fault.
    Again,
}

impl Verdict {
    fn reason(self) -> Reason {
        match self {
            Self::Refused(reason) | Self::Stopped(reason) => reason,
            Self::SlowCustomer | Self::SlowAccount => Reason::RateLimited,
            Self::Again => Reason::PlatformFault,
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
            // One message in six seconds is what a pair may exchange for long.
            Self::SlowCustomer => retry(6, false),
            Self::SlowAccount => retry(1, true),
            Self::Again => retry(2, false),
        }
    }
}

/// Classified by code, never by HTTP status: a rate limit usually comes as a 400.
fn verdict(code: i64, subcode: Option<i64>) -> Option<Verdict> {
    use Verdict::{Again, Refused, SlowAccount, SlowCustomer, Stopped};
    Some(match code {
        131_047 => Refused(Reason::WindowClosed),
        131_026 => Refused(Reason::Unreachable),
        131_049 | 130_472 => Refused(Reason::HeldBackByPlatform),
        131_050 => Refused(Reason::OptedOut),
        131_048 | 368 | 131_031 | 130_497 => Stopped(Reason::AccountRestricted),
        131_056 => SlowCustomer,
        130_429 | 80_007 | 4 | 613 => SlowAccount,
        131_057 | 131_016 | 131_000 | 133_004 | 1 | 2 => Again,
        132_000 | 132_001 | 132_005 | 132_007 | 132_012 | 132_015 | 132_016 => {
            Refused(Reason::ContentRefused)
        }
        131_052 | 131_053 => Refused(Reason::MediaRefused),
        // The number is not this token's: no message of it will go.
        33 => Stopped(Reason::AccountNotConnected),
        100 if subcode == Some(33) => Stopped(Reason::AccountNotConnected),
        131_051 | 131_008 | 131_009 | 100 | 135_000 => Refused(Reason::ContentRefused),
        131_042 => Stopped(Reason::AccountRestricted),
        131_045 | 133_010 | 190 | 0 | 3 | 10 | 200..=299 => Stopped(Reason::AccountNotConnected),
        _ => return None,
    })
}

fn verdict_of_status(status: u16, is_transient: bool) -> Verdict {
    match status {
        401 | 403 => Verdict::Stopped(Reason::AccountNotConnected),
        429 => Verdict::SlowAccount,
        500.. => Verdict::Again,
        _ if is_transient => Verdict::Again,
        _ => Verdict::Refused(Reason::Other),
    }
}

/// Why a message that was accepted failed later, by the code in its status.
pub fn failure_reason(code: i64) -> Reason {
    verdict(code, None).map_or(Reason::Other, Verdict::reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::http_client;
    use crate::channels::tests::check_schema;
    use crate::config::Endpoints;

    fn answer(status: u16, body: Value) -> Result<Answer, Silence> {
        Ok(Answer {
            status,
            retry_after: None,
            body: Some(body),
        })
    }

    fn error(code: i64) -> Result<Answer, Silence> {
        answer(400, json!({ "error": { "code": code, "message": "" } }))
    }

    #[track_caller]
    fn check_refused(codes: &[i64], reason: Reason) {
        for code in codes {
            let expected = SendOutcome::Refused {
                reason,
                code: code.to_string(),
            };
            assert_eq!(outcome(error(*code)), expected);
            assert_eq!(failure_reason(*code), reason);
        }
    }

    #[track_caller]
    fn check_stopped(codes: &[i64], reason: Reason) {
        for code in codes {
            let expected = SendOutcome::AccountStopped {
                reason,
                code: code.to_string(),
            };
            assert_eq!(outcome(error(*code)), expected);
        }
    }

    #[track_caller]
    fn check_retry(codes: &[i64], expected: Reason, slows: bool) {
        for code in codes {
            let outcome = outcome(error(*code));
            let SendOutcome::Retry {
                reason,
                slows_account,
                ..
            } = outcome
            else {
                panic!("{code}: {outcome:?}");
            };
            assert_eq!((reason, slows_account), (expected, slows), "{code}");
        }
    }

    #[test]
    fn what_is_sent_is_what_meta_documents() {
        let image = Outbound::Image {
            original_url: "https://example.com/a".into(),
            preview_url: "https://example.com/b".into(),
        };
        for message in [Outbound::Text("看 https://example.com".into()), image] {
            let body = send_body("886912345678", &message, "b.c.0");
            check_schema("whatsapp-send", "SendMessageRequest", &body);
        }
    }

    #[test]
    fn a_link_is_previewed_and_nothing_else() {
        let preview = |text: &str| {
            send_body("1", &Outbound::Text(text.into()), "")["text"]["preview_url"].clone()
        };
        assert_eq!(preview("看 https://example.com"), true);
        assert_eq!(preview("嗨"), false);
    }

    #[test]
    fn who_has_no_number_is_named_by_the_scoped_id() {
        let body = send_body("TW.13491208655302741918", &Outbound::Text("嗨".into()), "");
        assert_eq!(body["recipient"], "TW.13491208655302741918");
        assert!(body.get("to").is_none());
    }

    #[test]
    fn an_accepted_message_has_an_id() {
        let body = json!({ "messages": [{ "id": "wamid.1" }] });
        let expected = SendOutcome::Accepted {
            external_id: "wamid.1".into(),
        };
        assert_eq!(outcome(answer(200, body)), expected);
    }

    #[test]
    fn what_meta_refuses_for_good() {
        check_refused(&[131_047], Reason::WindowClosed);
        check_refused(&[131_026], Reason::Unreachable);
        check_refused(&[131_049, 130_472], Reason::HeldBackByPlatform);
        check_refused(&[131_050], Reason::OptedOut);
        check_refused(
            &[
                132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016,
            ],
            Reason::ContentRefused,
        );
        check_refused(
            &[131_051, 131_008, 131_009, 100, 135_000],
            Reason::ContentRefused,
        );
        check_refused(&[131_052, 131_053], Reason::MediaRefused);
        check_refused(&[999_999], Reason::Other);
    }

    #[test]
    fn what_stops_the_account() {
        check_stopped(
            &[131_048, 368, 131_031, 130_497, 131_042],
            Reason::AccountRestricted,
        );
        check_stopped(
            &[131_045, 133_010, 190, 0, 3, 10, 200, 33],
            Reason::AccountNotConnected,
        );
        let wrong_number = json!({ "error": { "code": 100, "error_subcode": 33 } });
        let expected = SendOutcome::AccountStopped {
            reason: Reason::AccountNotConnected,
            code: "100/33".into(),
        };
        assert_eq!(outcome(answer(400, wrong_number)), expected);
    }

    #[test]
    fn what_may_be_sent_again() {
        check_retry(&[131_056], Reason::RateLimited, false);
        check_retry(&[130_429, 80_007, 4, 613], Reason::RateLimited, true);
        check_retry(
            &[131_057, 131_016, 131_000, 133_004, 1, 2],
            Reason::PlatformFault,
            false,
        );
        assert!(matches!(
            outcome(Err(Silence::NotSent)),
            SendOutcome::Retry { .. }
        ));
    }

    #[test]
    fn what_may_have_arrived_is_never_sent_again() {
        let unknown = |answer| assert!(matches!(outcome(answer), SendOutcome::Unknown { .. }));
        unknown(Err(Silence::Unanswered));
        unknown(Ok(Answer {
            status: 200,
            retry_after: None,
            body: None,
        }));
        unknown(answer(200, json!({})));
        unknown(Ok(Answer {
            status: 504,
            retry_after: None,
            body: None,
        }));
    }

    #[test]
    fn a_code_without_words_is_judged_by_its_status() {
        let again = json!({ "error": { "code": 777, "is_transient": true } });
        assert!(matches!(
            outcome(answer(400, again)),
            SendOutcome::Retry { .. }
        ));
        let server = json!({ "error": { "code": 777 } });
        assert!(matches!(
            outcome(answer(503, server)),
            SendOutcome::Retry { .. }
        ));
    }

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        let endpoints = Endpoints {
            graph: "http://127.0.0.1:9/graph".into(),
            ..Endpoints::default()
        };
        let connectors = Connectors::new(http_client().unwrap(), endpoints);
        assert!(
            connectors
                .media_url("https://lookaside.example.com/x")
                .is_ok()
        );
        assert!(
            connectors
                .media_url("http://127.0.0.1:9/graph/lookaside/1")
                .is_ok()
        );
        for url in [
            "http://127.0.0.1:8/x",
            "http://example.com/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!(connectors.media_url(url).is_err(), "{url}");
        }
    }
}
