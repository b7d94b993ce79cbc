//! Saved replies (預存回覆): those that apply to the member.

use omocast_contract::api::{SavedReplyPage, SavedReplyQuery};
use omocast_contract::saved_reply::{Viewer, check_saved_reply};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    OutgoingMessage, Problem, ProblemCode, Role, SavedReply, SavedReplyAudience, SavedReplyEdit,
    SavedReplyId, ShopId, Timestamp,
};

use super::backend::{Answer, Backend, MEMBERS, refuse, sentinel};
use super::demo_data as demo;

const PAGE: usize = 20;

fn text(text: &str) -> OutgoingMessage {
    OutgoingMessage::Text {
        text: text.to_owned(),
    }
}

fn image() -> OutgoingMessage {
    OutgoingMessage::Image {
        media: demo::media_id(1),
        caption: None,
    }
}

impl Backend {
    pub(super) fn make_saved_replies(&mut self) {
        let first_shop = || SavedReplyAudience::Shops {
            shops: vec![demo::shop_id(0)],
        };
        let samples = [
            (
                "秋季新品",
                "行銷",
                1,
                SavedReplyAudience::Everyone,
                vec![
                    text("{{customer_name}} 您好，秋季新品已到店 🍂"),
                    image(),
                    text("線上型錄：https://shop.example.com/autumn"),
                ],
            ),
            (
                "秋冬型錄",
                "行銷",
                1,
                SavedReplyAudience::Everyone,
                vec![
                    text("附上秋冬型錄，歡迎參考。"),
                    OutgoingMessage::File {
                        media: demo::media_id(3),
                        caption: None,
                    },
                ],
            ),
            (
                "試穿影片",
                "行銷",
                2,
                SavedReplyAudience::Roles {
                    roles: vec![Role::SalesManager, Role::SalesRep],
                },
                vec![OutgoingMessage::Video {
                    media: demo::media_id(2),
                    caption: None,
                }],
            ),
            (
                "門市營業時間",
                "門市資訊",
                0,
                first_shop(),
                vec![text("信義門市營業時間為每日 11:00 至 21:30。")],
            ),
            (
                "保留商品",
                "門市資訊",
                3,
                first_shop(),
                vec![text("已為您保留到週日晚上 9 點，期待您的光臨！")],
            ),
            (
                "我的自我介紹",
                "",
                0,
                SavedReplyAudience::OnlyMe,
                vec![text("您好，我是信義門市的佩珊，有任何需要都可以直接找我。")],
            ),
            (
                "五則歡迎訊息",
                "行銷",
                1,
                SavedReplyAudience::Everyone,
                vec![
                    text("歡迎加入 ATELIER！"),
                    text("這裡可以詢問商品、庫存與保養。"),
                    text("也可以預約試穿。"),
                    text("會員享九折。"),
                    text("期待與您見面。"),
                ],
            ),
        ];
        for (at, (title, category, author, audience, messages)) in samples.into_iter().enumerate() {
            let saved = SavedReply {
                id: demo::saved_reply_id(self.next_saved_reply),
                title: title.to_owned(),
                category: category.to_owned(),
                audience,
                media: self.media_of(&messages),
                messages,
                author: demo::member_id(author),
                author_name: MEMBERS[author as usize].to_owned(),
                updated_at: self.started_at.plus(-(at as i64 + 1) * 20 * HOUR),
                version: 1,
                can_edit: false,
            };
            self.next_saved_reply += 1;
            self.saved_replies.push(saved);
        }
    }

    fn shop_ids(&self) -> Vec<ShopId> {
        self.shops().into_iter().map(|shop| shop.id).collect()
    }

    /// A saved reply as the member sees it; none when it is not for their eyes.
    fn seen(&self, saved: &SavedReply) -> Option<SavedReply> {
        let shops = self.shop_ids();
        let viewer = Viewer {
            member: self.me(),
            role: self.options.role,
            shops: &shops,
        };
        saved
            .audience
            .is_visible_to(saved.author, viewer)
            .then(|| SavedReply {
                can_edit: saved.audience.may_edit(saved.author, viewer),
                ..saved.clone()
            })
    }

    pub(super) fn list_saved_replies(&self, query: &SavedReplyQuery) -> Answer<SavedReplyPage> {
        self.signed_in()?;
        sentinel(&query.search)?;
        let all: Vec<SavedReply> = self
            .saved_replies
            .iter()
            .filter_map(|saved| self.seen(saved))
            .collect();
        let mut categories: Vec<String> = all.iter().map(|saved| saved.category.clone()).collect();
        categories.retain(|category| !category.is_empty());
        categories.sort();
        categories.dedup();
        let wanted = query.search.to_lowercase();
        let says = |saved: &SavedReply| {
            let mut texts = saved.messages.iter().filter_map(OutgoingMessage::words);
            saved.title.to_lowercase().contains(&wanted)
                || texts.any(|text| text.to_lowercase().contains(&wanted))
        };
        let start = query
            .after
            .as_deref()
            .and_then(|after| after.parse().ok())
            .unwrap_or(0);
        let mut rows: Vec<SavedReply> = all
            .into_iter()
            .filter(says)
            .filter(|saved| {
                query
                    .category
                    .as_ref()
                    .is_none_or(|category| *category == saved.category)
            })
            .skip(start)
            .take(PAGE + 1)
            .collect();
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        Ok(SavedReplyPage {
            rows,
            next: has_more.then(|| (start + PAGE).to_string()),
            categories,
        })
    }

