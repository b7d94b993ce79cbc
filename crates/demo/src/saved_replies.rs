//! The demo's saved replies (預存回覆), one of each kind, made over HTTP by those who would.

use anyhow::Result;
use omocast_contract::api::{SavedReplyPage, path};
use omocast_contract::{
    MediaId, OutgoingMessage, Role, SavedReply, SavedReplyAudience, SavedReplyEdit, ShopId,
};

use crate::staff::Staff;

const COAT: &[u8] = include_bytes!("../assets/coat.jpg");
const STORE: &[u8] = include_bytes!("../assets/store.jpg");
const RUNWAY: &[u8] = include_bytes!("../assets/runway.mp4");
const RUNWAY_PREVIEW: &[u8] = include_bytes!("../assets/runway.jpg");
const AUTUMN: &[u8] = include_bytes!("../assets/autumn.pdf");

fn text(text: &str) -> OutgoingMessage {
    OutgoingMessage::Text {
        text: text.to_owned(),
    }
}

fn image(media: MediaId) -> OutgoingMessage {
    OutgoingMessage::Image {
        media,
        caption: None,
    }
}

fn reply(
    title: &str,
    category: &str,
    audience: SavedReplyAudience,
    messages: Vec<OutgoingMessage>,
) -> SavedReplyEdit {
    SavedReplyEdit {
        version: 0,
        title: title.to_owned(),
        category: category.to_owned(),
        audience,
        messages,
    }
}

/// Makes them, unless somebody has some already.
pub(crate) async fn fill(base: &str) -> Result<()> {
    let admin = Staff::sign_in(base, "admin@demo.test").await?;
    let page: SavedReplyPage = admin.get(path::SAVED_REPLIES).await?;
    if !page.rows.is_empty() {
        return Ok(());
    }
    let coat = admin.upload("coat.jpg", COAT, None).await?;
    let runway = admin
        .upload("runway.mp4", RUNWAY, Some(RUNWAY_PREVIEW))
        .await?;
    let autumn = admin.upload("autumn-2026.pdf", AUTUMN, None).await?;
    let sales_roles = SavedReplyAudience::Roles {
        roles: vec![Role::SalesManager, Role::SalesRep],
    };
    for edit in [
        reply(
            "到貨通知",
            "商品",
            SavedReplyAudience::Everyone,
            vec![
                text("{{customer_name}} 您好，您詢問的款式已經到店了 🎉"),
                text("歡迎來試穿，或先到官網看看：https://www.atelier.example/new"),
            ],
        ),
        reply(
            "秋季風衣",
            "商品",
            SavedReplyAudience::Everyone,
            vec![
                image(coat),
                text("秋季主打風衣，S 到 XL 都有現貨。https://www.atelier.example/coat"),
            ],
        ),
        reply(
            "走秀影片",
            "活動",
            sales_roles,
            vec![
                OutgoingMessage::Video {
                    media: runway,
                    caption: None,
                },
                text("這一季的走秀影片，搶先看 ✨"),
            ],
        ),
        reply(
            "秋季型錄（PDF）",
            "商品",
            SavedReplyAudience::Everyone,
            vec![
                text("這是秋季型錄，請參考："),
                OutgoingMessage::File {
                    media: autumn,
                    caption: None,
                },
            ],
        ),
        reply(
            "退換貨說明",
            "售後",
            SavedReplyAudience::Everyone,
            vec![text(
                "商品購買後 7 天內可憑發票至任一門市退換貨，請保持吊牌完整。",
            )],
        ),
    ] {
        let _: SavedReply = admin.post(path::SAVED_REPLIES, &edit).await?;
    }
    of_the_shop(base).await
}

/// What only one shop needs, and what somebody keeps to themselves.
async fn of_the_shop(base: &str) -> Result<()> {
    let manager = Staff::sign_in(base, "manager@demo.test").await?;
    let me: omocast_contract::api::Me = manager.get(path::SESSION).await?;
    let shops: Vec<ShopId> = me.shops.iter().map(|shop| shop.id).collect();
    let store = manager.upload("store.jpg", STORE, None).await?;
    let edit = reply(
        "信義門市資訊",
        "門市",
        SavedReplyAudience::Shops { shops },
        vec![
            image(store),
            text("信義門市每天 11:00–21:30 營業，捷運市政府站 3 號出口步行 5 分鐘。"),
        ],
    );
    let _: SavedReply = manager.post(path::SAVED_REPLIES, &edit).await?;
    let sales = Staff::sign_in(base, "sales@demo.test").await?;
    let edit = reply(
        "我的問候",
        "",
        SavedReplyAudience::OnlyMe,
        vec![text(
            "{{customer_name}} 您好，我是 ATELIER 的小美，有任何穿搭問題都可以問我 😊",
        )],
    );
    let _: SavedReply = sales.post(path::SAVED_REPLIES, &edit).await?;
    Ok(())
}
