//! How the demo stands when it begins.

use omocast_contract::control::HOLD;
use omocast_contract::{Channel, Plan, Role};

/// How often broadcasts of the gallery move on, in milliseconds.
const TICK: u32 = 300;

/// How the demo stands when it begins.
#[derive(Clone, Debug)]
pub struct FakeOptions {
    /// The member's role.
    pub role: Role,
    /// The team's plan.
    pub plan: Plan,
    /// Events in 我的事件－處理中, those of the web channel among them.
    pub rows: u32,
    /// Where the customers are, besides the web.
    pub channels: Vec<Channel>,
    /// Whether somebody is signed in.
    pub is_signed_in: bool,
    /// Whether there are broadcasts, saved replies and drafts from before.
    pub has_broadcasts: bool,
    /// Whether Meta has approved the templates; otherwise it has once they are read again.
    pub has_approved_templates: bool,
    /// How long each answer takes, in milliseconds.
    pub delay: u32,
    /// How many of its moves a broadcast is held before it begins.
    pub hold_ticks: u64,
    /// Whether the stream of news is connected at once; otherwise when a test says so.
    pub is_connected: bool,
    /// How often broadcasts move on by themselves, in milliseconds; none where a test moves them.
    pub tick_every: Option<u32>,
}

impl Default for FakeOptions {
    fn default() -> Self {
        Self {
            role: Role::SalesRep,
            plan: Plan::Omo,
            // Of which 1,204 can be ticked.
            rows: 1_244,
            channels: vec![Channel::Line, Channel::Whatsapp],
            is_signed_in: true,
            has_broadcasts: true,
            has_approved_templates: true,
            delay: 0,
            hold_ticks: 1,
            is_connected: true,
            tick_every: None,
        }
    }
}

impl FakeOptions {
    /// Reads the page's address: `?role=admin&plan=standard&rows=100000&channels=line,instagram&signed-out&empty&slow&templates=pending`.
    pub fn from_query(query: &str) -> Self {
        let mut options = Self {
            delay: 60,
            tick_every: Some(TICK),
            hold_ticks: HOLD as u64 / u64::from(TICK),
            channels: Channel::ALL[..4].to_vec(),
            ..Self::default()
        };
        for part in query.trim_start_matches('?').split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "role" => options.role = Role::parse(value).unwrap_or(options.role),
                "plan" if value == "standard" => options.plan = Plan::Standard,
                "rows" => options.rows = value.parse().unwrap_or(options.rows),
                "channels" => {
                    let named: Vec<_> = value.split(',').filter_map(Channel::parse).collect();
                    if !named.is_empty() {
                        options.channels = named;
                    }
                }
                "signed-out" => options.is_signed_in = false,
                "empty" => {
                    options.rows = 0;
                    options.has_broadcasts = false;
                }
                "templates" if value == "pending" => options.has_approved_templates = false,
                "slow" => options.delay = 1_500,
                _ => {}
            }
        }
        options
    }
}
