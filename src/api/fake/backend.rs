//! The fake's state, who is signed in, and what the subjects' files share.

use std::collections::{BTreeMap, HashMap};

use omocast_contract::api::{Me, SignIn};
use omocast_contract::{
    Draft, EventView, Filter, MediaId, MemberId, Problem, ProblemCode, Role, SavedReply, Shop,
    Template, Timestamp,
};

use super::broadcasts::Sent;
use super::demo_data as demo;
use super::events::Change;
use super::options::FakeOptions;
use super::test_customers::Testing;
use super::uploads::Kept;

/// The whole fake backend.
pub(super) struct Backend {
    pub(super) options: FakeOptions,
    pub(super) started_at: Timestamp,
    pub(super) changes: BTreeMap<u32, Change>,
    pub(super) listed: Option<((EventView, Filter), Vec<u32>)>,
    pub(super) broadcasts: Vec<Sent>,
    pub(super) media: HashMap<MediaId, Kept>,
    pub(super) next_media: u64,
    /// The last changed first.
    pub(super) saved_replies: Vec<SavedReply>,
    pub(super) next_saved_reply: u64,
    /// The last changed first.
    pub(super) drafts: Vec<Draft>,
    /// The last changed first.
    pub(super) templates: Vec<Template>,
    /// When the templates were last read from Meta.
    pub(super) synced_at: Timestamp,
    pub(super) testing: Testing,
}

pub(super) type Answer<T> = Result<T, Problem>;

pub(super) fn refuse<T>(code: ProblemCode) -> Answer<T> {
    Err(Problem::new(code))
}

/// Designers reach error states by writing this.
pub(super) fn sentinel(text: &str) -> Answer<()> {
    if text.contains("fail-500") {
        let mut problem = Problem::new(ProblemCode::Internal);
        problem.request_id = Some("req-demo-500".to_owned());
        return Err(problem);
    }
    if text.contains("fail-platform") {
        return refuse(ProblemCode::PlatformRefused);
    }
    Ok(())
}

/// The members of the demo team; the first is signed in.
pub(super) const MEMBERS: [&str; 4] = ["林佩珊", "周建宏", "何思涵", "吳宗霖"];

/// The shops of the demo team.
const SHOPS: [&str; 2] = ["信義門市", "中山門市"];

pub(super) fn official_domains() -> Vec<String> {
    vec!["shop.example.com".to_owned()]
}

pub(super) fn member_name(id: MemberId) -> Option<&'static str> {
    MEMBERS
        .get(demo::number_of(id.0.as_u128()) as usize)
        .copied()
}

impl Backend {
    pub(super) fn new(options: FakeOptions, now: Timestamp) -> Self {
        let mut backend = Self {
            options,
            started_at: now,
            changes: BTreeMap::new(),
            listed: None,
            broadcasts: Vec::new(),
            media: HashMap::new(),
            next_media: 1,
            saved_replies: Vec::new(),
            next_saved_reply: 1,
            drafts: Vec::new(),
            templates: Vec::new(),
            synced_at: now,
            testing: Testing::default(),
        };
        backend.keep_samples();
        if backend.options.has_broadcasts {
            backend.make_history();
            backend.make_saved_replies();
            backend.make_drafts();
            backend.make_templates();
        }
        backend
    }

    pub(super) fn me(&self) -> MemberId {
        demo::member_id(0)
    }

    /// The shops of the member who is signed in: those who see all work in all.
    pub(super) fn shops(&self) -> Vec<Shop> {
        let shops = SHOPS.iter().enumerate().map(|(at, name)| Shop {
            id: demo::shop_id(at as u64),
            name: (*name).to_owned(),
        });
        match self.options.role {
            Role::SalesRep => shops.take(1).collect(),
            Role::Admin
            | Role::Supervisor
            | Role::Marketing
            | Role::SupportManager
            | Role::SupportAgent
            | Role::SalesManager => shops.collect(),
        }
    }

    pub(super) fn signed_in(&self) -> Answer<()> {
        if self.options.is_signed_in {
            Ok(())
        } else {
            refuse(ProblemCode::SignedOut)
        }
    }

    // Session.

    pub(super) fn sign_in(&mut self, request: &SignIn) -> Answer<Me> {
        if request.email.starts_with("fail@") {
            sentinel("fail-500")?;
        }
        if request.email.starts_with("wait@") {
            return refuse(ProblemCode::TooManyAttempts);
        }
        if request.email.trim().is_empty()
            || request.password.is_empty()
            || request.password == "wrong"
        {
            return refuse(ProblemCode::WrongCredentials);
        }
        self.options.is_signed_in = true;
        self.find_session()
    }

    pub(super) fn sign_out(&mut self) {
        self.options.is_signed_in = false;
    }

    pub(super) fn find_session(&self) -> Answer<Me> {
        self.signed_in()?;
        Ok(Me {
            id: self.me(),
            name: MEMBERS[0].to_owned(),
            email: "pei@example.com".to_owned(),
            role: self.options.role,
            team: "ATELIER".to_owned(),
            plan: self.options.plan,
            time_zone: "Asia/Taipei".to_owned(),
            shops: self.shops(),
            official_domains: official_domains(),
        })
    }
}
