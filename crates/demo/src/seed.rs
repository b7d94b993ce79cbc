//! Makes the demo: the teams in the store, then customers who write by webhook and staff who work over HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use omocast_contract::api::{
    BulkRequest, BulkResult, EventCounts, EventPage, EventQuery, PageStart, SignIn, path,
};
use omocast_contract::limit::MAX_BULK;
use omocast_contract::timestamp::HOUR;
use omocast_contract::{EventAction, EventView, Filter, OutgoingMessage, Role, TeamId};
use omocast_sandbox::{Account, Customer, Sandbox, Utterance};
use omocast_server::app::App;
use omocast_server::channels::Credentials;
use omocast_server::store::{NewAccount, NewMember};
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::Value;

use crate::customers::{DemoCustomer, customer};
use crate::team::{DemoAccount, DemoTeam, OTHER_TEAM, PASSWORD, TEAM, accounts};
use omocast_contract::Channel;

const MINUTE: i64 = 60_000;
/// After a pause this long, customers write again when the demo starts, so that WhatsApp's windows are open.
const STALE_AFTER: i64 = 6 * HOUR;
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn role_in_words(role: Role) -> &'static str {
    match role {
        Role::Admin => "管理員",
        Role::Supervisor => "主管",
        Role::Marketing => "行銷人員",
        Role::SupportManager => "客服經理",
        Role::SupportAgent => "客服人員",
        Role::SalesManager => "銷售經理",
        Role::SalesRep => "銷售人員",
    }
}

/// Teams, shops, members and accounts, where they are not there yet; the accounts as the stand-ins play them.
pub(crate) async fn prepare(app: &App, base: &str) -> Result<Vec<Account>> {
    let team = team(app, &TEAM).await?;
    team_without_accounts(app).await?;
    let mut played = Vec::new();
    for account in accounts() {
        let new = NewAccount {
            team_id: team,
            channel: account.channel,
            name: account.name.to_owned(),
            external_id: account.external_id.to_owned(),
            waba_id: account.waba_id.map(str::to_owned),
            display_phone: account.display_phone.map(str::to_owned),
        };
        let id = app.create_account(new, &credentials(account)?).await?;
        let webhook_url = format!("{base}/webhooks/{}/{id}", account.channel.as_str());
        played.push(stand_in(account, webhook_url)?);
    }
    Ok(played)
}

async fn team_without_accounts(app: &App) -> Result<()> {
    team(app, &OTHER_TEAM).await.map(drop)
}

async fn team(app: &App, demo: &DemoTeam) -> Result<TeamId> {
    if let Some(team) = app.store.find_team_by_name(demo.name).await? {
        return Ok(team);
    }
    let now = app.now();
    let team = app
        .store
        .create_team(demo.name, demo.plan, "Asia/Taipei", now)
        .await?;
    let mut shops = Vec::new();
    for (code, name) in demo.shops {
        shops.push((*code, app.store.create_shop(team, code, name).await?));
    }
    for member in demo.members {
        let new = NewMember {
            team_id: team,
            name: member.name.to_owned(),
            email: member.email.to_owned(),
            password_hash: omocast_server::password::hash(PASSWORD.to_owned()).await?,
            role: member.role,
            staff_code: member.staff_code.map(str::to_owned),
            shops: shops
                .iter()
                .filter(|(code, _)| member.shops.contains(code))
                .map(|(_, id)| *id)
                .collect(),
        };
        app.store.create_member(new, now).await?;
    }
    Ok(team)
}

fn credentials(account: &DemoAccount) -> Result<Credentials> {
    let (token, secret) = (account.token.to_owned(), account.secret.to_owned());
    match account.channel {
        Channel::Line => Ok(Credentials::Line {
            channel_access_token: token,
            channel_secret: secret,
        }),
        Channel::Whatsapp => Ok(Credentials::Whatsapp {
            access_token: token,
            app_secret: secret,
            verify_token: account.verify_token.to_owned(),
        }),
        Channel::Web => Ok(Credentials::Web { secret }),
        Channel::Facebook | Channel::Instagram => no_stand_in(account),
    }
}

fn stand_in(account: &DemoAccount, webhook_url: String) -> Result<Account> {
    let name = account.name.to_owned();
    let (token, secret) = (account.token.to_owned(), account.secret.to_owned());
    let external_id = account.external_id.to_owned();
    match account.channel {
        Channel::Line => Ok(Account::Line {
            name,
            destination: external_id,
            channel_access_token: token,
            channel_secret: secret,
            webhook_url,
            monthly_limit: None,
        }),
        Channel::Whatsapp => Ok(Account::Whatsapp {
            name,
            waba_id: account.waba_id.unwrap_or_default().to_owned(),
            phone_number_id: external_id,
            display_phone_number: account.display_phone.unwrap_or_default().to_owned(),
            access_token: token,
            app_secret: secret,
            verify_token: account.verify_token.to_owned(),
            webhook_url,
        }),
        Channel::Web => Ok(Account::Web {
            name,
            site_id: external_id,
            secret,
            webhook_url,
        }),
        Channel::Facebook | Channel::Instagram => no_stand_in(account),
    }
}

fn no_stand_in<T>(account: &DemoAccount) -> Result<T> {
    anyhow::bail!("{} has no stand-in", account.name)
}

