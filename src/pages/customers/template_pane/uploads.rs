//! The files for a template's headers on their way to the server: one for each header, stopped and sent again.

use std::collections::HashMap;

use futures::future::{AbortHandle, abortable};
use leptos::prelude::*;
use omocast_contract::limit::{max_upload, media_limit};
use omocast_contract::template::slot::Place;
use omocast_contract::{Channel, Medium, ProblemCode};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File, Url};

use super::super::compose_pane::turns::Turns;
use crate::api::Api;
use crate::components::composer::draft::{DraftMedia, UploadState};
use crate::components::error_text::{error_text, problem_text};
use crate::components::template_form::UploadEvent;
use crate::components::template_form::draft::TemplateDraft;
use crate::i18n::{Key, t_now};
use crate::upload::{Parcel, identify, make_ready};

/// As many as the composer sends at the same time.
const AT_ONCE: usize = 2;

#[derive(Clone, Copy)]
pub(super) struct Uploads {
    api: StoredValue<Api>,
    draft: RwSignal<Option<TemplateDraft>>,
    jobs: StoredValue<HashMap<Place, Job>, LocalStorage>,
    turns: StoredValue<Turns, LocalStorage>,
}

/// A file that was picked, kept so that its upload can be tried again.
struct Job {
    file: File,
    stop: Option<AbortHandle>,
    addresses: Vec<String>,
}

impl Uploads {
    pub(super) fn new(api: StoredValue<Api>, draft: RwSignal<Option<TemplateDraft>>) -> Self {
        Self {
            api,
            draft,
            jobs: StoredValue::new_local(HashMap::new()),
            turns: StoredValue::new_local(Turns::new(AT_ONCE)),
        }
    }

    pub(super) fn on(self, event: UploadEvent) {
        match event {
            UploadEvent::Picked(place, file) => {
                self.drop_job(place);
                let media = DraftMedia::picked(Medium::File, file.name(), file.size() as u64);
                self.draft.update(|draft| {
                    if let Some(draft) = draft {
                        draft.media.insert(place, media);
                    }
                });
                let job = Job {
                    file,
                    stop: None,
                    addresses: Vec::new(),
                };
                self.jobs.update_value(|jobs| drop(jobs.insert(place, job)));
                self.start(place);
            }
            UploadEvent::Cancel(place) => {
                self.stop(place);
                self.change(place, |media| {
                    if media.is_under_way() {
                        media.upload = UploadState::Failed(t_now(Key::ComposeUploadCancelled));
                    }
                });
            }
            UploadEvent::Retry(place) => self.start(place),
        }
    }

    fn start(self, place: Place) {
        self.stop(place);
        let file = self
            .jobs
            .try_with_value(|jobs| jobs.get(&place).map(|job| job.file.clone()))
            .flatten();
        let Some(file) = file else {
            return;
        };
        self.change(place, |media| media.upload = UploadState::Preparing);
        let (task, stop) = abortable(async move {
            if let Err(why) = self.upload(place, file).await {
                self.change(place, |media| media.upload = UploadState::Failed(why));
            }
        });
        self.jobs.try_update_value(|jobs| {
            if let Some(job) = jobs.get_mut(&place) {
                job.stop = Some(stop);
            }
        });
        spawn_local(async move {
            // Stopped by the writer, or by leaving the page.
            let _ = task.await;
        });
    }

    /// Sends a file; why it was not taken, in words.
    async fn upload(self, place: Place, file: File) -> Result<(), String> {
        let words = |code| untrack(|| problem_text(code));
        let (Some(turns), Some(api)) = (self.turns.try_get_value(), self.api.try_get_value())
        else {
            return Ok(());
        };
        let _turn = turns.take().await;
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
        self.show(place, &parcel);
        let progress = move |part: f64| {
            let percent = (part * 100.0) as u8;
            self.change(place, |media| {
                if matches!(media.upload, UploadState::Sending(before) if before != percent) {
                    media.upload = UploadState::Sending(percent);
                }
            });
        };
        let kept = api
            .upload_media(parcel.file, &parcel.name, parcel.preview, progress)
            .await
            .map_err(|error| untrack(|| error_text(&error)))?;
        self.change(place, |media| {
            media.name.clone_from(&kept.name);
            media.bytes = kept.bytes;
            media.medium = kept.medium;
            media.file_type = kept.file_type;
            media.has_preview = kept.has_preview;
            media.upload = UploadState::Done(kept.id);
        });
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

    /// Shows what is about to be sent.
    fn show(self, place: Place, parcel: &Parcel) {
        let address = |file: &Blob| Url::create_object_url_with_blob(file).ok();
        let here = address(&parcel.file);
        let preview = parcel.preview.as_ref().and_then(address);
        self.jobs.try_update_value(|jobs| {
            if let Some(job) = jobs.get_mut(&place) {
                let made = here.iter().chain(&preview).cloned().collect();
                revoke(std::mem::replace(&mut job.addresses, made));
            }
        });
        self.change(place, |media| {
            media.name.clone_from(&parcel.name);
            media.bytes = parcel.file.size() as u64;
            (media.width, media.height) = (parcel.width, parcel.height);
            media.seconds = parcel.seconds;
            media.is_shrunk = parcel.is_shrunk;
            media.local_url = here;
            media.local_preview = preview;
            media.upload = UploadState::Sending(0);
        });
    }

    fn stop(self, place: Place) {
        let stop = self
            .jobs
            .try_update_value(|jobs| jobs.get_mut(&place).and_then(|job| job.stop.take()))
            .flatten();
        if let Some(stop) = stop {
            stop.abort();
        }
    }

    fn drop_job(self, place: Place) {
        self.stop(place);
        let job = self
            .jobs
            .try_update_value(|jobs| jobs.remove(&place))
            .flatten();
        revoke(job.map(|job| job.addresses).unwrap_or_default());
    }

    /// Nothing of what is filled in here goes on: another template is chosen, or the page is left.
    pub(super) fn stop_all(self) {
        self.jobs.try_update_value(|jobs| {
            for (_, job) in jobs.drain() {
                if let Some(stop) = job.stop {
                    stop.abort();
                }
                revoke(job.addresses);
            }
        });
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

fn revoke(addresses: Vec<String>) {
    for address in addresses {
        // Fails only for what is no such address.
        let _ = Url::revoke_object_url(&address);
    }
}
