//! Templates: who is offered which, what is refused before a broadcast is made, and what is kept of one.

use axum::http::StatusCode;
use omocast_contract::api::{TemplatePage, TemplateSync, TemplateSyncRequest, path};
use omocast_contract::template::text::TemplateText;
use omocast_contract::template::{
    HeaderKind, ParameterFormat, TemplateButton, TemplateCategory, TemplateHeader,
};
use omocast_contract::timestamp::DAY;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastKind, BroadcastRequest, Channel, Content, EventId,
    Filter, LinkCount, MemberId, Plan, ProblemCode, Reason, Role, SavedReplyAudience, Surface,
    Template, TemplateFill, TemplateStatus, WabaId,
};
use omocast_server::store::templates::{ListedTemplate, TemplateNotes, TemplateParts};
use sqlx::query;
use uuid::Uuid;

use crate::support::{Team, TestApp, User, only, text, to_all};

const WABA: &str = "100000000000001";
const OTHER_WABA: &str = "100000000000002";

pub(crate) fn listed(name: &str, body: &str) -> ListedTemplate {
    ListedTemplate {
        platform_id: format!("id-{name}"),
        name: name.to_owned(),
        language: "zh_TW".to_owned(),
        meta_category: TemplateCategory::Marketing,
        status: TemplateStatus::Approved,
        format: ParameterFormat::Positional,
        parts: TemplateParts {
            body: words(body),
            ..TemplateParts::default()
        },
    }
}

fn words(pattern: &str) -> TemplateText {
    TemplateText {
        pattern: pattern.to_owned(),
        samples: Vec::new(),
    }
}

/// A team whose WhatsApp number belongs to a WhatsApp Business account with these templates, and its salesperson.
struct Desk {
    app: TestApp,
    team: Team,
    user: User,
}

impl Desk {
    async fn with(templates: &[ListedTemplate]) -> Self {
        let app = TestApp::new().await;
        let team = app.team("ATELIER", Plan::Omo).await;
        app.set_waba(&team, WABA).await;
        let user = app.user(&team, Role::SalesRep, &["A1"]).await;
        let desk = Self { app, team, user };
        desk.list(WABA, templates).await;
        desk
    }

    /// Meta has these templates now.
    async fn list(&self, waba: &str, templates: &[ListedTemplate]) {
        self.app.list_at_meta(&self.team, waba, templates).await;
    }

    async fn page(&self, query: &str) -> TemplatePage {
        let path = format!("{}?waba={WABA}{query}", path::TEMPLATES);
        self.user.get(&path).await.json()
    }

    async fn template(&self, name: &str) -> Template {
        let page = self.page("").await;
        page.rows.into_iter().find(|row| row.name == name).unwrap()
    }

    /// An event of the salesperson whose customer has not written for long.
    async fn silent(&self) -> EventId {
        let long_ago = Some(self.app.now().plus(-9 * DAY));
        self.app
            .event(&self.team, Some(self.user.id), |event| {
                event.channel = Channel::Whatsapp;
                event.last_inbound_at = long_ago;
            })
            .await
    }

    async fn note(&self, name: &str, title: &str, category: &str, audience: SavedReplyAudience) {
        let notes = TemplateNotes {
            title: title.to_owned(),
            category: category.to_owned(),
            audience,
        };
        let waba = WabaId(WABA.to_owned());
        let store = &self.app.app.store;
        let noted = store.note_template(self.team.id, &waba, name, "zh_TW", &notes);
        assert!(noted.await.unwrap());
    }

    async fn count(&self, query: &str, audience: &Audience) -> AudienceCount {
        let path = format!("{}?{query}", path::AUDIENCE_COUNT);
        self.user.post(&path, audience).await.json()
    }
}

fn request(fill: TemplateFill) -> BroadcastRequest {
    BroadcastRequest {
        audience: Audience::everything(Filter::default()),
        content: Content::Template(fill),
        surface: Surface::Web,
        name_fallback: None,
        draft: None,
        send_at: None,
    }
}

fn filled(template: &Template, values: &[(&str, &str)]) -> TemplateFill {
    let mut fill = TemplateFill::of(template);
    for (slot, value) in values {
        fill.values
            .insert(slot.parse().unwrap(), (*value).to_owned());
    }
    fill
}

