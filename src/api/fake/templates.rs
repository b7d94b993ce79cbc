//! The templates (訊息範本) of the demo team's two WhatsApp Business accounts.

use omocast_contract::api::{TemplatePage, TemplateQuery, TemplateSync, TemplateSyncRequest};
use omocast_contract::template::fill::{check_fill, fill};
use omocast_contract::template::text::{Sample, TemplateText};
use omocast_contract::template::{
    HeaderKind, ParameterFormat, TemplateButton, TemplateCard, TemplateHeader,
};
use omocast_contract::timestamp::HOUR;
use omocast_contract::waba::check_waba;
use omocast_contract::{
    AudienceCount, BroadcastRequest, Content, LinkCount, MediaId, OutgoingMessage, Problem,
    ProblemCode, SavedReplyAudience, SentTemplate, Template, TemplateCategory, TemplateFill,
    TemplateStatus, Timestamp, Waba, WabaId,
};

use super::backend::{Answer, Backend, official_domains, sentinel};
use super::demo_data as demo;

const PAGE: usize = 20;

/// The accounts, each with the number that customers write to.
const WABAS: [(&str, &str, &str); 2] = [
    (
        "100000000000001",
        "ATELIER 台灣",
        "ATELIER +886 2 5555 0143",
    ),
    (
        "100000000000002",
        "ATELIER Hong Kong",
        "ATELIER HK +852 5555 0188",
    ),
];

/// A customer of WhatsApp writes to a number of this account.
fn place_of(number: u32) -> usize {
    usize::from(number == 6 || number > 7 && demo::scatter(number, 50).is_multiple_of(4))
}

pub(super) fn waba_of(number: u32) -> Waba {
    waba(place_of(number))
}

/// The number that a customer of WhatsApp writes to.
pub(super) fn number_of(number: u32) -> &'static str {
    WABAS[place_of(number)].2
}

