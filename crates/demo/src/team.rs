//! The demo team: its shops, its members in every role, its accounts on the channels.

use omocast_contract::{Channel, Plan, Role};

/// The password of every demo member.
pub(crate) const PASSWORD: &str = "omocast-demo";

/// A member of the demo.
pub(crate) struct DemoMember {
    pub(crate) email: &'static str,
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) staff_code: Option<&'static str>,
    /// Codes of the shops they work in.
    pub(crate) shops: &'static [&'static str],
}

/// A team of the demo.
pub(crate) struct DemoTeam {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    pub(crate) shops: &'static [(&'static str, &'static str)],
    /// Links to these count as the team's own.
    pub(crate) official_domains: [&'static str; 2],
    pub(crate) members: &'static [DemoMember],
}

pub(crate) const TEAM: DemoTeam = DemoTeam {
    name: "ATELIER",
    plan: Plan::Omo,
    shops: &[("A01", "信義門市"), ("A02", "中山門市")],
    official_domains: ["atelier.example", "shop.example.com"],
    members: &[
        member(
            "sales@demo.test",
            "陳小美",
            Role::SalesRep,
            Some("S001"),
            &["A01"],
        ),
        member(
            "sales2@demo.test",
            "林志豪",
            Role::SalesRep,
            Some("S002"),
            &["A02"],
        ),
        member(
            "manager@demo.test",
            "黃經理",
            Role::SalesManager,
            Some("M001"),
            &["A01"],
        ),
        member("admin@demo.test", "王管理", Role::Admin, None, &[]),
        member(
            "supervisor@demo.test",
            "李主管",
            Role::Supervisor,
            None,
            &[],
        ),
        member("support@demo.test", "吳客服", Role::SupportAgent, None, &[]),
    ],
};

/// A team without the OMO plan, to see what that looks like.
pub(crate) const OTHER_TEAM: DemoTeam = DemoTeam {
    name: "小巷選物",
    plan: Plan::Standard,
    shops: &[("B01", "永康門市")],
    official_domains: ["alley.example", "shop.alley.example"],
    members: &[member(
        "sales@other.test",
        "周小姐",
        Role::SalesRep,
        Some("S001"),
        &["B01"],
    )],
};

const fn member(
    email: &'static str,
    name: &'static str,
    role: Role,
    staff_code: Option<&'static str>,
    shops: &'static [&'static str],
) -> DemoMember {
    DemoMember {
        email,
        name,
        role,
        staff_code,
        shops,
    }
}

/// An account of the demo team. The tokens are as secret as a demo's can be: the stand-ins know them too.
pub(crate) struct DemoAccount {
    pub(crate) channel: Channel,
    pub(crate) name: &'static str,
    pub(crate) external_id: &'static str,
    pub(crate) waba_id: Option<&'static str>,
    /// The Facebook page that speaks for an Instagram account.
    pub(crate) page_id: Option<&'static str>,
    pub(crate) display_phone: Option<&'static str>,
    pub(crate) token: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) verify_token: &'static str,
}

pub(crate) static LINE: DemoAccount = DemoAccount {
    channel: Channel::Line,
    name: "ATELIER 信義門市",
    external_id: "U0a7e11e2000000000000000000000001",
    waba_id: None,
    page_id: None,
    display_phone: None,
    token: "demo-line-channel-access-token",
    secret: "demo-line-channel-secret",
    verify_token: "",
};

pub(crate) static FACEBOOK: DemoAccount = DemoAccount {
    channel: Channel::Facebook,
    name: "ATELIER 粉絲專頁",
    external_id: "300000000000001",
    waba_id: None,
    page_id: None,
    display_phone: None,
    token: "demo-facebook-page-token",
    secret: "demo-facebook-app-secret",
    verify_token: "demo-verify-facebook",
};

