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
        let tags: Vec<_> = tags
            .iter()
            .map(|(channel, account, customer, tag)| {
                serde_json::json!([channel.as_str(), account, customer, tag])
            })
            .collect();
        let tags = serde_json::Value::Array(tags).to_string();
        let mut tx = self.begin_write().await?;
        query(
            "insert into customer_tag (customer_id, tag)
             select coalesce(c.same_as, c.id), t.value ->> 3 from json_each($1) t
             join account a on a.channel = t.value ->> 0 and a.external_id = t.value ->> 1
             join customer c on c.account_id = a.id and c.external_id = t.value ->> 2
             where true on conflict do nothing",
        )
        .bind(&tags)
        .execute(&mut *tx)
        .await?;
        query(
            "insert into tag (team_id, name)
             select distinct a.team_id, t.value ->> 3 from json_each($1) t
             join account a on a.channel = t.value ->> 0 and a.external_id = t.value ->> 1
             where true on conflict do nothing",
        )
        .bind(&tags)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}
