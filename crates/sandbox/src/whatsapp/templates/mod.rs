//! Message templates: the only thing a business may send outside the window, and only as Meta approved it.

mod events;
mod fill;
mod listing;
mod press;
mod shown;
mod table;
mod template;
mod variables;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use press::Press;
pub use shown::{PhoneButton, PhoneCard, PhoneHeader, PhoneTemplate};
pub use template::{
    HeaderFormat, ParameterFormat, Template, TemplateButton, TemplateCard, TemplateCategory,
    TemplateComponent, TemplateQuality, TemplateStatus,
};

pub(crate) use listing::message_templates;
pub(crate) use table::Templates;

pub(super) use fill::{AskedTemplate, Filled};

use super::{Link, Placed, place_media};
use crate::Sandbox;
use crate::account::Account;
use crate::graph::GraphError;
use crate::media::Medium;
use crate::state::AccountState;
use fill::FilledHeader;

/// Whether the business hears of a change to its templates: webhooks can be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    #[default]
    Sent,
    Lost,
}

impl Sandbox {
    /// Puts a template into the table of a WhatsApp Business account, in the place of the one with its name and
    /// language, if there is one. Gives its id.
    ///
    /// The business is told its status when that is new, and what else changed: category, components.
    pub fn set_template(
        &self,
        waba: &str,
        mut template: Template,
        notice: Notice,
    ) -> anyhow::Result<String> {
        self.check_waba(waba)?;
        template
            .check()
            .with_context(|| format!("{} is no template", template.name))?;
        let now = self.now_ms();
        let new_id = self.next_number();
        let (before, after) = {
            let mut templates = self.lock_templates();
            let before = templates
                .find(waba, &template.name, &template.language)
                .ok();
            if let Some(before) = before
                && before.template.category != template.category
            {
                template.previous_category = Some(before.template.category);
            }
            templates.put(waba, template, &new_id, now)
        };
        self.mark_dirty();
        let webhooks = events::changes(waba, before.as_ref(), &after, now);
        self.tell_waba(waba, webhooks, notice);
        Ok(after.id)
    }

    /// Meta decides about a template. The reason is that of a rejection: `INVALID_FORMAT`, `PROMOTIONAL`, ….
    pub fn set_template_status(
        &self,
        waba: &str,
        name: &str,
        language: &str,
        status: TemplateStatus,
        reason: Option<&str>,
        notice: Notice,
    ) -> anyhow::Result<()> {
        let mut template = self.template(waba, name, language)?;
        template.status = status;
        template.rejected_reason = reason.map(str::to_owned);
        self.set_template(waba, template, notice).map(|_| ())
    }

    /// Takes a template out of the table.
    pub fn delete_template(
        &self,
        waba: &str,
        name: &str,
        language: &str,
        notice: Notice,
    ) -> anyhow::Result<()> {
        let deleted = {
            let mut templates = self.lock_templates();
            let deleted = templates.find(waba, name, language).ok();
            if let Some(deleted) = &deleted {
                templates.remove(waba, &deleted.id);
            }
            deleted
        };
        let deleted =
            deleted.with_context(|| format!("{waba} has no template {name} {language}"))?;
        self.mark_dirty();
        let webhook = events::deletion(waba, &deleted, self.now_ms());
        self.tell_waba(waba, vec![webhook], notice);
        Ok(())
    }

    /// A template as it stands in the table.
    pub fn template(&self, waba: &str, name: &str, language: &str) -> anyhow::Result<Template> {
        let found = self.lock_templates().find(waba, name, language);
        found
            .ok()
            .map(|stored| stored.template)
            .with_context(|| format!("{waba} has no template {name} {language}"))
    }

    fn check_waba(&self, waba: &str) -> anyhow::Result<()> {
        ensure!(
            !self.numbers_for(waba).is_empty(),
            "no number belongs to the WhatsApp Business account {waba}"
        );
        Ok(())
    }

    fn numbers_for(&self, waba: &str) -> Vec<Account> {
        let is_of_it = |account: &&Account| account.waba() == Some(waba);
        self.with(|state| {
            let accounts = state.values().map(|account| &account.config);
            accounts.filter(is_of_it).cloned().collect()
        })
    }

    /// Posts webhooks about an account itself: once to each receiver of its numbers.
    fn tell_waba(&self, waba: &str, webhooks: Vec<Value>, notice: Notice) {
        if notice == Notice::Lost || webhooks.is_empty() {
            return;
        }
        let mut receivers = self.numbers_for(waba);
        receivers.sort_by(|a, b| a.webhook_url().cmp(b.webhook_url()));
        receivers.dedup_by(|a, b| a.webhook_url() == b.webhook_url());
        for receiver in receivers {
            self.post_later(vec![(receiver.id().to_owned(), webhooks.clone())]);
        }
    }
}

/// What the phone shows of a filled template, and the links that are still to be looked at.
pub(super) fn place(
    filled: Filled,
    template: &Template,
    account: &AccountState,
    window_open: bool,
    now: i64,
) -> Result<(PhoneTemplate, Vec<Link>), GraphError> {
    let mut links = Vec::new();
    let header = match filled.header {
        Some(header) => Some(place_header(header, account, now, &mut links)?),
        None => None,
    };
    let mut cards = Vec::new();
    for card in filled.cards {
        cards.push(PhoneCard {
            header: place_header(card.header, account, now, &mut links)?,
            body: card.body,
            buttons: card.buttons,
        });
    }
    let shown = PhoneTemplate {
        name: template.name.clone(),
        language: template.language.clone(),
        category: template.category,
        billable: template.category != TemplateCategory::Utility || !window_open,
        header,
        body: filled.body,
        footer: filled.footer,
        buttons: filled.buttons,
        cards,
    };
    Ok((shown, links))
}

fn place_header(
    header: FilledHeader,
    account: &AccountState,
    now: i64,
    links: &mut Vec<Link>,
) -> Result<PhoneHeader, GraphError> {
    let (medium, source, filename) = match header {
        FilledHeader::Text(text) => return Ok(PhoneHeader::Text { text }),
        FilledHeader::Media {
            medium,
            source,
            filename,
        } => (medium, source, filename),
    };
    let Placed { url, name, link } = place_media(account, medium, source, filename, now)?;
    links.extend(link);
    Ok(match medium {
        Medium::Image | Medium::Preview => PhoneHeader::Image { url },
        Medium::Video => PhoneHeader::Video { url },
        Medium::Audio | Medium::File => PhoneHeader::Document { url, name },
    })
}
