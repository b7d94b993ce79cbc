//! The WhatsApp Cloud API: a request per message, and most refusals told later by a status.

mod listing;
mod template;

use omocast_contract::{Reason, TemplateStatus};
use reqwest::Url;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::graph::{self, Verdict};
use super::uploads::{Kept, KeptBy, ascii_name, file_part};
use super::{
    Account, Answer, Connectors, Credentials, FetchError, Incoming, Outbound, SendOutcome, Silence,
    Upload, ask, is_plain, not_now,
};
use template::template_body;

pub use listing::{NotListed, read_status};

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
        let kept = match self.kept_uploads(account, message).await {
            Ok(kept) => kept,
            Err(outcome) => return outcome,
        };
        let request = self
            .client
            .post(self.graph(&format!("{}/messages", account.external_id)))
            .bearer_auth(token)
            .json(&send_body(to, message, &kept, opaque));
        let outcome = outcome(ask(request).await);
        self.doubt_uploads(account, message, &kept, outcome).await
    }

    /// Gives the platform a file to keep, and tells the platform's id of it.
    pub(super) async fn upload_whatsapp(&self, account: &Account, upload: &Upload) -> SendOutcome {
        let Credentials::Whatsapp { access_token, .. } = &account.credentials else {
            return SendOutcome::AccountStopped {
                reason: Reason::AccountNotConnected,
                code: "not_of_whatsapp".into(),
            };
        };
        // What the customer sees is the name in the message.
        let part = match file_part(upload, ascii_name(&upload.name)).await {
            Ok(part) => part,
            Err(outcome) => return outcome,
        };
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", upload.mime.clone())
            .part("file", part);
        let request = self
            .client
            .post(self.graph(&format!("{}/media", account.external_id)))
            .bearer_auth(access_token)
            .timeout(KeptBy::time_for(upload))
            .multipart(form);
        graph::outcome(ask(request).await, |body| body["id"].as_str(), verdict)
    }

    pub(super) async fn whatsapp_media(
        &self,
        token: &str,
        id: &str,
    ) -> Result<Incoming, FetchError> {
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
        Incoming::of(response)
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
fn send_body(to: &str, message: &Outbound, kept: &Kept, opaque: &str) -> Value {
    let recipient = if to.bytes().all(|byte| byte.is_ascii_digit()) {
        "to"
    } else {
        "recipient"
    };
    let media = |upload: &Upload, caption: &Option<String>| {
        let mut media = source(upload, kept);
        if let Some(caption) = caption {
            media["caption"] = caption.as_str().into();
        }
        media
    };
    let (kind, content) = match message {
        Outbound::Text(text) => (
            "text",
            json!({ "body": text, "preview_url": has_link(text) }),
        ),
        Outbound::Image { upload, caption } => ("image", media(upload, caption)),
        Outbound::Video { upload, caption } => ("video", media(upload, caption)),
        Outbound::File { upload, caption } => {
            let mut document = media(upload, caption);
            document["filename"] = upload.name.as_str().into();
            ("document", document)
        }
        Outbound::Template(template) => ("template", template_body(template, kept)),
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

fn source(upload: &Upload, kept: &Kept) -> Value {
    match kept.id(upload.id) {
        Some(id) => json!({ "id": id }),
        None => json!({ "link": upload.original_url }),
    }
}

fn has_link(text: &str) -> bool {
    text.contains("https://") || text.contains("http://")
}

fn outcome(answer: Result<Answer, Silence>) -> SendOutcome {
    graph::outcome(answer, |body| body["messages"][0]["id"].as_str(), verdict)
}

/// Cloud API, error codes.
fn verdict(code: i64, subcode: Option<i64>) -> Option<Verdict> {
    use Verdict::{Again, Refused, SlowAccount, SlowCustomer, Stopped, TemplateStopped};
    Some(match code {
        131_047 => Refused(Reason::WindowClosed),
        131_026 => Refused(Reason::Unreachable),
        131_049 => Refused(Reason::MarketingCap),
        130_472 => Refused(Reason::HeldBackByPlatform),
        131_050 => Refused(Reason::OptedOut),
        131_048 | 368 | 131_031 | 130_497 => Stopped(Reason::AccountRestricted),
        131_056 => SlowCustomer,
        130_429 | 80_007 | 4 | 613 => SlowAccount,
        131_057 | 131_016 | 131_000 | 133_004 | 1 | 2 => Again,
        // Not there in this language, or not approved: which of them, the list tells that is read again at once.
        132_001 => TemplateStopped(TemplateStatus::Deleted),
        132_015 => TemplateStopped(TemplateStatus::Paused),
        132_016 => TemplateStopped(TemplateStatus::Disabled),
        132_000 | 132_005 | 132_007 | 132_012 | 132_018 => Refused(Reason::ContentRefused),
        131_052 | 131_053 => Refused(Reason::MediaRefused),
        // The number is not this token's: no message of it will go.
        33 => Stopped(Reason::AccountNotConnected),
        100 if subcode == Some(33) => Stopped(Reason::AccountNotConnected),
        131_051 | 131_008 | 131_009 | 100 | 135_000 => Refused(Reason::ContentRefused),
        131_042 | 131_045 | 133_010 => Stopped(Reason::AccountPayment),
        190 | 0 | 3 | 10 | 200..=299 => Stopped(Reason::AccountNotConnected),
        _ => return None,
    })
}

/// Why a message that was accepted failed later, by the code in its status.
pub fn failure_reason(code: i64) -> Reason {
    verdict(code, None).map_or(Reason::Other, Verdict::reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::graph::tests::{answer, error as graph_error};
    use crate::channels::http_client;
    use crate::channels::tests::{check_schema, upload};
    use crate::config::Endpoints;

    fn error(code: i64) -> Result<Answer, Silence> {
        graph_error(code, None)
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
        let caption = Some("新品".to_owned());
        let upload = || upload("型錄.pdf");
        let messages = [
            Outbound::Text("看 https://example.com".into()),
            Outbound::Image {
                upload: upload(),
                caption: None,
            },
            Outbound::Video {
                upload: upload(),
                caption: caption.clone(),
            },
            Outbound::File {
                upload: upload(),
                caption,
            },
        ];
        for message in messages {
            let known = Kept::one(upload().id, "77");
            for kept in [Kept::default(), known] {
                let body = send_body("886912345678", &message, &kept, "b.c.0");
                check_schema("whatsapp-send", "SendMessageRequest", &body);
            }
        }
    }

    #[test]
    fn a_file_has_its_name_and_its_caption() {
        let file = Outbound::File {
            upload: upload("型錄.pdf"),
            caption: Some("秋季".into()),
        };
        let kept = Kept::one(upload("型錄.pdf").id, "77");
        let body = send_body("886912345678", &file, &kept, "");
        let expected = json!({ "id": "77", "caption": "秋季", "filename": "型錄.pdf" });
        assert_eq!(body["document"], expected);
    }

    #[test]
    fn a_link_is_previewed_and_nothing_else() {
        let preview = |text: &str| {
            let kept = Kept::default();
            send_body("1", &Outbound::Text(text.into()), &kept, "")["text"]["preview_url"].clone()
        };
        assert_eq!(preview("看 https://example.com"), true);
        assert_eq!(preview("嗨"), false);
    }

    #[test]
    fn who_has_no_number_is_named_by_the_scoped_id() {
        let text = Outbound::Text("嗨".into());
        let body = send_body("TW.13491208655302741918", &text, &Kept::default(), "");
        assert_eq!(body["recipient"], "TW.13491208655302741918");
        assert!(body.get("to").is_none());
    }

    #[test]
    fn an_accepted_message_has_an_id() {
        let body = json!({ "messages": [{ "id": "wamid.1" }] });
        let expected = SendOutcome::accepted("wamid.1");
        assert_eq!(outcome(answer(200, body)), expected);
    }

    #[test]
    fn what_meta_refuses_for_good() {
        check_refused(&[131_047], Reason::WindowClosed);
        check_refused(&[131_026], Reason::Unreachable);
        check_refused(&[130_472], Reason::HeldBackByPlatform);
        check_refused(&[131_049], Reason::MarketingCap);
        check_refused(&[131_050], Reason::OptedOut);
        check_refused(
            &[132_000, 132_005, 132_007, 132_012, 132_018],
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
    fn what_stops_a_template_is_no_fault_of_customers() {
        for (code, status) in [
            (132_001, TemplateStatus::Deleted),
            (132_015, TemplateStatus::Paused),
            (132_016, TemplateStatus::Disabled),
        ] {
            let expected = SendOutcome::TemplateStopped {
                status,
                code: code.to_string(),
            };
            assert_eq!(outcome(error(code)), expected);
            assert_eq!(failure_reason(code), Reason::TemplateStopped);
        }
    }

    #[test]
    fn what_stops_the_account() {
        check_stopped(&[131_048, 368, 131_031, 130_497], Reason::AccountRestricted);
        check_stopped(&[131_042, 131_045, 133_010], Reason::AccountPayment);
        check_stopped(&[190, 0, 3, 10, 200, 33], Reason::AccountNotConnected);
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
    fn a_token_goes_nowhere_in_the_clear() {
        let endpoints = Endpoints {
            graph: "http://127.0.0.1:9/graph".into(),
            ..Endpoints::default()
        };
        let connectors = Connectors::without_uploads(http_client().unwrap(), endpoints);
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
