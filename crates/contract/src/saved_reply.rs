//! Saved replies (預存回覆): messages kept for use again, and for whom.

use serde::{Deserialize, Serialize};

use crate::api::Media;
use crate::draft::OutgoingMessage;
use crate::limit::{MAX_MESSAGES, MAX_SAVED_REPLY_TEXT, MAX_TITLE};
use crate::text::{TextUnit, is_blank};
use crate::variable::filled_length;
use crate::{
    Channel, ChannelSet, DraftProblem, MediaFacts, MediaId, Medium, MemberId, ProblemCode, Role,
    SavedReplyId, ShopId, Surface, Timestamp,
};

/// Who may use a saved reply, or a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SavedReplyAudience {
    /// Everybody of the team.
    Everyone,
    /// Only who wrote it; hidden even from administrators.
    OnlyMe,
    /// Members of these roles.
    Roles {
        /// The roles.
        roles: Vec<Role>,
    },
    /// Members of these shops.
    Shops {
        /// The shops.
        shops: Vec<ShopId>,
    },
}

/// A saved reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedReply {
    /// Its id.
    pub id: SavedReplyId,
    /// Its name among staff; customers never see it.
    pub title: String,
    /// 類別; empty when it has none.
    pub category: String,
    /// Who may use it.
    pub audience: SavedReplyAudience,
    /// What it holds, one to five.
    pub messages: Vec<OutgoingMessage>,
    /// The uploads that its messages use.
    pub media: Vec<Media>,
    /// Who wrote it.
    pub author: MemberId,
    /// The author's name.
    pub author_name: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
    /// Whether the member who asks may change and delete it.
    pub can_edit: bool,
}

/// Creates or changes a saved reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SavedReplyEdit {
    /// The version that was changed; 0 for a new one.
    #[serde(default)]
    pub version: u64,
    /// Its name among staff.
    pub title: String,
    /// 類別; empty for none.
    #[serde(default)]
    pub category: String,
    /// Who may use it.
    pub audience: SavedReplyAudience,
    /// What it holds, one to five.
    pub messages: Vec<OutgoingMessage>,
}

/// The member who looks at saved replies.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// Who they are.
    pub member: MemberId,
    /// Their role.
    pub role: Role,
    /// The shops they work in.
    pub shops: &'a [ShopId],
}

impl Role {
    /// Whether the role keeps the team's saved replies: 管理員, 主管 and 行銷人員 offer them to anybody.
    pub fn keeps_saved_replies(self) -> bool {
        match self {
            Self::Admin | Self::Supervisor | Self::Marketing => true,
            Self::SupportManager | Self::SupportAgent | Self::SalesManager | Self::SalesRep => {
                false
            }
        }
    }
}

impl SavedReplyAudience {
    /// Whether a member sees a saved reply that `author` offers to these.
    /// What is not theirs is hidden, not greyed; those who keep the team's see all but what is private.
    pub fn is_visible_to(&self, author: MemberId, viewer: Viewer<'_>) -> bool {
        if author == viewer.member {
            return true;
        }
        match self {
            Self::Everyone => true,
            Self::OnlyMe => false,
            Self::Roles { roles } => {
                viewer.role.keeps_saved_replies() || roles.contains(&viewer.role)
            }
            Self::Shops { shops } => {
                viewer.role.keeps_saved_replies()
                    || shops.iter().any(|shop| viewer.shops.contains(shop))
            }
        }
    }

    /// Whether a member may change or delete a saved reply that `author` offers to these:
    /// one's own, and those of one's own shops; those who keep the team's change what they see.
    pub fn may_edit(&self, author: MemberId, viewer: Viewer<'_>) -> bool {
        if author == viewer.member {
            return true;
        }
        if viewer.role.keeps_saved_replies() {
            return self.is_visible_to(author, viewer);
        }
        matches!(self, Self::Shops { shops } if is_within(shops, viewer.shops))
    }

    /// Whether a member may offer a saved reply to these.
    /// Those who keep the team's may offer to anybody, others to themselves and to their own shops.
    pub fn may_be_offered_by(&self, viewer: Viewer<'_>) -> Result<(), ProblemCode> {
        let is_allowed = match self {
            Self::Roles { roles } if roles.is_empty() => {
                return Err(ProblemCode::SavedReplyForNobody);
            }
            Self::Shops { shops } if shops.is_empty() => {
                return Err(ProblemCode::SavedReplyForNobody);
            }
            Self::OnlyMe => true,
            Self::Everyone | Self::Roles { .. } => viewer.role.keeps_saved_replies(),
            Self::Shops { shops } => {
                viewer.role.keeps_saved_replies() || is_within(shops, viewer.shops)
            }
        };
        if is_allowed {
            Ok(())
        } else {
            Err(ProblemCode::SavedReplyAudienceNotAllowed)
        }
    }
}

