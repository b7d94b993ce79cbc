//! What is being written: up to five messages, their uploads under way, and what is wrong with them.

use std::sync::atomic::{AtomicU32, Ordering};

use omocast_contract::api::Media;
use omocast_contract::draft::check_messages;
use omocast_contract::limit::MAX_MESSAGES;
use omocast_contract::variable::uses_name;
use omocast_contract::{
    ChannelSet, DraftProblem, FileType, MediaFacts, MediaId, Medium, OutgoingMessage, ProblemCode,
    Surface,
};

use crate::i18n::{Key, t_now};
use crate::upload::Parcel;

/// A broadcast that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComposeDraft {
    pub messages: Vec<DraftMessage>,
    /// What customers without a name are called.
    pub name_fallback: String,
}

/// One message of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftMessage {
    /// The same wherever it is moved, and never another's: not in another draft either.
    pub id: u32,
    pub content: DraftContent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DraftContent {
    Text(String),
    Media(DraftMedia),
}

/// An image, a video or a file, on its way to the server or there.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftMedia {
    pub medium: Medium,
    pub name: String,
    /// The words under it, where the channels have them.
    pub caption: String,
    pub bytes: u64,
    /// What kind of file it is, once that is known.
    pub file_type: Option<FileType>,
    /// An image's or a video's; 0 where it is not known.
    pub width: u32,
    pub height: u32,
    /// How long a video plays; 0 where it is not known.
    pub seconds: u32,
    /// Whether an image was made smaller.
    pub is_shrunk: bool,
    pub upload: UploadState,
    /// Whether the server keeps a small picture of it.
    pub has_preview: bool,
    /// Where this browser finds it, and its small picture, as long as it is at hand.
    pub local_url: Option<String>,
    pub local_preview: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum UploadState {
    /// Waiting for its turn, or being read and shrunk.
    Preparing,
    /// On its way, in percent.
    Sending(u8),
    /// Broke off or was refused, in words; the file is still at hand.
    Failed(String),
    /// Neither on the server nor at hand.
    Lost,
    Done(MediaId),
}

impl DraftMedia {
    /// One that was just picked.
    pub fn picked(medium: Medium, name: String, bytes: u64) -> Self {
        Self {
            medium,
            name,
            caption: String::new(),
            bytes,
            file_type: None,
            width: 0,
            height: 0,
            seconds: 0,
            is_shrunk: false,
            upload: UploadState::Preparing,
            has_preview: false,
            local_url: None,
            local_preview: None,
        }
    }

    /// It is ready to be sent, and found in this page at these addresses.
    pub fn show(&mut self, parcel: &Parcel, here: Option<String>, preview: Option<String>) {
        self.name.clone_from(&parcel.name);
        self.bytes = parcel.file.size() as u64;
        (self.width, self.height) = (parcel.width, parcel.height);
        self.seconds = parcel.seconds;
        self.is_shrunk = parcel.is_shrunk;
        self.local_url = here;
        self.local_preview = preview;
        self.upload = UploadState::Sending(0);
    }

    /// This part of it, from 0 to 1, is on the server.
    pub fn progress(&mut self, part: f64) {
        if matches!(self.upload, UploadState::Sending(_)) {
            self.upload = UploadState::Sending((part * 100.0) as u8);
        }
    }

    /// The server has it.
    pub fn keep(&mut self, kept: &Media) {
        self.name.clone_from(&kept.name);
        self.bytes = kept.bytes;
        self.medium = kept.medium;
        self.file_type = kept.file_type;
        self.has_preview = kept.has_preview;
        self.upload = UploadState::Done(kept.id);
    }

    /// It was stopped, if it was under way; the file is still at hand.
    pub fn cancel(&mut self) {
        if self.is_under_way() {
            self.upload = UploadState::Failed(t_now(Key::ComposeUploadCancelled));
        }
    }

    /// One that is on the server.
    pub fn kept(media: &Media, caption: String) -> Self {
        Self {
            caption,
            file_type: media.file_type,
            has_preview: media.has_preview,
            upload: UploadState::Done(media.id),
            ..Self::picked(media.medium, media.name.clone(), media.bytes)
        }
    }

    pub fn media(&self) -> Option<MediaId> {
        match self.upload {
            UploadState::Done(media) => Some(media),
            UploadState::Preparing
            | UploadState::Sending(_)
            | UploadState::Failed(_)
            | UploadState::Lost => None,
        }
    }

    pub fn is_under_way(&self) -> bool {
        matches!(
            self.upload,
            UploadState::Preparing | UploadState::Sending(_)
        )
    }

