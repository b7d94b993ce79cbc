//! What the accounts still allow this month.

use leptos::prelude::*;
use omocast_contract::Preflight;
use omocast_contract::control::AccountQuota;

use super::CheckEvent;
use super::groups::leave_out;
use crate::components::channel_badge::channel_name;
use crate::i18n::{Key, number, t_with};
use crate::ui::{Meter, Notice, Segment, Tone};

pub(super) fn quotas(
    preflight: &Preflight,
    may_leave_out: bool,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let channels = preflight.count.reached.len();
    preflight
        .quotas
        .iter()
        .map(|quota| quota_view(quota, may_leave_out && channels > 1, on_event))
        .collect_view()
        .into_any()
}

fn quota_view(
    quota: &AccountQuota,
    may_leave_out: bool,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let channel = quota.channel;
    let name = t_with(
        Key::CheckQuota,
        &[
            ("account", &quota.name),
            ("channel", &channel_name(channel)),
        ],
    );
    let numbers = t_with(
        Key::CheckQuotaNumbers,
        &[
            ("needed", &number(quota.needed)),
            ("left", &number(quota.left)),
        ],
    );
    let used = quota.limit.saturating_sub(quota.left);
    let needed = quota.needed.min(quota.left);
    let tone = if quota.is_short() {
        Tone::Bad
    } else {
        Tone::Action
    };
    let part = |tone, value| Segment { tone, value };
    let segments = vec![part(Tone::Neutral, used), part(tone, needed)];
    let short = quota.is_short().then(|| {
        let lacking = number(quota.needed - quota.left);
        let words = t_with(Key::CheckQuotaShort, &[("count", &lacking)]);
        let leave_out = may_leave_out.then(|| leave_out(channel, on_event));
        view! {
            <Notice tone=Tone::Warn>
                <span>{words}</span>
                {leave_out}
            </Notice>
        }
    });
    view! {
        <div class="broadcast-check__quota">
            <div class="broadcast-check__account">
                <span class="broadcast-check__words">
                    <span>{name.clone()}</span>
                    <span class="broadcast-check__channels">{numbers.clone()}</span>
                </span>
                <Meter label=[name, numbers].join("　") segments total=quota.limit />
            </div>
            {short}
        </div>
    }
    .into_any()
}