fn names(page: &TemplatePage) -> Vec<&str> {
    page.rows.iter().map(|row| row.name.as_str()).collect()
}

#[tokio::test]
async fn only_those_who_broadcast_see_templates() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    let list = format!("{}?waba={WABA}", path::TEMPLATES);
    let sync = TemplateSyncRequest {
        waba: WabaId(WABA.to_owned()),
    };
    for role in Role::ALL {
        let user = desk.app.user(&desk.team, role, &["A1"]).await;
        let listed = user.get(&list).await;
        let synced = user.post(path::TEMPLATES_SYNC, &sync).await;
        if role.may_broadcast(Plan::Omo).is_ok() {
            assert_eq!(names(&listed.json()), ["hello"], "{role:?}");
            assert_eq!(synced.status, StatusCode::OK, "{role:?}");
        } else {
            listed.refused(ProblemCode::RoleMayNotBroadcast, None);
            synced.refused(ProblemCode::RoleMayNotBroadcast, None);
        }
    }
    let store = &desk.app.app.store;
    store
        .update_plan(desk.team.id, Plan::Standard)
        .await
        .unwrap();
    let refused = desk.user.get(&list).await;
    refused.refused(ProblemCode::PlanLacksOmo, None);
}

#[tokio::test]
async fn an_account_of_another_team_is_not_there() {
    let desk = Desk::with(&[]).await;
    let theirs = desk.app.team("THEIRS", Plan::Omo).await;
    desk.app.set_waba(&theirs, OTHER_WABA).await;
    for waba in [OTHER_WABA, "nobody", ""] {
        let listed = desk
            .user
            .get(&format!("{}?waba={waba}", path::TEMPLATES))
            .await;
        listed.refused(ProblemCode::NotFound, None);
        let asked = TemplateSyncRequest {
            waba: WabaId(waba.to_owned()),
        };
        let synced = desk.user.post(path::TEMPLATES_SYNC, &asked).await;
        synced.refused(ProblemCode::NotFound, None);
    }
    let answer = desk.user.get(path::TEMPLATES).await;
    answer.refused(ProblemCode::MalformedRequest, Some("query"));
}

#[tokio::test]
async fn only_what_may_be_sent_is_listed_and_the_rest_is_counted() {
    let mut odd = listed("odd", "您好");
    odd.parts.header = Some(TemplateHeader::Unsupported {
        kind: "LOCATION".to_owned(),
    });
    let mut all = vec![listed("hello", "您好"), odd];
    for status in TemplateStatus::ALL {
        let mut one = listed(&format!("is_{}", status.as_str()), "您好");
        one.status = status;
        all.push(one);
    }
    let desk = Desk::with(&all).await;
    let page = desk.page("").await;
    let mut shown = names(&page);
    shown.sort_unstable();
    assert_eq!(shown, ["hello", "is_approved"]);
    assert_eq!(page.rows[0].waba.name, "ATELIER whatsapp");
    // Meta's list has no deleted ones; this one counts as what it says it is.
    assert_eq!((page.sync.listed, page.sync.sendable), (11, 2));
    assert_eq!(page.sync.synced_at, Some(desk.app.now()));

    desk.list(WABA, &[listed("other", "您好")]).await;
    let page = desk.page("").await;
    assert_eq!(names(&page), ["other"]);
    assert_eq!((page.sync.listed, page.sync.sendable), (1, 1));
}

#[tokio::test]
async fn templates_are_searched_filed_and_paged() {
    let all: Vec<_> = (0..65)
        .map(|number| listed(&format!("t{number:02}"), "您好"))
        .collect();
    let desk = Desk::with(&all).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = desk.page(&after).await;
        seen.extend(page.rows.iter().map(|row| row.name.clone()));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    let mut expected: Vec<_> = all.iter().map(|one| one.name.clone()).collect();
    expected.reverse();
    assert_eq!(seen, expected);

    desk.note("t07", "Autumn Coat", "新品", SavedReplyAudience::Everyone)
        .await;
    assert_eq!(names(&desk.page("&search=COAT").await), ["t07"]);
    assert_eq!(names(&desk.page("&search=T64").await), ["t64"]);
    let page = desk.page("&category=%E6%96%B0%E5%93%81").await;
    assert_eq!(names(&page), ["t07"]);
    assert_eq!(page.categories, ["新品"]);
    let path = format!("{}?waba={WABA}&after=x", path::TEMPLATES);
    let answer = desk.user.get(&path).await;
    answer.refused(ProblemCode::MalformedRequest, Some("after"));
    let long = format!("{}?waba={WABA}&search={}", path::TEMPLATES, "x".repeat(500));
    let answer = desk.user.get(&long).await;
    answer.refused(ProblemCode::FilterTooLong, Some("search"));
}

