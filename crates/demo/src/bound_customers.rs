//! Bound customers (綁定顧客) besides those who asked for a member by code: added by number, never heard of, or gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use omocast_contract::api::{
    BoundCustomerPage, BoundCustomerQuery, BulkRequest, BulkResult, Me, PageStart, path,
};
use omocast_contract::{BoundView, Channel, EventAction, EventView, Filter};
use omocast_sandbox::{Customer, Sandbox};
use omocast_server::app::App;
use omocast_server::store::BoundTo;

use crate::customers::{DemoCustomer, customer};
use crate::staff::Staff;
use crate::team::{DemoAccount, LINE, TEAM, WHATSAPP_HONG_KONG, WHATSAPP_TAIPEI};

const PATIENCE: Duration = Duration::from_secs(30);
/// Beyond the numbers of the demo's other customers.
const FIRST_NUMBER: u64 = 80_000_001;

/// How many a member added by number, and how many of their conversations are over.
const OF_MEMBERS: [(&str, u64, u32); 3] = [
    ("sales@demo.test", 9, 0),
    ("sales2@demo.test", 4, 24),
    ("manager@demo.test", 6, 30),
];

/// Makes them; each member's bound customers by code are there already.
pub(crate) async fn fill(
    app: &App,
    sandbox: &Sandbox,
    base: &str,
    customers: &[DemoCustomer],
) -> Result<()> {
    let mut number = FIRST_NUMBER;
    for (email, added, ended) in OF_MEMBERS {
        let staff = Staff::sign_in(base, email).await?;
        for _ in 0..added {
            add_by_number(app, sandbox, &staff, number).await?;
            number += 1;
        }
        end_oldest(&staff, ended).await?;
    }
    let oldest = customers
        .iter()
        .filter(|one| one.staff_code == Some("S001") && one.account.channel == Channel::Line)
        .max_by_key(|one| one.wrote_ago);
    let Some(oldest) = oldest else { return Ok(()) };
    sandbox.block(LINE.external_id, &oldest.id);
    wait_for_block(base).await
}

/// Somebody on WhatsApp who never wrote.
async fn add_by_number(app: &App, sandbox: &Sandbox, staff: &Staff, number: u64) -> Result<()> {
    let account: &DemoAccount = if number.is_multiple_of(3) {
        &WHATSAPP_HONG_KONG
    } else {
        &WHATSAPP_TAIPEI
    };
    let (id, phone) = account.customer_id(number);
    let phone = phone.context("people on WhatsApp have a number")?;
    let name = customer(number, false).name;
    sandbox.add_customer(
        account.external_id,
        Customer {
            id,
            name: name.clone(),
            phone: Some(phone.clone()),
            read_receipts: true,
        },
    );
    let me: Me = staff.get(path::SESSION).await?;
    let shop = me.shops.first().context("who sells has a shop")?;
    let team = app.store.find_team_by_name(TEAM.name).await?;
    let team = team.context("the team is there")?;
    let on = app
        .find_account_by_external_id(Channel::Whatsapp, account.external_id)
        .await?
        .context("the number is there")?;
    let added = app
        .store
        .create_contact(team, on.id, &phone, &name, app.now())
        .await?;
    let to = BoundTo {
        seller: me.id,
        shop: shop.id,
    };
    app.bind_customer(team, added, to).await?;
    Ok(())
}

/// Ends the oldest conversations of a member.
async fn end_oldest(staff: &Staff, count: u32) -> Result<()> {
    let mine = EventView::Mine;
    let total = staff.list(mine, PageStart::First, 1).await?.total;
    let from = PageStart::Row(total.saturating_sub(u64::from(count)));
    let oldest = staff.list(mine, from, count.max(1)).await?;
    let rows = oldest.rows.iter().take(count as usize);
    let request = BulkRequest {
        action: EventAction::End,
        events: rows.map(|row| row.id).collect(),
    };
    let done: BulkResult = staff.post(path::EVENTS_BULK, &request).await?;
    ensure!(
        done.refused.is_empty(),
        "events were not ended: {:?}",
        done.refused.first()
    );
    Ok(())
}

/// Waits until it is known that a bound customer has blocked the account.
async fn wait_for_block(base: &str) -> Result<()> {
    let staff = Staff::sign_in(base, "sales@demo.test").await?;
    let started = Instant::now();
    loop {
        if has_blocked(&staff).await? {
            return Ok(());
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "nobody has blocked the account"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn has_blocked(staff: &Staff) -> Result<bool> {
    let mut from = PageStart::First;
    loop {
        let asked = BoundCustomerQuery {
            view: BoundView::Mine,
            filter: Filter {
                channels: vec![Channel::Line],
                ..Filter::default()
            },
            from,
            limit: 200,
        };
        let page: BoundCustomerPage = staff.post(path::BOUND_CUSTOMERS, &asked).await?;
        if page.rows.iter().any(|row| row.is_blocked) {
            return Ok(true);
        }
        let Some(last) = page.rows.last() else {
            return Ok(false);
        };
        from = PageStart::After(last.cursor());
    }
}
