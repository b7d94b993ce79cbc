//! What is being written: up to five messages, what is wrong with them, and drafts kept for later.

use serde::{Deserialize, Serialize};

use crate::api::Media;
use crate::limit::{MAX_DRAFT_TEXT, MAX_MESSAGES, caption_limit, media_limit};
use crate::text::{TextUnit, fits, is_blank};
use crate::variable::{check_fallback, filled_length, uses_name};
use crate::{
    Audience, Channel, ChannelSet, DraftId, MediaFacts, MediaId, Medium, ProblemCode, Surface,
    Timestamp,
};

/// One message to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutgoingMessage {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// An uploaded image.
    Image {
        /// The uploaded file.
        media: MediaId,
        /// Words under it, on the channels that have captions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// An uploaded video.
    Video {
        /// The uploaded file.
        media: MediaId,
        /// Words under it, on the channels that have captions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// An uploaded file.
    File {
        /// The uploaded file.
        media: MediaId,
        /// Words under it, on the channels that have captions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
}

impl OutgoingMessage {
    /// An uploaded image, video or file without a caption; none for what is not uploaded.
    pub fn of_upload(medium: Medium, media: MediaId) -> Option<Self> {
        let caption = None;
        match medium {
            Medium::Image => Some(Self::Image { media, caption }),
            Medium::Video => Some(Self::Video { media, caption }),
            Medium::File => Some(Self::File { media, caption }),
            Medium::Text | Medium::Emoji | Medium::SavedReply => None,
        }
    }

    /// Which medium it is.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Text { .. } => Medium::Text,
            Self::Image { .. } => Medium::Image,
            Self::Video { .. } => Medium::Video,
            Self::File { .. } => Medium::File,
        }
    }

    /// The upload it uses.
    pub fn media(&self) -> Option<MediaId> {
        match self {
            Self::Text { .. } => None,
            Self::Image { media, .. } | Self::Video { media, .. } | Self::File { media, .. } => {
                Some(*media)
            }
        }
    }

    /// The words under its upload; none when there is nothing in them.
    pub fn caption(&self) -> Option<&str> {
        match self {
            Self::Text { .. } => None,
            Self::Image { caption, .. }
            | Self::Video { caption, .. }
            | Self::File { caption, .. } => caption.as_deref().filter(|caption| !is_blank(caption)),
        }
    }

    /// Its text, or the words under its upload.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Image { .. } | Self::Video { .. } | Self::File { .. } => self.caption(),
        }
    }

    /// The same with its words changed, such as by filling in the customer's name.
    #[must_use]
    pub fn with_words(mut self, change: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Text { text } => *text = change(text),
            Self::Image { caption, .. }
            | Self::Video { caption, .. }
            | Self::File { caption, .. } => {
                *caption = caption.take().map(|caption| change(&caption));
            }
        }
        self
    }
}

/// Whether nothing is written that would be a pity to lose: no upload, and no words.
pub fn is_blank_draft(messages: &[OutgoingMessage]) -> bool {
    messages
        .iter()
        .all(|message| message.media().is_none() && message.words().is_none_or(is_blank))
}

/// The beginning of the first text, in one line: what a list calls these messages; empty without a text.
pub fn title(messages: &[OutgoingMessage]) -> String {
    let words = messages
        .iter()
        .filter_map(OutgoingMessage::words)
        .find(|words| !is_blank(words));
    let line = words.unwrap_or_default().split_whitespace();
    let line = line.collect::<Vec<_>>().join(" ");
    line.chars().take(60).collect()
}

/// What is wrong with a message, and for which channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftProblem {
    /// Which message, counted from 0; none when the whole is meant.
    pub message: Option<usize>,
    /// What is wrong.
    pub code: ProblemCode,
    /// The chosen channels that would refuse it; empty when every one would.
    pub channels: ChannelSet,
}

impl DraftProblem {
    /// The field in an answer of the server: `messages`, `messages[2]` or `name_fallback`.
    pub fn field(&self) -> String {
        match (self.code, self.message) {
            (ProblemCode::NameFallbackMissing | ProblemCode::NameFallbackTooLong, _) => {
                "name_fallback".to_owned()
            }
            (_, Some(at)) => format!("messages[{at}]"),
            (_, None) => "messages".to_owned(),
        }
    }
}

