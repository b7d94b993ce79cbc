//! What is wrong with what is filled in, where it is shown, and why it can't be sent.

use omocast_contract::template::fill::TemplateField;
use omocast_contract::template::slot::Place;
use omocast_contract::{Audience, Problem, Template};

use crate::components::error_text::{problem_text, refusal_text};
use crate::components::template_form::draft::{TemplateDraft, is_blank_yet};
use crate::components::template_form::{FieldProblem, place_label};
use crate::i18n::{Key, t, t_with};

/// What the server would not take, and what it was asked: once that is changed, the problem is no longer shown.
#[derive(Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) draft: TemplateDraft,
    pub(super) audience: Audience,
}

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    Audience,
    Part(TemplateField),
}

impl Subject {
    /// The place that is shown for a field of the request: `template.values.body.1`, `audience`, `name_fallback`.
    /// None for what has no place in the pane.
    pub(super) fn of(problem: &Problem) -> Option<Self> {
        let field = problem.field.as_deref()?;
        if field.starts_with("audience") {
            return Some(Self::Audience);
        }
        if field == "name_fallback" {
            return Some(Self::Part(TemplateField::NameFallback));
        }
        if field == "template" {
            return Some(Self::Part(TemplateField::Template));
        }
        let rest = field.strip_prefix("template.")?;
        let part = if let Some(slot) = rest.strip_prefix("values.") {
            TemplateField::Value(slot.parse().ok()?)
        } else if let Some(place) = rest.strip_prefix("media.") {
            TemplateField::Media(place.parse().ok()?)
        } else {
            TemplateField::Text(rest.parse().ok()?)
        };
        Some(Self::Part(part))
    }
}

impl Refusal {
    /// Whether what was refused is still as it was.
    fn is_about(&self, field: &TemplateField, draft: &TemplateDraft) -> bool {
        let before = &self.draft;
        before.template.id == draft.template.id
            && match field {
                TemplateField::Template => before.template == draft.template,
                TemplateField::Text(_) => before.values == draft.values,
                TemplateField::Value(slot) => before.values.get(slot) == draft.values.get(slot),
                TemplateField::Media(place) => before.media.get(place) == draft.media.get(place),
                TemplateField::NameFallback => before.name_fallback == draft.name_fallback,
            }
    }

    /// Its words, where they belong, as long as that is as it was.
    fn placed(&self, draft: &TemplateDraft) -> Option<FieldProblem> {
        let Subject::Part(at) = Subject::of(&self.problem)? else {
            return None;
        };
        self.is_about(&at, draft).then(|| FieldProblem {
            at,
            words: refusal_text(&self.problem),
            is_blank_yet: false,
        })
    }
}

/// Everything that is wrong, the server's refusal first: it knows what nobody here does.
pub(super) fn placed_problems(
    draft: &TemplateDraft,
    refusal: Option<&Refusal>,
) -> Vec<FieldProblem> {
    let refused = refusal.and_then(|refusal| refusal.placed(draft));
    // Of an upload that broke off it is told why, not that there is none.
    let is_told = |at: &TemplateField| matches!(at, TemplateField::Media(place) if draft.media.get(place).is_some_and(|media| media.media().is_none()));
    let found = draft
        .problems()
        .into_iter()
        .filter(|found| !is_told(&found.at));
    let found = found.map(|problem| FieldProblem {
        is_blank_yet: is_blank_yet(&problem),
        words: problem_text(problem.code),
        at: problem.at,
    });
    refused.into_iter().chain(found).collect()
}

/// Why the template can't be sent as it is: 「請先填寫內文 {{1}}」.
pub(super) fn draft_refusal(draft: &TemplateDraft, problems: &[FieldProblem]) -> Option<String> {
    if draft.is_uploading() {
        return Some(t(Key::ComposeNeedsUpload));
    }
    if let Some((place, why)) = draft.first_failed() {
        return Some(named(&place_words(&draft.template, place), why));
    }
    let problem = problems.first()?;
    let field = field_words(&draft.template, &problem.at);
    let is_own_header = matches!(&problem.at, TemplateField::Media(place) if place.card.is_none());
    if is_own_header {
        // Its words name it already.
        return Some(problem.words.clone());
    }
    let is_value = matches!(problem.at, TemplateField::Value(_));
    Some(match (field, problem.is_blank_yet && is_value) {
        (Some(field), true) => t_with(Key::TemplateNeedsFix, &[("field", &field)]),
        (Some(field), false) => named(&field, &problem.words),
        (None, _) => problem.words.clone(),
    })
}

fn named(field: &str, problem: &str) -> String {
    t_with(
        Key::TemplateNeedsFixWhy,
        &[("field", field), ("problem", problem)],
    )
}

fn place_words(template: &Template, place: Place) -> String {
    place_label(template, place).text()
}

fn field_words(template: &Template, field: &TemplateField) -> Option<String> {
    Some(match field {
        TemplateField::Template => return None,
        TemplateField::Text(place) | TemplateField::Media(place) => place_words(template, *place),
        TemplateField::Value(slot) => place_label(template, slot.place).with_variable(&slot.name),
        TemplateField::NameFallback => t(Key::ComposeFallback),
    })
}

#[cfg(test)]
mod tests {
    use omocast_contract::ProblemCode;

    use super::*;

    #[test]
    fn a_field_is_shown_where_it_is() {
        let of = |field: &str| Subject::of(&Problem::new(ProblemCode::TemplateTooLong).at(field));
        let fields = [
            TemplateField::Template,
            TemplateField::Text("body".parse().unwrap()),
            TemplateField::Value("cards[1].buttons[0].1".parse().unwrap()),
            TemplateField::Media("cards[0].header".parse().unwrap()),
            TemplateField::NameFallback,
        ];
        for field in fields {
            assert_eq!(of(&field.to_string()), Some(Subject::Part(field)));
        }
        assert_eq!(of("audience.filter"), Some(Subject::Audience));
        assert_eq!(of("messages[0]"), None);
        assert_eq!(of("template.values.nonsense"), None);
    }
}
