//! What is being written: up to five messages, and what is wrong with them.

use serde::{Deserialize, Serialize};

use crate::limit::{MAX_MESSAGES, image_limit};
use crate::text::{fits, is_blank};
use crate::{Channel, ChannelSet, MediaId, Medium, ProblemCode, Surface};

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
    },
}

impl OutgoingMessage {
    /// Which medium it is.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Text { .. } => Medium::Text,
            Self::Image { .. } => Medium::Image,
        }
    }
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
    /// The field in an answer of the server: `messages` or `messages[2]`.
    pub fn field(&self) -> String {
        self.message
            .map_or_else(|| "messages".to_owned(), |at| format!("messages[{at}]"))
    }
}

/// Everything that is wrong with `messages` for `channels`, in their order.
/// `image_bytes` tells the size of an uploaded image; none when there is no such image.
pub fn check_messages(
    messages: &[OutgoingMessage],
    channels: ChannelSet,
    surface: Surface,
    image_bytes: impl Fn(MediaId) -> Option<u64>,
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
        let problem = |code, channels| DraftProblem {
            message: Some(at),
            code,
            channels,
        };
        let refusing =
            |refuses: &dyn Fn(Channel) -> bool| channels.iter().filter(|&c| refuses(c)).collect();
        let unsupported = message.medium().hidden_by(surface, channels);
        if !unsupported.is_empty() {
            problems.push(problem(ProblemCode::MediumNotSupported, unsupported));
            continue;
        }
        match message {
            OutgoingMessage::Text { text } => {
                let too_long: ChannelSet = refusing(&|channel| !fits(text, channel));
                if is_blank(text) {
                    problems.push(problem(ProblemCode::TextEmpty, ChannelSet::EMPTY));
                } else if !too_long.is_empty() {
                    problems.push(problem(ProblemCode::TextTooLong, too_long));
                }
            }
            OutgoingMessage::Image { media } => match image_bytes(*media) {
                None => problems.push(problem(ProblemCode::MediaNotFound, ChannelSet::EMPTY)),
                Some(bytes) => {
                    let too_large: ChannelSet = refusing(&|channel| bytes > image_limit(channel));
                    if !too_large.is_empty() {
                        problems.push(problem(ProblemCode::ImageTooLarge, too_large));
                    }
                }
            },
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const IMAGE: MediaId = MediaId(Uuid::from_u128(1));

    fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }

    #[track_caller]
    fn check(
        messages: &[OutgoingMessage],
        channels: &[Channel],
        expected: &[(Option<usize>, ProblemCode, &[Channel])],
    ) {
        let channels = channels.iter().copied().collect();
        let found = check_messages(messages, channels, Surface::Web, |id| {
            (id == IMAGE).then_some(6 << 20)
        });
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
        let refusing = [Channel::Facebook, Channel::Instagram, Channel::Whatsapp];
        check(
            &[long],
            &Channel::ALL[..4],
            &[(Some(0), ProblemCode::TextTooLong, &refusing)],
        );
    }

    #[test]
    fn an_image_too_large_names_the_channels_that_refuse_it() {
        let image = OutgoingMessage::Image { media: IMAGE };
        check(
            &[image],
            &[Channel::Line, Channel::Whatsapp],
            &[(Some(0), ProblemCode::ImageTooLarge, &[Channel::Whatsapp])],
        );
    }

    #[test]
    fn an_image_that_was_never_uploaded_is_refused() {
        let image = OutgoingMessage::Image {
            media: MediaId(Uuid::from_u128(2)),
        };
        check(
            &[image],
            &[Channel::Line],
            &[(Some(0), ProblemCode::MediaNotFound, &[])],
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

    proptest! {
        #[test]
        fn what_fits_every_channel_alone_fits_them_together(
            body in "\\PC{0,1200}",
            channels in proptest::sample::subsequence(Channel::ALL[..4].to_vec(), 0..=4),
        ) {
            let messages = [text(&body)];
            let is_fine = |set: ChannelSet| check_messages(&messages, set, Surface::Web, |_| None).is_empty();
            let together = is_fine(channels.iter().copied().collect());
            let alone = channels.iter().all(|&channel| is_fine([channel].into_iter().collect()));
            prop_assert_eq!(together, alone && !is_blank(&body));
        }
    }
}
