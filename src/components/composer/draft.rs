//! What is being written, as the browser keeps it: nothing of it is lost by a reload or a failed send.

use omocast_contract::draft::check_messages;
use omocast_contract::limit::MAX_MESSAGES;
use omocast_contract::{ChannelSet, DraftProblem, MediaId, OutgoingMessage, ProblemCode, Surface};
use serde::{Deserialize, Serialize};

/// A broadcast that is being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComposeDraft {
    /// The Idempotency-Key: the same until it is sent, so that pressing twice sends once.
    pub key: String,
    next: u32,
    pub messages: Vec<DraftMessage>,
}

/// One message of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftMessage {
    /// The same wherever it is moved.
    pub id: u32,
    pub content: DraftContent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DraftContent {
    Text(String),
    Image(DraftImage),
}

/// An image on its way to the server, or there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftImage {
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub is_shrunk: bool,
    pub upload: UploadState,
    /// Where this browser finds it while it is not on the server.
    #[serde(skip)]
    pub local_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UploadState {
    /// Being read and shrunk.
    Preparing,
    /// On its way, in percent.
    Sending(u8),
    /// Broke off or was refused, in words; the file is still at hand.
    Failed(String),
    /// Was not finished when the page was left.
    Lost,
    Done(MediaId),
}

impl ComposeDraft {
    pub fn new(key: String) -> Self {
        Self {
            key,
            next: 1,
            messages: Vec::new(),
        }
    }

    /// As it is after a reload: files that were on their way are gone.
    pub fn restored(mut self) -> Self {
        for message in &mut self.messages {
            if let DraftContent::Image(image) = &mut message.content {
                match image.upload {
                    UploadState::Preparing | UploadState::Sending(_) | UploadState::Failed(_) => {
                        image.upload = UploadState::Lost;
                    }
                    UploadState::Lost | UploadState::Done(_) => {}
                }
            }
        }
        self
    }

    /// Whether nothing is written that would be a pity to lose.
    pub fn is_blank(&self) -> bool {
        self.messages.iter().all(|message| match &message.content {
            DraftContent::Text(text) => text.is_empty(),
            DraftContent::Image(_) => false,
        })
    }

    pub fn is_full(&self) -> bool {
        self.messages.len() >= MAX_MESSAGES
    }

