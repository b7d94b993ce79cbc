//! Sending to oneself (測試發送): a member binds a customer of their own on each channel,
//! and gets there what customers would get.

use serde::{Deserialize, Serialize};

use crate::{Channel, OutgoingMessage, Reason, Surface, Timestamp};

/// Milliseconds that a code is good for.
pub const TEST_CODE_LIFE: i64 = 15 * 60_000;

/// Characters of a code: capitals and digits that can't be mistaken for one another.
pub const TEST_CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Characters in a code.
pub const TEST_CODE_LENGTH: usize = 6;

/// Test sends that a member may ask for in a minute.
pub const TESTS_PER_MINUTE: u32 = 10;

const PREFIX: &str = "測試";

/// The text that a member writes to the account as a customer.
pub fn test_code_text(code: &str) -> String {
    format!("{PREFIX} {code}")
}

/// The code in a text that is exactly 「測試 4F7K2Q」, in any case and with white space around.
pub fn asked_test_code(text: &str) -> Option<String> {
    let code = text.trim().strip_prefix(PREFIX)?;
    let code = code.trim_start().to_ascii_uppercase();
    let is_code =
        code.len() == TEST_CODE_LENGTH && code.bytes().all(|b| TEST_CODE_ALPHABET.contains(&b));
    is_code.then_some(code)
}

/// Sends messages to one's own test customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TestSend {
    /// What they get, one to five.
    pub messages: Vec<OutgoingMessage>,
    /// What customers without a name are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_fallback: Option<String>,
    /// Where it was made.
    #[serde(default)]
    pub surface: Surface,
    /// The channels to try.
    pub channels: Vec<Channel>,
}

/// What became of a test, a row for each channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestResult {
    /// The channels, in their order.
    pub rows: Vec<TestRow>,
}

/// What became of a test on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestRow {
    /// The channel.
    pub channel: Channel,
    /// The test customer's name; empty when unknown or when there is none.
    pub customer_name: String,
    /// What became of it.
    pub outcome: TestOutcome,
}

/// What became of a test on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TestOutcome {
    /// The platform accepted every message.
    Sent,
    /// A message was not accepted; those after it were not tried.
    Failed {
        /// Why.
        reason: Reason,
    },
    /// The member has no test customer on this channel.
    NoTestCustomer,
}

/// A member's test customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestCustomers {
    /// One for each channel that has one.
    pub rows: Vec<TestCustomer>,
}

/// A member's test customer on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestCustomer {
    /// The channel.
    pub channel: Channel,
    /// The customer's name; empty when unknown.
    pub customer_name: String,
}

/// What to write to an account to become its test customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestCode {
    /// The text, such as 「測試 4F7K2Q」.
    pub text: String,
    /// When it is good no longer.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_text_that_is_the_code_binds() {
        assert_eq!(asked_test_code("測試 4F7K2Q").as_deref(), Some("4F7K2Q"));
        assert_eq!(asked_test_code(" 測試4f7k2q\n").as_deref(), Some("4F7K2Q"));
        assert_eq!(
            asked_test_code("測試\u{3000}4F7K2Q").as_deref(),
            Some("4F7K2Q")
        );
        for text in [
            "測試",
            "4F7K2Q",
            "測試 4F7K2Q 謝謝",
            "我要測試 4F7K2Q",
            "測試 4F7K2",
            "測試 4F7K2QQ",
            "測試 4F7K2O",
            "測試 中文中文中文",
        ] {
            assert_eq!(asked_test_code(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_code_is_read_from_its_text(places in prop::collection::vec(0..TEST_CODE_ALPHABET.len(), TEST_CODE_LENGTH)) {
            let code: String = places.into_iter().map(|at| char::from(TEST_CODE_ALPHABET[at])).collect();
            prop_assert_eq!(asked_test_code(&test_code_text(&code)), Some(code));
        }
    }
}
