//! The seed's two tables: which medium each channel takes, on the web and in the app.

use serde::{Deserialize, Serialize};

use crate::{Channel, ChannelSet};

/// Which version of omocast is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// WEB 網頁版: a desk.
    #[default]
    Web,
    /// APP 版: a phone.
    App,
}

/// A kind of content of a message, a row of the seed's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Plain text; every channel takes it.
    Text,
    /// The emoji button beside the text.
    Emoji,
    /// 圖片.
    Image,
    /// 影片.
    Video,
    /// 檔案.
    File,
    /// 預存回覆.
    SavedReply,
}

impl Medium {
    /// Every medium, in the order of the seed's tables.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Emoji,
        Self::Image,
        Self::Video,
        Self::File,
        Self::SavedReply,
    ];

    /// Whether broadcasts to `channel` may hold this medium when made on `surface`.
    pub fn is_supported(self, surface: Surface, channel: Channel) -> bool {
        use Channel::{Facebook, Instagram, Line, Web, Whatsapp};
        match (surface, self, channel) {
            (_, _, Web) => false,
            (
                _,
                Self::Text | Self::Image | Self::SavedReply,
                Line | Facebook | Instagram | Whatsapp,
            ) => true,
            (Surface::Web, Self::Emoji, Line | Facebook | Instagram | Whatsapp) => true,
            (Surface::App, Self::Emoji, Line | Facebook | Instagram | Whatsapp) => false,
            (_, Self::Video, Line | Facebook | Whatsapp) => true,
            (Surface::Web, Self::Video, Instagram) => false,
            (Surface::App, Self::Video, Instagram) => true,
            (_, Self::File, Line) => false,
            (_, Self::File, Facebook | Whatsapp) => true,
            (Surface::Web, Self::File, Instagram) => false,
            (Surface::App, Self::File, Instagram) => true,
        }
    }

    /// The chosen channels because of which this medium is not offered; empty if it is.
    /// A medium is offered only if every chosen channel has it.
    pub fn hidden_by(self, surface: Surface, channels: ChannelSet) -> ChannelSet {
        channels
            .iter()
            .filter(|&channel| !self.is_supported(surface, channel))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Columns: LINE, Facebook, Instagram, WhatsApp.
    #[track_caller]
    fn check(surface: Surface, medium: Medium, row: [bool; 4]) {
        for (channel, expected) in Channel::ALL.into_iter().zip(row) {
            assert_eq!(
                medium.is_supported(surface, channel),
                expected,
                "{surface:?} {medium:?} {channel:?}"
            );
        }
        assert!(!medium.is_supported(surface, Channel::Web));
    }

    #[test]
    fn the_web_table_of_the_seed() {
        check(Surface::Web, Medium::Emoji, [true, true, true, true]);
        check(Surface::Web, Medium::Image, [true, true, true, true]);
        check(Surface::Web, Medium::Video, [true, true, false, true]);
        check(Surface::Web, Medium::File, [false, true, false, true]);
        check(Surface::Web, Medium::SavedReply, [true, true, true, true]);
        check(Surface::Web, Medium::Text, [true, true, true, true]);
    }

    #[test]
    fn the_app_table_of_the_seed() {
        check(Surface::App, Medium::Image, [true, true, true, true]);
        check(Surface::App, Medium::Video, [true, true, true, true]);
        check(Surface::App, Medium::File, [false, true, true, true]);
        check(Surface::App, Medium::SavedReply, [true, true, true, true]);
        check(Surface::App, Medium::Text, [true, true, true, true]);
    }

    #[test]
    fn the_app_offers_no_emoji_button() {
        check(Surface::App, Medium::Emoji, [false, false, false, false]);
    }

    fn channels() -> impl Strategy<Value = ChannelSet> {
        proptest::sample::subsequence(Channel::ALL.to_vec(), 0..=5)
            .prop_map(|list| list.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_medium_is_hidden_exactly_by_the_channels_that_lack_it(
            channels in channels(),
            medium in proptest::sample::select(Medium::ALL.to_vec()),
            surface in proptest::sample::select(vec![Surface::Web, Surface::App]),
        ) {
            let hidden_by = medium.hidden_by(surface, channels);
            for channel in Channel::ALL {
                let lacks = channels.contains(channel) && !medium.is_supported(surface, channel);
                prop_assert_eq!(hidden_by.contains(channel), lacks);
            }
        }

        #[test]
        fn choosing_one_more_channel_never_offers_more(
            channels in channels(),
            extra in proptest::sample::select(Channel::ALL.to_vec()),
            medium in proptest::sample::select(Medium::ALL.to_vec()),
        ) {
            let wider: ChannelSet = channels.iter().chain([extra]).collect();
            let was_hidden = !medium.hidden_by(Surface::Web, channels).is_empty();
            let is_hidden = !medium.hidden_by(Surface::Web, wider).is_empty();
            prop_assert!(!was_hidden || is_hidden);
        }
    }
}