    /// Adds a message at the end; none when there are five already.
    pub fn add(&mut self, content: DraftContent) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let id = self.next;
        self.next += 1;
        self.messages.push(DraftMessage { id, content });
        Some(id)
    }

    pub fn place(&self, id: u32) -> Option<usize> {
        self.messages.iter().position(|message| message.id == id)
    }

    pub fn find(&self, id: u32) -> Option<&DraftMessage> {
        self.messages.iter().find(|message| message.id == id)
    }

    pub fn set_text(&mut self, id: u32, text: String) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.id == id) {
            message.content = DraftContent::Text(text);
        }
    }

    pub fn image_mut(&mut self, id: u32) -> Option<&mut DraftImage> {
        self.messages
            .iter_mut()
            .find(|message| message.id == id)
            .and_then(|message| match &mut message.content {
                DraftContent::Image(image) => Some(image),
                DraftContent::Text(_) => None,
            })
    }

    pub fn remove(&mut self, id: u32) -> Option<(usize, DraftMessage)> {
        let at = self.place(id)?;
        Some((at, self.messages.remove(at)))
    }

    /// Undoes [`Self::remove`]; false when there are five others by now.
    pub fn put_back(&mut self, at: usize, message: DraftMessage) -> bool {
        if self.is_full() {
            return false;
        }
        self.messages.insert(at.min(self.messages.len()), message);
        true
    }

    /// Moves a message to another place; tells whether it moved.
    pub fn move_to(&mut self, id: u32, to: usize) -> bool {
        let Some(from) = self.place(id) else {
            return false;
        };
        if from == to || to >= self.messages.len() {
            return false;
        }
        let message = self.messages.remove(from);
        self.messages.insert(to, message);
        true
    }

    /// Whether an image is still on its way.
    pub fn is_uploading(&self) -> bool {
        self.messages.iter().any(|message| match &message.content {
            DraftContent::Image(image) => match image.upload {
                UploadState::Preparing | UploadState::Sending(_) => true,
                UploadState::Failed(_) | UploadState::Lost | UploadState::Done(_) => false,
            },
            DraftContent::Text(_) => false,
        })
    }

    /// The place of the first image that did not reach the server and is not on its way.
    pub fn first_stranded(&self) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| match &message.content {
                DraftContent::Image(image) => {
                    matches!(image.upload, UploadState::Failed(_) | UploadState::Lost)
                }
                DraftContent::Text(_) => false,
            })
    }

    /// What is sent. Images that are not on the server are left out: the button is disabled while there are any.
    pub fn outgoing(&self) -> Vec<OutgoingMessage> {
        self.ready().map(|(_, message)| message).collect()
    }

    fn ready(&self) -> impl Iterator<Item = (usize, OutgoingMessage)> {
        self.messages
            .iter()
            .enumerate()
            .filter_map(|(at, message)| {
                let message = match &message.content {
                    DraftContent::Text(text) => OutgoingMessage::Text { text: text.clone() },
                    DraftContent::Image(image) => match image.upload {
                        UploadState::Done(media) => OutgoingMessage::Image { media },
                        UploadState::Preparing
                        | UploadState::Sending(_)
                        | UploadState::Failed(_)
                        | UploadState::Lost => return None,
                    },
                };
                Some((at, message))
            })
    }

    fn image_bytes(&self, media: MediaId) -> Option<u64> {
        self.messages
            .iter()
            .find_map(|message| match &message.content {
                DraftContent::Image(image) if image.upload == UploadState::Done(media) => {
                    Some(image.bytes)
                }
                DraftContent::Image(_) | DraftContent::Text(_) => None,
            })
    }

    /// What the contract finds wrong with it for these channels, by the places of the draft.
    pub fn problems(&self, channels: ChannelSet, surface: Surface) -> Vec<DraftProblem> {
        let (places, messages): (Vec<usize>, Vec<OutgoingMessage>) = self.ready().unzip();
        let mut problems = check_messages(&messages, channels, surface, |id| self.image_bytes(id));
        // An image on its way is a message too.
        problems
            .retain(|problem| problem.code != ProblemCode::NoMessages || self.messages.is_empty());
        for problem in &mut problems {
            problem.message = problem.message.map(|at| places[at]);
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(texts: &[&str]) -> ComposeDraft {
        let mut draft = ComposeDraft::new("key".to_owned());
        for text in texts {
            draft.add(DraftContent::Text((*text).to_owned()));
        }
        draft
    }

    fn image(upload: UploadState) -> DraftContent {
        DraftContent::Image(DraftImage {
            name: "coat.jpg".to_owned(),
            width: 1,
            height: 1,
            bytes: 1,
            is_shrunk: false,
            upload,
            local_url: None,
        })
    }

    #[test]
    fn a_sixth_message_is_not_added() {
        let mut draft = draft(&["1", "2", "3", "4", "5"]);
        assert_eq!(draft.add(DraftContent::Text("6".to_owned())), None);
        assert_eq!(draft.messages.len(), 5);
    }

    #[test]
    fn a_removed_message_comes_back_to_its_place() {
        let mut draft = draft(&["1", "2", "3"]);
        let before = draft.clone();
        let (at, message) = draft.remove(2).unwrap();
        assert!(draft.put_back(at, message));
        assert_eq!(draft, before);
    }

    #[test]
    fn a_message_moves_within_the_list_only() {
        let mut draft = draft(&["1", "2", "3"]);
        assert!(draft.move_to(1, 2) && !draft.move_to(1, 3));
        let ids: Vec<_> = draft.messages.iter().map(|message| message.id).collect();
        assert_eq!(ids, [2, 3, 1]);
    }

    #[test]
    fn problems_are_told_by_the_place_in_the_draft() {
        let mut draft = ComposeDraft::new("key".to_owned());
        draft.add(image(UploadState::Sending(10)));
        draft.add(DraftContent::Text(String::new()));
        let problems = draft.problems(ChannelSet::EMPTY, Surface::Web);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            (problems[0].message, problems[0].code),
            (Some(1), ProblemCode::TextEmpty)
        );
    }

    #[test]
    fn an_upload_that_was_cut_off_by_a_reload_is_lost_and_says_so() {
        let mut draft = ComposeDraft::new("key".to_owned());
        draft.add(image(UploadState::Sending(10)));
        let json = serde_json::to_string(&draft).unwrap();
        let draft = serde_json::from_str::<ComposeDraft>(&json)
            .unwrap()
            .restored();
        assert_eq!(draft.first_stranded(), Some(0));
        assert_eq!(draft.key, "key");
    }
}
