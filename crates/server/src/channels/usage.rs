//! What Meta's headers tell of how much of its allowance an account has used
//! (Graph API, rate limiting: `X-App-Usage`, `X-Business-Use-Case-Usage`).

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

/// From this share on, in per cent, an account slows down by itself: asking while throttled lengthens it.
const NEARLY: f64 = 95.0;
/// How long an account is silent that has nearly used up what it may.
const BREATH: Duration = Duration::from_secs(1);
/// How long one is silent that has used it up, where Meta names no time.
const REST: Duration = Duration::from_secs(60);
/// Never longer, whatever a header says.
const LONGEST: u64 = 60;

/// How long the account had better be silent; none where there is enough left, or nothing is said.
pub(super) fn slow_down(headers: &HeaderMap) -> Option<Duration> {
    let read =
        |name| -> Option<Value> { serde_json::from_slice(headers.get(name)?.as_bytes()).ok() };
    let app = read("x-app-usage");
    let business = read("x-business-use-case-usage");
    let of_business = business
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|accounts| accounts.values().filter_map(Value::as_array).flatten());
    app.iter().chain(of_business).filter_map(silence).max()
}

/// What one of the usages asks for.
fn silence(usage: &Value) -> Option<Duration> {
    let minutes = usage["estimated_time_to_regain_access"]
        .as_u64()
        .filter(|&minutes| minutes > 0);
    if let Some(minutes) = minutes {
        return Some(Duration::from_secs(60 * minutes.min(LONGEST)));
    }
    let shares = ["call_count", "total_time", "total_cputime"].map(|name| usage[name].as_f64());
    let most = shares.into_iter().flatten().fold(0.0, f64::max);
    match most {
        most if most >= 100.0 => Some(REST),
        most if most >= NEARLY => Some(BREATH),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &'static str, value: &str, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        assert_eq!(
            slow_down(&headers),
            expected.map(Duration::from_secs),
            "{value}"
        );
    }

    #[test]
    fn an_account_with_enough_left_goes_on() {
        check(
            "x-app-usage",
            r#"{"call_count":28,"total_time":25,"total_cputime":25}"#,
            None,
        );
        check("x-other", "{}", None);
    }

    #[test]
    fn an_account_with_little_left_takes_a_breath() {
        check(
            "x-app-usage",
            r#"{"call_count":28,"total_time":97,"total_cputime":25}"#,
            Some(1),
        );
        check("x-app-usage", r#"{"call_count":100}"#, Some(60));
    }

    #[test]
    fn an_account_that_is_throttled_rests_as_long_as_it_is_told() {
        let usage = r#"{"1":[{"type":"messenger","call_count":100,"total_time":1,"estimated_time_to_regain_access":19}]}"#;
        check("x-business-use-case-usage", usage, Some(19 * 60));
    }

    #[test]
    fn nonsense_is_no_usage() {
        for value in ["", "[]", "1", r#"{"1":2}"#, r#"{"1":[null]}"#, "<html>"] {
            check("x-business-use-case-usage", value, None);
            check("x-app-usage", value, None);
        }
    }
}