    fn check(&self, edit: &SavedReplyEdit) -> Answer<()> {
        sentinel(&edit.title)?;
        let shops = self.shop_ids();
        let viewer = Viewer {
            member: self.me(),
            role: self.options.role,
            shops: &shops,
        };
        edit.audience
            .may_be_offered_by(viewer)
            .map_err(|code| Problem::new(code).at("audience"))?;
        let facts = |id| self.find_media(id).map(|media| media.facts());
        match check_saved_reply(edit, facts).first() {
            Some(problem) => Err(Problem::new(problem.code()).at(problem.field())),
            None => Ok(()),
        }
    }

    pub(super) fn create_saved_reply(
        &mut self,
        edit: SavedReplyEdit,
        now: Timestamp,
    ) -> Answer<SavedReply> {
        self.signed_in()?;
        self.check(&edit)?;
        let saved = SavedReply {
            id: demo::saved_reply_id(self.next_saved_reply),
            title: edit.title,
            category: edit.category,
            audience: edit.audience,
            media: self.media_of(&edit.messages),
            messages: edit.messages,
            author: self.me(),
            author_name: MEMBERS[0].to_owned(),
            updated_at: now,
            version: 1,
            can_edit: true,
        };
        self.next_saved_reply += 1;
        self.saved_replies.insert(0, saved.clone());
        Ok(saved)
    }

    pub(super) fn find_saved_reply(&self, id: SavedReplyId) -> Answer<SavedReply> {
        self.signed_in()?;
        let found = self.saved_replies.iter().find(|saved| saved.id == id);
        match found.and_then(|saved| self.seen(saved)) {
            Some(saved) => Ok(saved),
            None => refuse(ProblemCode::NotFound),
        }
    }

    /// Where a saved reply is that the member may change.
    fn place_of(&self, id: SavedReplyId) -> Answer<usize> {
        let is_editable = self.find_saved_reply(id)?.can_edit;
        let place = self.saved_replies.iter().position(|saved| saved.id == id);
        match place.filter(|_| is_editable) {
            Some(at) => Ok(at),
            None => refuse(ProblemCode::NotFound),
        }
    }

    pub(super) fn update_saved_reply(
        &mut self,
        id: SavedReplyId,
        edit: SavedReplyEdit,
        now: Timestamp,
    ) -> Answer<SavedReply> {
        let at = self.place_of(id)?;
        self.check(&edit)?;
        if self.saved_replies[at].version != edit.version {
            return refuse(ProblemCode::SavedReplyChanged);
        }
        let media = self.media_of(&edit.messages);
        let mut saved = self.saved_replies.remove(at);
        saved.title = edit.title;
        saved.category = edit.category;
        saved.audience = edit.audience;
        saved.messages = edit.messages;
        saved.media = media;
        saved.updated_at = now;
        saved.version += 1;
        saved.can_edit = true;
        self.saved_replies.insert(0, saved.clone());
        Ok(saved)
    }

    pub(super) fn delete_saved_reply(&mut self, id: SavedReplyId) -> Answer<()> {
        let at = self.place_of(id)?;
        self.saved_replies.remove(at);
        Ok(())
    }

    /// Somebody else changes one or deletes it while it is being looked at.
    pub(super) fn meddle_with_saved_reply(&mut self, title: &str, is_deleted: bool) {
        if is_deleted {
            self.saved_replies.retain(|saved| saved.title != title);
        } else if let Some(saved) = self
            .saved_replies
            .iter_mut()
            .find(|saved| saved.title == title)
        {
            saved.version += 1;
            saved.messages = vec![text("別人改過的內容")];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fake::options::FakeOptions;
    use crate::api::fake::tests::{NOW, backend};

    fn edit(title: &str, version: u64) -> SavedReplyEdit {
        SavedReplyEdit {
            version,
            title: title.to_owned(),
            category: String::new(),
            audience: SavedReplyAudience::OnlyMe,
            messages: vec![text("好")],
        }
    }

    #[test]
    fn what_is_private_is_not_seen_by_others() {
        let titles = |role| {
            let options = FakeOptions {
                role,
                ..FakeOptions::default()
            };
            let mut backend = Backend::new(options, NOW);
            // The one who is signed in wrote it: let somebody else have written it.
            for saved in &mut backend.saved_replies {
                saved.author = demo::member_id(2);
            }
            let page = backend.list_saved_replies(&SavedReplyQuery::default());
            let page = page.unwrap().rows.into_iter();
            page.map(|saved| saved.title).collect::<Vec<_>>()
        };
        let private = "我的自我介紹".to_owned();
        assert!(!titles(Role::Admin).contains(&private));
        assert!(!titles(Role::SalesRep).contains(&private));
    }

    #[test]
    fn a_change_of_an_older_version_is_refused() {
        let mut backend = backend();
        let saved = backend.create_saved_reply(edit("a", 0), NOW).unwrap();
        let changed = backend.update_saved_reply(saved.id, edit("b", 1), NOW);
        assert_eq!(changed.unwrap().version, 2);
        let late = backend.update_saved_reply(saved.id, edit("c", 1), NOW);
        assert_eq!(late.unwrap_err().code, ProblemCode::SavedReplyChanged);
        backend.delete_saved_reply(saved.id).unwrap();
        let gone = backend.update_saved_reply(saved.id, edit("c", 2), NOW);
        assert_eq!(gone.unwrap_err().code, ProblemCode::NotFound);
    }

    #[test]
    fn a_search_looks_into_titles_and_texts() {
        let query = SavedReplyQuery {
            search: "21:30".to_owned(),
            ..SavedReplyQuery::default()
        };
        let page = backend().list_saved_replies(&query).unwrap();
        assert_eq!((page.rows.len(), page.categories.len()), (1, 2));
        assert_eq!(page.rows[0].title, "門市營業時間");
    }
}
