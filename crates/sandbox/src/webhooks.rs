//! Webhooks to the product: signing, a bounded number in flight, and retries.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Sandbox;
use crate::account::Account;

/// Longer than LINE's 2 s: a slow developer's machine should not look like a broken receiver.
const TIMEOUT: Duration = Duration::from_secs(10);
/// After so many a webhook is given up, unless the sandbox is told otherwise.
pub(crate) const RETRIES: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_millis(3_200);

fn hmac_sha256(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn line_signature(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(hmac_sha256(secret, body))
}

/// `sha256=…` as Meta and omocast's own web chat write it.
pub(crate) fn hex_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&hmac_sha256(secret, body)))
}

/// Meta sends, and signs, everything outside ASCII as `\uXXXX` in lower case.
pub(crate) fn escape_non_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        }
    }
    escaped
}

/// The exact bytes to send, and the header that signs them.
fn sign(account: &Account, body: &Value) -> (Vec<u8>, &'static str, String) {
    let json = body.to_string();
    match account {
        Account::Line { channel_secret, .. } => {
            let signature = line_signature(channel_secret, json.as_bytes());
            (json.into_bytes(), "x-line-signature", signature)
        }
        Account::Facebook { app_secret, .. }
        | Account::Instagram { app_secret, .. }
        | Account::Whatsapp { app_secret, .. } => {
            let json = escape_non_ascii(&json);
            let signature = hex_signature(app_secret, json.as_bytes());
            (json.into_bytes(), "X-Hub-Signature-256", signature)
        }
        Account::Web { secret, .. } => {
            let signature = hex_signature(secret, json.as_bytes());
            (json.into_bytes(), "X-Omocast-Signature", signature)
        }
    }
}

/// LINE says so when it delivers an event again.
fn mark_redelivery(account: &Account, body: &mut Value) {
    match account {
        Account::Line { .. } => {
            for event in body["events"].as_array_mut().into_iter().flatten() {
                event["deliveryContext"]["isRedelivery"] = true.into();
            }
        }
        Account::Facebook { .. }
        | Account::Instagram { .. }
        | Account::Whatsapp { .. }
        | Account::Web { .. } => {}
    }
}

impl Sandbox {
    /// Queues the webhooks; each account's go out one after the other, in order.
    pub(crate) fn post_later(&self, webhooks: Vec<(String, Vec<Value>)>) {
        let sandbox = self.clone();
        self.spawn(async move {
            if let Err(error) = sandbox.post_all(webhooks).await {
                tracing::warn!("a webhook was given up: {error:#}");
            }
        });
    }

    pub(crate) async fn post_all(&self, webhooks: Vec<(String, Vec<Value>)>) -> anyhow::Result<()> {
        let accounts = webhooks.into_iter().map(|(account, bodies)| async move {
            for body in bodies {
                self.post(&account, body).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(accounts).await.map(|_| ())
    }

    /// Posts any body as the platform posts the account's webhooks: signed, and again while it is refused.
    pub async fn post_webhook(&self, account: &str, body: Value) -> anyhow::Result<()> {
        self.post(account, body).await
    }

    async fn post(&self, account_id: &str, mut body: Value) -> anyhow::Result<()> {
        let mut backoff = FIRST_BACKOFF;
        for attempt in 0..=self.webhook_retries() {
            let account = self.account(account_id).context("no such account")?;
            if attempt > 0 {
                self.closed_or(backoff).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
                mark_redelivery(&account, &mut body);
            }
            let (bytes, header, signature) = sign(&account, &body);
            let permit = self.webhook_permit().await;
            let answer = self
                .http()
                .post(account.webhook_url())
                .header("content-type", "application/json")
                .header(header, signature)
                .timeout(TIMEOUT)
                .body(bytes)
                .send()
                .await;
            drop(permit);
            match answer {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => tracing::debug!(
                    account = account_id,
                    attempt,
                    status = response.status().as_u16(),
                    "the product refused a webhook"
                ),
                Err(error) => tracing::debug!(account = account_id, attempt, "webhook: {error}"),
            }
            if self.is_closing() {
                break;
            }
        }
        bail!("the product did not take a webhook of {account_id}")
    }

    /// Meta's check of a callback address: it must know the verify token and give the challenge back.
    pub async fn handshake(&self, account: &str) -> anyhow::Result<()> {
        let account = self.account(account).context("no such account")?;
        let verify_token = account
            .verify_token()
            .context("only Meta has a handshake")?;
        let challenge = (uuid::Uuid::new_v4().as_u128() % 10_000_000_000).to_string();
        let mut url =
            reqwest::Url::parse(account.webhook_url()).context("not a webhook address")?;
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", verify_token);
        let response = self.http().get(url).timeout(TIMEOUT).send().await?;
        ensure!(
            response.status().is_success(),
            "the handshake was answered {}",
            response.status()
        );
        let answer = response.text().await?;
        ensure!(
            answer == challenge,
            "the handshake was answered with another challenge"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_escapes_everything_outside_ascii_in_lower_case() {
        assert_eq!(
            escape_non_ascii("{\"a\":\"é你😀/\"}"),
            "{\"a\":\"\\u00e9\\u4f60\\ud83d\\ude00/\"}"
        );
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_hmac_sha256() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = b"what do ya want for nothing?";
        assert_eq!(hex_signature("Jefe", body), format!("sha256={expected}"));
        assert_eq!(
            line_signature("Jefe", body),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
        );
    }
}