/// The SQL of the list says what the contract says of things that others offer.
#[tokio::test]
async fn the_list_shows_exactly_what_the_contract_says_applies() {
    let desk = Desk::with(&[]).await;
    let store = &desk.app.app.store;
    let a1 = store.create_shop(desk.team.id, "A1", "A1").await.unwrap();
    let b1 = store.create_shop(desk.team.id, "B1", "B1").await.unwrap();
    let mut audiences = vec![SavedReplyAudience::Everyone, SavedReplyAudience::OnlyMe];
    audiences.extend(Role::ALL.map(|role| SavedReplyAudience::Roles { roles: vec![role] }));
    for shops in [vec![a1], vec![b1], vec![a1, b1]] {
        audiences.push(SavedReplyAudience::Shops { shops });
    }
    let names_of: Vec<_> = (0..audiences.len())
        .map(|number| format!("t{number:02}"))
        .collect();
    let all: Vec<_> = names_of.iter().map(|name| listed(name, "您好")).collect();
    desk.list(WABA, &all).await;
    for (name, audience) in names_of.iter().zip(&audiences) {
        desk.note(name, "", "", audience.clone()).await;
    }
    for role in [Role::SalesRep, Role::SalesManager] {
        for shops in [&[][..], &["A1"], &["A1", "B1"]] {
            let user = desk.app.user(&desk.team, role, shops).await;
            let member = store.find_member(user.id).await.unwrap().unwrap();
            let ids = member.shop_ids();
            let nobody = MemberId(Uuid::nil());
            let mut expected: Vec<_> = names_of
                .iter()
                .zip(&audiences)
                .filter(|(_, audience)| audience.is_visible_to(nobody, member.viewer(&ids)))
                .map(|(name, _)| name.as_str())
                .collect();
            expected.reverse();
            let path = format!("{}?waba={WABA}", path::TEMPLATES);
            let page: TemplatePage = user.get(&path).await.json();
            assert_eq!(names(&page), expected, "{role:?} {shops:?}");
        }
    }
}

#[tokio::test]
async fn a_template_reaches_silent_customers_of_whatsapp_and_tells_their_account() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    desk.silent().await;
    desk.app.event(&desk.team, Some(desk.user.id), |_| ()).await;
    let everything = Audience::everything(Filter::default());
    let messages = desk.count("", &everything).await;
    assert_eq!(
        (messages.reached_total(), messages.wabas.len()),
        (1, 0),
        "LINE alone"
    );
    let id = desk.template("hello").await.id;
    for asked in [
        "kind=template".to_owned(),
        format!("kind=template&template={id}"),
    ] {
        let count = desk.count(&asked, &everything).await;
        let [waba] = &count.wabas[..] else {
            panic!("{count:?}");
        };
        assert_eq!((waba.waba.id.0.as_str(), waba.customers), (WABA, 1));
        assert_eq!(count.reached[0].channel, Channel::Whatsapp);
        assert_eq!(count.skipped[0].reason, Reason::NotWhatsapp);
    }
    let path = format!(
        "{}?kind=template&template={}",
        path::AUDIENCE_COUNT,
        Uuid::nil()
    );
    let answer = desk.user.post(&path, &everything).await;
    answer.refused(ProblemCode::NotFound, Some("template"));
}

