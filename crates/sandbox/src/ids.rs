//! Identifiers in the shape of each platform.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::account::Platform;

/// A ULID, as in LINE's `webhookEventId`.
pub(crate) fn ulid(now_ms: i64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = u128::from(now_ms.unsigned_abs()) & ((1 << 48) - 1);
    let random = Uuid::new_v4().as_u128() & ((1 << 80) - 1);
    let number = (time << 80) | random;
    (0..26)
        .rev()
        .map(|place| char::from(ALPHABET[((number >> (place * 5)) & 31) as usize]))
        .collect()
}

/// A WhatsApp message id. Like the real ones it carries the customer's number, which spares an index.
pub(crate) fn wamid(user: &str) -> String {
    let mut bytes = vec![0x1d, u8::try_from(user.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(user.as_bytes());
    bytes.extend_from_slice(Uuid::new_v4().as_bytes());
    format!("wamid.{}", STANDARD.encode(bytes))
}

/// A message id of Facebook or Instagram: opaque, and of a shape of its own.
pub(crate) fn mid(platform: Platform) -> String {
    let token = format!("{}{}", opaque_token(), opaque_token());
    match platform {
        Platform::Instagram => format!("aWdfZAG1faXRlbTox{token}"),
        Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => {
            format!("m_{token}")
        }
    }
}

pub(crate) fn user_of_wamid(id: &str) -> Option<String> {
    let bytes = STANDARD.decode(id.strip_prefix("wamid.")?).ok()?;
    let length = usize::from(*bytes.get(1)?);
    String::from_utf8(bytes.get(2..2 + length)?.to_vec()).ok()
}

/// LINE's reply and quote tokens, Meta's trace ids: opaque text.
pub(crate) fn opaque_token() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

/// A LINE user id for a customer made by hand.
pub(crate) fn new_line_user_id() -> String {
    format!("U{}", Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wamid_names_its_customer() {
        assert_eq!(
            user_of_wamid(&wamid("886912345678")).as_deref(),
            Some("886912345678")
        );
        assert_eq!(user_of_wamid("wamid.%%"), None);
        assert_eq!(user_of_wamid("other"), None);
    }

    #[test]
    fn a_ulid_has_26_characters_and_begins_with_its_time() {
        let (first, second) = (ulid(1_700_000_000_000), ulid(1_700_000_000_000));
        assert_eq!(first.len(), 26);
        assert_eq!(first[..10], second[..10]);
        assert_ne!(first, second);
    }
}
