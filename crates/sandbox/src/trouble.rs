//! What a platform does to a whole account, until it is mended, and what it tells of the account's use.

use axum::http::HeaderValue;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Sandbox;
use crate::account::Account;
use crate::state::{AccountState, Bucket};

/// Why an account cannot send, until somebody mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Whatever the token asks is refused: 401, on Meta's hosts 190.
    TokenRevoked,
    /// Nothing is sent: WhatsApp's 131031, Facebook's and Instagram's 368, LINE's 403.
    Locked,
    /// Nothing is sent until somebody pays: WhatsApp's 131042. The others bill nobody for it: as `Locked`.
    Unpaid,
}

/// What Meta tells of an account's use with every answer to a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Per cent of what is allowed.
    pub call_count: u32,
    /// Minutes until calls are taken again; 0 while they are.
    pub estimated_time_to_regain_access: u32,
}

/// How often a platform takes something: at once, and for long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    pub burst: f64,
    pub per_second: f64,
}

impl Rate {
    /// So many a second, and no more than that at once.
    pub fn per_second(per_second: f64) -> Self {
        Self {
            burst: per_second,
            per_second,
        }
    }
}

impl Usage {
    pub(crate) fn write(self, account: &Account, response: &mut Response) {
        let use_case = match account {
            Account::Facebook { .. } => "messenger",
            Account::Instagram { .. } => "instagram",
            Account::Whatsapp { .. } => "whatsapp",
            Account::Line { .. } | Account::Web { .. } => return,
        };
        let use_of = |more: Value| {
            let mut told = json!({
                "call_count": self.call_count,
                "total_cputime": self.call_count / 2,
                "total_time": self.call_count / 2,
            });
            for (name, value) in more.as_object().into_iter().flatten() {
                told[name] = value.clone();
            }
            told
        };
        let business = use_of(json!({
            "type": use_case,
            "estimated_time_to_regain_access": self.estimated_time_to_regain_access,
        }));
        let headers = [
            ("x-app-usage", use_of(json!({}))),
            (
                "x-business-use-case-usage",
                json!({ account.id(): [business] }),
            ),
        ];
        for (name, value) in headers {
            let value = HeaderValue::try_from(value.to_string())
                .expect("numbers and ids are visible characters");
            response.headers_mut().insert(name, value);
        }
    }
}

impl Sandbox {
    /// The account can't send from now on, until `None`.
    pub fn set_trouble(&self, account: &str, trouble: Option<Trouble>) {
        self.arrange(account, |account| account.trouble = trouble);
    }

    /// How often the account may send; each platform's own at first.
    pub fn set_rate(&self, account: &str, rate: Rate) {
        self.arrange(account, |account| account.send_rate = Bucket::of(rate));
    }

    /// How often a WhatsApp number may write to the same customer; 45 at once and then every six seconds at first.
    pub fn set_pair_rate(&self, account: &str, rate: Rate) {
        self.arrange(account, |account| {
            account.pair_rate = rate;
            account.pairs.clear();
        });
    }

    /// How many customers a LINE account may write to in a month; any number with `None`.
    pub fn set_monthly_limit(&self, account: &str, limit: Option<u64>) {
        self.arrange(account, |account| {
            if let Account::Line { monthly_limit, .. } = &mut account.config {
                *monthly_limit = limit;
            }
        });
    }

    /// What Meta tells of the account's use with every answer to a sending, until `None`.
    pub fn set_usage(&self, account: &str, usage: Option<Usage>) {
        self.arrange(account, |account| account.usage = usage);
    }

    fn arrange(&self, account: &str, arrange: impl FnOnce(&mut AccountState)) {
        self.with(|state| match state.get_mut(account) {
            Some(account) => arrange(account),
            None => tracing::warn!(account, "no such account"),
        });
    }
}
