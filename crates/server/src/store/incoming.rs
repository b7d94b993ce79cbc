//! Webhooks as they come: a broadcast makes thousands of them within seconds, so those that wait at the same time
//! go into one statement.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use omocast_contract::{AccountId, Timestamp};
use sqlx::{QueryBuilder, Sqlite};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use uuid::Uuid;

use super::Store;

/// Webhooks that are written together, at the most.
const TOGETHER: usize = 100;

#[derive(Debug)]
struct NewWebhook {
    id: Uuid,
    account: AccountId,
    received_at: Timestamp,
    body: Vec<u8>,
}

/// A webhook, and who waits until it is written.
type Waiting = (Arc<NewWebhook>, oneshot::Sender<()>);

/// The webhooks that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by the one who writes for all.
    turn: tokio::sync::Mutex<()>,
}

impl Incoming {
    fn push(&self, waiting: Waiting) {
        self.with_waiting(|all| all.push(waiting));
    }

    fn take(&self) -> Vec<Waiting> {
        self.with_waiting(|all| {
            let rest = all.split_off(all.len().min(TOGETHER));
            mem::replace(all, rest)
        })
    }

    fn with_waiting<T>(&self, act: impl FnOnce(&mut Vec<Waiting>) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Keeps a webhook, before it is answered.
    pub async fn create_webhook(
        &self,
        account: AccountId,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let webhook = Arc::new(NewWebhook {
            id: Uuid::now_v7(),
            account,
            received_at: now,
            body: body.to_vec(),
        });
        let (written, mut is_written) = oneshot::channel();
        self.incoming.push((webhook.clone(), written));
        let turn = self.incoming.turn.lock().await;
        loop {
            match is_written.try_recv() {
                Ok(()) => break,
                Err(TryRecvError::Empty) => {
                    let (webhooks, waiting): (Vec<_>, Vec<_>) =
                        self.incoming.take().into_iter().unzip();
                    // There the writer is given on at once, however busy the requests keep this one.
                    let store = self.clone();
                    let inserting = self
                        .writing()
                        .spawn(async move { store.insert_webhooks(&webhooks).await });
                    if matches!(inserting.await, Ok(Ok(()))) {
                        for waiting in waiting {
                            // Whoever waited may have gone: the platform posts it again.
                            let _ = waiting.send(());
                        }
                    }
                }
                // They could not be written together: each learns for itself why not.
                Err(TryRecvError::Closed) => {
                    self.insert_webhooks(&[webhook]).await?;
                    break;
                }
            }
        }
        drop(turn);
        // Once it is answered, no platform posts it again.
        self.make_durable().await
    }

    async fn insert_webhooks(&self, webhooks: &[Arc<NewWebhook>]) -> Result<(), sqlx::Error> {
        let mut sql =
            QueryBuilder::<Sqlite>::new("insert into webhook (id, account_id, received_at, body) ");
        sql.push_values(webhooks, |mut row, webhook| {
            row.push_bind(webhook.id.to_string())
                .push_bind(webhook.account.to_string())
                .push_bind(webhook.received_at.0)
                .push_bind(webhook.body.as_slice());
        });
        let insert = sql.build();
        insert
            .execute(&mut *self.writer.turn().await?)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[tokio::test]
    async fn all_that_come_at_once_are_kept_and_none_is_kept_for_an_account_that_is_not_there() {
        let store = Store::in_memory().await.unwrap();
        let team = store
            .create_team("ATELIER", omocast_contract::Plan::Omo, "Asia/Taipei", NOW)
            .await
            .unwrap();
        let account = crate::store::NewAccount {
            team_id: team,
            channel: omocast_contract::Channel::Line,
            name: "店".into(),
            external_id: "U1".into(),
            waba_id: None,
            display_phone: None,
        };
        let account = store.create_account(account, "", NOW).await.unwrap();
        let nobody = AccountId(Uuid::nil());
        // One that can't be written is among the others: it alone is refused.
        let accounts = (0..250).map(|number| if number == 40 { nobody } else { account });
        let all = accounts.map(|account| store.create_webhook(account, b"{}", NOW));
        let results = futures::future::join_all(all).await;
        let refused: Vec<_> = (0..)
            .zip(&results)
            .filter(|(_, result)| result.is_err())
            .map(|(number, _)| number)
            .collect();
        let kept = store.due_webhooks(NOW, 1_000).await.unwrap();
        assert_eq!(kept.len(), 249);
        assert_eq!(refused, [40]);
    }
}
