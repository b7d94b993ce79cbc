//! The demo's WhatsApp templates (訊息範本): put into the stand-in as Meta would have approved them, read from there by
//! the product itself, and then filed as staff would.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use omocast_contract::api::{TemplateSync, TemplateSyncRequest, path};
use omocast_contract::{Role, SavedReplyAudience, WabaId};
use omocast_sandbox::{
    HeaderFormat, Notice, Sandbox, Template, TemplateButton, TemplateCard, TemplateCategory,
    TemplateStatus,
};
use omocast_server::app::App;
use omocast_server::store::templates::TemplateNotes;

use crate::staff::Staff;
use crate::team::{TEAM, WHATSAPP_HONG_KONG, WHATSAPP_TAIPEI};

const PATIENCE: Duration = Duration::from_secs(30);
const SAMPLE: &str = "https://www.atelier.example/sample.jpg";
const OPT_OUT: &str = "回覆「取消訂閱」就不會再收到";

/// A template with what staff say of it.
struct DemoTemplate {
    waba: &'static str,
    title: &'static str,
    category: &'static str,
    audience: SavedReplyAudience,
    template: Template,
}

fn taipei() -> &'static str {
    WHATSAPP_TAIPEI.waba_id.unwrap_or_default()
}

fn hong_kong() -> &'static str {
    WHATSAPP_HONG_KONG.waba_id.unwrap_or_default()
}

fn marketing(name: &str, language: &str) -> Template {
    Template::new(name, language, TemplateCategory::Marketing)
}

fn utility(name: &str, language: &str) -> Template {
    Template::new(name, language, TemplateCategory::Utility)
}

fn quick(text: &str) -> TemplateButton {
    TemplateButton::QuickReply {
        text: text.to_owned(),
    }
}

fn link(text: &str, url: &str, example: &str) -> TemplateButton {
    TemplateButton::Url {
        text: text.to_owned(),
        url: url.to_owned(),
        example: Some(vec![example.to_owned()]),
    }
}

fn of(
    waba: &'static str,
    title: &'static str,
    category: &'static str,
    template: Template,
) -> DemoTemplate {
    DemoTemplate {
        waba,
        title,
        category,
        audience: SavedReplyAudience::Everyone,
        template,
    }
}

fn card(body: &str, product: &str) -> TemplateCard {
    let button = link(
        "看這件",
        "https://www.atelier.example/p/{{1}}",
        &format!("https://www.atelier.example/p/{product}"),
    );
    TemplateCard::new(
        HeaderFormat::Image,
        SAMPLE,
        body,
        &["NT$3,980"],
        vec![button],
    )
}

fn templates() -> Vec<DemoTemplate> {
    let mut all = of_taipei();
    all.extend(waiting_or_stopped());
    all.extend(of_hong_kong());
    all
}

