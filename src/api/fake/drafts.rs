//! Drafts: what is being written, on whatever device.

use omocast_contract::api::Drafts;
use omocast_contract::draft::title;
use omocast_contract::limit::MAX_DRAFTS;
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    Draft, DraftEdit, DraftId, DraftSummary, OutgoingMessage, Problem, ProblemCode, Surface,
    Timestamp,
};

use super::backend::{Answer, Backend, refuse, sentinel};
use super::demo_data as demo;

impl Backend {
    pub(super) fn make_drafts(&mut self) {
        let texts = ["週年慶預告：11/20 起全館外套滿萬折千。", "聖誕節營業時間"];
        for (at, words) in texts.into_iter().enumerate() {
            let mut messages = vec![OutgoingMessage::Text {
                text: words.to_owned(),
            }];
            if at == 0 {
                messages.push(OutgoingMessage::Image {
                    media: demo::media_id(1),
                    caption: None,
                });
            }
            let draft = Draft {
                id: demo::draft_id(at as u64 + 1),
                version: 1,
                updated_at: self.started_at.plus(-(at as i64 * 30 + 3) * HOUR),
                title: title(&messages),
                audience: None,
                media: self.media_of(&messages),
                messages,
                name_fallback: None,
                surface: Surface::Web,
            };
            self.drafts.push(draft);
        }
    }

    pub(super) fn list_drafts(&self) -> Answer<Drafts> {
        self.signed_in()?;
        let row = |draft: &Draft| DraftSummary {
            id: draft.id,
            version: draft.version,
            updated_at: draft.updated_at,
            title: draft.title.clone(),
            media: draft.messages.iter().map(OutgoingMessage::medium).collect(),
        };
        Ok(Drafts {
            rows: self.drafts.iter().map(row).collect(),
        })
    }

    pub(super) fn find_draft(&self, id: DraftId) -> Answer<Draft> {
        self.signed_in()?;
        let found = self.drafts.iter().find(|draft| draft.id == id);
        found.cloned().ok_or_else(|| ProblemCode::NotFound.into())
    }

    pub(super) fn update_draft(
        &mut self,
        id: DraftId,
        edit: DraftEdit,
        now: Timestamp,
    ) -> Answer<Draft> {
        self.signed_in()?;
        for words in edit.messages.iter().filter_map(OutgoingMessage::words) {
            sentinel(words)?;
        }
        edit.check().map_err(Problem::new)?;
        let known = self.drafts.iter().position(|draft| draft.id == id);
        let version = known.map_or(0, |at| self.drafts[at].version);
        match known {
            None if edit.base_version > 0 => return refuse(ProblemCode::DraftGone),
            None if self.drafts.len() >= MAX_DRAFTS => return refuse(ProblemCode::TooManyDrafts),
            _ if version != edit.base_version => return refuse(ProblemCode::DraftChanged),
            _ => {}
        }
        self.forget_draft(id);
        let draft = Draft {
            id,
            version: version + 1,
            updated_at: now,
            title: title(&edit.messages),
            audience: edit.audience,
            media: self.media_of(&edit.messages),
            messages: edit.messages,
            name_fallback: edit.name_fallback,
            surface: edit.surface,
        };
        self.drafts.insert(0, draft.clone());
        Ok(draft)
    }

    pub(super) fn delete_draft(&mut self, id: DraftId) -> Answer<()> {
        self.find_draft(id)?;
        self.forget_draft(id);
        Ok(())
    }

    /// Another device writes into it.
    pub(super) fn change_draft(&mut self, id: DraftId, text: &str, now: Timestamp) {
        if let Some(draft) = self.drafts.iter_mut().find(|draft| draft.id == id) {
            draft.messages = vec![OutgoingMessage::Text {
                text: text.to_owned(),
            }];
            draft.title = title(&draft.messages);
            draft.version += 1;
            draft.updated_at = now;
        }
    }

    pub(super) fn forget_draft(&mut self, id: DraftId) {
        self.drafts.retain(|draft| draft.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fake::tests::{NOW, backend, text};

    fn edit(base_version: u64) -> DraftEdit {
        DraftEdit {
            base_version,
            messages: vec![text("好")],
            ..DraftEdit::default()
        }
    }

    #[test]
    fn a_draft_changed_elsewhere_is_not_overwritten() {
        let mut backend = backend();
        let id = demo::draft_id(7);
        assert_eq!(backend.update_draft(id, edit(0), NOW).unwrap().version, 1);
        assert_eq!(backend.update_draft(id, edit(1), NOW).unwrap().version, 2);
        let late = backend.update_draft(id, edit(1), NOW).unwrap_err();
        assert_eq!(late.code, ProblemCode::DraftChanged);
        backend.delete_draft(id).unwrap();
        let gone = backend.update_draft(id, edit(2), NOW).unwrap_err();
        assert_eq!(gone.code, ProblemCode::DraftGone);
    }

    #[test]
    fn the_last_changed_comes_first() {
        let mut backend = backend();
        let before = backend.list_drafts().unwrap().rows;
        let last = before.last().unwrap().clone();
        backend
            .update_draft(last.id, edit(last.version), NOW)
            .unwrap();
        let rows = backend.list_drafts().unwrap().rows;
        assert_eq!((rows[0].id, rows.len()), (last.id, before.len()));
    }
}