#[tokio::test]
async fn who_wants_no_more_marketing_is_skipped_for_marketing_alone() {
    let mut utility = listed("order", "訂單到了");
    utility.meta_category = TemplateCategory::Utility;
    let desk = Desk::with(&[listed("sale", "特賣"), utility]).await;
    desk.silent().await;
    desk.silent().await;
    query("update customer set marketing_stopped_at = 1 where id = (select min(id) from customer)")
        .execute(desk.app.app.store.raw())
        .await
        .unwrap();
    for (name, reached) in [("sale", 1), ("order", 2)] {
        let template = desk.template(name).await;
        let asked = format!("kind=template&template={}", template.id);
        let everything = Audience::everything(Filter::default());
        let count = desk.count(&asked, &everything).await;
        assert_eq!(count.reached_total(), reached, "{name}");
        let request = request(TemplateFill::of(&template));
        let made: Broadcast = desk
            .user
            .broadcast(&format!("opt-{name}"), &request)
            .await
            .json();
        assert_eq!(made.summary.progress.queued, reached, "{name}");
        assert_eq!(made.summary.progress.skipped, 2 - reached, "{name}");
    }
}

#[tokio::test]
async fn customers_of_two_accounts_are_a_conflict_and_those_of_two_numbers_are_none() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    desk.silent().await;
    let same = desk.app.number(&desk.team, "分店", WABA).await;
    let other = desk.app.number(&desk.team, "香港", OTHER_WABA).await;
    desk.app
        .event(&desk.team, Some(desk.user.id), |event| {
            event.channel = Channel::Whatsapp;
            event.account = Some(same);
        })
        .await;
    let template = desk.template("hello").await;
    assert_eq!(template.waba.name, "ATELIER whatsapp、分店");
    let asked = request(TemplateFill::of(&template));
    let made: Broadcast = desk.user.broadcast("conflict-1", &asked).await.json();
    assert_eq!(made.summary.progress.queued, 2);

    let foreign = desk
        .app
        .event(&desk.team, Some(desk.user.id), |event| {
            event.channel = Channel::Whatsapp;
            event.account = Some(other);
        })
        .await;
    let answer = desk.user.broadcast("conflict-2", &asked).await;
    answer.refused(ProblemCode::WabaConflict, Some("audience"));
    let mut alone = asked.clone();
    alone.audience = only(&[foreign]);
    let answer = desk.user.broadcast("conflict-3", &alone).await;
    answer.refused(ProblemCode::WabaConflict, Some("audience"));

    let count = desk
        .count("kind=template", &Audience::everything(Filter::default()))
        .await;
    let wabas: Vec<_> = count
        .wabas
        .iter()
        .map(|count| (count.waba.id.0.as_str(), count.customers))
        .collect();
    assert_eq!(wabas, [(WABA, 2), (OTHER_WABA, 1)]);

    // What the dialog offers: to keep the customers of one account.
    let mut kept = asked;
    kept.audience.filter.waba = Some(WabaId(WABA.to_owned()));
    let made: Broadcast = desk.user.broadcast("conflict-4", &kept).await.json();
    assert_eq!(made.summary.progress.total(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_told_at_its_field() {
    let mut hello = listed("hello", "{{1}} 您好");
    hello.parts.header = Some(TemplateHeader::Media {
        kind: HeaderKind::Image,
    });
    hello.parts.buttons = vec![TemplateButton::Url {
        text: "看".to_owned(),
        url: words("https://atelier.example/{{1}}"),
    }];
    let desk = Desk::with(&[hello]).await;
    desk.silent().await;
    let template = desk.template("hello").await;
    let image = desk.user.image(2_000).await.id;
    let pdf = desk.user.file("a.pdf", b"%PDF-1.4 x").await.id;
    let good = || {
        let mut fill = filled(&template, &[("body.1", "怡君"), ("buttons[0].1", "coat")]);
        fill.media.insert("header".parse().unwrap(), image);
        fill
    };
    let refused = async |fill: TemplateFill, code, field| {
        let key = Uuid::now_v7().to_string();
        let answer = desk.user.broadcast(&key, &request(fill)).await;
        answer.refused(code, Some(field));
    };
    let mut empty = good();
    empty.values.remove(&"body.1".parse().unwrap());
    refused(
        empty,
        ProblemCode::TemplateValueMissing,
        "template.values.body.1",
    )
    .await;
    let mut lines = good();
    lines
        .values
        .insert("body.1".parse().unwrap(), "a\nb".to_owned());
    refused(
        lines,
        ProblemCode::TemplateValueNotOneLine,
        "template.values.body.1",
    )
    .await;
    let mut link = good();
    link.values
        .insert("buttons[0].1".parse().unwrap(), "a b".to_owned());
    refused(
        link,
        ProblemCode::TemplateLinkInvalid,
        "template.values.buttons[0].1",
    )
    .await;
    let mut none = good();
    none.media.clear();
    refused(
        none,
        ProblemCode::TemplateMediaMissing,
        "template.media.header",
    )
    .await;
    let mut wrong = good();
    wrong.media.insert("header".parse().unwrap(), pdf);
    refused(
        wrong,
        ProblemCode::TemplateMediaWrongKind,
        "template.media.header",
    )
    .await;
    let mut named = good();
    named
        .values
        .insert("body.1".parse().unwrap(), "{{customer_name}}".to_owned());
    refused(named, ProblemCode::NameFallbackMissing, "name_fallback").await;

    // An upload of somebody else is none.
    let theirs = desk.app.team("THEIRS", Plan::Omo).await;
    let stranger = desk.app.user(&theirs, Role::SalesRep, &[]).await;
    let mut foreign = good();
    let foreign_image = stranger.image(2_000).await.id;
    foreign
        .media
        .insert("header".parse().unwrap(), foreign_image);
    refused(foreign, ProblemCode::MediaNotFound, "template.media.header").await;
    assert_eq!(desk.app.count("broadcast").await, 0);
    let made = desk.user.broadcast("good-0001", &request(good())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
}

#[tokio::test]
async fn a_template_of_another_team_or_for_others_is_not_there() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    desk.silent().await;
    let theirs = desk.app.team("THEIRS", Plan::Omo).await;
    desk.app.set_waba(&theirs, OTHER_WABA).await;
    desk.app
        .list_at_meta(&theirs, OTHER_WABA, &[listed("secret", "您好")])
        .await;
    let stranger = desk.app.user(&theirs, Role::SalesRep, &[]).await;
    let path = format!("{}?waba={OTHER_WABA}", path::TEMPLATES);
    let page: TemplatePage = stranger.get(&path).await.json();
    let forged = request(TemplateFill::of(&page.rows[0]));
    let answer = desk.user.broadcast("forged-1", &forged).await;
    answer.refused(ProblemCode::NotFound, Some("template"));

    let template = desk.template("hello").await;
    let managers = SavedReplyAudience::Roles {
        roles: vec![Role::SalesManager],
    };
    desk.note("hello", "", "", managers).await;
    let asked = request(TemplateFill::of(&template));
    let answer = desk.user.broadcast("forged-2", &asked).await;
    answer.refused(ProblemCode::NotFound, Some("template"));
}

#[tokio::test]
async fn a_template_that_changed_or_stopped_meanwhile_is_refused() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    desk.silent().await;
    let asked = request(TemplateFill::of(&desk.template("hello").await));
    let mut paused = listed("hello", "您好");
    paused.status = TemplateStatus::Paused;
    desk.list(WABA, &[paused]).await;
    let answer = desk.user.broadcast("changed-1", &asked).await;
    answer.refused(ProblemCode::TemplateNotApproved, Some("template"));

    // Neither where it stands nor what Meta takes it for is something that it says.
    let mut utility = listed("hello", "您好");
    utility.meta_category = TemplateCategory::Utility;
    desk.list(WABA, &[utility]).await;
    let answer = desk.user.broadcast("changed-2", &asked).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");

    desk.list(WABA, &[listed("hello", "您好嗎")]).await;
    let answer = desk.user.broadcast("changed-3", &asked).await;
    answer.refused(ProblemCode::TemplateChanged, Some("template"));
    desk.list(WABA, &[]).await;
    let answer = desk.user.broadcast("changed-4", &asked).await;
    answer.refused(ProblemCode::TemplateNotApproved, Some("template"));
}

#[tokio::test]
async fn a_broadcast_keeps_the_template_as_it_was_and_is_made_once() {
    let mut hello = listed("hello", "{{1}} 您好，看 https://atelier.example/a");
    hello.parts.buttons = vec![TemplateButton::Url {
        text: "看".to_owned(),
        url: words("https://elsewhere.example/{{1}}"),
    }];
    let desk = Desk::with(&[hello]).await;
    let domains = ["atelier.example".to_owned()];
    let store = &desk.app.app.store;
    store
        .update_official_domains(desk.team.id, &domains)
        .await
        .unwrap();
    desk.silent().await;
    desk.note("hello", "打招呼", "", SavedReplyAudience::Everyone)
        .await;
    let template = desk.template("hello").await;
    let values = [("body.1", "{{customer_name}}"), ("buttons[0].1", "coat")];
    let mut asked = request(filled(&template, &values));
    asked.name_fallback = Some("貴賓".to_owned());
    let first = desk.user.broadcast("kept-0001", &asked).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let again = desk.user.broadcast("kept-0001", &asked).await;
    assert_eq!(again.status, StatusCode::OK);
    let (first, again): (Broadcast, Broadcast) = (first.json(), again.json());
    assert_eq!(first, again);
    assert_eq!(desk.app.count("broadcast").await, 1);
    let answer = desk
        .user
        .broadcast("kept-0001", &to_all(vec![text("好")]))
        .await;
    answer.refused(ProblemCode::IdempotencyKeyReused, None);

    desk.list(WABA, &[]).await;
    let path = path::broadcast(first.summary.id);
    let kept: Broadcast = desk.user.get(&path).await.json();
    let sent = kept.template.unwrap();
    assert_eq!(sent.template, template);
    assert_eq!(sent.fill, filled(&template, &values));
    assert_eq!(kept.summary.kind, BroadcastKind::Template);
    assert_eq!(
        (kept.summary.title.as_str(), kept.summary.message_count),
        ("打招呼", 1)
    );
    let links = LinkCount {
        official: 1,
        other: 1,
    };
    assert_eq!((kept.links, kept.messages.len()), (links, 0));
}

#[tokio::test]
async fn at_hand_over_the_template_is_looked_at_again() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    desk.silent().await;
    let asked = request(TemplateFill::of(&desk.template("hello").await));
    let store = &desk.app.app.store;
    let account = desk.team.account(Channel::Whatsapp);
    for (key, after) in [("over-0001", "您好"), ("over-0002", "再見")] {
        let made: Broadcast = desk.user.broadcast(key, &asked).await.json();
        desk.list(WABA, &[listed("hello", after)]).await;
        let owner = Uuid::now_v7();
        let claim = store
            .claim_recipients(account, owner, desk.app.now(), 10)
            .await
            .unwrap();
        let found: Broadcast = desk
            .user
            .get(&path::broadcast(made.summary.id))
            .await
            .json();
        let is_same = after == "您好";
        assert_eq!(claim.recipients.len(), usize::from(is_same));
        assert_eq!(found.summary.progress.skipped, u64::from(!is_same));
    }
    let row: (String,) = sqlx::query_as("select reason from recipient where status = 'skipped'")
        .fetch_one(store.raw())
        .await
        .unwrap();
    assert_eq!(row.0, Reason::TemplateStopped.as_str());
}

#[tokio::test]
async fn a_list_that_could_not_be_read_says_why_and_stays_as_it_was() {
    let desk = Desk::with(&[listed("hello", "您好")]).await;
    let waba = WabaId(WABA.to_owned());
    let asked = TemplateSyncRequest { waba };
    // Nobody listens where the tests' Graph is.
    let sync: TemplateSync = desk.user.post(path::TEMPLATES_SYNC, &asked).await.json();
    let failure = sync.failure.unwrap();
    assert_eq!(failure.reason, Reason::PlatformFault);
    assert_eq!(failure.at, desk.app.now());
    assert_eq!((sync.listed, sync.sendable), (1, 1));
    let tried: i64 = sqlx::query_scalar("select tried_at from waba")
        .fetch_one(desk.app.app.store.raw())
        .await
        .unwrap();
    desk.app.advance(5_000);
    let again: TemplateSync = desk.user.post(path::TEMPLATES_SYNC, &asked).await.json();
    assert_eq!(again.failure.unwrap().at.0, tried, "Meta is not flooded");
}
