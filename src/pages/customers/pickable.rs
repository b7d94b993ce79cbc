//! The rows that an audience is picked from, whatever list they are of: one's own events, or one's bound customers.

use omocast_contract::api::{BoundCustomerQuery, EventQuery, PageStart};
use omocast_contract::{BoundView, Channel, EventView, Filter, RowId, Source, Timestamp};

use crate::api::{Api, ApiError};

/// What both lists tell of a customer.
pub(super) struct Pickable {
    pub(super) id: RowId,
    /// Empty when unknown.
    pub(super) name: String,
    pub(super) account: String,
    pub(super) channel: Channel,
    pub(super) last_inbound_at: Option<Timestamp>,
    pub(super) is_blocked: bool,
    /// What goes on below the row.
    cursor: String,
}

/// The first rows of a list that the filter keeps, and how many it keeps in all.
pub(super) async fn first_rows(
    api: &Api,
    source: Source,
    filter: Filter,
    limit: u32,
) -> Result<(Vec<Pickable>, u64), ApiError> {
    rows(api, source, filter, PageStart::First, limit).await
}

/// Every row of a list that the filter keeps, in so many pages; none where there are more.
pub(super) async fn all_rows(
    api: &Api,
    source: Source,
    filter: Filter,
    page: u32,
    most_pages: usize,
) -> Result<Option<Vec<Pickable>>, ApiError> {
    let mut found: Vec<Pickable> = Vec::new();
    for _ in 0..most_pages {
        let from = match found.last() {
            Some(last) => PageStart::After(last.cursor.clone()),
            None => PageStart::First,
        };
        let (next, _) = rows(api, source, filter.clone(), from, page).await?;
        let is_last = (next.len() as u32) < page;
        found.extend(next);
        if is_last {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn rows(
    api: &Api,
    source: Source,
    filter: Filter,
    from: PageStart,
    limit: u32,
) -> Result<(Vec<Pickable>, u64), ApiError> {
    match source {
        Source::MyEvents => {
            let query = EventQuery {
                view: EventView::Mine,
                filter,
                from,
                limit,
            };
            let page = api.list_events(&query).await?;
            let rows = page.rows.into_iter().map(|row| Pickable {
                cursor: row.cursor(),
                id: row.id.into(),
                name: row.name,
                account: row.account,
                channel: row.channel,
                last_inbound_at: row.last_inbound_at,
                is_blocked: row.is_blocked,
            });
            Ok((rows.collect(), page.total))
        }
        Source::BoundCustomers => {
            let query = BoundCustomerQuery {
                view: BoundView::Mine,
                filter,
                from,
                limit,
            };
            let page = api.list_bound_customers(&query).await?;
            let rows = page.rows.into_iter().map(|row| Pickable {
                cursor: row.cursor(),
                id: row.binding.customer.into(),
                name: row.name,
                account: row.account,
                channel: row.channel,
                last_inbound_at: row.last_inbound_at,
                is_blocked: row.is_blocked,
            });
            Ok((rows.collect(), page.total))
        }
    }
}
