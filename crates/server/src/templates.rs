//! Keeps the message templates of WhatsApp Business accounts as Meta has them: read every hour, whenever a webhook tells
//! of a change, and when somebody asks.

use std::time::Duration;

use omocast_contract::api::TemplateSync;
use omocast_contract::{Reason, TeamId, WabaId};

use crate::app::App;
use crate::channels::{Account, NotListed};
use crate::error::AppResult;
use crate::shutdown::Shutdown;

/// How long one account's list may take: less than a worker may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Reads what is due until the server stops.
pub async fn run(app: App, shutdown: Shutdown) {
    if let Err(error) = work(app, shutdown).await {
        tracing::error!("the reading of templates broke off: {error:#}");
    }
}

async fn work(app: App, shutdown: Shutdown) -> anyhow::Result<()> {
    while !shutdown.is_requested() {
        app.health.beat("templates");
        for (team, waba) in app.store.due_wabas(app.now()).await? {
            if shutdown.is_requested() {
                return Ok(());
            }
            app.health.beat("templates");
            read_templates(&app, team, &waba).await?;
        }
        let now = app.now();
        let due = app.store.next_template_sync_at(now).await?;
        let longest = app.config.role.longest_rest();
        let pause = due.map_or(longest, |due| {
            Duration::from_millis(due.since(now).max(0).unsigned_abs()).min(longest)
        });
        tokio::select! {
            () = app.wake.templates.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = shutdown.requested() => {}
        }
    }
    Ok(())
}

/// Reads the templates of an account of the team now, unless that was done a moment ago, and tells what is known then.
pub async fn sync_templates(app: &App, team: TeamId, waba: &WabaId) -> AppResult<TemplateSync> {
    // Refuses what is no account of the team before anybody is asked for it.
    app.store.template_sync(team, waba).await?;
    read_templates(app, team, waba).await?;
    app.store.template_sync(team, waba).await
}

async fn read_templates(app: &App, team: TeamId, waba: &WabaId) -> anyhow::Result<()> {
    if !app.store.begin_template_sync(team, waba, app.now()).await? {
        return Ok(());
    }
    let accounts = app.store.list_accounts_of_waba(team, waba).await?;
    let mut failure = NotListed {
        reason: Reason::AccountNotConnected,
        code: "credentials".to_owned(),
    };
    for account in accounts {
        let account: Account = match app.open_account(account) {
            Ok(account) => account,
            Err(error) => {
                tracing::error!("the credentials can't be read: {error:#}");
                continue;
            }
        };
        // One slow account must not hold up the others for longer than that.
        let listing = tokio::time::timeout(PATIENCE, app.connectors.list_templates(&account, waba));
        let listed = listing.await.unwrap_or_else(|_| {
            Err(NotListed {
                reason: Reason::NoAnswer,
                code: "too_slow".to_owned(),
            })
        });
        match listed {
            Ok(listed) => {
                let stored = app.store.store_templates(team, waba, &listed, app.now());
                return Ok(stored.await?);
            }
            Err(error) => failure = error,
        }
        // Another number of the same account may have a token that still holds; nothing else differs.
        if failure.reason != Reason::AccountNotConnected {
            break;
        }
    }
    let NotListed { reason, code } = &failure;
    tracing::warn!(%team, waba = waba.0, reason = reason.as_str(), code, "templates could not be read");
    let failed = app
        .store
        .fail_template_sync(team, waba, *reason, code, app.now());
    Ok(failed.await?)
}
