//! Makes the demo: the teams in the store, then customers who write by webhook and staff who work over HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use omocast_contract::api::{BulkRequest, BulkResult, EventCounts, PageStart, path};
use omocast_contract::limit::MAX_BULK;
use omocast_contract::timestamp::HOUR;
use omocast_contract::{Channel, EventAction, EventView, OutgoingMessage, Role, TeamId};
use omocast_sandbox::{Account, Customer, InstagramRoute, Sandbox, Utterance};
use omocast_server::app::App;
use omocast_server::channels::Credentials;
use omocast_server::store::{NewAccount, NewMember};
use serde_json::Value;

use crate::customers::{DemoCustomer, customer};
use crate::staff::Staff;
use crate::team::{DemoAccount, DemoTeam, OTHER_TEAM, PASSWORD, TEAM, accounts};
use crate::{bound_customers, saved_replies, templates, test_customers};

const MINUTE: i64 = 60_000;
/// After a pause this long, customers write again when the demo starts, so that the windows of Meta's channels are open.
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
    let domains = TEAM.official_domains.map(str::to_owned);
    app.store.update_official_domains(team, &domains).await?;
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
        let id = app.create_account(new, &credentials(account)).await?;
        let webhook_url = format!("{base}/webhooks/{}/{id}", account.channel.as_str());
        played.push(stand_in(account, webhook_url));
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

fn credentials(account: &DemoAccount) -> Credentials {
    let access_token = account.token.to_owned();
    let app_secret = account.secret.to_owned();
    let verify_token = account.verify_token.to_owned();
    match account.channel {
        Channel::Line => Credentials::Line {
            channel_access_token: access_token,
            channel_secret: app_secret,
        },
        Channel::Facebook => Credentials::Facebook {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Instagram => Credentials::Instagram {
            access_token,
            app_secret,
            verify_token,
            page_id: account.page_id.map(str::to_owned),
        },
        Channel::Whatsapp => Credentials::Whatsapp {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Web => Credentials::Web { secret: app_secret },
    }
}

/// Every account as the stand-ins play it, with nobody to post to.
#[cfg(test)]
pub(crate) fn stand_ins() -> Vec<Account> {
    let webhook_url = "http://unset.invalid/".to_owned();
    let played = accounts().into_iter();
    played
        .map(|account| stand_in(account, webhook_url.clone()))
        .collect()
}

fn stand_in(account: &DemoAccount, webhook_url: String) -> Account {
    let name = account.name.to_owned();
    let access_token = account.token.to_owned();
    let secret = account.secret.to_owned();
    let verify_token = account.verify_token.to_owned();
    let external_id = account.external_id.to_owned();
    match account.channel {
        Channel::Line => Account::Line {
            name,
            destination: external_id,
            channel_access_token: access_token,
            channel_secret: secret,
            webhook_url,
            monthly_limit: None,
        },
        Channel::Facebook => Account::Facebook {
            name,
            page_id: external_id,
            access_token,
            app_secret: secret,
            verify_token,
            webhook_url,
        },
        Channel::Instagram => Account::Instagram {
            name,
            ig_id: external_id,
            route: match account.page_id {
                Some(page) => InstagramRoute::Page {
                    page_id: page.to_owned(),
                },
                None => InstagramRoute::Login,
            },
            access_token,
            app_secret: secret,
            verify_token,
            webhook_url,
        },
        Channel::Whatsapp => Account::Whatsapp {
            name,
            waba_id: account.waba_id.unwrap_or_default().to_owned(),
            phone_number_id: external_id,
            display_phone_number: account.display_phone.unwrap_or_default().to_owned(),
            access_token,
            app_secret: secret,
            verify_token,
            webhook_url,
        },
        Channel::Web => Account::Web {
            name,
            site_id: external_id,
            secret,
            webhook_url,
        },
    }
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
    saved_replies::fill(base).await?;
    templates::file(app, &staff).await?;
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
            bound_customers::fill(app, sandbox, base, &customers).await?;
        }
        test_customers::bind(&staff, sandbox).await?;
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
        test_customers::write_again(sandbox).await?;
    }
    test_customers::bind(&staff, sandbox).await?;
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