    fn message(&self, media: MediaId) -> OutgoingMessage {
        let caption = Some(self.caption.clone()).filter(|caption| !caption.is_empty());
        match self.medium {
            Medium::Video => OutgoingMessage::Video { media, caption },
            Medium::File => OutgoingMessage::File { media, caption },
            // Nothing else is uploaded.
            Medium::Image | Medium::Text | Medium::Emoji | Medium::SavedReply => {
                OutgoingMessage::Image { media, caption }
            }
        }
    }

    pub fn facts(&self) -> MediaFacts {
        MediaFacts {
            medium: self.medium,
            bytes: self.bytes,
            file_type: self.file_type,
        }
    }
}

impl DraftMessage {
    pub fn medium(&self) -> Medium {
        match &self.content {
            DraftContent::Text(_) => Medium::Text,
            DraftContent::Media(media) => media.medium,
        }
    }

    /// A text in which nothing is written yet.
    pub fn is_blank(&self) -> bool {
        matches!(&self.content, DraftContent::Text(text) if text.is_empty())
    }

    fn words(&self) -> &str {
        match &self.content {
            DraftContent::Text(text) => text,
            DraftContent::Media(media) => &media.caption,
        }
    }

    /// The message as it will be sent; none while its file is not on the server.
    fn ready(&self) -> Option<OutgoingMessage> {
        Some(match &self.content {
            DraftContent::Text(text) => OutgoingMessage::Text { text: text.clone() },
            DraftContent::Media(media) => media.message(media.media()?),
        })
    }

    /// The message as it is checked, whether its file is on the server yet or not.
    fn checked(&self) -> OutgoingMessage {
        match &self.content {
            DraftContent::Text(text) => OutgoingMessage::Text { text: text.clone() },
            DraftContent::Media(media) => {
                media.message(media.media().unwrap_or_else(|| self.stand_in()))
            }
        }
    }

    /// The id of a file that has none yet.
    fn stand_in(&self) -> MediaId {
        ["00000000-0000-0000-0000-", &format!("{:012x}", self.id)]
            .concat()
            .parse()
            .expect("twelve digits end a UUID")
    }
}

/// A message that was taken away, and where it stood.
#[derive(Clone, Debug)]
pub struct Removed {
    pub at: usize,
    message: DraftMessage,
    before: Option<u32>,
    after: Option<u32>,
}

impl ComposeDraft {
    /// A new broadcast: most begin with a text.
    pub fn fresh() -> Self {
        let mut draft = Self::default();
        draft.add(DraftContent::Text(String::new()));
        draft
    }

    /// What was kept elsewhere.
    pub fn of(messages: &[OutgoingMessage], media: &[Media], name_fallback: Option<&str>) -> Self {
        let mut draft = Self {
            name_fallback: name_fallback.unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for message in messages {
            draft.add(content_of(message, media));
        }
        if draft.messages.is_empty() {
            draft.add(DraftContent::Text(String::new()));
        }
        draft
    }

    /// Messages that may still be added. A text in which nothing is written gives way.
    pub fn free_slots(&self) -> usize {
        let written = self
            .messages
            .iter()
            .filter(|message| !message.is_blank())
            .count();
        MAX_MESSAGES.saturating_sub(written)
    }

    pub fn is_full(&self) -> bool {
        self.messages.len() >= MAX_MESSAGES
    }

    /// Adds a message at the end; none when there are five already.
    pub fn add(&mut self, content: DraftContent) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        static LAST: AtomicU32 = AtomicU32::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        self.messages.push(DraftMessage { id, content });
        Some(id)
    }

    /// Adds a message at the end; in a full draft in place of a text in which nothing is written.
    pub fn add_written(&mut self, content: DraftContent) -> Option<u32> {
        if self.is_full()
            && let Some(blank) = self.messages.iter().rposition(DraftMessage::is_blank)
        {
            self.messages.remove(blank);
        }
        self.add(content)
    }

