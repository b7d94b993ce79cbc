//! Ways in for `fuzz/`, and for the test that throws its corpus at the same.

use axum::http::{HeaderMap, HeaderValue};
use omocast_contract::{AccountId, Channel};

use super::{Accounts, Fetched, Read, check_signature, hex_signature, inbox, read};
use crate::app::App;

/// Whether a channel's parser can read a body.
pub fn is_readable(channel: Channel, body: &[u8]) -> bool {
    match channel {
        Channel::Line => super::line::parse(body).is_ok(),
        Channel::Web => super::web::parse(body).is_ok(),
        Channel::Whatsapp => super::whatsapp::parse(body).is_ok(),
        Channel::Facebook | Channel::Instagram => super::messenger::parse(body).is_ok(),
    }
}

/// Whether a header as Meta and our web chat write it signs a body.
pub fn is_signed(secret: &str, signature: &[u8], body: &[u8]) -> bool {
    let Ok(signature) = HeaderValue::from_bytes(signature) else {
        return false;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature-256", signature);
    check_signature(secret, body, hex_signature(&headers, "x-hub-signature-256")).is_ok()
}

/// Takes a body in as the worker does, but fetches nothing that it refers to.
pub async fn take_in(app: &App, account: AccountId, body: &[u8]) -> anyhow::Result<()> {
    let (store, now) = (&app.store, app.now());
    store.create_webhook(account, body, now).await?;
    for webhook in store.due_webhooks(now, 1).await? {
        let Ok(Read {
            team,
            per_account,
            templates,
        }) = read(app, &Accounts::default(), &webhook).await
        else {
            store.postpone_webhook(webhook.id, 1, None).await?;
            continue;
        };
        store.take_template_news(team, &templates, now).await?;
        let inboxes: Vec<_> = per_account
            .into_iter()
            .map(|(account, changes)| inbox(account, changes))
            .collect();
        let fetched = Fetched::default();
        store
            .process_webhooks(&[webhook.id], &inboxes, &fetched, now)
            .await?;
    }
    Ok(())
}
