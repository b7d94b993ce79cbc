//! The template that is being filled in, kept by the browser for this tab: a reload loses nothing that is written.

use leptos::prelude::*;
use omocast_contract::api::Media;
use omocast_contract::template::slot::Place;
use omocast_contract::{Audience, BroadcastId, MemberId, Template, TemplateFill};
use serde::{Deserialize, Serialize};
use web_sys::Storage;

use crate::api::json::read;
use crate::components::composer::draft::DraftMedia;
use crate::components::template_form::draft::TemplateDraft;
use crate::drafts::sent_template;

/// Where a member's template is kept.
#[derive(Clone, Copy)]
pub(super) struct KeptTemplate {
    member: MemberId,
    name: StoredValue<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    template: Template,
    fill: TemplateFill,
    /// The uploads that are on the server; one that was on its way is lost with the page.
    media: Vec<Media>,
    name_fallback: String,
    /// The `Idempotency-Key`: sent before and after a reload, it is one broadcast.
    key: String,
}

impl KeptTemplate {
    pub(super) fn of(member: MemberId) -> Self {
        Self {
            member,
            name: StoredValue::new(sent_template::name_of(member)),
        }
    }

    /// What was kept, and under which key it is sent.
    pub(super) fn load(self) -> Option<(TemplateDraft, String)> {
        let json = self
            .name
            .with_value(|name| storage()?.get_item(name).ok()?)?;
        // Of another version, perhaps.
        let kept: Kept = read(&json).ok()?;
        let upload = |place: Place| {
            let id = kept.fill.media.get(&place)?;
            let media = kept.media.iter().find(|media| media.id == *id)?;
            Some((place, DraftMedia::kept(media, String::new())))
        };
        let places = kept.template.media_slots().into_iter();
        let draft = TemplateDraft {
            media: places.filter_map(|slot| upload(slot.place)).collect(),
            values: kept.fill.values,
            name_fallback: kept.name_fallback,
            template: kept.template,
        };
        Some((draft, kept.key))
    }

    pub(super) fn keep(self, draft: &TemplateDraft, key: &str) {
        if let Some(storage) = storage()
            && let Some(json) = json(draft, key)
        {
            // A full or forbidden storage only means that a reload loses what is written.
            let _ = self.name.with_value(|name| storage.set_item(name, &json));
        }
    }

    /// It was sent; taken back, it is sent under another key.
    pub(super) fn sent(
        self,
        draft: &TemplateDraft,
        new_key: &str,
        broadcast: BroadcastId,
        audience: Audience,
    ) {
        if let Some(json) = json(draft, new_key) {
            sent_template::put_aside(self.member, broadcast, audience, json);
        }
        self.forget();
    }

    pub(super) fn forget(self) {
        if let Some(storage) = storage() {
            // Fails only where nothing was kept.
            let _ = self.name.with_value(|name| storage.remove_item(name));
        }
    }
}

fn json(draft: &TemplateDraft, key: &str) -> Option<String> {
    let media = draft.media.values().filter_map(|media| {
        Some(Media {
            id: media.media()?,
            name: media.name.clone(),
            mime: String::new(),
            bytes: media.bytes,
            medium: media.medium,
            file_type: media.file_type,
            has_preview: media.has_preview,
        })
    });
    let kept = Kept {
        template: draft.template.clone(),
        fill: draft.fill(),
        media: media.collect(),
        name_fallback: draft.name_fallback.clone(),
        key: key.to_owned(),
    };
    serde_json::to_string(&kept).ok()
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
