//! Who is being chosen, kept by the browser for this tab: a reload loses no tick. Another tab chooses for itself.

use leptos::prelude::*;
use omocast_contract::{Audience, MemberId, Source};
use web_sys::Storage;

use crate::api::json::read;

/// Where a member's selection of a list is kept.
#[derive(Clone, Copy)]
pub struct KeptSelection {
    source: Source,
    name: StoredValue<String>,
}

impl KeptSelection {
    pub fn of(member: MemberId, source: Source) -> Self {
        let list = match source {
            Source::MyEvents => "omocast.selection.",
            Source::BoundCustomers => "omocast.bound-selection.",
        };
        Self {
            source,
            name: StoredValue::new([list, &member.to_string()].concat()),
        }
    }

    /// Nobody of the list, of which all is kept.
    pub fn nobody(self) -> Audience {
        Audience {
            source: self.source,
            ..Audience::default()
        }
    }

    /// What was kept; nobody chosen where there is nothing.
    pub fn load(self) -> Audience {
        storage()
            .and_then(|storage| self.name.with_value(|name| storage.get_item(name)).ok()?)
            // Of another version, perhaps.
            .and_then(|json| read::<Audience>(&json).ok())
            .filter(|audience| audience.source == self.source)
            .unwrap_or_else(|| self.nobody())
    }

    pub fn keep(self, audience: &Audience) {
        if *audience == self.nobody() {
            return self.forget();
        }
        if let Some(storage) = storage()
            && let Ok(json) = serde_json::to_string(audience)
        {
            // A full or forbidden storage only means that a reload loses the ticks.
            let _ = self.name.with_value(|name| storage.set_item(name, &json));
        }
    }

    pub fn forget(self) {
        if let Some(storage) = storage() {
            // Fails only where nothing was kept.
            let _ = self.name.with_value(|name| storage.remove_item(name));
        }
    }
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