/// Everything that is wrong with `messages` for `channels`, in their order.
/// `media` tells what is known of an upload; none when there is no such upload.
pub fn check_messages(
    messages: &[OutgoingMessage],
    channels: ChannelSet,
    surface: Surface,
    media: impl Fn(MediaId) -> Option<MediaFacts>,
    name_fallback: Option<&str>,
) -> Vec<DraftProblem> {
    let whole = |code| DraftProblem {
        message: None,
        code,
        channels: ChannelSet::EMPTY,
    };
    let mut problems = Vec::new();
    if messages.is_empty() {
        problems.push(whole(ProblemCode::NoMessages));
    }
    if messages.len() > MAX_MESSAGES {
        problems.push(whole(ProblemCode::TooManyMessages));
    }
    for (at, message) in messages.iter().enumerate() {
        let hidden_by = message.medium().hidden_by(surface, channels);
        let found = if hidden_by.is_empty() {
            check_message(message, channels, &media)
        } else {
            vec![(ProblemCode::MediumNotSupported, hidden_by)]
        };
        problems.extend(found.into_iter().map(|(code, channels)| DraftProblem {
            message: Some(at),
            code,
            channels,
        }));
    }
    let mut words = messages.iter().filter_map(OutgoingMessage::words);
    if words.any(uses_name)
        && let Err(code) = check_fallback(name_fallback)
    {
        problems.push(whole(code));
    }
    problems
}

/// What is wrong with a 1:1 reply to a customer called `name`.
/// A name that is used must be known: there is nobody else whom the words could be for.
pub fn check_reply(
    message: &OutgoingMessage,
    channel: Channel,
    surface: Surface,
    media: impl Fn(MediaId) -> Option<MediaFacts>,
    name: &str,
) -> Result<(), ProblemCode> {
    if !message.medium().is_taken_in_replies(surface, channel) {
        return Err(ProblemCode::MediumNotSupported);
    }
    let channels = ChannelSet::from_iter([channel]);
    if let Some(&(code, _)) = check_message(message, channels, &media).first() {
        return Err(code);
    }
    if message.words().is_some_and(uses_name) && is_blank(name) {
        return Err(ProblemCode::NameFallbackMissing);
    }
    Ok(())
}

/// What is wrong with one message of a medium that every channel takes, and the channels that refuse it.
fn check_message(
    message: &OutgoingMessage,
    channels: ChannelSet,
    media: &impl Fn(MediaId) -> Option<MediaFacts>,
) -> Vec<(ProblemCode, ChannelSet)> {
    let mut problems = Vec::new();
    let mut refused = |code, refuses: &dyn Fn(Channel) -> bool| {
        let refusing: ChannelSet = channels.iter().filter(|&c| refuses(c)).collect();
        if !refusing.is_empty() {
            problems.push((code, refusing));
        }
    };
    if let OutgoingMessage::Text { text } = message {
        if is_blank(text) {
            return vec![(ProblemCode::TextEmpty, ChannelSet::EMPTY)];
        }
        refused(ProblemCode::TextTooLong, &|channel| !fits(text, channel));
    }
    if let Some(id) = message.media() {
        let medium = message.medium();
        let Some(facts) = media(id).filter(|facts| facts.medium == medium) else {
            return vec![(ProblemCode::MediaNotFound, ChannelSet::EMPTY)];
        };
        refused(ProblemCode::FileTypeNotSupported, &|channel| {
            facts
                .file_type
                .is_some_and(|file_type| !file_type.is_taken_by(channel))
        });
        refused(ProblemCode::MediaTooLarge, &|channel| {
            media_limit(medium, channel).is_some_and(|most| facts.bytes > most)
        });
    }
    if let Some(caption) = message.caption() {
        refused(ProblemCode::CaptionNotSupported, &|channel| {
            caption_limit(channel).is_none()
        });
        let length = filled_length(caption, TextUnit::Char);
        refused(ProblemCode::CaptionTooLong, &|channel| {
            caption_limit(channel).is_some_and(|most| length > most)
        });
    }
    problems
}

