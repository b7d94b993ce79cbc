//! Leaving the customers of a channel out of the selection.

use omocast_contract::api::{EventQuery, PageStart};
use omocast_contract::{Audience, Channel, ChannelSet, EventView, Filter, Pick, RowId, Source};

use crate::api::{Api, ApiError};

const PAGE: u32 = 200;
/// Rows that are looked through for ticks. Beyond these the funnel says it.
const MOST_PAGES: usize = 25;

/// The selection without the customers of these channels.
/// Those ticked one by one are unticked; where all are chosen, the funnel keeps the other channels.
/// Bound customers are of one channel, without which nobody would be left: they stay as they are.
pub(super) async fn without_channels(
    api: &Api,
    audience: &Audience,
    dropped: ChannelSet,
) -> Result<Audience, ApiError> {
    if audience.source == Source::BoundCustomers {
        return Ok(audience.clone());
    }
    if let Pick::Only(picked) = &audience.pick
        && let Some(found) = rows_of(api, audience, dropped).await?
    {
        let kept = picked.iter().copied().filter(|id| !found.contains(id));
        return Ok(Audience {
            pick: Pick::Only(kept.collect()),
            ..audience.clone()
        });
    }
    Ok(narrowed(audience, dropped))
}

fn narrowed(audience: &Audience, dropped: ChannelSet) -> Audience {
    let filter = &audience.filter;
    let kept = |channel: &Channel| {
        channel.takes_broadcasts()
            && !dropped.contains(*channel)
            && (filter.channels.is_empty() || filter.channels.contains(channel))
    };
    Audience {
        filter: Filter {
            channels: Channel::ALL.into_iter().filter(kept).collect(),
            ..filter.clone()
        },
        ..audience.clone()
    }
}

/// Every event of these channels that the funnel keeps; none where there are too many to ask for.
async fn rows_of(
    api: &Api,
    audience: &Audience,
    channels: ChannelSet,
) -> Result<Option<Vec<RowId>>, ApiError> {
    let mut query = EventQuery {
        view: EventView::Mine,
        filter: Filter {
            channels: channels.iter().collect(),
            ..audience.filter.clone()
        },
        from: PageStart::First,
        limit: PAGE,
    };
    let mut found = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = api.list_events(&query).await?;
        found.extend(page.rows.iter().map(|event| RowId::from(event.id)));
        match page.rows.last() {
            Some(last) if page.rows.len() as u32 == PAGE => {
                query.from = PageStart::After(last.cursor());
            }
            _ => return Ok(Some(found)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &[Channel], dropped: &[Channel], expected: &[Channel]) {
        let audience = Audience::everything(Filter {
            channels: before.to_vec(),
            ..Filter::default()
        });
        let after = narrowed(&audience, dropped.iter().copied().collect());
        assert_eq!(after.filter.channels, expected);
        assert_eq!(after.pick, audience.pick);
    }

    #[test]
    fn the_other_channels_stay() {
        use Channel::{Facebook, Instagram, Line, Whatsapp};
        check(&[], &[Instagram], &[Line, Facebook, Whatsapp]);
        check(&[Instagram, Line], &[Instagram], &[Line]);
    }
}