fn of_taipei() -> Vec<DemoTemplate> {
    let order = |language, header: &str, body: &str, samples: [&str; 4]| {
        utility("order_arrived", language)
            .with_header(header, &["信義門市"])
            .with_body(body, &samples)
            .with_footer("ATELIER")
    };
    let managers = SavedReplyAudience::Roles {
        roles: vec![Role::SalesManager],
    };
    vec![
        of(
            taipei(),
            "週年慶開跑",
            "活動",
            marketing("anniversary_sale", "zh_TW")
                .with_body(
                    "*ATELIER 週年慶開跑了* 🎉\n11/28 到 12/7，全館 85 折，會員再享 95 折。\n歡迎到門市逛逛，我們備了熱茶等您。",
                    &[],
                )
                .with_footer(OPT_OUT),
        ),
        of(
            taipei(),
            "試穿預約提醒",
            "服務",
            utility("fitting_reminder", "zh_TW")
                .with_body(
                    "親愛的 {{1}} 您好，提醒您 {{2}} 在 {{3}} 的試穿預約，我們已經把您要的款式準備好了。",
                    &["陳怡君", "週六下午三點", "信義門市"],
                )
                .with_buttons(vec![quick("準時到"), quick("想改時間")]),
        ),
        of(
            taipei(),
            "訂單到店",
            "服務",
            order(
                "zh_TW",
                "{{shop}} 取貨通知",
                "親愛的 {{customer}} 您好，您訂購的 {{item}} 已經到店，訂單編號是 {{order_id}}。請在 {{deadline}} 以前帶證件來取貨。",
                ["陳怡君", "秋季風衣", "A20261125", "12 月 5 日"],
            ),
        ),
        of(
            taipei(),
            "訂單到店（英文）",
            "服務",
            order(
                "en",
                "Ready at {{shop}}",
                "Dear {{customer}}, your {{item}} has arrived. The order number is {{order_id}}. Please pick it up by {{deadline}} with an ID.",
                ["Amy Chang", "trench coat", "A20261125", "5 December"],
            ),
        ),
        of(
            taipei(),
            "秋季新品上市",
            "新品",
            marketing("autumn_arrivals", "zh_TW")
                .with_media_header(HeaderFormat::Image, SAMPLE)
                .with_body(
                    "親愛的 {{1}} 您好，秋季風衣到店了，這次有三個新顏色。這週末來試穿，尺寸先為您留著。",
                    &["陳怡君"],
                )
                .with_footer(OPT_OUT)
                .with_buttons(vec![quick("幫我留尺寸"), quick("取消訂閱")]),
        ),
        of(
            taipei(),
            "秋季新品上市（英文）",
            "新品",
            marketing("autumn_arrivals", "en")
                .with_media_header(HeaderFormat::Image, SAMPLE)
                .with_body(
                    "Dear {{1}}, our autumn trench coats are here, in three new colours. Come and try one this weekend.",
                    &["Amy Chang"],
                )
                .with_footer("Reply \"unsubscribe\" to stop")
                .with_buttons(vec![quick("Save my size"), quick("Unsubscribe")]),
        ),
        of(
            taipei(),
            "秋季型錄（PDF）",
            "新品",
            marketing("autumn_catalog", "zh_TW")
                .with_media_header(HeaderFormat::Document, SAMPLE)
                .with_body(
                    "這是 ATELIER 2026 秋季型錄，看到喜歡的款式，直接回覆編號就可以幫您調貨。",
                    &[],
                )
                .with_footer(OPT_OUT),
        ),
        of(
            taipei(),
            "專屬優惠連結",
            "活動",
            marketing("personal_offer", "zh_TW")
                .with_body(
                    "親愛的 {{1}} 您好，謝謝您一直以來的支持。這是您的專屬優惠，{{2}} 以前在官網或門市都能使用。",
                    &["陳怡君", "12 月 31 日"],
                )
                .with_footer(OPT_OUT)
                .with_buttons(vec![
                    quick("我要預約門市"),
                    quick("取消訂閱"),
                    link(
                        "領取優惠",
                        "https://www.atelier.example/offer/{{1}}",
                        "https://www.atelier.example/offer/vip2026",
                    ),
                ]),
        ),
        of(
            taipei(),
            "本週穿搭（輪播）",
            "新品",
            marketing("weekly_looks", "zh_TW")
                .with_body("這週為您挑了三套 {{1}} 穿搭，點開看細節。", &["通勤"])
                .with_cards(vec![
                    card("經典風衣，現在 {{1}} 起。", "trench"),
                    card("羊毛針織，現在 {{1}} 起。", "knit"),
                    card("格紋圍巾，現在 {{1}} 起。", "scarf"),
                ]),
        ),
        DemoTemplate {
            audience: managers,
            ..of(
                taipei(),
                "VIP 預覽會（經理專用）",
                "活動",
                marketing("vip_preview", "zh_TW")
                    .with_body(
                        "親愛的 {{1}} 您好，下一季的預覽會只邀請 VIP，期待在 {{2}} 見到您。",
                        &["陳怡君", "12 月 12 日"],
                    )
                    .with_footer(OPT_OUT),
            )
        },
    ]
}

