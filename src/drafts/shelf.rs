//! The drafts that this device keeps: in the browser's storage, for each member apart.

use leptos::prelude::window;
use omocast_contract::{DraftId, MemberId};
use serde::{Deserialize, Serialize};

use super::body::DraftBody;
use crate::api::json::read;

/// A draft as this device has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Local {
    pub(super) id: DraftId,
    /// The version of the server that it was made from; 0 when the server has none.
    pub(super) version: u64,
    pub(super) is_unsaved: bool,
    pub(super) body: DraftBody,
}

/// What this device keeps: a member's drafts in the browser's storage.
#[derive(Clone)]
pub(super) struct Shelf {
    /// What begins the names of the drafts.
    drafts: String,
    /// The name of what tabs tell each other.
    news: String,
    /// The name of what was written last: in this tab, else on this device.
    last: String,
}

/// What one tab tells the others of a draft; no version when it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct News {
    pub(super) id: DraftId,
    pub(super) version: Option<u64>,
}

impl Shelf {
    pub(super) fn of(member: MemberId) -> Self {
        let name = |what: &str| ["omocast.", what, ".", &member.to_string()].concat();
        Self {
            drafts: name("drafts") + ".",
            news: name("draft-news"),
            last: name("last-draft"),
        }
    }

    fn name_of(&self, id: DraftId) -> String {
        [self.drafts.as_str(), &id.to_string()].concat()
    }

    pub(super) fn last(&self) -> Option<DraftId> {
        let of = |storage: web_sys::Storage| storage.get_item(&self.last).ok().flatten();
        session_storage()
            .and_then(of)
            .or_else(|| storage().and_then(of))
            .and_then(|id| id.parse().ok())
    }

    pub(super) fn find(&self, id: DraftId) -> Option<Local> {
        let json = storage()?.get_item(&self.name_of(id)).ok().flatten()?;
        read(&json).ok()
    }

    pub(super) fn all(&self) -> Vec<Local> {
        let Some(storage) = storage() else {
            return Vec::new();
        };
        let count = storage.length().unwrap_or(0);
        (0..count)
            .filter_map(|at| storage.key(at).ok().flatten())
            .filter(|name| name.starts_with(&self.drafts))
            .filter_map(|name| read(&storage.get_item(&name).ok().flatten()?).ok())
            .collect()
    }

    pub(super) fn keep(&self, local: &Local) {
        let Ok(json) = serde_json::to_string(local) else {
            return;
        };
        let id = local.id.to_string();
        // A full or forbidden storage only means that this device keeps nothing.
        if let Some(storage) = storage() {
            let _ = storage.set_item(&self.name_of(local.id), &json);
            let _ = storage.set_item(&self.last, &id);
        }
        if let Some(storage) = session_storage() {
            let _ = storage.set_item(&self.last, &id);
        }
    }

    /// The server has it now, unless it was written on since.
    pub(super) fn saved(&self, id: DraftId, base: u64, version: u64, body: &DraftBody) {
        let Some(local) = self.find(id) else {
            return;
        };
        if local.version == base {
            let is_unsaved = !local.body.says_as(body);
            self.keep(&Local {
                version,
                is_unsaved,
                ..local
            });
        }
    }

    pub(super) fn forget(&self, id: DraftId) {
        let is_last = self.last() == Some(id);
        for storage in [storage(), session_storage()].into_iter().flatten() {
            // Fails only where nothing was kept.
            let _ = storage.remove_item(&self.name_of(id));
            if is_last {
                let _ = storage.remove_item(&self.last);
            }
        }
    }

    /// Tells the other tabs: they hear of what is stored.
    pub(super) fn tell(&self, id: DraftId, version: Option<u64>) {
        let json = serde_json::to_string(&News { id, version });
        if let (Some(storage), Ok(json)) = (storage(), json) {
            // Without a storage they see it when they keep theirs.
            let _ = storage.set_item(&self.news, &json);
        }
    }

    pub(super) fn news(&self) -> Option<News> {
        let json = storage()?.get_item(&self.news).ok().flatten()?;
        read(&json).ok()
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn session_storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}
