//! The channels on which a brand talks to its customers.

use serde::{Deserialize, Serialize};

/// Where a conversation takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A LINE official account.
    Line,
    /// A Facebook page (Messenger).
    Facebook,
    /// An Instagram professional account.
    Instagram,
    /// A number of a WhatsApp Business account.
    Whatsapp,
    /// The chat on the brand's own site (網頁渠道).
    Web,
}

impl Channel {
    /// Every channel, in the order of the seed's tables; the web last.
    pub const ALL: [Self; 5] = [
        Self::Line,
        Self::Facebook,
        Self::Instagram,
        Self::Whatsapp,
        Self::Web,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Facebook => "facebook",
            Self::Instagram => "instagram",
            Self::Whatsapp => "whatsapp",
            Self::Web => "web",
        }
    }

    /// Reads [`Channel::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }

    /// Whether customers of this channel may be recipients of a broadcast.
    /// 群發訊息 is for LINE, Facebook, Instagram and WhatsApp; 不支援網頁渠道 (the seed).
    pub fn takes_broadcasts(self) -> bool {
        match self {
            Self::Line | Self::Facebook | Self::Instagram | Self::Whatsapp => true,
            Self::Web => false,
        }
    }

    /// Whether the platform tells when a message reached the customer's device.
    pub fn tells_delivered(self) -> bool {
        match self {
            Self::Facebook | Self::Whatsapp => true,
            Self::Line | Self::Instagram | Self::Web => false,
        }
    }

    /// Whether the platform tells when a customer read a message.
    pub fn tells_read(self) -> bool {
        match self {
            Self::Facebook | Self::Instagram | Self::Whatsapp => true,
            Self::Line | Self::Web => false,
        }
    }
}

/// A set of channels; iterates in the order of [`Channel::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChannelSet(u8);

impl ChannelSet {
    /// The set of no channel.
    pub const EMPTY: Self = Self(0);

    /// Adds one channel.
    pub fn insert(&mut self, channel: Channel) {
        self.0 |= 1 << channel as u8;
    }

    /// Whether `channel` is in the set.
    pub fn contains(self, channel: Channel) -> bool {
        self.0 & (1 << channel as u8) != 0
    }

    /// Whether the set has no channel.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The channels of the set.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL
            .into_iter()
            .filter(move |&channel| self.contains(channel))
    }
}

impl FromIterator<Channel> for ChannelSet {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        let mut set = Self::EMPTY;
        channels.into_iter().for_each(|channel| set.insert(channel));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_channel_takes_no_broadcasts() {
        let taking: Vec<_> = Channel::ALL
            .into_iter()
            .filter(|c| c.takes_broadcasts())
            .collect();
        assert_eq!(
            taking,
            [
                Channel::Line,
                Channel::Facebook,
                Channel::Instagram,
                Channel::Whatsapp
            ]
        );
    }

    #[test]
    fn names_read_back() {
        for channel in Channel::ALL {
            assert_eq!(Channel::parse(channel.as_str()), Some(channel));
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
        }
        assert_eq!(Channel::parse("sms"), None);
    }

    #[test]
    fn line_tells_neither_delivered_nor_read() {
        assert!(!Channel::Line.tells_delivered() && !Channel::Line.tells_read());
        assert!(Channel::Whatsapp.tells_delivered() && Channel::Whatsapp.tells_read());
    }

    #[test]
    fn a_set_keeps_each_channel_once_and_in_order() {
        let set: ChannelSet = [Channel::Web, Channel::Line, Channel::Web]
            .into_iter()
            .collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Channel::Line, Channel::Web]
        );
        assert!(
            !set.contains(Channel::Whatsapp) && !set.is_empty() && ChannelSet::EMPTY.is_empty()
        );
    }
}
