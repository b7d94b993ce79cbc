//! What is written of a saved reply, and what is wrong with it.

use leptos::prelude::*;
use omocast_contract::api::{Me, Media};
use omocast_contract::limit::MAX_MESSAGES;
use omocast_contract::saved_reply::{SavedReplyProblem, Viewer, check_saved_reply};
use omocast_contract::{
    MediaId, OutgoingMessage, ProblemCode, SavedReply, SavedReplyAudience, SavedReplyEdit,
    SavedReplyId, ShopId,
};

/// One message of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The same wherever it is moved.
    pub id: u32,
    pub content: PartContent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartContent {
    Text(String),
    Upload { name: String, state: PartUpload },
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq)]
pub enum PartUpload {
    /// Being made ready or on its way, in percent.
    Sending(u8),
    /// In words; the file is still at hand.
    Failed(String),
    Done(Media),
}

/// Why it could not be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum FormProblem {
    /// Somebody has changed it meanwhile.
    Changed,
    /// Somebody has deleted it meanwhile.
    Gone,
    /// Something else, in words, at a field if the server named one.
    Other(Option<String>, String),
}

/// What is being written.
#[derive(Clone, Copy)]
pub struct ReplyForm {
    /// None for a new one.
    pub id: RwSignal<Option<SavedReplyId>>,
    pub version: RwSignal<u64>,
    pub title: RwSignal<String>,
    pub category: RwSignal<String>,
    pub audience: RwSignal<SavedReplyAudience>,
    pub parts: RwSignal<Vec<Part>>,
    last_part: RwSignal<u32>,
    /// Whether it was tried to be kept: from then on what is missing is said.
    pub is_tried: RwSignal<bool>,
    pub problem: RwSignal<Option<FormProblem>>,
    /// Files that were not taken, in words.
    pub refused: RwSignal<Vec<String>>,
}

impl Default for ReplyForm {
    fn default() -> Self {
        Self {
            id: RwSignal::new(None),
            version: RwSignal::new(0),
            title: RwSignal::new(String::new()),
            category: RwSignal::new(String::new()),
            audience: RwSignal::new(SavedReplyAudience::OnlyMe),
            parts: RwSignal::new(Vec::new()),
            last_part: RwSignal::new(0),
            is_tried: RwSignal::new(false),
            problem: RwSignal::new(None),
            refused: RwSignal::new(Vec::new()),
        }
    }
}

impl ReplyForm {
    /// Begins with these messages, or with an empty text.
    pub fn begin(self, messages: &[OutgoingMessage], media: &[Media]) {
        self.id.set(None);
        self.version.set(0);
        self.title.set(String::new());
        self.category.set(String::new());
        self.audience.set(SavedReplyAudience::OnlyMe);
        self.fill(messages, media);
    }

    /// Begins with one that there is.
    pub fn edit(self, saved: &SavedReply) {
        self.id.set(Some(saved.id));
        self.version.set(saved.version);
        self.title.set(saved.title.clone());
        self.category.set(saved.category.clone());
        self.audience.set(saved.audience.clone());
        self.fill(&saved.messages, &saved.media);
    }

    fn fill(self, messages: &[OutgoingMessage], media: &[Media]) {
        self.is_tried.set(false);
        self.problem.set(None);
        self.refused.set(Vec::new());
        self.parts.set(Vec::new());
        for message in messages {
            let upload = message.media();
            let upload = upload.and_then(|id| media.iter().find(|media| media.id == id));
            if let Some(media) = upload {
                self.push(PartContent::Upload {
                    name: media.name.clone(),
                    state: PartUpload::Done(media.clone()),
                });
            }
            // Captions are for one channel alone: here the words are a message of their own.
            // That may make more than five: which are to go is for the writer to say.
            if let Some(words) = message.words() {
                self.push(PartContent::Text(words.to_owned()));
            }
        }
        if messages.is_empty() {
            self.push(PartContent::Text(String::new()));
        }
    }

    /// Adds a message; none when there are five already.
    pub fn append(self, content: PartContent) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        self.push(content)
    }

    fn push(self, content: PartContent) -> Option<u32> {
        let id = self.last_part.try_update(|last| {
            *last += 1;
            *last
        })?;
        self.parts
            .try_update(|parts| parts.push(Part { id, content }))?;
        Some(id)
    }

    pub fn is_full(self) -> bool {
        self.parts
            .try_with_untracked(|parts| parts.len() >= MAX_MESSAGES)
            .unwrap_or(true)
    }

    /// Changes how far an upload is.
    pub fn settle(self, id: u32, settled: PartUpload) {
        self.parts.try_update(|parts| {
            let part = parts.iter_mut().find(|part| part.id == id);
            if let Some(Part {
                content: PartContent::Upload { state, .. },
                ..
            }) = part
            {
                *state = settled;
            }
        });
    }

    pub fn remove(self, id: u32) {
        self.parts
            .try_update(|parts| parts.retain(|part| part.id != id));
    }

    /// Whether an upload is not finished.
    pub fn is_uploading(self) -> bool {
        self.parts.with(|parts| {
            parts.iter().any(|part| match &part.content {
                PartContent::Text(_) => false,
                PartContent::Upload { state, .. } => !matches!(state, PartUpload::Done(_)),
            })
        })
    }

    /// What is sent to keep it.
    pub fn to_edit(self) -> SavedReplyEdit {
        let message = |part: &Part| match &part.content {
            PartContent::Text(text) => Some(OutgoingMessage::Text { text: text.clone() }),
            PartContent::Upload { state, .. } => match state {
                PartUpload::Done(media) => OutgoingMessage::of_upload(media.medium, media.id),
                PartUpload::Sending(_) | PartUpload::Failed(_) => None,
            },
        };
        SavedReplyEdit {
            version: self.version.get(),
            title: self.title.get().trim().to_owned(),
            category: self.category.get().trim().to_owned(),
            audience: self.audience.get(),
            messages: self
                .parts
                .with(|parts| parts.iter().filter_map(message).collect()),
        }
    }

    fn find(self, id: MediaId) -> Option<Media> {
        self.parts.with(|parts| {
            parts.iter().find_map(|part| match &part.content {
                PartContent::Upload {
                    state: PartUpload::Done(media),
                    ..
                } if media.id == id => Some(media.clone()),
                PartContent::Upload { .. } | PartContent::Text(_) => None,
            })
        })
    }

    /// What the contract finds wrong with it.
    pub fn problems(self, me: &Me) -> Vec<(String, ProblemCode)> {
        let edit = self.to_edit();
        let shops = shop_ids(me);
        let mut problems: Vec<(String, ProblemCode)> = Vec::new();
        if let Err(code) = edit.audience.may_be_offered_by(viewer(me, &shops)) {
            problems.push(("audience".to_owned(), code));
        }
        let found = check_saved_reply(&edit, |id| self.find(id).map(|media| media.facts()));
        let place = |problem: SavedReplyProblem| (problem.field(), problem.code());
        problems.extend(found.into_iter().map(place));
        problems
    }
}

pub(super) fn shop_ids(me: &Me) -> Vec<ShopId> {
    me.shops.iter().map(|shop| shop.id).collect()
}

pub(super) fn viewer<'a>(me: &Me, shops: &'a [ShopId]) -> Viewer<'a> {
    Viewer {
        member: me.id,
        role: me.role,
        shops,
    }
}
