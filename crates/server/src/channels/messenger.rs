//! The Send API, which Facebook pages and Instagram accounts share: a request per message, refused at once or not.

use omocast_contract::Reason;
use reqwest::multipart::Form;
use reqwest::{Url, header};
use serde_json::{Value, json};

use super::graph::{self, Verdict};
use super::uploads::{KeptBy, ascii_name, file_part};
use super::{
    Account, Answer, Connectors, Credentials, FetchError, Incoming, Outbound, Profile, SendOutcome,
    Silence, Upload, ask, is_plain, not_now,
};

/// Redirects that are followed from a link of a webhook.
const REDIRECTS: u32 = 3;

/// For whom a request speaks.
#[derive(Clone, Copy)]
pub(super) enum Speaker<'a> {
    /// A page for itself.
    Page { page: &'a str },
    /// A page for the Instagram account linked to it.
    LinkedInstagram { page: &'a str },
    /// An Instagram account for itself, on a host of its own.
    Instagram { account: &'a str },
}

impl<'a> Speaker<'a> {
    /// None for accounts of other channels.
    pub(super) fn of(account: &'a Account) -> Option<(Self, &'a str)> {
        match &account.credentials {
            Credentials::Facebook { access_token, .. } => Some((
                Self::Page {
                    page: &account.external_id,
                },
                access_token,
            )),
            Credentials::Instagram {
                access_token,
                page_id: Some(page),
                ..
            } => Some((Self::LinkedInstagram { page }, access_token)),
            Credentials::Instagram {
                access_token,
                page_id: None,
                ..
            } => Some((
                Self::Instagram {
                    account: &account.external_id,
                },
                access_token,
            )),
            Credentials::Line { .. } | Credentials::Whatsapp { .. } | Credentials::Web { .. } => {
                None
            }
        }
    }

    fn node(self) -> &'a str {
        match self {
            Self::Page { page } | Self::LinkedInstagram { page } => page,
            Self::Instagram { account } => account,
        }
    }

    /// Whether the platform documents uploads here; where not, it fetches a link with every message.
    pub(super) fn keeps_uploads(self) -> bool {
        match self {
            Self::Page { .. } | Self::LinkedInstagram { .. } => true,
            Self::Instagram { .. } => false,
        }
    }
}

impl Connectors {
    fn node_address(&self, speaker: Speaker<'_>, path: &str) -> String {
        let host = match speaker {
            Speaker::Page { .. } | Speaker::LinkedInstagram { .. } => &self.endpoints.graph,
            Speaker::Instagram { .. } => &self.endpoints.graph_instagram,
        };
        format!("{host}/{}/{path}", self.endpoints.graph_version)
    }

    pub(super) async fn send_messenger(
        &self,
        account: &Account,
        to: &str,
        message: &Outbound,
        opaque: &str,
    ) -> SendOutcome {
        let Some((speaker, token)) = Speaker::of(account) else {
            return SendOutcome::AccountStopped {
                reason: Reason::AccountNotConnected,
                code: "not_of_meta".into(),
            };
        };
        let kept = match self.kept_uploads(account, message).await {
            Ok(kept) => kept,
            Err(outcome) => return outcome,
        };
        let upload = message.uploads().first();
        let id = upload.and_then(|upload| kept.id(upload.id));
        let request = self
            .client
            .post(self.node_address(speaker, &format!("{}/messages", speaker.node())))
            .bearer_auth(token)
            .json(&send_body(speaker, to, message, id, opaque));
        let outcome = outcome(ask(request).await);
        self.doubt_uploads(account, message, &kept, outcome).await
    }

    /// Gives the platform a file to keep, and tells the platform's id of it.
    pub(super) async fn upload_attachment(
        &self,
        account: &Account,
        message: &Outbound,
        upload: &Upload,
    ) -> SendOutcome {
        let Some((speaker, token)) = Speaker::of(account) else {
            return SendOutcome::AccountStopped {
                reason: Reason::AccountNotConnected,
                code: "not_of_meta".into(),
            };
        };
        // Names beyond ASCII are not taken (attachment upload).
        let part = match file_part(upload, ascii_name(&upload.name)).await {
            Ok(part) => part,
            Err(outcome) => return outcome,
        };
        let attachment = json!({
            "attachment": { "type": kind(message), "payload": { "is_reusable": true } },
        });
        let form = Form::new().text("message", attachment.to_string());
        let form = match speaker {
            Speaker::LinkedInstagram { .. } => form.text("platform", "instagram"),
            Speaker::Page { .. } | Speaker::Instagram { .. } => form,
        };
        let path = format!("{}/message_attachments", speaker.node());
        let request = self
            .client
            .post(self.node_address(speaker, &path))
            .bearer_auth(token)
            .timeout(KeptBy::time_for(upload))
            .multipart(form.part("filedata", part));
        graph::outcome(
            ask(request).await,
            |body| body["attachment_id"].as_str(),
            verdict,
        )
    }

    pub(super) async fn messenger_profile(
        &self,
        account: &Account,
        user: &str,
    ) -> Result<Option<Profile>, FetchError> {
        let Some((speaker, token)) = Speaker::of(account).filter(|_| is_plain(user)) else {
            return Ok(None);
        };
        let fields = match speaker {
            Speaker::Page { .. } => "name,first_name,last_name",
            Speaker::LinkedInstagram { .. } | Speaker::Instagram { .. } => "name,username",
        };
        let url = format!("{}?fields={fields}", self.node_address(speaker, user));
        let answer = ask(self.client.get(url).bearer_auth(token))
            .await
            .map_err(|_| FetchError::NotNow("no answer".into()))?;
        let body = answer.body.unwrap_or_default();
        let text = |field: &str| {
            body[field]
                .as_str()
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        match (answer.status, body["error"]["code"].as_i64()) {
            (200, _) => Ok(text("name")
                .or_else(|| text("first_name"))
                .or_else(|| text("username"))
                .map(|name| Profile { name })),
            // No consent, or nobody the account may know.
            (_, Some(100 | 230)) => Ok(None),
            (status, _) => Err(FetchError::NotNow(format!("status {status}"))),
        }
    }

    /// What a webhook gave a link to. No token goes along, so redirects are followed, within the platform.
    pub(super) async fn messenger_media(&self, link: &str) -> Result<Incoming, FetchError> {
        let mut url = self.link_of_meta(link)?;
        for _ in 0..=REDIRECTS {
            let response = self.client.get(url.clone()).send().await.map_err(not_now)?;
            let next = response
                .headers()
                .get(header::LOCATION)
                .filter(|_| response.status().is_redirection())
                .and_then(|next| url.join(next.to_str().ok()?).ok());
            match next {
                Some(next) => url = self.link_of_meta(next.as_str())?,
                None => return Incoming::of(response),
            }
        }
        Err(FetchError::Gone("redirected without end"))
    }

    /// By HTTPS, or from the host that is configured as Meta's.
    fn link_of_meta(&self, link: &str) -> Result<Url, FetchError> {
        let is_configured = |url: &Url| {
            [&self.endpoints.graph, &self.endpoints.graph_instagram]
                .into_iter()
                .filter_map(|host| Url::parse(host).ok())
                .any(|host| {
                    (host.scheme(), host.host(), host.port_or_known_default())
                        == (url.scheme(), url.host(), url.port_or_known_default())
                })
        };
        Url::parse(link)
            .ok()
            .filter(|url| url.scheme() == "https" || is_configured(url))
            .ok_or(FetchError::Gone("not an address of the platform"))
    }
}

fn kind(message: &Outbound) -> &'static str {
    match message {
        Outbound::Text(_) | Outbound::Template(_) => "text",
        Outbound::Image { .. } => "image",
        Outbound::Video { .. } => "video",
        Outbound::File { .. } => "file",
    }
}

/// Neither channel has captions: the contract makes them messages of their own.
fn send_body(
    speaker: Speaker<'_>,
    to: &str,
    message: &Outbound,
    kept: Option<&str>,
    opaque: &str,
) -> Value {
    let mut content = match message {
        Outbound::Text(text) => json!({ "text": text }),
        // The rule lets none come here.
        Outbound::Template(template) => json!({ "text": template.filled.text() }),
        Outbound::Image { upload, .. }
        | Outbound::Video { upload, .. }
        | Outbound::File { upload, .. } => {
            let payload = match kept {
                Some(id) => json!({ "attachment_id": id }),
                None => json!({ "url": upload.original_url }),
            };
            json!({ "attachment": { "type": kind(message), "payload": payload } })
        }
    };
    let mut body = json!({ "recipient": { "id": to } });
    match speaker {
        Speaker::Page { .. } => {
            // Never a tag: outside the window a broadcast is skipped.
            body["messaging_type"] = "UPDATE".into();
            if !opaque.is_empty() {
                content["metadata"] = opaque.into();
            }
        }
        // Instagram's own examples have neither, and its echoes bring nothing back.
        Speaker::LinkedInstagram { .. } | Speaker::Instagram { .. } => {}
    }
    body["message"] = content;
    body
}

fn outcome(answer: Result<Answer, Silence>) -> SendOutcome {
    graph::outcome(answer, |body| body["message_id"].as_str(), verdict)
}

/// Messenger Platform, error codes.
fn verdict(code: i64, subcode: Option<i64>) -> Option<Verdict> {
    use Verdict::{Again, Refused, SlowAccount, Stopped, Unknown};
    Some(match (code, subcode) {
        // "Received invalid JSON reply", where all messages were sent all the same.
        (1, Some(1_357_046)) => Unknown,
        (10, Some(2_018_065 | 2_018_278 | 2_534_022)) => Refused(Reason::WindowClosed),
        (10, Some(2_018_108)) => Refused(Reason::Unreachable),
        (10, Some(1_893_063)) => Stopped(Reason::AccountRestricted),
        (100, Some(2_018_001)) => Refused(Reason::Unreachable),
        (100, Some(2_018_008 | 2_018_047 | 2_018_294)) => Refused(Reason::MediaRefused),
        // The page is not this token's: no message of it will go.
        (100, Some(33)) => Stopped(Reason::AccountNotConnected),
        (100, _) => Refused(Reason::ContentRefused),
        (551, _) | (200, Some(1_545_041)) => Refused(Reason::Unreachable),
        (4 | 17 | 32 | 613 | 80_001 | 80_002 | 80_006, _) => SlowAccount,
        (368, _) => Stopped(Reason::AccountRestricted),
        (190 | 0 | 3 | 10 | 102 | 200..=229 | 231..=299, _) => Stopped(Reason::AccountNotConnected),
        (1 | 2, _) => Again,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::graph::tests::error;
    use crate::channels::http_client;
    use crate::channels::tests::{check_whole_schema, upload};
    use crate::config::Endpoints;

    const PAGE: Speaker<'_> = Speaker::Page { page: "1" };
    const INSTAGRAM: Speaker<'_> = Speaker::Instagram { account: "2" };

    fn messages() -> Vec<Outbound> {
        let upload = || upload("型錄.pdf");
        vec![
            Outbound::Text("看 https://example.com".into()),
            Outbound::Image {
                upload: upload(),
                caption: None,
            },
            Outbound::Video {
                upload: upload(),
                caption: None,
            },
            Outbound::File {
                upload: upload(),
                caption: None,
            },
        ]
    }

    #[test]
    fn what_is_sent_is_what_meta_documents() {
        for message in messages() {
            for kept in [None, Some("77")] {
                let body = send_body(PAGE, "7", &message, kept, "b.c.0");
                check_whole_schema("messenger-send.authored", &body);
                let body = send_body(INSTAGRAM, "7", &message, kept, "b.c.0");
                check_whole_schema("instagram-send.authored", &body);
            }
        }
    }

    #[test]
    fn a_page_gives_along_what_comes_back_in_the_echo() {
        let text = Outbound::Text("嗨".into());
        let body = send_body(PAGE, "7", &text, None, "b.c.0");
        assert_eq!(body["message"]["metadata"], "b.c.0");
        let body = send_body(INSTAGRAM, "7", &text, None, "b.c.0");
        assert_eq!(body["message"], json!({ "text": "嗨" }));
    }

    #[track_caller]
    fn check_refused(code: i64, subcode: Option<i64>, reason: Reason) {
        let told = outcome(error(code, subcode));
        assert!(
            matches!(&told, SendOutcome::Refused { reason: told, .. } if *told == reason),
            "{code}/{subcode:?}: {told:?}"
        );
    }

    #[track_caller]
    fn check_stopped(code: i64, subcode: Option<i64>, reason: Reason) {
        let told = outcome(error(code, subcode));
        assert!(
            matches!(&told, SendOutcome::AccountStopped { reason: told, .. } if *told == reason),
            "{code}/{subcode:?}: {told:?}"
        );
    }

    #[test]
    fn what_meta_refuses_for_good() {
        check_refused(10, Some(2_018_278), Reason::WindowClosed);
        check_refused(10, Some(2_534_022), Reason::WindowClosed);
        check_refused(10, Some(2_018_065), Reason::WindowClosed);
        check_refused(10, Some(2_018_108), Reason::Unreachable);
        check_refused(100, Some(2_018_001), Reason::Unreachable);
        check_refused(551, None, Reason::Unreachable);
        check_refused(200, Some(1_545_041), Reason::Unreachable);
        check_refused(100, Some(2_018_008), Reason::MediaRefused);
        check_refused(100, Some(2_018_047), Reason::MediaRefused);
        check_refused(100, Some(2_018_191), Reason::ContentRefused);
        check_refused(100, Some(1_893_061), Reason::ContentRefused);
        check_refused(100, Some(2_018_276), Reason::ContentRefused);
        check_refused(999_999, None, Reason::Other);
    }

    #[test]
    fn what_stops_the_account() {
        check_stopped(190, None, Reason::AccountNotConnected);
        check_stopped(10, None, Reason::AccountNotConnected);
        check_stopped(200, None, Reason::AccountNotConnected);
        check_stopped(100, Some(33), Reason::AccountNotConnected);
        check_stopped(10, Some(1_893_063), Reason::AccountRestricted);
        check_stopped(368, None, Reason::AccountRestricted);
    }

    #[test]
    fn what_may_be_sent_again() {
        for code in [4, 17, 32, 613, 80_001, 80_002, 80_006] {
            let told = outcome(error(code, None));
            assert!(
                matches!(
                    told,
                    SendOutcome::Retry {
                        reason: Reason::RateLimited,
                        slows_account: true,
                        ..
                    }
                ),
                "{code}: {told:?}"
            );
        }
        // An error, though the messages were sent.
        let told = outcome(error(1, Some(1_357_046)));
        assert!(matches!(told, SendOutcome::Unknown { .. }), "{told:?}");
        for code in [1, 2] {
            let told = outcome(error(code, None));
            assert!(
                matches!(
                    told,
                    SendOutcome::Retry {
                        reason: Reason::PlatformFault,
                        slows_account: false,
                        may_have_arrived: false,
                        ..
                    }
                ),
                "{code}: {told:?}"
            );
        }
    }

    #[tokio::test]
    async fn redirects_are_followed_within_the_platform() {
        use axum::response::Redirect;
        use axum::routing::get;
        let router = axum::Router::new()
            .route("/moved", get(async || Redirect::temporary("/here")))
            .route("/here", get(async || "film"))
            .route(
                "/away",
                get(async || Redirect::temporary("http://example.com/x")),
            )
            .route("/round", get(async || Redirect::temporary("/round")));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let endpoints = Endpoints {
            graph: base.clone(),
            ..Endpoints::default()
        };
        let connectors = Connectors::without_uploads(http_client().unwrap(), endpoints);
        let fetch = async |path: &str| connectors.messenger_media(&format!("{base}{path}")).await;
        let mut film = fetch("/moved").await.unwrap();
        assert_eq!(film.chunk().await.unwrap().unwrap(), &b"film"[..]);
        for path in ["/away", "/round", "/missing"] {
            assert!(
                matches!(fetch(path).await, Err(FetchError::Gone(_))),
                "{path}"
            );
        }
    }

    #[test]
    fn only_the_platform_is_asked_for_media() {
        let endpoints = Endpoints {
            graph: "http://127.0.0.1:9/graph".into(),
            ..Endpoints::default()
        };
        let connectors = Connectors::without_uploads(http_client().unwrap(), endpoints);
        for link in [
            "https://cdn.example.com/x",
            "http://127.0.0.1:9/phone/media/1",
        ] {
            assert!(connectors.link_of_meta(link).is_ok(), "{link}");
        }
        for link in [
            "http://127.0.0.1:8/x",
            "http://example.com/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!(connectors.link_of_meta(link).is_err(), "{link}");
        }
    }
}
