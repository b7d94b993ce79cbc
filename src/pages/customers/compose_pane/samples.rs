//! Customers of the selection to look at the preview as: the first ones of a channel, and one without a name.

use leptos::prelude::*;
use omocast_contract::{Audience, AudienceCount, Channel, Filter};
use wasm_bindgen_futures::spawn_local;

use crate::api::Api;
use crate::components::preview_phone::Sample;
use crate::pages::customers::pickable::first_rows;

/// Customers shown to choose from.
const MOST: usize = 6;
/// Rows that are looked through for them: those ticked one by one may be anywhere.
const ROWS: u32 = 100;

/// The customers of `channel`, asked for again when the selection was counted anew.
pub(in crate::pages::customers) fn samples_of(
    api: StoredValue<Api>,
    audience: RwSignal<Audience>,
    count: RwSignal<Option<AudienceCount>>,
    channel: Memo<Option<Channel>>,
) -> Signal<Vec<Sample>> {
    let samples = RwSignal::new(Vec::new());
    let latest = StoredValue::new(0_u32);
    // An effect, because the server knows who they are.
    Effect::new(move |_| {
        count.track();
        let asked = latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        });
        let Some(channel) = channel.get() else {
            samples.set(Vec::new());
            return;
        };
        let (api, audience) = (api.get_value(), audience.get_untracked());
        spawn_local(async move {
            // Without them the preview speaks to nobody in particular.
            let filter = Filter {
                channels: vec![channel],
                ..audience.filter.clone()
            };
            let Ok((rows, _)) = first_rows(&api, audience.source, filter, ROWS).await else {
                return;
            };
            if latest.try_get_value() != asked {
                return;
            }
            let chosen = rows.into_iter().filter(|row| audience.picks(row.id));
            samples.try_set(choice(chosen.map(|row| Sample {
                name: row.name,
                account: row.account,
            })));
        });
    });
    samples.into()
}

/// The first few with a name, and one without: there is often one, and then the words must do without the name.
fn choice(found: impl Iterator<Item = Sample>) -> Vec<Sample> {
    let (named, nameless): (Vec<_>, Vec<_>) = found.partition(|sample| !sample.name.is_empty());
    let nameless = nameless.into_iter().next().or_else(|| {
        named.first().map(|first| Sample {
            name: String::new(),
            account: first.account.clone(),
        })
    });
    named.into_iter().take(MOST - 1).chain(nameless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let samples = names.iter().map(|&name| Sample {
            name: name.to_owned(),
            account: "信義門市".to_owned(),
        });
        let chosen = choice(samples);
        let names: Vec<_> = chosen.iter().map(|sample| sample.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn one_without_a_name_is_always_among_them() {
        check(&["甲", "", "乙"], &["甲", "乙", ""]);
        check(&["甲"], &["甲", ""]);
        check(
            &["1", "2", "3", "4", "5", "6", "7"],
            &["1", "2", "3", "4", "5", ""],
        );
        check(&[], &[]);
    }
}