/// Leaves the accounts where the stand-ins find them when they run as a program of their own.
pub(crate) fn write_accounts(folder: &Path, accounts: &[Account]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join("accounts.json");
    std::fs::write(&file, serde_json::to_vec_pretty(accounts)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Customers and their messages: all of them the first time, a few fresh words after a pause.
pub(crate) async fn fill(
    app: &App,
    sandbox: &Sandbox,
    base: &str,
    count: u64,
    all_mine: bool,
) -> Result<()> {
    let customers: Vec<_> = (0..count)
        .map(|number| customer(number, all_mine))
        .collect();
    for customer in &customers {
        sandbox.add_customer(
            customer.account.external_id,
            Customer {
                id: customer.id.clone(),
                name: customer.name.clone(),
                phone: customer.phone.clone(),
                read_receipts: true,
            },
        );
    }
    let staff = Staff::sign_in(base, "sales@demo.test").await?;
    let newest = staff.list(EventView::Mine, PageStart::First, 1).await?;
    let now = app.now().0;
    let Some(newest) = newest.rows.first() else {
        let started = Instant::now();
        tracing::info!("making {count} customers …");
        sandbox.say(first_words(&customers, now)).await?;
        wait_for(base, count).await?;
        let tagged = customers.iter().flat_map(|c| {
            c.tags.iter().map(|tag| {
                (
                    c.account.channel,
                    c.account.external_id,
                    c.id.as_str(),
                    *tag,
                )
            })
        });
        app.store.tag_customers(&tagged.collect::<Vec<_>>()).await?;
        if !all_mine {
            work(&staff).await?;
        }
        tracing::info!(
            "made {count} customers in {:.1} s",
            started.elapsed().as_secs_f64()
        );
        return Ok(());
    };
    if now - newest.last_message_at.0 > STALE_AFTER {
        let again = customers
            .iter()
            .filter(|customer| customer.wrote_ago < 20 * HOUR);
        let again = again.map(|customer| said(customer, customer.saying, now - customer.wrote_ago));
        sandbox.say(in_order(again.collect())).await?;
    }
    Ok(())
}

/// What every customer wrote so far: most asked for a member of staff first.
fn first_words(customers: &[DemoCustomer], now: i64) -> Vec<Utterance> {
    let mut words = Vec::with_capacity(customers.len() * 2);
    for customer in customers {
        let at = now - customer.wrote_ago;
        if let Some(code) = customer.staff_code {
            words.push(said(customer, &format!("聯絡專員 {code}"), at - MINUTE));
        }
        words.push(said(customer, customer.saying, at));
    }
    in_order(words)
}

fn said(customer: &DemoCustomer, text: &str, at_ms: i64) -> Utterance {
    Utterance {
        account: customer.account.external_id.to_owned(),
        user: customer.id.clone(),
        text: text.to_owned(),
        at_ms: Some(at_ms),
    }
}

fn in_order(mut words: Vec<Utterance>) -> Vec<Utterance> {
    words.sort_by_key(|word| word.at_ms);
    words
}

/// Waits until every customer's webhook is processed.
async fn wait_for(base: &str, count: u64) -> Result<()> {
    let admin = Staff::sign_in(base, "admin@demo.test").await?;
    let started = Instant::now();
    loop {
        let counts: EventCounts = admin.get(path::EVENT_COUNTS).await?;
        let seen: u64 = EventView::ALL
            .into_iter()
            .filter_map(|view| counts.of(view))
            .sum();
        if seen >= count {
            return Ok(());
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "only {seen} of {count} customers arrived"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A salesperson's day: the oldest conversations are ended, the newest answered.
async fn work(staff: &Staff) -> Result<()> {
    let total = staff
        .list(EventView::Mine, PageStart::First, 1)
        .await?
        .total;
    let ended = (total / 12).min(MAX_BULK as u64).min(200);
    let oldest = staff
        .list(
            EventView::Mine,
            PageStart::Row(total - ended),
            ended.max(1) as u32,
        )
        .await?;
    let events = oldest.rows.iter().map(|row| row.id).collect();
    let done: BulkResult = staff
        .post(
            path::EVENTS_BULK,
            &BulkRequest {
                action: EventAction::End,
                events,
            },
        )
        .await?;
    ensure!(
        done.refused.is_empty(),
        "events were not ended: {:?}",
        done.refused.first()
    );
    let newest = staff.list(EventView::Mine, PageStart::First, 12).await?;
    for row in newest.rows.iter().skip(4) {
        let reply = OutgoingMessage::Text {
            text: "您好，我幫您確認一下，稍後回覆您 😊".to_owned(),
        };
        let _: Value = staff.post(&path::event_messages(row.id), &reply).await?;
    }
    Ok(())
}

/// A member at work, over the HTTP interface.
struct Staff {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Staff {
    async fn sign_in(base: &str, email: &str) -> Result<Self> {
        let client = reqwest::Client::new();
        let body = SignIn {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let address = format!("{base}{}", path::SESSION);
        let answer = client
            .post(address)
            .header(ORIGIN, base)
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie
            .and_then(|cookie| cookie.split(';').next())
            .context("no session was begun")?
            .to_owned();
        Ok(Self {
            client,
            base: base.to_owned(),
            cookie,
        })
    }

    async fn list(&self, view: EventView, from: PageStart, limit: u32) -> Result<EventPage> {
        self.post(
            path::EVENTS,
            &EventQuery {
                view,
                filter: Filter::default(),
                from,
                limit,
            },
        )
        .await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.answer(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T> {
        self.answer(self.client.post(format!("{}{path}", self.base)).json(body))
            .await
    }

    async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T> {
        let answer = request
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, &self.base)
            .send()
            .await?;
        let (url, status) = (answer.url().clone(), answer.status());
        let text = answer.text().await?;
        ensure!(status.is_success(), "{url}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("{url} answered {text}"))
    }
}