pub(crate) static INSTAGRAM: DemoAccount = DemoAccount {
    channel: Channel::Instagram,
    name: "atelier.tw",
    external_id: "17841400000000001",
    waba_id: None,
    page_id: None,
    display_phone: None,
    token: "demo-instagram-token",
    secret: "demo-instagram-app-secret",
    verify_token: "demo-verify-instagram",
};

/// The other of Meta's two ways: the page speaks for it.
pub(crate) static INSTAGRAM_OUTLET: DemoAccount = DemoAccount {
    channel: Channel::Instagram,
    name: "atelier.outlet",
    external_id: "17841400000000002",
    waba_id: None,
    page_id: Some(FACEBOOK.external_id),
    display_phone: None,
    token: FACEBOOK.token,
    secret: FACEBOOK.secret,
    verify_token: "demo-verify-outlet",
};

pub(crate) static WHATSAPP_TAIPEI: DemoAccount = DemoAccount {
    channel: Channel::Whatsapp,
    name: "ATELIER 台北",
    external_id: "100000000000001",
    waba_id: Some("200000000000001"),
    page_id: None,
    display_phone: Some("+886 2 5550 0101"),
    token: "demo-whatsapp-token-taipei",
    secret: "demo-whatsapp-app-secret",
    verify_token: "demo-verify-taipei",
};

/// A second number of the same WhatsApp Business account: it sends the same templates.
pub(crate) static WHATSAPP_ZHONGSHAN: DemoAccount = DemoAccount {
    channel: Channel::Whatsapp,
    name: "ATELIER 中山",
    external_id: "100000000000003",
    waba_id: WHATSAPP_TAIPEI.waba_id,
    page_id: None,
    display_phone: Some("+886 2 5550 0103"),
    token: WHATSAPP_TAIPEI.token,
    secret: WHATSAPP_TAIPEI.secret,
    verify_token: "demo-verify-zhongshan",
};

pub(crate) static WHATSAPP_HONG_KONG: DemoAccount = DemoAccount {
    channel: Channel::Whatsapp,
    name: "ATELIER 香港",
    external_id: "100000000000002",
    waba_id: Some("200000000000002"),
    page_id: None,
    display_phone: Some("+852 5550 0102"),
    token: "demo-whatsapp-token-hong-kong",
    secret: "demo-whatsapp-app-secret",
    verify_token: "demo-verify-hong-kong",
};

pub(crate) static WEB: DemoAccount = DemoAccount {
    channel: Channel::Web,
    name: "ATELIER 官網",
    external_id: "atelier-web",
    waba_id: None,
    page_id: None,
    display_phone: None,
    token: "",
    secret: "demo-web-chat-secret",
    verify_token: "",
};

pub(crate) fn accounts() -> [&'static DemoAccount; 8] {
    [
        &LINE,
        &FACEBOOK,
        &INSTAGRAM,
        &INSTAGRAM_OUTLET,
        &WHATSAPP_TAIPEI,
        &WHATSAPP_ZHONGSHAN,
        &WHATSAPP_HONG_KONG,
        &WEB,
    ]
}

impl DemoAccount {
    pub(crate) fn is_web(&self) -> bool {
        self.channel == Channel::Web
    }

    /// How the platform names the customer with this number, and their phone number where it tells it.
    pub(crate) fn customer_id(&self, number: u64) -> (String, Option<String>) {
        match self.channel {
            Channel::Line => (
                format!("U{:032x}", 0xa7e1_1e20_0000_0000_u64 + number),
                None,
            ),
            Channel::Whatsapp => {
                let prefix = if self.external_id == WHATSAPP_HONG_KONG.external_id {
                    "8525"
                } else {
                    "8869"
                };
                let phone = format!("{prefix}{number:08}");
                (phone.clone(), Some(phone))
            }
            Channel::Facebook => (format!("7{number:015}"), None),
            Channel::Instagram => (format!("9{number:016}"), None),
            Channel::Web => (format!("visitor-{number}"), None),
        }
    }
}