fn waba(at: usize) -> Waba {
    let (id, name, _) = WABAS[at];
    Waba {
        id: WabaId(id.to_owned()),
        name: name.to_owned(),
    }
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

fn plain(body: TemplateText) -> Template {
    Template {
        id: demo::template_id(0),
        waba: waba(0),
        name: String::new(),
        title: String::new(),
        language: "zh_TW".to_owned(),
        meta_category: TemplateCategory::Utility,
        status: TemplateStatus::Approved,
        format: ParameterFormat::Positional,
        header: None,
        body,
        footer: String::new(),
        buttons: Vec::new(),
        cards: Vec::new(),
        category: String::new(),
        audience: SavedReplyAudience::Everyone,
        updated_at: Timestamp(0),
    }
}

/// One of every kind; for the stories too.
pub(crate) fn samples() -> Vec<Template> {
    let quick = |words: &str| TemplateButton::QuickReply {
        text: words.to_owned(),
    };
    let page = |words: &str, url: TemplateText| TemplateButton::Url {
        text: words.to_owned(),
        url,
    };
    let card = |words: &str, look: &str| TemplateCard {
        header: HeaderKind::Image,
        body: text(words, &[("1", "9 折")]),
        buttons: vec![page(
            "看這件",
            text("https://shop.example.com/look/{{1}}", &[("1", look)]),
        )],
    };
    let media = |kind| Some(TemplateHeader::Media { kind });
    vec![
        Template {
            name: "autumn_preview".to_owned(),
            title: "秋季新品預覽".to_owned(),
            category: "行銷".to_owned(),
            meta_category: TemplateCategory::Marketing,
            header: media(HeaderKind::Image),
            footer: "回覆「取消訂閱」即不再收到優惠".to_owned(),
            buttons: vec![
                quick("我要預約"),
                page(
                    "看新品",
                    text("https://shop.example.com/{{1}}", &[("1", "autumn")]),
                ),
                TemplateButton::Phone {
                    text: "撥打門市".to_owned(),
                    phone: "+886255550143".to_owned(),
                },
            ],
            ..plain(text(
                "{{1}} 您好，*秋季新品* 已到店 🍂\n憑此訊息於 {{2}} 前到門市試穿，即享 _會員九折_。",
                &[("1", "陳小姐"), ("2", "11/30")],
            ))
        },
        Template {
            name: "autumn_preview".to_owned(),
            title: "秋季新品預覽".to_owned(),
            category: "行銷".to_owned(),
            language: "en_US".to_owned(),
            meta_category: TemplateCategory::Marketing,
            header: media(HeaderKind::Image),
            footer: "Reply STOP to opt out".to_owned(),
            ..plain(text(
                "Hi {{1}}, *our autumn collection* has arrived 🍂\nTry it on before {{2}} and enjoy _10% off_.",
                &[("1", "Amy"), ("2", "30 Nov")],
            ))
        },
        Template {
            name: "order_ready".to_owned(),
            title: "到店取貨通知".to_owned(),
            category: "門市資訊".to_owned(),
            format: ParameterFormat::Named,
            header: Some(TemplateHeader::Text {
                text: text("訂單 {{order_id}}", &[("order_id", "A-20981")]),
            }),
            footer: "ATELIER".to_owned(),
            ..plain(text(
                "{{name}} 您好，您訂購的 *{{item}}* 已到店，請於七天內攜帶手機到 {{shop}} 取貨。",
                &[
                    ("name", "陳小姐"),
                    ("item", "羊毛大衣"),
                    ("shop", "信義門市"),
                ],
            ))
        },
        Template {
            name: "shop_closed_today".to_owned(),
            title: "門市公休通知".to_owned(),
            category: "門市資訊".to_owned(),
            footer: "ATELIER".to_owned(),
            buttons: vec![quick("知道了")],
            ..plain(text(
                "門市 *今日公休一天*，~明日~ 後天恢復營業，造成不便敬請見諒。\n```公休：11/25```",
                &[],
            ))
        },
        Template {
            name: "autumn_lookbook".to_owned(),
            title: "秋季穿搭輪播".to_owned(),
            category: "行銷".to_owned(),
            meta_category: TemplateCategory::Marketing,
            cards: vec![
                card("短版風衣，現在 {{1}}", "trench"),
                card("羊毛大衣，現在 {{1}}", "coat"),
                card("針織套裝，現在 {{1}}", "knit"),
            ],
            ..plain(text(
                "{{1}} 您好，為您挑了三套秋季穿搭，歡迎到店試穿。",
                &[("1", "陳小姐")],
            ))
        },
        Template {
            name: "autumn_catalogue".to_owned(),
            title: String::new(),
            category: "行銷".to_owned(),
            meta_category: TemplateCategory::Marketing,
            header: media(HeaderKind::Document),
            ..plain(text("附上秋冬型錄，歡迎參考，也歡迎到店試穿。", &[]))
        },
        Template {
            name: "fitting_video".to_owned(),
            title: "試穿影片".to_owned(),
            category: "行銷".to_owned(),
            meta_category: TemplateCategory::Marketing,
            header: media(HeaderKind::Video),
            ..plain(text("{{1}} 您好，看看新款大衣怎麼穿。", &[("1", "陳小姐")]))
        },
        Template {
            waba: waba(1),
            name: "hk_vip_evening".to_owned(),
            title: "香港 VIP 之夜".to_owned(),
            category: "行銷".to_owned(),
            language: "zh_HK".to_owned(),
            meta_category: TemplateCategory::Marketing,
            ..plain(text(
                "{{1}} 您好，誠邀您於 {{2}} 蒞臨尖沙咀店 *VIP 之夜*。",
                &[("1", "Amy"), ("2", "12/5")],
            ))
        },
    ]
}

impl Backend {
    pub(super) fn make_templates(&mut self) {
        let status = if self.options.has_approved_templates {
            TemplateStatus::Approved
        } else {
            TemplateStatus::Pending
        };
        let made = samples().into_iter().zip(1_u64..);
        self.templates = made
            .map(|(template, number)| Template {
                id: demo::template_id(number),
                status,
                updated_at: self.started_at.plus(-(number as i64) * 30 * HOUR),
                ..template
            })
            .collect();
    }

    fn sync_of(&self, waba: &WabaId) -> TemplateSync {
        let of = self.templates.iter().filter(|found| found.waba.id == *waba);
        TemplateSync {
            synced_at: Some(self.synced_at),
            failure: None,
            listed: of.clone().count() as u64,
            sendable: of.filter(|found| found.may_be_sent().is_ok()).count() as u64,
        }
    }

    pub(super) fn list_templates(&self, query: &TemplateQuery) -> Answer<TemplatePage> {
        self.may_broadcast()?;
        sentinel(&query.search)?;
        let all: Vec<&Template> = self
            .templates
            .iter()
            .filter(|found| found.waba.id == query.waba && found.may_be_sent().is_ok())
            .collect();
        let mut categories: Vec<String> = all.iter().map(|found| found.category.clone()).collect();
        categories.retain(|category| !category.is_empty());
        categories.sort();
        categories.dedup();
        let wanted = query.search.to_lowercase();
        let is_wanted = |found: &&Template| {
            let is_named = found.title.to_lowercase().contains(&wanted)
                || found.name.to_lowercase().contains(&wanted);
            let category = query.category.as_ref();
            is_named && category.is_none_or(|category| *category == found.category)
        };
        let start = query.after.as_deref().and_then(|after| after.parse().ok());
        let start = start.unwrap_or(0);
        let rows = all.into_iter().filter(is_wanted).skip(start);
        let mut rows: Vec<Template> = rows.take(PAGE + 1).cloned().collect();
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        Ok(TemplatePage {
            rows,
            next: has_more.then(|| (start + PAGE).to_string()),
            categories,
            sync: self.sync_of(&query.waba),
        })
    }

    /// Meta has approved meanwhile what it was looking at.
    pub(super) fn sync_templates(
        &mut self,
        request: &TemplateSyncRequest,
        now: Timestamp,
    ) -> Answer<TemplateSync> {
        self.may_broadcast()?;
        self.synced_at = now;
        for template in &mut self.templates {
            if template.status == TemplateStatus::Pending && template.waba.id == request.waba {
                template.status = TemplateStatus::Approved;
            }
        }
        Ok(self.sync_of(&request.waba))
    }

    /// Somebody changes a template at Meta.
    pub(super) fn change_template(&mut self, title: &str) {
        for template in &mut self.templates {
            if template.title == title {
                template.updated_at = template.updated_at.plus(HOUR);
            }
        }
    }

    pub(super) fn find_template(&self, fill: &TemplateFill) -> Answer<&Template> {
        let found = self
            .templates
            .iter()
            .find(|found| found.id == fill.template);
        found.ok_or_else(|| Problem::new(ProblemCode::NotFound).at("template"))
    }

    /// Whether a template may be sent so to those who were counted.
    pub(super) fn check_template(
        &self,
        request: &BroadcastRequest,
        wanted: &TemplateFill,
        count: &AudienceCount,
    ) -> Answer<SentTemplate> {
        let template = self.find_template(wanted)?.clone();
        check_waba(&template.waba.id, &count.wabas)
            .map_err(|code| Problem::new(code).at("audience"))?;
        for value in wanted.values.values() {
            sentinel(value)?;
        }
        let facts = |id| self.find_media(id).map(|media| media.facts());
        let problems = check_fill(&template, wanted, facts, request.name_fallback.as_deref());
        if let Some(found) = problems.first() {
            return Err(Problem::new(found.code).at(found.field()));
        }
        Ok(SentTemplate {
            template,
            fill: wanted.clone(),
        })
    }

    /// The uploads that a broadcast uses.
    pub(super) fn uploads_of(content: &Content) -> Vec<MediaId> {
        match content {
            Content::Messages(messages) => {
                messages.iter().filter_map(OutgoingMessage::media).collect()
            }
            Content::Template(fill) => fill.media.values().copied().collect(),
        }
    }
}

/// The links that a recipient of a template gets.
pub(super) fn links_of(sent: &SentTemplate, name_fallback: Option<&str>) -> LinkCount {
    let filled = fill(
        &sent.template,
        &sent.fill,
        "",
        name_fallback.unwrap_or_default(),
    );
    omocast_contract::link::count_links_in(filled.texts(), &official_domains())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use omocast_contract::{Audience, Filter, Surface};

    use super::*;
    use crate::api::fake::options::FakeOptions;
    use crate::api::fake::tests::{NOW, backend};

    fn request(backend: &Backend, title: &str, waba: usize) -> BroadcastRequest {
        let template = backend
            .templates
            .iter()
            .find(|found| found.title == title)
            .unwrap();
        let slots = template.slots().into_iter();
        let values: BTreeMap<_, _> = slots
            .map(|slot| (slot.id, slot.sample.to_owned()))
            .collect();
        BroadcastRequest {
            audience: Audience::everything(Filter {
                waba: Some(super::waba(waba).id),
                ..Filter::default()
            }),
            content: Content::Template(TemplateFill {
                values,
                ..TemplateFill::of(template)
            }),
            surface: Surface::Web,
            name_fallback: None,
            draft: None,
            send_at: None,
        }
    }

    #[test]
    fn a_template_goes_to_one_account() {
        let mut backend = backend();
        let ours = request(&backend, "到店取貨通知", 0);
        let sent = backend.create_broadcast(ours, "key-12345", NOW).unwrap();
        assert_eq!(sent.summary.title, "到店取貨通知");
        assert_eq!(sent.summary.progress.skipped, 0);
        let theirs = request(&backend, "到店取貨通知", 1);
        let problem = backend
            .create_broadcast(theirs, "key-67890", NOW)
            .unwrap_err();
        assert_eq!(problem.code, ProblemCode::WabaConflict);
    }

    #[test]
    fn what_meta_has_not_approved_comes_with_a_sync() {
        let options = FakeOptions {
            has_approved_templates: false,
            ..FakeOptions::default()
        };
        let mut backend = Backend::new(options, NOW);
        let query = TemplateQuery {
            waba: waba(0).id,
            search: String::new(),
            category: None,
            after: None,
        };
        assert!(backend.list_templates(&query).unwrap().rows.is_empty());
        let asked = TemplateSyncRequest { waba: waba(0).id };
        let sync = backend.sync_templates(&asked, NOW).unwrap();
        let rows = backend.list_templates(&query).unwrap().rows;
        assert_eq!(rows.len() as u64, sync.sendable);
        assert!(!rows.is_empty());
    }
}