fn is_within(shops: &[ShopId], own: &[ShopId]) -> bool {
    !shops.is_empty() && shops.iter().all(|shop| own.contains(shop))
}

/// What is wrong with a saved reply; title and category first, then its messages.
pub fn check_saved_reply(
    edit: &SavedReplyEdit,
    media: impl Fn(MediaId) -> Option<MediaFacts>,
) -> Vec<SavedReplyProblem> {
    let mut problems = Vec::new();
    let too_long = |text: &str| text.chars().count() > MAX_TITLE;
    if is_blank(&edit.title) {
        problems.push(SavedReplyProblem::Title(ProblemCode::TitleEmpty));
    } else if too_long(&edit.title) {
        problems.push(SavedReplyProblem::Title(ProblemCode::TitleTooLong));
    }
    if too_long(&edit.category) {
        problems.push(SavedReplyProblem::Category(ProblemCode::TitleTooLong));
    }
    let mut refuse = |message, code| {
        problems.push(SavedReplyProblem::Messages(DraftProblem {
            message,
            code,
            channels: ChannelSet::EMPTY,
        }));
    };
    if edit.messages.is_empty() {
        refuse(None, ProblemCode::NoMessages);
    }
    if edit.messages.len() > MAX_MESSAGES {
        refuse(None, ProblemCode::TooManyMessages);
    }
    for (at, message) in edit.messages.iter().enumerate() {
        if let OutgoingMessage::Text { text } = message {
            if is_blank(text) {
                refuse(Some(at), ProblemCode::TextEmpty);
            } else if filled_length(text, TextUnit::Char) > MAX_SAVED_REPLY_TEXT {
                refuse(Some(at), ProblemCode::TextTooLong);
            }
        }
        // It is used on any channel, and most have no captions.
        if message.caption().is_some() {
            refuse(Some(at), ProblemCode::CaptionNotSupported);
        }
        let is_known = |id| media(id).is_some_and(|facts| facts.medium == message.medium());
        if !message.media().is_none_or(is_known) {
            refuse(Some(at), ProblemCode::MediaNotFound);
        }
    }
    problems
}

/// What is wrong with a saved reply, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedReplyProblem {
    /// Its title.
    Title(ProblemCode),
    /// Its category.
    Category(ProblemCode),
    /// Its messages.
    Messages(DraftProblem),
}

impl SavedReplyProblem {
    /// What is wrong.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Title(code) | Self::Category(code) => *code,
            Self::Messages(problem) => problem.code,
        }
    }

    /// The field in an answer of the server.
    pub fn field(&self) -> String {
        match self {
            Self::Title(_) => "title".to_owned(),
            Self::Category(_) => "category".to_owned(),
            Self::Messages(problem) => problem.field(),
        }
    }
}

/// Why a saved reply can't be used, and because of which channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: ProblemCode,
    /// The chosen channels that refuse it; empty when it is too long.
    pub channels: ChannelSet,
}

