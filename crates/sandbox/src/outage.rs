//! A platform that is down: every request of its accounts meets that, whatever it asks.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::account::Platform;
use crate::faults::{html, reset_connection};
use crate::{Sandbox, clock};

/// How a platform that is down meets a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// The connection closes without a byte of answer.
    Reset,
    /// A gateway answers in its place: 503, in HTML.
    Unavailable,
}

#[derive(Default)]
pub(crate) struct Outages(HashMap<Platform, (Outage, i64)>);

impl Sandbox {
    /// The platform is down for so long, by the sandbox's clock. An Instagram account that a page speaks for is down
    /// with Facebook.
    pub fn go_down(&self, platform: Platform, outage: Outage, during: Duration) {
        let until = self.now_ms().saturating_add(clock::millis(during));
        self.lock_outages().0.insert(platform, (outage, until));
    }

    /// The platform is up again.
    pub fn come_back(&self, platform: Platform) {
        self.lock_outages().0.remove(&platform);
    }

    /// What a request meets while the platform is down.
    pub(crate) fn outage(&self, platform: Platform) -> Option<Response> {
        let now = self.now_ms();
        let outages = self.lock_outages();
        let (outage, until) = outages.0.get(&platform)?;
        (now < *until).then(|| match outage {
            Outage::Reset => reset_connection(),
            Outage::Unavailable => html(503),
        })
    }
}
