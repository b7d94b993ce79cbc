//! The files for a template's headers on their way to the server: one for each header, stopped and sent again.

use leptos::prelude::*;
use omocast_contract::limit::{max_upload, media_limit};
use omocast_contract::template::slot::Place;
use omocast_contract::{Channel, Medium, ProblemCode};
use web_sys::File;

use super::super::upload_jobs::UploadJobs;
use crate::api::Api;
use crate::components::composer::draft::{DraftMedia, UploadState};
use crate::components::error_text::{error_text, problem_text};
use crate::components::template_form::UploadEvent;
use crate::components::template_form::draft::TemplateDraft;
use crate::upload::{identify, make_ready};

#[derive(Clone, Copy)]
pub(super) struct Uploads {
    api: StoredValue<Api>,
    draft: RwSignal<Option<TemplateDraft>>,
    jobs: UploadJobs<Place>,
}

impl Uploads {
    pub(super) fn new(api: StoredValue<Api>, draft: RwSignal<Option<TemplateDraft>>) -> Self {
        Self {
            api,
            draft,
            jobs: UploadJobs::new(),
        }
    }

    pub(super) fn on(self, event: UploadEvent) {
        match event {
            UploadEvent::Picked(place, file) => {
                let media = DraftMedia::picked(Medium::File, file.name(), file.size() as u64);
                self.draft.update(|draft| {
                    if let Some(draft) = draft {
                        draft.media.insert(place, media);
                    }
                });
                self.jobs.insert(place, file);
                self.start(place);
            }
            UploadEvent::Cancel(place) => {
                self.jobs.stop(place);
                self.change(place, DraftMedia::cancel);
            }
            UploadEvent::Retry(place) => self.start(place),
        }
    }

    fn start(self, place: Place) {
        self.jobs.stop(place);
        let Some(file) = self.jobs.file(place) else {
            return;
        };
        self.change(place, |media| media.upload = UploadState::Preparing);
        self.jobs.run(place, async move {
            if let Err(why) = self.upload(place, file).await {
                self.change(place, |media| media.upload = UploadState::Failed(why));
            }
        });
    }

    /// Sends a file; why it was not taken, in words.
    async fn upload(self, place: Place, file: File) -> Result<(), String> {
        let words = |code| untrack(|| problem_text(code));
        let (Some(_turn), Some(api)) = (self.jobs.turn().await, self.api.try_get_value()) else {
            return Ok(());
        };
        let found = identify(&file).await.map_err(words)?;
        self.change(place, |media| {
            media.medium = found.medium;
            media.file_type = found.file_type;
        });
        let is_taken = found
            .file_type
            .is_none_or(|file_type| file_type.is_taken_by(Channel::Whatsapp));
        if self.wanted(place) != Some(found.medium) {
            return Err(words(ProblemCode::TemplateMediaWrongKind));
        }
        if !is_taken {
            return Err(words(ProblemCode::FileTypeNotSupported));
        }
        let most = media_limit(found.medium, Channel::Whatsapp)
            .unwrap_or(u64::MAX)
            .min(max_upload(found.medium));
        // An image becomes smaller.
        if found.medium != Medium::Image && file.size() as u64 > most {
            return Err(words(ProblemCode::MediaTooLarge));
        }
        let parcel = make_ready(&file, found.medium, most)
            .await
            .map_err(|_| words(ProblemCode::NotAnImage))?;
        let (here, preview) = self.jobs.addresses(place, &parcel);
        self.change(place, |media| media.show(&parcel, here, preview));
        let progress = move |part: f64| self.change(place, |media| media.progress(part));
        let kept = api
            .upload_media(parcel.file, &parcel.name, parcel.preview, progress)
            .await
            .map_err(|error| untrack(|| error_text(&error)))?;
        self.change(place, |media| media.keep(&kept));
        Ok(())
    }

    /// The medium that the header takes.
    fn wanted(self, place: Place) -> Option<Medium> {
        self.draft
            .try_with_untracked(|draft| {
                let slots = draft.as_ref()?.template.media_slots();
                let slot = slots.into_iter().find(|slot| slot.place == place)?;
                Some(slot.kind.medium())
            })
            .flatten()
    }

    /// Nothing of what is filled in here goes on: another template is chosen, or the page is left.
    pub(super) fn stop_all(self) {
        self.jobs.stop_all();
    }

    fn change(self, place: Place, change: impl FnOnce(&mut DraftMedia)) {
        self.draft.try_update(|draft| {
            let media = draft.as_mut().and_then(|draft| draft.media.get_mut(&place));
            if let Some(media) = media {
                change(media);
            }
        });
    }
}
