//! The templates of every WhatsApp Business account: all numbers of an account share one table, in which name and
//! language tell templates apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::template::{Template, TemplateStatus};
use crate::graph::GraphError;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredTemplate {
    /// Digits; later templates have greater ones.
    pub(super) id: String,
    pub(super) changed_at_ms: i64,
    #[serde(flatten)]
    pub(super) template: Template,
}

impl StoredTemplate {
    pub(super) fn number(&self) -> u64 {
        self.id.parse().unwrap_or(0)
    }

    /// Only what is approved can be sent.
    pub(crate) fn sendable(&self) -> Result<&Template, GraphError> {
        match self.template.status {
            TemplateStatus::Approved => Ok(&self.template),
            TemplateStatus::Paused => Err(GraphError::whatsapp(
                132_015,
                "Template is Paused",
                "Template is paused due to low quality so it cannot be sent in a template message.",
            )),
            TemplateStatus::Disabled => Err(GraphError::whatsapp(
                132_016,
                "Template is Disabled",
                "Template has been paused too many times due to low quality and is now permanently disabled.",
            )),
            TemplateStatus::Pending
            | TemplateStatus::Rejected
            | TemplateStatus::InAppeal
            | TemplateStatus::Archived
            | TemplateStatus::LimitExceeded
            | TemplateStatus::Deleted
            | TemplateStatus::PendingDeletion => Err(missing_translation(
                &self.template.name,
                &self.template.language,
            )),
        }
    }
}

fn missing_translation(name: &str, language: &str) -> GraphError {
    GraphError::whatsapp(
        132_001,
        "Template name does not exist in the translation",
        &format!("template name ({name}) does not exist in {language}"),
    )
    .with_status(axum::http::StatusCode::NOT_FOUND)
}

/// Each account's templates in the order of their ids.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Templates {
    by_waba: BTreeMap<String, Vec<StoredTemplate>>,
}

impl Templates {
    pub(super) fn of(&self, waba: &str) -> &[StoredTemplate] {
        self.by_waba.get(waba).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn find(
        &self,
        waba: &str,
        name: &str,
        language: &str,
    ) -> Result<StoredTemplate, GraphError> {
        let is_it = |stored: &&StoredTemplate| {
            stored.template.name == name && stored.template.language == language
        };
        let found = self.of(waba).iter().find(is_it);
        found
            .cloned()
            .ok_or_else(|| missing_translation(name, language))
    }

    /// Adds it, or takes the place of the one with its name and language, whose id stays. Gives what was there.
    pub(super) fn put(
        &mut self,
        waba: &str,
        template: Template,
        new_id: &str,
        now: i64,
    ) -> (Option<StoredTemplate>, StoredTemplate) {
        let before = self.find(waba, &template.name, &template.language).ok();
        let stored = StoredTemplate {
            id: before
                .as_ref()
                .map_or_else(|| new_id.to_owned(), |before| before.id.clone()),
            changed_at_ms: now,
            template,
        };
        let table = self.by_waba.entry(waba.to_owned()).or_default();
        let place = table.partition_point(|other| other.number() < stored.number());
        if before.is_some() {
            table[place] = stored.clone();
        } else {
            table.insert(place, stored.clone());
        }
        (before, stored)
    }

    pub(super) fn remove(&mut self, waba: &str, id: &str) {
        if let Some(table) = self.by_waba.get_mut(waba) {
            table.retain(|stored| stored.id != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::TemplateCategory;

    fn template(name: &str, language: &str) -> Template {
        Template::new(name, language, TemplateCategory::Utility).with_body("x", &[])
    }

    fn code(refused: Result<&Template, GraphError>) -> u32 {
        refused.err().map_or(0, |error| error.code)
    }

    #[test]
    fn an_account_a_name_and_a_language_make_a_template() {
        let mut templates = Templates::default();
        for (number, (waba, name, language)) in [
            ("a", "hello", "zh_TW"),
            ("a", "hello", "en"),
            ("b", "hello", "zh_TW"),
        ]
        .into_iter()
        .enumerate()
        {
            templates.put(waba, template(name, language), &number.to_string(), 0);
        }
        let id = |waba, language| {
            templates
                .find(waba, "hello", language)
                .map(|it| it.id.clone())
        };
        assert_eq!(id("a", "zh_TW").ok().as_deref(), Some("0"));
        assert_eq!(id("b", "zh_TW").ok().as_deref(), Some("2"));
        assert_eq!(id("b", "en").err().map(|error| error.code), Some(132_001));
    }

    #[test]
    fn a_replaced_template_keeps_its_id_and_place() {
        let mut templates = Templates::default();
        templates.put("a", template("one", "en"), "1", 0);
        templates.put("a", template("two", "en"), "2", 0);
        let (before, after) = templates.put("a", template("one", "en"), "3", 7);
        assert!(before.is_some());
        assert_eq!((after.id.as_str(), after.changed_at_ms), ("1", 7));
        let ids: Vec<_> = templates.of("a").iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
    }

    #[test]
    fn only_an_approved_template_can_be_sent() {
        for (status, expected) in [
            (TemplateStatus::Approved, 0),
            (TemplateStatus::Paused, 132_015),
            (TemplateStatus::Disabled, 132_016),
            (TemplateStatus::Pending, 132_001),
            (TemplateStatus::Rejected, 132_001),
            (TemplateStatus::InAppeal, 132_001),
            (TemplateStatus::Archived, 132_001),
            (TemplateStatus::LimitExceeded, 132_001),
            (TemplateStatus::Deleted, 132_001),
            (TemplateStatus::PendingDeletion, 132_001),
        ] {
            let stored = StoredTemplate {
                id: "1".into(),
                changed_at_ms: 0,
                template: template("x", "en").with_status(status),
            };
            assert_eq!(code(stored.sendable()), expected, "{status:?}");
        }
    }
}