/// Not to be sent, as it happens.
fn waiting_or_stopped() -> Vec<DemoTemplate> {
    let birthday = marketing("birthday_gift", "zh_TW")
        .with_body("親愛的 {{1}} 生日快樂，本月到店就送生日禮。", &["陳怡君"])
        .with_status(TemplateStatus::Pending);
    let flash = marketing("flash_sale", "zh_TW")
        .with_body("只有今天，風衣全面 7 折，晚上九點結束。", &[])
        .with_status(TemplateStatus::Paused);
    let lottery = Template {
        rejected_reason: Some("PROMOTIONAL".to_owned()),
        ..utility("lottery", "zh_TW")
            .with_body("恭喜您獲得抽獎資格，回覆就能參加。", &[])
            .with_status(TemplateStatus::Rejected)
    };
    vec![
        of(taipei(), "生日禮", "活動", birthday),
        of(taipei(), "限時特賣", "活動", flash),
        of(taipei(), "抽獎通知", "活動", lottery),
    ]
}

fn of_hong_kong() -> Vec<DemoTemplate> {
    vec![
        of(
            hong_kong(),
            "尖沙咀新店開幕",
            "活動",
            marketing("tst_opening", "zh_TW")
                .with_body(
                    "ATELIER 尖沙咀店開幕了，首週到店即送手工布袋一個，送完即止。",
                    &[],
                )
                .with_footer(OPT_OUT),
        ),
        of(
            hong_kong(),
            "新貨到店",
            "新品",
            marketing("new_stock", "zh_TW")
                .with_body(
                    "親愛的 {{1}} 你好，你想要的 {{2}} 到貨了，為你留到星期日。",
                    &["Sophie Chan", "米色風衣"],
                )
                .with_buttons(vec![quick("留給我"), quick("不用了")]),
        ),
        of(
            hong_kong(),
            "送貨通知（英文）",
            "服務",
            utility("on_its_way", "en").with_body(
                "Dear {{customer}}, your order {{order_id}} is on its way and will arrive on {{day}}.",
                &["Sophie Chan", "H20261125", "Friday"],
            ),
        ),
    ]
}

/// Puts the templates into the stand-in, those that are not there yet. The webhooks get lost: nobody listens so early.
pub(crate) fn put(sandbox: &Sandbox) -> Result<()> {
    for DemoTemplate { waba, template, .. } in templates() {
        let known = sandbox.template(waba, &template.name, &template.language);
        if known.is_err() {
            sandbox.set_template(waba, template, Notice::Lost)?;
        }
    }
    Ok(())
}

/// Files them, once the product has read them.
pub(crate) async fn file(app: &App, staff: &Staff) -> Result<()> {
    let found = app.store.find_team_by_name(TEAM.name).await?;
    let team = found.context("the demo team is gone")?;
    let started = Instant::now();
    for demo in templates() {
        let waba = WabaId(demo.waba.to_owned());
        let Template { name, language, .. } = &demo.template;
        let notes = TemplateNotes {
            title: demo.title.to_owned(),
            category: demo.category.to_owned(),
            audience: demo.audience,
        };
        while !app
            .store
            .note_template(team, &waba, name, language, &notes)
            .await?
        {
            let waba = waba.clone();
            let asked = TemplateSyncRequest { waba };
            let sync: TemplateSync = staff.post(path::TEMPLATES_SYNC, &asked).await?;
            ensure!(
                started.elapsed() < PATIENCE,
                "the template {name} was not read: {sync:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use omocast_sandbox::{Receipts, SandboxConfig};

    use super::*;

    /// The stand-in refuses what Meta would not have approved.
    #[tokio::test]
    async fn the_stand_in_takes_every_template() {
        let accounts = crate::seed::stand_ins();
        let sandbox = Sandbox::new(SandboxConfig {
            state: None,
            accounts,
            receipts: Receipts::default(),
        });
        let sandbox = sandbox.await.unwrap();
        put(&sandbox).unwrap();
        for demo in templates() {
            let Template { name, language, .. } = &demo.template;
            let found = sandbox.template(demo.waba, name, language).unwrap();
            assert_eq!(found.components, demo.template.components);
        }
    }
}
