//! Choosing fewer: without the customers of a channel, of one WhatsApp Business account, or only those for a template.

use omocast_contract::limit::MAX_PICKED;
use omocast_contract::reach::{Reach, window};
use omocast_contract::{
    Audience, Channel, ChannelSet, Filter, Pick, RowId, Source, Timestamp, WabaId,
};

use crate::api::{Api, ApiError};
use crate::i18n;
use crate::pages::customers::pickable::{Pickable, all_rows};

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
    let theirs = Filter {
        channels: dropped.iter().collect(),
        ..audience.filter.clone()
    };
    if let Pick::Only(picked) = &audience.pick
        && let Some(found) = rows_of(api, audience.source, theirs).await?
    {
        let found: Vec<RowId> = found.iter().map(|row| row.id).collect();
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

/// The selection with the customers of one WhatsApp Business account alone. Who was ticked or unticked among them stays so.
pub(in crate::pages::customers) async fn of_waba(
    api: &Api,
    audience: &Audience,
    waba: WabaId,
) -> Result<Audience, ApiError> {
    let filter = Filter {
        waba: Some(waba),
        ..audience.filter.clone()
    };
    let mut kept = Audience {
        filter: filter.clone(),
        ..audience.clone()
    };
    let (Pick::Only(ids) | Pick::AllExcept(ids)) = &mut kept.pick;
    // The funnel leaves out the others by itself; where they are too many to ask for, only the number of ticks is off.
    if !ids.is_empty()
        && let Some(found) = rows_of(api, audience.source, filter).await?
    {
        ids.retain(|&id| found.iter().any(|row| row.id == id));
    }
    Ok(kept)
}

/// Those of the selection whom a template reaches and messages do not, because they have not written for long:
/// named one by one, for the funnel knows nothing of the window.
///
/// Where they are too many to be named, it is everybody of the selection on WhatsApp: a template reaches all of them.
/// Who asked for no more marketing is among them, as the list does not tell; the count says so once a template is chosen.
pub(super) async fn for_template_alone(
    api: &Api,
    audience: &Audience,
) -> Result<Audience, ApiError> {
    let all = audience.for_template();
    let now = i18n::now();
    let named = rows_of(api, all.source, all.filter.clone())
        .await?
        .map(|found| {
            let barred = found
                .iter()
                .filter(|row| all.picks(row.id) && is_barred_by_window(row, now));
            barred.map(|row| row.id).collect::<Vec<RowId>>()
        });
    Ok(match named {
        Some(ids) if ids.len() <= MAX_PICKED => Audience {
            pick: Pick::Only(ids),
            ..audience.clone()
        },
        _ => all,
    })
}

fn is_barred_by_window(row: &Pickable, now: Timestamp) -> bool {
    match window(row.channel, row.last_inbound_at, now) {
        Reach::Open => false,
        Reach::Skipped(reason) => !row.is_blocked && reason.is_no_bar_to_a_template(row.channel),
    }
}

/// Every row of the list that the funnel keeps; none where there are too many to ask for.
async fn rows_of(
    api: &Api,
    source: Source,
    filter: Filter,
) -> Result<Option<Vec<Pickable>>, ApiError> {
    all_rows(api, source, filter, PAGE, MOST_PAGES).await
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
