//! The salesperson's own test customers (測試發送), bound as anybody binds theirs: by writing a code to the account.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use omocast_contract::api::path;
use omocast_contract::test_send::{TestCode, TestCustomers};
use omocast_sandbox::{Customer, Sandbox, Utterance};

use crate::staff::Staff;
use crate::team::{DemoAccount, FACEBOOK, INSTAGRAM, LINE, WHATSAPP_TAIPEI};

const PATIENCE: Duration = Duration::from_secs(30);
/// Beyond the numbers of the demo's other customers.
const NUMBER: u64 = 90_000_001;
const NAME: &str = "陳小美的測試帳號";

fn accounts() -> [&'static DemoAccount; 4] {
    [&LINE, &FACEBOOK, &INSTAGRAM, &WHATSAPP_TAIPEI]
}

/// Binds them, where they are not.
pub(crate) async fn bind(staff: &Staff, sandbox: &Sandbox) -> Result<()> {
    let bound: TestCustomers = staff.get(path::TEST_CUSTOMERS).await?;
    if bound.rows.len() == accounts().len() {
        return Ok(());
    }
    let code: TestCode = staff.post(path::TEST_CODE, &()).await?;
    say(sandbox, &code.text).await?;
    let started = Instant::now();
    loop {
        let bound: TestCustomers = staff.get(path::TEST_CUSTOMERS).await?;
        if bound.rows.len() == accounts().len() {
            return Ok(());
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "only {} test customers were bound",
            bound.rows.len()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// After a pause the windows of Meta's channels have closed.
pub(crate) async fn write_again(sandbox: &Sandbox) -> Result<()> {
    say(sandbox, "測試一下").await
}

async fn say(sandbox: &Sandbox, text: &str) -> Result<()> {
    let mut words = Vec::new();
    for account in accounts() {
        let (id, phone) = account.customer_id(NUMBER);
        sandbox.add_customer(
            account.external_id,
            Customer {
                id: id.clone(),
                name: NAME.to_owned(),
                phone,
                read_receipts: true,
            },
        );
        words.push(Utterance {
            account: account.external_id.to_owned(),
            user: id,
            text: text.to_owned(),
            at_ms: None,
        });
    }
    sandbox.say(words).await
}
