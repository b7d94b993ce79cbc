//! The template that was sent last, kept by the browser for this tab, so that it stands there again when it is taken back.

use leptos::prelude::window;
use omocast_contract::{Audience, BroadcastId, MemberId};
use serde::{Deserialize, Serialize};
use web_sys::Storage;

use crate::api::json::read;

#[derive(Serialize, Deserialize)]
struct Sent {
    broadcast: BroadcastId,
    audience: Audience,
    /// As it is kept while it is filled in.
    filled_in: String,
}

/// Where a member's template is kept while it is filled in.
pub fn name_of(member: MemberId) -> String {
    ["omocast.template.", &member.to_string()].concat()
}

fn name_of_sent(member: MemberId) -> String {
    ["omocast.sent-template.", &member.to_string()].concat()
}

/// It was sent to these; `filled_in` is what [`name_of`] is to hold if it is taken back.
pub fn put_aside(member: MemberId, broadcast: BroadcastId, audience: Audience, filled_in: String) {
    let sent = Sent {
        broadcast,
        audience,
        filled_in,
    };
    if let (Some(storage), Ok(json)) = (storage(), serde_json::to_string(&sent)) {
        // A full or forbidden storage only means that it has to be filled in again.
        let _ = storage.set_item(&name_of_sent(member), &json);
    }
}

/// It was taken back: it stands there again. Tells who had been chosen; none where another was sent since.
pub fn take_back(member: MemberId, broadcast: BroadcastId) -> Option<Audience> {
    let storage = storage()?;
    let name = name_of_sent(member);
    let sent: Sent = read(&storage.get_item(&name).ok()??).ok()?;
    if sent.broadcast != broadcast {
        return None;
    }
    storage.set_item(&name_of(member), &sent.filled_in).ok()?;
    // Fails only where nothing was kept.
    let _ = storage.remove_item(&name);
    Some(sent.audience)
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
