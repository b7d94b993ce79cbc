//! Messenger and Instagram messaging, which speak one Send API: sending, uploads, profiles, and what they tell later.

mod content;
mod events;
mod upload;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::account::{Account, Platform};
use crate::faults::Refusal;
use crate::graph::GraphError;
use crate::ids;
use crate::media::{BadMedia, Medium, name_in_link};
use crate::receipts::OnPhone;
use crate::state::{AccountState, PhoneMessage, PhoneMessageKind};
use crate::whatsapp::Pricing;
use content::{Asked, Content, Source, read_request};

pub(crate) use events::{delivery, inbound_file, inbound_text, read, webhook};
pub(crate) use upload::upload;

/// The account that a sending at a shared node is for: that of the recipient, if one of them knows them.
pub(crate) fn speaking_for(
    sandbox: &Sandbox,
    accounts: &[Account],
    body: &Map<String, Value>,
) -> Option<Account> {
    let to = recipient(body);
    let knowing = sandbox.with(|state| {
        accounts.iter().position(|account| {
            state
                .get(account.id())
                .is_some_and(|account| account.ledger.customers.contains_key(to))
        })
    });
    accounts.get(knowing.unwrap_or(0)).cloned()
}

fn recipient(body: &Map<String, Value>) -> &str {
    body.get("recipient")
        .and_then(|recipient| recipient["id"].as_str())
        .unwrap_or("")
}

fn bad_media(bad: BadMedia) -> GraphError {
    match bad {
        BadMedia::Unreachable => GraphError::new(
            100,
            Some(2_018_008),
            "Failed to fetch the file from the url",
        ),
        BadMedia::WrongType | BadMedia::TooLarge => {
            GraphError::new(100, Some(2_018_047), "Upload attachment failure.")
        }
    }
}

fn rate_limited() -> GraphError {
    GraphError::new(613, None, "Calls to this api have exceeded the rate limit.")
}

fn refuse_on_demand(refusal: Refusal) -> Response {
    match refusal {
        Refusal::RateLimited => rate_limited(),
        Refusal::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            GraphError::new(2, None, "Service temporarily unavailable").with_status(status)
        }
        Refusal::Code { code, subcode } => GraphError::new(code, subcode, "Refused on demand"),
        Refusal::Locked | Refusal::Unpaid => GraphError::new(
            368,
            None,
            "The action attempted has been deemed abusive or is otherwise disallowed",
        ),
    }
    .into_response()
}

/// `POST /{page or Instagram id}/messages`.
pub(crate) async fn send(
    sandbox: &Sandbox,
    account: &Account,
    body: Map<String, Value>,
) -> Response {
    let to = recipient(&body).to_owned();
    let asked = match read_request(account.platform(), &body) {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let (content, metadata) = match asked {
        Asked::Message { content, metadata } => (content, metadata),
        Asked::Action => return Json(json!({ "recipient_id": to })).into_response(),
    };
    // What is linked to is fetched before anything is accepted.
    if let Content::Media {
        medium,
        source: Source::Url(url),
    } = &content
        && let Err(bad) = sandbox.check_link(url, account.platform(), *medium).await
    {
        return bad_media(bad).into_response();
    }
    let accept = || match sandbox.accept_page_message(account, &to, content, metadata) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => error.into_response(),
    };
    sandbox
        .under_fault(account.id(), &[&to], refuse_on_demand, accept)
        .await
}

