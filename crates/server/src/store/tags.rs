//! Tags of customers.

use sqlx::query;

use super::Store;

impl Store {
    /// Gives tags to customers, named by their account's and their own id on the platform.
    /// A customer who is not there is passed over.
    pub async fn tag_customers(&self, tags: &[(&str, &str, &str)]) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        for (account, customer, tag) in tags {
            query(
                "insert into customer_tag (customer_id, tag)
                 select c.id, $3 from customer c join account a on a.id = c.account_id
                 where a.external_id = $1 and c.external_id = $2
                 on conflict do nothing",
            )
            .bind(*account)
            .bind(*customer)
            .bind(*tag)
            .execute(&mut *tx)
            .await?;
            query(
                "insert into tag (team_id, name)
                 select a.team_id, $2 from account a where a.external_id = $1
                 on conflict do nothing",
            )
            .bind(*account)
            .bind(*tag)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await
    }
}
