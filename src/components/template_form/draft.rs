//! A template that is being filled in: values, uploads under way, and what is wrong with them.

use std::collections::BTreeMap;

use omocast_contract::template::fill::{TemplateField, check_fill};
use omocast_contract::template::slot::{Place, SlotId};
use omocast_contract::{MediaId, ProblemCode, Template, TemplateFill, TemplateProblem};

use crate::components::composer::draft::{DraftMedia, UploadState};

/// A template and what is written into it.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateDraft {
    pub template: Template,
    pub values: BTreeMap<SlotId, String>,
    /// The upload of each header that takes one, as far as one was picked.
    pub media: BTreeMap<Place, DraftMedia>,
    /// What customers without a name are called.
    pub name_fallback: String,
}

impl TemplateDraft {
    /// Nothing written yet.
    pub fn of(template: Template) -> Self {
        Self {
            template,
            values: BTreeMap::new(),
            media: BTreeMap::new(),
            name_fallback: String::new(),
        }
    }

    /// What is sent: values that are written and uploads that are on the server.
    pub fn fill(&self) -> TemplateFill {
        let written = self.values.iter().filter(|(_, value)| !value.is_empty());
        let uploads = self.media.iter();
        TemplateFill {
            values: written
                .map(|(slot, value)| (slot.clone(), value.clone()))
                .collect(),
            media: uploads
                .filter_map(|(place, media)| Some((*place, media.media()?)))
                .collect(),
            ..TemplateFill::of(&self.template)
        }
    }

    pub fn uses_name(&self) -> bool {
        self.fill().uses_name()
    }

    /// What customers without a name are called, where a value uses the name.
    pub fn fallback(&self) -> Option<String> {
        self.uses_name().then(|| self.name_fallback.clone())
    }

    pub fn is_uploading(&self) -> bool {
        self.media.values().any(DraftMedia::is_under_way)
    }

    /// Everything that is wrong with it; an upload that is still on its way is not missed.
    pub fn problems(&self) -> Vec<TemplateProblem> {
        let mut fill = self.fill();
        for (at, (place, media)) in self.media.iter().enumerate() {
            if media.is_under_way() {
                fill.media.insert(*place, stand_in(at));
            }
        }
        let facts = |id: MediaId| {
            let mut all = self.media.values().enumerate();
            all.find(|(at, media)| match media.media() {
                Some(kept) => kept == id,
                None => stand_in(*at) == id,
            })
            .map(|(_, media)| media.facts())
        };
        check_fill(&self.template, &fill, facts, self.fallback().as_deref())
    }

    /// The first upload that broke off, and why.
    pub fn first_failed(&self) -> Option<(Place, &str)> {
        self.media
            .iter()
            .find_map(|(place, media)| match &media.upload {
                UploadState::Failed(why) => Some((*place, why.as_str())),
                UploadState::Preparing
                | UploadState::Sending(_)
                | UploadState::Lost
                | UploadState::Done(_) => None,
            })
    }
}

/// Whether a problem only says that something is still to be filled in: a field that nobody has been in says nothing.
pub fn is_blank_yet(problem: &TemplateProblem) -> bool {
    matches!(
        (&problem.at, problem.code),
        (
            _,
            ProblemCode::TemplateValueMissing | ProblemCode::TemplateMediaMissing
        ) | (
            TemplateField::NameFallback,
            ProblemCode::NameFallbackMissing
        )
    )
}

/// The id of a file that has none yet.
fn stand_in(at: usize) -> MediaId {
    ["00000000-0000-0000-0000-", &format!("{:012x}", at + 1)]
        .concat()
        .parse()
        .expect("twelve digits end a UUID")
}

#[cfg(test)]
mod tests {
    use omocast_contract::Medium;

    use super::*;
    use crate::components::template_preview::example::examples;

    fn draft(name: &str) -> TemplateDraft {
        let found = examples().into_iter().find(|found| found.name == name);
        TemplateDraft::of(found.unwrap())
    }

    #[test]
    fn an_upload_on_its_way_is_not_missed() {
        let mut draft = draft("autumn_catalogue");
        let [problem] = &draft.problems()[..] else {
            panic!("one problem: {:?}", draft.problems());
        };
        assert_eq!(problem.code, ProblemCode::TemplateMediaMissing);
        let place = draft.template.media_slots()[0].place;
        let picked = DraftMedia::picked(Medium::File, "型錄.pdf".to_owned(), 1_000);
        draft.media.insert(place, picked);
        assert_eq!(draft.problems(), Vec::new());
        assert_eq!(draft.fill().media, BTreeMap::new());
        let image = DraftMedia::picked(Medium::Image, "大衣.jpg".to_owned(), 1_000);
        draft.media.insert(place, image);
        assert_eq!(
            draft.problems()[0].code,
            ProblemCode::TemplateMediaWrongKind
        );
    }

    #[test]
    fn a_name_needs_a_word_for_those_without() {
        let mut draft = draft("order_ready");
        let slots = draft.template.slots();
        let values = slots
            .into_iter()
            .map(|slot| (slot.id, "{{customer_name}}".to_owned()));
        draft.values = values.collect();
        let codes: Vec<_> = draft
            .problems()
            .into_iter()
            .map(|found| found.code)
            .collect();
        assert_eq!(codes, [ProblemCode::NameFallbackMissing]);
        draft.name_fallback = "貴賓".to_owned();
        assert_eq!(draft.problems(), Vec::new());
    }
}
