//! Tags of customers.

use omocast_contract::Channel;
use sqlx::query;

use super::Store;

impl Store {
    /// Gives tags to customers, named by their account's channel and id there, and by their own id.
    /// A customer who is not there is passed over.
    pub async fn tag_customers(
        &self,
        tags: &[(Channel, &str, &str, &str)],
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        for (channel, account, customer, tag) in tags {
            query(
                "insert into customer_tag (customer_id, tag)
                 select c.id, $4 from account a join customer c on c.account_id = a.id
                 where a.channel = $1 and a.external_id = $2 and c.external_id = $3
                 on conflict do nothing",
            )
            .bind(channel.as_str())
            .bind(*account)
            .bind(*customer)
            .bind(*tag)
            .execute(&mut *tx)
            .await?;
            query(
                "insert into tag (team_id, name)
                 select a.team_id, $3 from account a where a.channel = $1 and a.external_id = $2
                 on conflict do nothing",
            )
            .bind(channel.as_str())
            .bind(*account)
            .bind(*tag)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await
    }
}