    /// Adds messages that were written before, such as a saved reply's, in place of texts in which nothing is written.
    pub fn append(&mut self, messages: &[OutgoingMessage], media: &[Media]) {
        self.messages.retain(|message| !message.is_blank());
        for message in messages {
            self.add(content_of(message, media));
        }
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

    pub fn media_mut(&mut self, id: u32) -> Option<&mut DraftMedia> {
        let message = self.messages.iter_mut().find(|message| message.id == id)?;
        match &mut message.content {
            DraftContent::Media(media) => Some(media),
            DraftContent::Text(_) => None,
        }
    }

    pub fn remove(&mut self, id: u32) -> Option<Removed> {
        let at = self.place(id)?;
        let id_at = |at: usize| self.messages.get(at).map(|message| message.id);
        let (before, after) = (at.checked_sub(1).and_then(id_at), id_at(at + 1));
        let message = self.messages.remove(at);
        Some(Removed {
            at,
            message,
            before,
            after,
        })
    }

    /// Undoes [`Self::remove`]; false when there are five others by now.
    /// It comes back beside those it stood between, whatever was removed and put back meanwhile.
    pub fn put_back(&mut self, removed: Removed) -> bool {
        if self.is_full() {
            return false;
        }
        let after = removed.after.and_then(|id| self.place(id));
        let before = removed.before.and_then(|id| self.place(id));
        let at = after.or(before.map(|at| at + 1)).unwrap_or(removed.at);
        self.messages
            .insert(at.min(self.messages.len()), removed.message);
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

    fn uploads(&self) -> impl Iterator<Item = (usize, &DraftMedia)> {
        self.messages
            .iter()
            .enumerate()
            .filter_map(|(at, message)| match &message.content {
                DraftContent::Media(media) => Some((at, media)),
                DraftContent::Text(_) => None,
            })
    }

    /// Whether a file is still on its way.
    pub fn is_uploading(&self) -> bool {
        self.uploads().any(|(_, media)| media.is_under_way())
    }

    /// The place of the first file whose upload broke off, and why.
    pub fn first_failed(&self) -> Option<(usize, &str)> {
        self.uploads().find_map(|(at, media)| match &media.upload {
            UploadState::Failed(why) => Some((at, why.as_str())),
            UploadState::Preparing
            | UploadState::Sending(_)
            | UploadState::Lost
            | UploadState::Done(_) => None,
        })
    }

    /// Whether a text or a caption uses the customer's name.
    pub fn uses_name(&self) -> bool {
        self.messages
            .iter()
            .any(|message| uses_name(message.words()))
    }

    /// What is sent and kept. Files that are not on the server are left out: nothing can be sent while there are any.
    pub fn outgoing(&self) -> Vec<OutgoingMessage> {
        self.messages
            .iter()
            .filter_map(DraftMessage::ready)
            .collect()
    }

    /// The facts of every file that is on the server.
    pub fn media(&self) -> Vec<Media> {
        self.uploads()
            .filter_map(|(_, media)| {
                Some(Media {
                    id: media.media()?,
                    name: media.name.clone(),
                    mime: String::new(),
                    bytes: media.bytes,
                    medium: media.medium,
                    file_type: media.file_type,
                    has_preview: media.has_preview,
                })
            })
            .collect()
    }

    /// What customers without a name are called; none where no message asks for it.
    pub fn fallback(&self) -> Option<String> {
        (self.uses_name() && !self.name_fallback.is_empty()).then(|| self.name_fallback.clone())
    }

    /// What the contract finds wrong with it for these channels.
    pub fn problems(&self, channels: ChannelSet, surface: Surface) -> Vec<DraftProblem> {
        let messages: Vec<OutgoingMessage> =
            self.messages.iter().map(DraftMessage::checked).collect();
        let facts = |id: MediaId| {
            self.messages
                .iter()
                .find_map(|message| match &message.content {
                    DraftContent::Media(media)
                        if media.media().unwrap_or_else(|| message.stand_in()) == id
                            && media.upload != UploadState::Lost =>
                    {
                        Some(media.facts())
                    }
                    DraftContent::Media(_) | DraftContent::Text(_) => None,
                })
        };
        let fallback = self.fallback();
        let mut problems = check_messages(&messages, channels, surface, facts, fallback.as_deref());
        // What kind of file it is comes out when it has been read.
        problems.retain(|problem| {
            problem.code != ProblemCode::FileTypeNotSupported
                || problem.message.is_none_or(|at| {
                    !matches!(&self.messages[at].content, DraftContent::Media(media) if media.file_type.is_none() && media.is_under_way())
                })
        });
        problems
    }
}

fn content_of(message: &OutgoingMessage, media: &[Media]) -> DraftContent {
    let (medium, id, caption) = match message {
        OutgoingMessage::Text { text } => return DraftContent::Text(text.clone()),
        OutgoingMessage::Image { media, caption } => (Medium::Image, media, caption),
        OutgoingMessage::Video { media, caption } => (Medium::Video, media, caption),
        OutgoingMessage::File { media, caption } => (Medium::File, media, caption),
    };
    let caption = caption.clone().unwrap_or_default();
    DraftContent::Media(match media.iter().find(|known| known.id == *id) {
        Some(known) => DraftMedia::kept(known, caption),
        None => DraftMedia {
            caption,
            upload: UploadState::Lost,
            ..DraftMedia::picked(medium, String::new(), 0)
        },
    })
}

#[cfg(test)]
mod tests {
    use omocast_contract::Channel;
    use omocast_contract::variable::CUSTOMER_NAME;

    use super::*;

    fn draft(texts: &[&str]) -> ComposeDraft {
        let mut draft = ComposeDraft::default();
        for text in texts {
            draft.add(DraftContent::Text((*text).to_owned()));
        }
        draft
    }

    fn upload(medium: Medium, bytes: u64, upload: UploadState) -> DraftContent {
        DraftContent::Media(DraftMedia {
            upload,
            ..DraftMedia::picked(medium, "coat.mp4".to_owned(), bytes)
        })
    }

    fn media(medium: Medium) -> Media {
        Media {
            id: "01905000-0000-7000-8000-000000000001".parse().unwrap(),
            name: "coat.mp4".to_owned(),
            mime: String::new(),
            bytes: 5,
            medium,
            file_type: None,
            has_preview: true,
        }
    }

    #[test]
    fn a_sixth_message_is_not_added() {
        let mut draft = draft(&["1", "2", "3", "4", "5"]);
        assert_eq!(draft.add(DraftContent::Text("6".to_owned())), None);
        assert_eq!(draft.messages.len(), 5);
    }

    #[test]
    fn a_text_in_which_nothing_is_written_gives_way() {
        let mut draft = draft(&["1", "", "3", "4", "5"]);
        assert_eq!(draft.free_slots(), 1);
        let six = DraftContent::Text("6".to_owned());
        assert!(draft.add_written(six.clone()).is_some());
        assert_eq!((draft.free_slots(), draft.add_written(six)), (0, None));
        let texts: Vec<_> = draft.messages.iter().map(DraftMessage::words).collect();
        assert_eq!(texts, ["1", "3", "4", "5", "6"]);
    }

    #[test]
    fn a_removed_message_comes_back_to_its_place() {
        let mut draft = draft(&["1", "2", "3"]);
        let before = draft.clone();
        let removed = draft.remove(before.messages[1].id).unwrap();
        assert!(draft.put_back(removed));
        assert_eq!(draft, before);
        // Two of them, in whatever order they come back.
        for first in [0, 1] {
            let mut removed = vec![
                draft.remove(before.messages[0].id).unwrap(),
                draft.remove(before.messages[1].id).unwrap(),
            ];
            assert!(draft.put_back(removed.remove(first)));
            assert!(draft.put_back(removed.remove(0)));
            assert_eq!(draft, before);
        }
    }

    #[test]
    fn a_message_moves_within_the_list_only() {
        let mut draft = draft(&["1", "2", "3"]);
        let first = draft.messages[0].id;
        assert!(draft.move_to(first, 2) && !draft.move_to(first, 3));
        let texts: Vec<_> = draft.messages.iter().map(DraftMessage::words).collect();
        assert_eq!(texts, ["2", "3", "1"]);
    }

    #[test]
    fn a_file_on_its_way_is_checked_already() {
        let mut draft = ComposeDraft::default();
        draft.add(upload(Medium::Video, 17 << 20, UploadState::Sending(10)));
        draft.add(DraftContent::Text(String::new()));
        let both: ChannelSet = [Channel::Line, Channel::Whatsapp].into_iter().collect();
        let problems = draft.problems(both, Surface::Web);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.message, problem.code))
            .collect();
        assert_eq!(
            found,
            [
                (Some(0), ProblemCode::MediaTooLarge),
                (Some(1), ProblemCode::TextEmpty)
            ]
        );
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let kept = media(Medium::Video);
        let messages = [
            OutgoingMessage::Text {
                text: ["嗨", CUSTOMER_NAME].concat(),
            },
            OutgoingMessage::Video {
                media: kept.id,
                caption: Some("新品".to_owned()),
            },
        ];
        let draft = ComposeDraft::of(&messages, std::slice::from_ref(&kept), Some("貴賓"));
        assert_eq!(draft.outgoing(), messages);
        assert_eq!(draft.media(), [kept]);
        assert_eq!(draft.fallback().as_deref(), Some("貴賓"));
    }

    #[test]
    fn a_file_that_is_gone_from_the_server_says_so() {
        let messages = [OutgoingMessage::Image {
            media: media(Medium::Image).id,
            caption: None,
        }];
        let draft = ComposeDraft::of(&messages, &[], None);
        let problems = draft.problems(ChannelSet::EMPTY, Surface::Web);
        assert_eq!(
            (problems[0].message, problems[0].code),
            (Some(0), ProblemCode::MediaNotFound)
        );
    }

    #[test]
    fn a_saved_reply_goes_where_nothing_is_written() {
        let mut draft = draft(&[""]);
        let reply = [OutgoingMessage::Text {
            text: "您好".to_owned(),
        }];
        draft.append(&reply, &[]);
        assert_eq!(draft.outgoing(), reply);
    }
}
