//! Templates for stories and tests: one for each thing that a template may have.

use omocast_contract::template::text::{Sample, TemplateText};
use omocast_contract::template::{
    HeaderKind, ParameterFormat, TemplateButton, TemplateCard, TemplateHeader,
};
use omocast_contract::{
    SavedReplyAudience, Template, TemplateCategory, TemplateStatus, Timestamp, Waba, WabaId,
};

pub fn examples() -> Vec<Template> {
    let quick = |words: &str| TemplateButton::QuickReply {
        text: words.to_owned(),
    };
    let page = |words: &str| TemplateButton::Url {
        text: words.to_owned(),
        url: text("https://shop.example.com/{{1}}", &[("1", "autumn")]),
    };
    let card = |words: &str| TemplateCard {
        header: HeaderKind::Image,
        body: text(words, &[("1", "9 折")]),
        buttons: vec![page("看這件")],
    };
    let media = |kind| Some(TemplateHeader::Media { kind });
    vec![
        Template {
            header: media(HeaderKind::Image),
            footer: "回覆「取消訂閱」即不再收到優惠".to_owned(),
            buttons: vec![quick("我要預約"), page("看新品")],
            ..of(
                "autumn_preview",
                "秋季新品預覽",
                text(
                    "{{1}} 您好，*秋季新品* 已到店 🍂\n憑此訊息於 {{2}} 前到門市試穿，即享 _會員九折_。",
                    &[("1", "陳小姐"), ("2", "11/30")],
                ),
            )
        },
        Template {
            format: ParameterFormat::Named,
            header: Some(TemplateHeader::Text {
                text: text("訂單 {{order_id}}", &[("order_id", "A-20981")]),
            }),
            meta_category: TemplateCategory::Utility,
            ..of(
                "order_ready",
                "到店取貨通知",
                text(
                    "{{name}} 您好，您訂購的 *{{item}}* 已到店，請於七天內取貨。",
                    &[("name", "陳小姐"), ("item", "羊毛大衣")],
                ),
            )
        },
        Template {
            buttons: vec![quick("知道了"), quick("改期"), quick("取消"), quick("詢問")],
            ..of(
                "shop_closed_today",
                "門市公休通知",
                text(
                    "門市 *今日公休一天*，~明日~ 後天恢復營業。\n```公休：11/25```",
                    &[],
                ),
            )
        },
        Template {
            cards: vec![
                card("短版風衣，現在 {{1}}"),
                card("羊毛大衣，現在 {{1}}"),
                card("針織套裝，現在 {{1}}"),
            ],
            ..of(
                "autumn_lookbook",
                "秋季穿搭輪播",
                text("{{1}} 您好，為您挑了三套秋季穿搭。", &[("1", "陳小姐")]),
            )
        },
        Template {
            header: media(HeaderKind::Document),
            ..of(
                "autumn_catalogue",
                "",
                text("附上秋冬型錄，歡迎參考。", &[]),
            )
        },
        Template {
            header: media(HeaderKind::Video),
            ..of(
                "fitting_video",
                "試穿影片",
                text("{{1}} 您好，看看新款大衣怎麼穿。", &[("1", "陳小姐")]),
            )
        },
    ]
}

fn text(pattern: &str, samples: &[(&str, &str)]) -> TemplateText {
    let sample = |&(name, value): &(&str, &str)| Sample {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    TemplateText {
        pattern: pattern.to_owned(),
        samples: samples.iter().map(sample).collect(),
    }
}

fn of(name: &str, title: &str, body: TemplateText) -> Template {
    // UUIDs that differ as the names do.
    let number: u64 = name.bytes().map(u64::from).sum();
    Template {
        id: format!("0190b000-0000-7000-8000-{number:012x}")
            .parse()
            .expect("twelve hexadecimal digits end a UUID"),
        waba: Waba {
            id: WabaId("100000000000001".to_owned()),
            name: "ATELIER 台灣".to_owned(),
        },
        name: name.to_owned(),
        title: title.to_owned(),
        language: "zh_TW".to_owned(),
        meta_category: TemplateCategory::Marketing,
        status: TemplateStatus::Approved,
        format: ParameterFormat::Positional,
        header: None,
        body,
        footer: String::new(),
        buttons: Vec::new(),
        cards: Vec::new(),
        category: "行銷".to_owned(),
        audience: SavedReplyAudience::Everyone,
        updated_at: Timestamp(1_795_000_000_000),
    }
}
