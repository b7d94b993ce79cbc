//! The channel accounts the stand-ins play: one LINE official account, one Facebook page, one Instagram account, one
//! WhatsApp number or one web chat each.

use serde::{Deserialize, Serialize};

use crate::whatsapp::is_scoped_id;

/// Which platform's rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Line,
    Facebook,
    Instagram,
    Whatsapp,
    Web,
}

/// By which of Meta's two ways an Instagram account is spoken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum InstagramRoute {
    /// Through the Facebook page it is linked to: `/graph`, with the page's id and token.
    Page { page_id: String },
    /// By itself (Instagram Login): `/graph-instagram`, with its own id and token.
    Login,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "snake_case")]
pub enum Account {
    Line {
        name: String,
        /// The bot's own user id: `U` and 32 hex digits.
        destination: String,
        channel_access_token: String,
        channel_secret: String,
        webhook_url: String,
        monthly_limit: Option<u64>,
    },
    Facebook {
        name: String,
        page_id: String,
        access_token: String,
        app_secret: String,
        verify_token: String,
        webhook_url: String,
    },
    Instagram {
        name: String,
        /// The id of the professional account.
        ig_id: String,
        route: InstagramRoute,
        access_token: String,
        app_secret: String,
        verify_token: String,
        webhook_url: String,
    },
    Whatsapp {
        name: String,
        waba_id: String,
        phone_number_id: String,
        display_phone_number: String,
        access_token: String,
        app_secret: String,
        verify_token: String,
        webhook_url: String,
    },
    Web {
        name: String,
        site_id: String,
        secret: String,
        webhook_url: String,
    },
}

impl Account {
    /// What the account is called by everywhere in this crate: destination, page id, Instagram id, phone number id or
    /// site id.
    pub fn id(&self) -> &str {
        match self {
            Self::Line { destination, .. } => destination,
            Self::Facebook { page_id, .. } => page_id,
            Self::Instagram { ig_id, .. } => ig_id,
            Self::Whatsapp {
                phone_number_id, ..
            } => phone_number_id,
            Self::Web { site_id, .. } => site_id,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Line { name, .. }
            | Self::Facebook { name, .. }
            | Self::Instagram { name, .. }
            | Self::Whatsapp { name, .. }
            | Self::Web { name, .. } => name,
        }
    }

    pub fn platform(&self) -> Platform {
        match self {
            Self::Line { .. } => Platform::Line,
            Self::Facebook { .. } => Platform::Facebook,
            Self::Instagram { .. } => Platform::Instagram,
            Self::Whatsapp { .. } => Platform::Whatsapp,
            Self::Web { .. } => Platform::Web,
        }
    }

    pub fn webhook_url(&self) -> &str {
        match self {
            Self::Line { webhook_url, .. }
            | Self::Facebook { webhook_url, .. }
            | Self::Instagram { webhook_url, .. }
            | Self::Whatsapp { webhook_url, .. }
            | Self::Web { webhook_url, .. } => webhook_url,
        }
    }

    /// The node of the Graph API that sends for the account, and the token that opens it; none outside of Meta.
    pub(crate) fn node(&self) -> Option<(&str, &str)> {
        match self {
            Self::Facebook {
                page_id,
                access_token,
                ..
            } => Some((page_id, access_token)),
            Self::Instagram {
                ig_id,
                route,
                access_token,
                ..
            } => Some(match route {
                InstagramRoute::Page { page_id } => (page_id, access_token),
                InstagramRoute::Login => (ig_id, access_token),
            }),
            Self::Whatsapp {
                phone_number_id,
                access_token,
                ..
            } => Some((phone_number_id, access_token)),
            Self::Line { .. } | Self::Web { .. } => None,
        }
    }

    /// The WhatsApp Business account a number belongs to.
    pub(crate) fn waba(&self) -> Option<&str> {
        match self {
            Self::Whatsapp { waba_id, .. } => Some(waba_id),
            Self::Line { .. }
            | Self::Facebook { .. }
            | Self::Instagram { .. }
            | Self::Web { .. } => None,
        }
    }

    /// Whether the account is reached at `/graph-instagram` instead of `/graph`.
    pub(crate) fn is_by_login(&self) -> bool {
        matches!(
            self,
            Self::Instagram {
                route: InstagramRoute::Login,
                ..
            }
        )
    }

    /// What Meta's handshake must know; none outside of Meta.
    pub(crate) fn verify_token(&self) -> Option<&str> {
        match self {
            Self::Facebook { verify_token, .. }
            | Self::Instagram { verify_token, .. }
            | Self::Whatsapp { verify_token, .. } => Some(verify_token),
            Self::Line { .. } | Self::Web { .. } => None,
        }
    }

    /// Keeps path and query of the webhook's address and replaces what is before them.
    pub(crate) fn rebase_webhook(&mut self, base: &str) {
        let url = match self {
            Self::Line { webhook_url, .. }
            | Self::Facebook { webhook_url, .. }
            | Self::Instagram { webhook_url, .. }
            | Self::Whatsapp { webhook_url, .. }
            | Self::Web { webhook_url, .. } => webhook_url,
        };
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path = url[after_scheme..]
            .find('/')
            .map_or("", |at| &url[after_scheme + at..]);
        *url = format!("{}{path}", base.trim_end_matches('/'));
    }

    /// Whether `user` can be a customer's id on this platform at all.
    pub(crate) fn accepts_user_id(&self, user: &str) -> bool {
        match self {
            Self::Line { .. } => is_line_user_id(user),
            Self::Facebook { .. } | Self::Instagram { .. } => is_number(user),
            Self::Whatsapp { .. } => is_number(user) || is_scoped_id(user),
            Self::Web { .. } => {
                !user.is_empty() && user.len() <= 128 && !user.chars().any(char::is_control)
            }
        }
    }
}

fn is_number(user: &str) -> bool {
    (6..=20).contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_digit())
}

/// `U` and 32 lower-case hex digits.
pub(crate) fn is_line_user_id(id: &str) -> bool {
    id.len() == 33
        && id.starts_with('U')
        && id[1..]
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rebase(url: &str, base: &str, expected: &str) {
        let mut account = Account::Web {
            name: String::new(),
            site_id: "site".into(),
            secret: String::new(),
            webhook_url: url.into(),
        };
        account.rebase_webhook(base);
        assert_eq!(account.webhook_url(), expected);
    }

    #[test]
    fn rebasing_a_webhook_keeps_its_path() {
        check_rebase(
            "http://a:1/hook/x?y=1",
            "http://b:2",
            "http://b:2/hook/x?y=1",
        );
        check_rebase("https://a", "http://b:2/", "http://b:2");
        check_rebase("/hook", "http://b:2", "http://b:2/hook");
    }

    #[test]
    fn a_line_user_id_is_u_and_32_hex_digits() {
        assert!(is_line_user_id("U0123456789abcdef0123456789abcdef"));
        assert!(!is_line_user_id("U0123456789ABCDEF0123456789abcdef"));
        assert!(!is_line_user_id("Cé123456789abcdef0123456789abcde"));
        assert!(!is_line_user_id("Ué123456789abcdef0123456789abcde"));
    }
}