impl Sandbox {
    fn accept_page_message(
        &self,
        config: &Account,
        to: &str,
        content: Content,
        metadata: Option<String>,
    ) -> Result<Value, GraphError> {
        let now = self.now_ms();
        let mid = ids::mid(config.platform());
        let text = match &content {
            Content::Text(text) => Some(text.clone()),
            Content::Media { .. } => None,
        };
        self.change(|state| {
            let account = state
                .get_mut(config.id())
                .ok_or_else(|| GraphError::unsupported(config.id()))?;
            let is_slow = matches!(
                content,
                Content::Media {
                    medium: Medium::Audio | Medium::Video,
                    ..
                }
            );
            if !account.send_rate.take(now) || (is_slow && !account.media_rate.take(now)) {
                return Err(rate_limited());
            }
            let kind = shown(account, content, now)?;
            let customer =
                account.ledger.customers.get_mut(to).ok_or_else(|| {
                    GraphError::new(100, Some(2_018_001), "No matching user found")
                })?;
            if customer.blocked {
                return Err(GraphError::new(
                    551,
                    Some(1_545_041),
                    "This person isn't available right now.",
                ));
            }
            if !customer.window_open(now) {
                let subcode = match config.platform() {
                    Platform::Instagram => 2_534_022,
                    Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => {
                        2_018_278
                    }
                };
                return Err(GraphError::new(
                    10,
                    Some(subcode),
                    "This message is sent outside of allowed window.",
                ));
            }
            customer.insert(PhoneMessage {
                id: mid.clone(),
                from_customer: false,
                kind,
                caption: None,
                at_ms: now,
                read: false,
                pending: false,
                problem: None,
                callback_data: None,
            });
            account.tally.accept(to, 1);
            Ok(())
        })?;
        self.phone_changed(config.id(), to);
        let message = OnPhone {
            account: config.id().to_owned(),
            user: to.to_owned(),
            id: mid.clone(),
            at_ms: now,
            callback_data: None,
            pricing: Pricing::Service,
        };
        let echo = events::echo(config, &message, text.as_deref(), metadata.as_deref());
        let sandbox = self.clone();
        self.spawn(async move {
            sandbox.tell_business(&message.account, echo);
            sandbox.receive(message).await;
        });
        Ok(json!({ "recipient_id": to, "message_id": mid }))
    }
}

/// What the phone shows of it. An attachment must have been uploaded for this account, and be of the right kind.
fn shown(
    account: &AccountState,
    content: Content,
    now: i64,
) -> Result<PhoneMessageKind, GraphError> {
    let (medium, url, name) = match content {
        Content::Text(text) => return Ok(PhoneMessageKind::Text(text)),
        Content::Media {
            medium,
            source: Source::Url(url),
        } => {
            let name = name_in_link(&url);
            (medium, url, name)
        }
        Content::Media {
            medium,
            source: Source::Attachment(id),
        } => {
            let platform = account.config.platform();
            let media = account
                .ledger
                .media
                .get(&id)
                .filter(|media| now - media.at_ms < platform.media_life());
            let media = media.ok_or_else(|| {
                GraphError::new(
                    100,
                    None,
                    "Param message[attachment][payload][attachment_id] is no attachment of this page, or has expired.",
                )
            })?;
            let takes_it = crate::media::Wanted::by(platform, medium)
                .is_some_and(|wanted| wanted.takes(&media.mime_type));
            if !takes_it {
                return Err(bad_media(BadMedia::WrongType));
            }
            let url = format!("/phone/media/{}/{id}", account.config.id());
            (medium, url, media.name.clone())
        }
    };
    Ok(match medium {
        Medium::Image | Medium::Preview => PhoneMessageKind::Image {
            preview: url.clone(),
            url,
        },
        Medium::Video => PhoneMessageKind::Video { url, preview: None },
        Medium::Audio | Medium::File => PhoneMessageKind::File { url, name },
    })
}

/// What a page may know of somebody who wrote to it; none where `user` is nobody here.
pub(crate) fn profile(
    sandbox: &Sandbox,
    accounts: &[Account],
    user: &str,
) -> Option<Result<Value, GraphError>> {
    let (platform, name) = sandbox.with(|state| {
        accounts
            .iter()
            .filter(|account| {
                matches!(account.platform(), Platform::Facebook | Platform::Instagram)
            })
            .find_map(|account| {
                let customer = state.get(account.id())?.ledger.customers.get(user)?;
                Some((account.platform(), customer.customer.name.clone()))
            })
    })?;
    if name.is_empty() {
        return Some(Err(GraphError::new(
            230,
            None,
            "Requires user consent to access this data",
        )));
    }
    Some(Ok(match platform {
        Platform::Instagram => json!({
            "id": user,
            "name": name,
            "username": format!("ig_{}", crate::state::last_characters(user, 6)),
        }),
        Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => {
            let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
            json!({ "id": user, "name": name, "first_name": first, "last_name": last })
        }
    }))
}