/// A draft of a broadcast, kept on the server while it is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Draft {
    /// Its id, made by the browser.
    pub id: DraftId,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The beginning of its first text; empty when it has none.
    pub title: String,
    /// Who is to get it.
    pub audience: Option<Audience>,
    /// What they get; may be incomplete.
    pub messages: Vec<OutgoingMessage>,
    /// The uploads that its messages use.
    pub media: Vec<Media>,
    /// What customers without a name are called.
    pub name_fallback: Option<String>,
    /// Where it was last changed.
    pub surface: Surface,
}

/// A draft in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DraftSummary {
    /// Its id.
    pub id: DraftId,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The beginning of its first text; empty when it has none.
    pub title: String,
    /// What its messages are, in their order.
    pub media: Vec<Medium>,
}

/// Keeps a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DraftEdit {
    /// The version that was changed; 0 for a new draft.
    pub base_version: u64,
    /// Who is to get it.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// What they get; may be incomplete.
    pub messages: Vec<OutgoingMessage>,
    /// What customers without a name are called.
    #[serde(default)]
    pub name_fallback: Option<String>,
    /// Where it is being written.
    #[serde(default)]
    pub surface: Surface,
}

impl DraftEdit {
    /// Refuses what no honest composer keeps. A draft may be incomplete, but not boundless.
    pub fn check(&self) -> Result<(), ProblemCode> {
        if self.messages.len() > MAX_MESSAGES {
            return Err(ProblemCode::TooManyMessages);
        }
        let too_long = |text: &str| text.chars().count() > MAX_DRAFT_TEXT;
        let mut texts = self.messages.iter().filter_map(|message| match message {
            OutgoingMessage::Text { text } => Some(text.as_str()),
            OutgoingMessage::Image { caption, .. }
            | OutgoingMessage::Video { caption, .. }
            | OutgoingMessage::File { caption, .. } => caption.as_deref(),
        });
        if texts.any(too_long) {
            return Err(ProblemCode::TextTooLong);
        }
        if self.name_fallback.as_deref().is_some_and(too_long) {
            return Err(ProblemCode::NameFallbackTooLong);
        }
        // An empty choice of customers is fine in a draft.
        match self.audience.as_ref().map_or(Ok(()), Audience::check) {
            Err(ProblemCode::AudienceEmpty) | Ok(()) => Ok(()),
            Err(code) => Err(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::FileType;

    const IMAGE: MediaId = MediaId(Uuid::from_u128(1));
    const VIDEO: MediaId = MediaId(Uuid::from_u128(2));
    const PDF: MediaId = MediaId(Uuid::from_u128(3));
    const WORD: MediaId = MediaId(Uuid::from_u128(4));
    const META: [Channel; 3] = [Channel::Facebook, Channel::Instagram, Channel::Whatsapp];

    fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }

    fn upload(medium: Medium, media: MediaId) -> OutgoingMessage {
        OutgoingMessage::of_upload(medium, media).expect("this medium is uploaded")
    }

    fn captioned(media: MediaId, caption: &str) -> OutgoingMessage {
        OutgoingMessage::Image {
            media,
            caption: Some(caption.to_owned()),
        }
    }

    #[track_caller]
    fn check(
        messages: &[OutgoingMessage],
        channels: &[Channel],
        expected: &[(Option<usize>, ProblemCode, &[Channel])],
    ) {
        let channels = channels.iter().copied().collect();
        check_on(Surface::Web, messages, channels, Some("貴賓"), expected);
    }

    /// What is known of the uploads of these tests.
    fn facts(id: MediaId) -> Option<MediaFacts> {
        let (medium, megabytes, file_type) = match id {
            IMAGE => (Medium::Image, 6, None),
            VIDEO => (Medium::Video, 20, None),
            PDF => (Medium::File, 26, Some(FileType::Pdf)),
            WORD => (Medium::File, 1, Some(FileType::Word)),
            _ => return None,
        };
        Some(MediaFacts {
            medium,
            bytes: megabytes << 20,
            file_type,
        })
    }

    #[track_caller]
    fn check_on(
        surface: Surface,
        messages: &[OutgoingMessage],
        channels: ChannelSet,
        name_fallback: Option<&str>,
        expected: &[(Option<usize>, ProblemCode, &[Channel])],
    ) {
        let found = check_messages(messages, channels, surface, facts, name_fallback);
        let expected: Vec<_> = expected
            .iter()
            .map(|&(message, code, channels)| DraftProblem {
                message,
                code,
                channels: channels.iter().copied().collect(),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn five_messages_are_enough_and_six_too_many() {
        check(&vec![text("好"); 5], &[Channel::Line], &[]);
        check(
            &vec![text("好"); 6],
            &[Channel::Line],
            &[(None, ProblemCode::TooManyMessages, &[])],
        );
    }

    #[test]
    fn there_must_be_a_message() {
        check(
            &[],
            &[Channel::Line],
            &[(None, ProblemCode::NoMessages, &[])],
        );
    }

    #[test]
    fn an_empty_text_is_named_by_its_place() {
        check(
            &[text("好"), text(" \n")],
            &[Channel::Line],
            &[(Some(1), ProblemCode::TextEmpty, &[])],
        );
    }

    #[test]
    fn a_text_too_long_names_the_channels_that_refuse_it() {
        let long = text(&"中".repeat(4_500));
        check(
            &[long],
            &Channel::ALL[..4],
            &[(Some(0), ProblemCode::TextTooLong, &META)],
        );
    }

    #[test]
    fn an_image_too_large_names_the_channels_that_refuse_it() {
        check(
            &[upload(Medium::Image, IMAGE)],
            &[Channel::Line, Channel::Whatsapp],
            &[(Some(0), ProblemCode::MediaTooLarge, &[Channel::Whatsapp])],
        );
    }

    #[test]
    fn an_image_that_was_never_uploaded_is_refused() {
        check(
            &[upload(Medium::Image, MediaId(Uuid::from_u128(9)))],
            &[Channel::Line],
            &[(Some(0), ProblemCode::MediaNotFound, &[])],
        );
    }

    #[test]
    fn an_upload_is_sent_as_what_it_is() {
        for (medium, media) in [
            (Medium::Video, IMAGE),
            (Medium::Image, VIDEO),
            (Medium::File, VIDEO),
            (Medium::Video, WORD),
        ] {
            check(
                &[upload(medium, media)],
                &[Channel::Facebook],
                &[(Some(0), ProblemCode::MediaNotFound, &[])],
            );
        }
    }

    #[test]
    fn a_video_for_instagram_is_refused_on_the_web_and_taken_in_the_app() {
        let video = [upload(Medium::Video, VIDEO)];
        let channels = ChannelSet::from_iter([Channel::Facebook, Channel::Instagram]);
        let refused = [(
            Some(0),
            ProblemCode::MediumNotSupported,
            &[Channel::Instagram][..],
        )];
        check_on(Surface::Web, &video, channels, None, &refused);
        check_on(Surface::App, &video, channels, None, &[]);
    }

    #[test]
    fn a_video_too_large_names_the_channels_that_refuse_it() {
        check(
            &[upload(Medium::Video, VIDEO)],
            &[Channel::Line, Channel::Facebook, Channel::Whatsapp],
            &[(Some(0), ProblemCode::MediaTooLarge, &[Channel::Whatsapp])],
        );
    }

    #[test]
    fn instagram_takes_no_file_but_a_pdf() {
        let instagram = ChannelSet::from_iter([Channel::Instagram]);
        check_on(
            Surface::App,
            &[upload(Medium::File, WORD)],
            instagram,
            None,
            &[(
                Some(0),
                ProblemCode::FileTypeNotSupported,
                &[Channel::Instagram],
            )],
        );
        check_on(
            Surface::App,
            &[upload(Medium::File, PDF)],
            instagram,
            None,
            &[(Some(0), ProblemCode::MediaTooLarge, &[Channel::Instagram])],
        );
    }

    #[test]
    fn a_file_is_never_sent_to_line() {
        for surface in [Surface::Web, Surface::App] {
            check_on(
                surface,
                &[upload(Medium::File, WORD)],
                ChannelSet::from_iter([Channel::Line, Channel::Whatsapp]),
                None,
                &[(Some(0), ProblemCode::MediumNotSupported, &[Channel::Line])],
            );
        }
    }

    #[test]
    fn a_caption_is_for_channels_that_have_them() {
        let refusing = [Channel::Line, Channel::Facebook];
        check(
            &[captioned(PDF, "好")],
            &[Channel::Whatsapp],
            &[(Some(0), ProblemCode::MediaNotFound, &[])],
        );
        let file = OutgoingMessage::File {
            media: WORD,
            caption: Some("型錄".to_owned()),
        };
        check(&[file], &[Channel::Whatsapp], &[]);
        let video = OutgoingMessage::Video {
            media: VIDEO,
            caption: Some("好".to_owned()),
        };
        check(
            &[video],
            &refusing,
            &[(Some(0), ProblemCode::CaptionNotSupported, &refusing)],
        );
    }

    #[test]
    fn a_caption_of_nothing_is_none() {
        let video = OutgoingMessage::Video {
            media: VIDEO,
            caption: Some(" \u{200b}".to_owned()),
        };
        assert_eq!(video.words(), None);
        check(&[video], &[Channel::Line], &[]);
    }

    #[test]
    fn a_caption_has_1024_characters_of_any_script() {
        let file = |caption: String| OutgoingMessage::File {
            media: WORD,
            caption: Some(caption),
        };
        for filler in ["a", "中", "🍂"] {
            check(&[file(filler.repeat(1_024))], &[Channel::Whatsapp], &[]);
            check(
                &[file(filler.repeat(1_025))],
                &[Channel::Whatsapp],
                &[(Some(0), ProblemCode::CaptionTooLong, &[Channel::Whatsapp])],
            );
        }
        let named = format!("{}{}", "中".repeat(984), crate::variable::CUSTOMER_NAME);
        check(&[file(named)], &[Channel::Whatsapp], &[]);
    }

    #[test]
    fn a_name_needs_a_word_for_those_without_one() {
        let named = [text("{{customer_name}}您好")];
        let line = ChannelSet::from_iter([Channel::Line]);
        for (fallback, expected) in [
            (Some("貴賓"), None),
            (None, Some(ProblemCode::NameFallbackMissing)),
            (Some(" "), Some(ProblemCode::NameFallbackMissing)),
        ] {
            let expected: Vec<_> = expected
                .map(|code| (None, code, &[][..]))
                .into_iter()
                .collect();
            check_on(Surface::Web, &named, line, fallback, &expected);
        }
        check_on(Surface::Web, &[text("您好")], line, None, &[]);
    }

    #[test]
    fn a_variable_counts_at_its_longest() {
        let named = |words: usize| text(&format!("{}{{{{customer_name}}}}", "a".repeat(words)));
        check(&[named(840)], &[Channel::Instagram], &[]);
        check(
            &[named(841)],
            &[Channel::Instagram],
            &[(Some(0), ProblemCode::TextTooLong, &[Channel::Instagram])],
        );
    }

    #[test]
    fn a_reply_on_the_web_chat_is_a_text_or_an_image() {
        let check = |message, channel, expected| {
            assert_eq!(
                check_reply(&message, channel, Surface::Web, facts, "怡君"),
                expected
            );
        };
        check(text("好"), Channel::Web, Ok(()));
        check(
            upload(Medium::Image, IMAGE),
            Channel::Web,
            Err(ProblemCode::MediaTooLarge),
        );
        check(
            upload(Medium::Video, VIDEO),
            Channel::Web,
            Err(ProblemCode::MediumNotSupported),
        );
        check(upload(Medium::Video, VIDEO), Channel::Line, Ok(()));
        check(
            upload(Medium::File, WORD),
            Channel::Line,
            Err(ProblemCode::MediumNotSupported),
        );
    }

    #[test]
    fn a_reply_that_uses_the_name_needs_a_name() {
        let named = text("{{customer_name}}您好");
        let check = |name| check_reply(&named, Channel::Line, Surface::Web, facts, name);
        assert_eq!(check("怡君"), Ok(()));
        assert_eq!(check("\u{200b}"), Err(ProblemCode::NameFallbackMissing));
    }

    #[test]
    fn a_draft_may_be_incomplete_but_not_boundless() {
        let edit = |messages| DraftEdit {
            messages,
            audience: Some(Audience::default()),
            ..DraftEdit::default()
        };
        assert_eq!(edit(vec![text("")]).check(), Ok(()));
        assert_eq!(edit(vec![text(&"中".repeat(10_000))]).check(), Ok(()));
        assert_eq!(
            edit(vec![text(&"中".repeat(10_001))]).check(),
            Err(ProblemCode::TextTooLong)
        );
        assert_eq!(
            edit(vec![captioned(IMAGE, &"中".repeat(10_001))]).check(),
            Err(ProblemCode::TextTooLong)
        );
        assert_eq!(
            edit(vec![text("好"); 6]).check(),
            Err(ProblemCode::TooManyMessages)
        );
    }

    #[test]
    fn messages_are_called_by_their_first_words() {
        let messages = [
            text(" "),
            captioned(IMAGE, "週年慶\n  開跑"),
            text("第二則"),
        ];
        assert_eq!(title(&messages), "週年慶 開跑");
        assert_eq!(title(&[upload(Medium::Image, IMAGE)]), "");
        assert_eq!(title(&[text(&"好".repeat(99))]).chars().count(), 60);
    }

    #[test]
    fn a_message_without_a_caption_is_written_without_one() {
        let written = serde_json::to_value(upload(Medium::Video, VIDEO)).unwrap();
        assert_eq!(
            written,
            serde_json::json!({ "type": "video", "media": VIDEO })
        );
        assert_eq!(
            serde_json::from_value::<OutgoingMessage>(written).unwrap(),
            upload(Medium::Video, VIDEO)
        );
    }

    #[test]
    fn nothing_goes_to_the_web_channel() {
        check(
            &[text("好")],
            &[Channel::Web],
            &[(Some(0), ProblemCode::MediumNotSupported, &[Channel::Web])],
        );
    }

    #[test]
    fn problems_name_the_field_of_the_request() {
        let problem = DraftProblem {
            message: Some(2),
            code: ProblemCode::TextEmpty,
            channels: ChannelSet::EMPTY,
        };
        assert_eq!(problem.field(), "messages[2]");
    }

    fn message() -> impl Strategy<Value = OutgoingMessage> {
        let media = || proptest::sample::select(vec![IMAGE, VIDEO, PDF, WORD]);
        let caption = || proptest::option::of("\\PC{1,20}");
        prop_oneof![
            "\\PC{0,1200}".prop_map(|text| OutgoingMessage::Text { text }),
            (media(), caption())
                .prop_map(|(media, caption)| OutgoingMessage::Image { media, caption }),
            (media(), caption())
                .prop_map(|(media, caption)| OutgoingMessage::Video { media, caption }),
            (media(), caption())
                .prop_map(|(media, caption)| OutgoingMessage::File { media, caption }),
        ]
    }

    proptest! {
        #[test]
        fn what_fits_every_channel_alone_fits_them_together(
            message in message(),
            surface in proptest::sample::select(vec![Surface::Web, Surface::App]),
            channels in proptest::sample::subsequence(Channel::ALL[..4].to_vec(), 1..=4),
        ) {
            let messages = [message];
            let is_fine = |set: ChannelSet| check_messages(&messages, set, surface, facts, Some("貴賓")).is_empty();
            let together = is_fine(channels.iter().copied().collect());
            let alone = channels.iter().all(|&channel| is_fine([channel].into_iter().collect()));
            prop_assert_eq!(together, alone);
        }

        #[test]
        fn a_problem_names_only_chosen_channels_and_only_those_that_refuse_alone(
            message in message(),
            channels in proptest::sample::subsequence(Channel::ALL[..4].to_vec(), 1..=4),
        ) {
            let messages = [message];
            let check = |set: ChannelSet| check_messages(&messages, set, Surface::Web, facts, Some("貴賓"));
            for problem in check(channels.iter().copied().collect()) {
                for channel in problem.channels.iter() {
                    prop_assert!(channels.contains(&channel));
                    let alone = check([channel].into_iter().collect());
                    prop_assert!(alone.iter().any(|other| other.code == problem.code));
                }
            }
        }
    }
}