/// Why a saved reply can't be put into a broadcast to `channels`, or into a reply on one channel.
///
/// With a file it goes to WhatsApp and Facebook alone, on either surface
/// (「目標渠道不支援發送含有檔案類型的預存回覆」); other media as the seed's tables say.
/// It unpacks into its messages, which must fit in the `free_slots` that are left.
pub fn saved_reply_refusal(
    messages: &[OutgoingMessage],
    channels: ChannelSet,
    surface: Surface,
    free_slots: usize,
) -> Option<Refusal> {
    let refusing = |refuses: &dyn Fn(Channel) -> bool| -> ChannelSet {
        channels.iter().filter(|&c| refuses(c)).collect()
    };
    let has_file = messages
        .iter()
        .any(|message| message.medium() == Medium::File);
    let no_files =
        refusing(&|channel| has_file && !matches!(channel, Channel::Facebook | Channel::Whatsapp));
    let unsupported = refusing(&|channel| {
        messages
            .iter()
            .map(OutgoingMessage::medium)
            .chain([Medium::SavedReply])
            .any(|medium| !medium.is_taken_in_replies(surface, channel))
    });
    let (code, channels) = if !no_files.is_empty() {
        (ProblemCode::SavedReplyHasFile, no_files)
    } else if !unsupported.is_empty() {
        (ProblemCode::MediumNotSupported, unsupported)
    } else if messages.len() > free_slots {
        (ProblemCode::SavedReplyTooLong, ChannelSet::EMPTY)
    } else {
        return None;
    };
    Some(Refusal { code, channels })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const ME: MemberId = MemberId(Uuid::from_u128(1));
    const OTHER: MemberId = MemberId(Uuid::from_u128(2));
    const MINE: ShopId = ShopId(Uuid::from_u128(3));
    const THEIRS: ShopId = ShopId(Uuid::from_u128(4));
    const MEDIA: MediaId = MediaId(Uuid::from_u128(5));

    fn viewer(role: Role) -> Viewer<'static> {
        Viewer {
            member: ME,
            role,
            shops: &[MINE],
        }
    }

    fn roles(roles: &[Role]) -> SavedReplyAudience {
        SavedReplyAudience::Roles {
            roles: roles.to_vec(),
        }
    }

    fn shops(shops: &[ShopId]) -> SavedReplyAudience {
        SavedReplyAudience::Shops {
            shops: shops.to_vec(),
        }
    }

    fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }

    fn upload(medium: Medium) -> OutgoingMessage {
        OutgoingMessage::of_upload(medium, MEDIA).expect("this medium is uploaded")
    }

    #[test]
    fn only_me_is_hidden_even_from_administrators() {
        for role in Role::ALL {
            let audience = SavedReplyAudience::OnlyMe;
            assert!(!audience.is_visible_to(OTHER, viewer(role)), "{role:?}");
            assert!(!audience.may_edit(OTHER, viewer(role)), "{role:?}");
            assert!(audience.is_visible_to(ME, viewer(role)), "{role:?}");
        }
    }

    #[test]
    fn a_saved_reply_is_seen_by_those_it_is_offered_to() {
        let sales = viewer(Role::SalesRep);
        assert!(SavedReplyAudience::Everyone.is_visible_to(OTHER, sales));
        assert!(roles(&[Role::SalesRep]).is_visible_to(OTHER, sales));
        assert!(!roles(&[Role::SalesManager]).is_visible_to(OTHER, sales));
        assert!(shops(&[THEIRS, MINE]).is_visible_to(OTHER, sales));
        assert!(!shops(&[THEIRS]).is_visible_to(OTHER, sales));
        assert!(shops(&[THEIRS]).is_visible_to(OTHER, viewer(Role::Admin)));
        assert!(shops(&[THEIRS]).is_visible_to(ME, sales));
    }

    #[test]
    fn sales_staff_offer_only_to_themselves_and_their_own_shops() {
        for role in [Role::SalesRep, Role::SalesManager] {
            let check = |audience: SavedReplyAudience| audience.may_be_offered_by(viewer(role));
            let refused = Err(ProblemCode::SavedReplyAudienceNotAllowed);
            assert_eq!(check(SavedReplyAudience::OnlyMe), Ok(()));
            assert_eq!(check(shops(&[MINE])), Ok(()));
            assert_eq!(check(shops(&[MINE, THEIRS])), refused);
            assert_eq!(check(SavedReplyAudience::Everyone), refused);
            assert_eq!(check(roles(&[role])), refused);
        }
    }

    #[test]
    fn those_who_keep_the_teams_offer_to_anybody_but_not_to_nobody() {
        for role in [Role::Admin, Role::Supervisor, Role::Marketing] {
            let check = |audience: SavedReplyAudience| audience.may_be_offered_by(viewer(role));
            assert_eq!(check(SavedReplyAudience::Everyone), Ok(()));
            assert_eq!(check(shops(&[THEIRS])), Ok(()));
            assert_eq!(check(roles(&[Role::SalesRep])), Ok(()));
            assert_eq!(check(roles(&[])), Err(ProblemCode::SavedReplyForNobody));
            assert_eq!(check(shops(&[])), Err(ProblemCode::SavedReplyForNobody));
        }
    }

    #[test]
    fn one_changes_ones_own_and_ones_shops() {
        let sales = viewer(Role::SalesRep);
        assert!(SavedReplyAudience::Everyone.may_edit(ME, sales));
        assert!(!SavedReplyAudience::Everyone.may_edit(OTHER, sales));
        assert!(shops(&[MINE]).may_edit(OTHER, sales));
        assert!(!shops(&[MINE, THEIRS]).may_edit(OTHER, sales));
        assert!(!roles(&[Role::SalesRep]).may_edit(OTHER, sales));
        assert!(roles(&[Role::SalesRep]).may_edit(OTHER, viewer(Role::Marketing)));
    }

    #[track_caller]
    fn check(edit: &SavedReplyEdit, expected: &[(&str, ProblemCode)]) {
        let facts = |id| {
            (id == MEDIA).then_some(MediaFacts {
                medium: Medium::Video,
                bytes: 1,
                file_type: None,
            })
        };
        let found = check_saved_reply(edit, facts);
        let found: Vec<_> = found
            .iter()
            .map(|problem| (problem.field(), problem.code()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|&(field, code)| (field.to_owned(), code))
            .collect();
        assert_eq!(found, expected);
    }

    fn edit(messages: Vec<OutgoingMessage>) -> SavedReplyEdit {
        SavedReplyEdit {
            version: 0,
            title: "營業時間".to_owned(),
            category: String::new(),
            audience: SavedReplyAudience::OnlyMe,
            messages,
        }
    }

    #[test]
    fn a_saved_reply_has_a_title_and_one_to_five_messages() {
        check(&edit(vec![text("好"); 5]), &[]);
        check(
            &edit(vec![text("好"); 6]),
            &[("messages", ProblemCode::TooManyMessages)],
        );
        check(&edit(vec![]), &[("messages", ProblemCode::NoMessages)]);
        let untitled = SavedReplyEdit {
            title: "\u{3000}".to_owned(),
            category: "類".repeat(61),
            ..edit(vec![text("好")])
        };
        check(
            &untitled,
            &[
                ("title", ProblemCode::TitleEmpty),
                ("category", ProblemCode::TitleTooLong),
            ],
        );
    }

    #[test]
    fn a_text_of_a_saved_reply_has_1000_characters_of_any_script() {
        for filler in ["a", "中", "🍂"] {
            check(&edit(vec![text(&filler.repeat(1_000))]), &[]);
            check(
                &edit(vec![text(&filler.repeat(1_001))]),
                &[("messages[0]", ProblemCode::TextTooLong)],
            );
        }
    }

    #[test]
    fn uploads_of_a_saved_reply_must_exist_and_have_no_caption() {
        check(&edit(vec![upload(Medium::Video)]), &[]);
        check(
            &edit(vec![text("好"), upload(Medium::Image)]),
            &[("messages[1]", ProblemCode::MediaNotFound)],
        );
        let captioned = OutgoingMessage::Video {
            media: MEDIA,
            caption: Some("好".to_owned()),
        };
        check(
            &edit(vec![captioned]),
            &[("messages[0]", ProblemCode::CaptionNotSupported)],
        );
    }

    #[track_caller]
    fn check_refusal(
        messages: &[OutgoingMessage],
        surface: Surface,
        channels: &[Channel],
        expected: Option<(ProblemCode, &[Channel])>,
    ) {
        let channels = channels.iter().copied().collect();
        let found = saved_reply_refusal(messages, channels, surface, 5);
        let expected = expected.map(|(code, channels)| Refusal {
            code,
            channels: channels.iter().copied().collect(),
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn with_a_file_it_goes_to_whatsapp_and_facebook_alone() {
        use Channel::{Facebook, Instagram, Line, Whatsapp};
        let messages = [text("型錄"), upload(Medium::File)];
        for surface in [Surface::Web, Surface::App] {
            check_refusal(&messages, surface, &[Facebook, Whatsapp], None);
            check_refusal(
                &messages,
                surface,
                &[Line, Facebook, Instagram, Whatsapp],
                Some((ProblemCode::SavedReplyHasFile, &[Line, Instagram])),
            );
        }
    }

    #[test]
    fn with_a_video_it_does_not_go_to_instagram_from_the_web() {
        let messages = [upload(Medium::Video)];
        let refused = Some((ProblemCode::MediumNotSupported, &[Channel::Instagram][..]));
        check_refusal(&messages, Surface::Web, &Channel::ALL[..4], refused);
        check_refusal(&messages, Surface::App, &Channel::ALL[..4], None);
    }

    #[test]
    fn it_must_fit_in_what_is_left() {
        let messages = [text("一"), text("二"), text("三")];
        let check = |free| saved_reply_refusal(&messages, ChannelSet::EMPTY, Surface::Web, free);
        assert_eq!(check(3), None);
        assert_eq!(
            check(2).map(|refusal| refusal.code),
            Some(ProblemCode::SavedReplyTooLong)
        );
    }

    fn audience() -> impl Strategy<Value = SavedReplyAudience> {
        prop_oneof![
            Just(SavedReplyAudience::Everyone),
            Just(SavedReplyAudience::OnlyMe),
            proptest::sample::subsequence(Role::ALL.to_vec(), 0..=7)
                .prop_map(|roles| SavedReplyAudience::Roles { roles }),
            proptest::sample::subsequence(vec![MINE, THEIRS], 0..=2)
                .prop_map(|shops| SavedReplyAudience::Shops { shops }),
        ]
    }

    proptest! {
        #[test]
        fn what_may_be_changed_is_seen(audience in audience(), role in proptest::sample::select(Role::ALL.to_vec()), mine in any::<bool>()) {
            let author = if mine { ME } else { OTHER };
            let viewer = viewer(role);
            prop_assert!(!audience.may_edit(author, viewer) || audience.is_visible_to(author, viewer));
        }

        #[test]
        fn what_was_offered_may_be_changed_by_who_offered_it(audience in audience(), role in proptest::sample::select(Role::ALL.to_vec())) {
            let viewer = viewer(role);
            prop_assert!(audience.may_be_offered_by(viewer).is_err() || audience.may_edit(ME, viewer));
        }
    }
}
