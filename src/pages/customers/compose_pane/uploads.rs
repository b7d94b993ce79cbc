//! Files that were picked, on their way to the server: read, made ready, sent, stopped, sent again.

use leptos::prelude::*;
use omocast_contract::limit::{MAX_MESSAGES, max_upload, media_limit};
use omocast_contract::{Channel, ChannelSet, Medium, ProblemCode, Surface};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::super::upload_jobs::UploadJobs;
use crate::api::{Api, ApiError};
use crate::components::composer::draft::{
    ComposeDraft, DraftContent, DraftMedia, DraftMessage, UploadState,
};
use crate::components::composer::{hidden_words, refused_file};
use crate::components::error_text::{error_text, problem_text};
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, PluralKey, bytes, list, t_count, t_with};
use crate::upload::{Found, identify, make_ready};

/// Files on their way to the server.
#[derive(Clone, Copy)]
pub(super) struct Uploads {
    api: StoredValue<Api>,
    draft: RwSignal<ComposeDraft>,
    channels: Signal<ChannelSet>,
    surface: Signal<Surface>,
    /// Files that were not taken, in words.
    pub(super) refused: RwSignal<Vec<String>>,
    jobs: UploadJobs<u32>,
}

/// A file that may become a message.
struct Candidate {
    file: File,
    found: Found,
}

impl Uploads {
    pub(super) fn new(
        api: StoredValue<Api>,
        draft: RwSignal<ComposeDraft>,
        channels: Signal<ChannelSet>,
        surface: Signal<Surface>,
    ) -> Self {
        Self {
            api,
            draft,
            channels,
            surface,
            refused: RwSignal::new(Vec::new()),
            jobs: UploadJobs::new(),
        }
    }

    /// Each file becomes a message of its own, as far as there is room; what does not is named.
    pub(super) fn add(self, files: Vec<File>) {
        spawn_local(async move {
            let mut taken = Vec::new();
            let mut refused = Vec::new();
            for file in files {
                let name = file.name();
                match self.look_at(file).await {
                    Ok(candidate) => taken.push(candidate),
                    Err(words) => refused.push(refused_file(&name, &words)),
                }
            }
            self.take(taken, refused);
        });
    }

    /// What a file is, or why it is not taken, in words.
    async fn look_at(self, file: File) -> Result<Candidate, String> {
        let found = identify(&file)
            .await
            .map_err(|code| untrack(|| problem_text(code)))?;
        let medium = found.medium;
        let channels = self.channels.try_get_untracked().unwrap_or_default();
        let surface = self.surface.try_get_untracked().unwrap_or_default();
        let hidden_by = medium.hidden_by(surface, channels);
        if !hidden_by.is_empty() {
            return Err(untrack(|| hidden_words(medium, hidden_by)));
        }
        let (size, most) = (file.size() as u64, max_upload(medium));
        // An image becomes smaller.
        if medium != Medium::Image && size > most {
            return Err(untrack(|| {
                let (medium, size, most) = (medium_text(medium), bytes(size), bytes(most));
                t_with(
                    Key::ComposeTooLargeAtAll,
                    &[("medium", &medium), ("size", &size), ("most", &most)],
                )
            }));
        }
        Ok(Candidate { file, found })
    }

    fn take(self, candidates: Vec<Candidate>, mut refused: Vec<String>) {
        let mut left_out = Vec::new();
        for Candidate { file, found } in candidates {
            let media = DraftMedia {
                file_type: found.file_type,
                ..DraftMedia::picked(found.medium, file.name(), file.size() as u64)
            };
            let added = self
                .draft
                .try_update(|draft| draft.add_written(DraftContent::Media(media)))
                .flatten();
            match added {
                Some(id) => {
                    self.jobs.insert(id, file);
                    self.start(id);
                }
                None => left_out.push(file.name()),
            }
        }
        if !left_out.is_empty() {
            let (most, names) = (MAX_MESSAGES.to_string(), list(&left_out));
            let count = left_out.len() as u64;
            refused.push(untrack(|| {
                let args = [("most", most.as_str()), ("names", &names)];
                t_count(PluralKey::ComposeLeftOut, count, &args)
            }));
        }
        self.refused.try_set(refused);
    }

    /// Whether a message's file is at hand, so that it can be sent again.
    pub(super) fn is_at_hand(self, id: u32) -> bool {
        self.jobs.file(id).is_some()
    }

    /// Starts, or starts again.
    pub(super) fn start(self, id: u32) {
        self.jobs.stop(id);
        let Some(file) = self.jobs.file(id) else {
            self.settle(id, UploadState::Lost);
            return;
        };
        self.settle(id, UploadState::Preparing);
        self.jobs.run(id, self.upload(id, file));
    }

    async fn upload(self, id: u32, file: File) {
        let Some(_turn) = self.jobs.turn().await else {
            return;
        };
        let medium = self
            .draft
            .try_with_untracked(|draft| draft.find(id).map(DraftMessage::medium))
            .flatten();
        let Some(medium) = medium else {
            return;
        };
        let channels = self.channels.try_get_untracked().unwrap_or_default();
        let most = strictest_limit(medium, channels);
        let Ok(parcel) = make_ready(&file, medium, most).await else {
            self.refuse(id, &file.name(), ProblemCode::NotAnImage);
            return;
        };
        let (here, preview) = self.jobs.addresses(id, &parcel);
        self.change(id, |media| media.show(&parcel, here, preview));
        let Some(api) = self.api.try_get_value() else {
            return;
        };
        let progress = move |part: f64| self.change(id, |media| media.progress(part));
        match api
            .upload_media(parcel.file, &parcel.name, parcel.preview, progress)
            .await
        {
            Ok(kept) => self.change(id, |media| media.keep(&kept)),
            Err(error) => match refusal_of_content(&error) {
                Some(code) => self.refuse(id, &file.name(), code),
                None => self.settle(id, UploadState::Failed(untrack(|| error_text(&error)))),
            },
        }
    }

    /// Stops, if it is under way; the file stays at hand.
    pub(super) fn cancel(self, id: u32) {
        self.jobs.stop(id);
        self.change(id, DraftMedia::cancel);
    }

    /// Nothing of what is written here goes on: another draft is shown, or the page is left.
    pub(super) fn stop_all(self) {
        self.jobs.stop_all();
        self.refused.try_set(Vec::new());
    }

    /// The file is not what it seemed: its message goes, and the refusal stands beside the others.
    fn refuse(self, id: u32, name: &str, code: ProblemCode) {
        self.draft.try_update(|draft| drop(draft.remove(id)));
        self.jobs.remove(id);
        let words = refused_file(name, &untrack(|| problem_text(code)));
        self.refused.try_update(|refused| refused.push(words));
    }

    fn settle(self, id: u32, state: UploadState) {
        self.change(id, |media| media.upload = state);
    }

    fn change(self, id: u32, change: impl FnOnce(&mut DraftMedia)) {
        self.draft.try_update(|draft| {
            if let Some(media) = draft.media_mut(id) {
                change(media);
            }
        });
    }
}

/// The most bytes that every one of these channels takes; of all channels when none is chosen yet.
fn strictest_limit(medium: Medium, channels: ChannelSet) -> u64 {
    let chosen = |channel: &Channel| channels.is_empty() || channels.contains(*channel);
    Channel::ALL
        .into_iter()
        .filter(|channel| channel.takes_broadcasts() && chosen(channel))
        .filter_map(|channel| media_limit(medium, channel))
        .fold(max_upload(medium), u64::min)
}

/// Whether the server found that a file is not what it seemed: trying again would not help.
fn refusal_of_content(error: &ApiError) -> Option<ProblemCode> {
    error.code().filter(|code| {
        [
            ProblemCode::NotAnImage,
            ProblemCode::NotAVideo,
            ProblemCode::FileTypeRefused,
            ProblemCode::UploadEmpty,
            ProblemCode::UploadTooLarge,
        ]
        .contains(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_channel_decides() {
        let limit = |medium, channels: &[Channel]| {
            strictest_limit(medium, channels.iter().copied().collect()) >> 20
        };
        assert_eq!(limit(Medium::Image, &[Channel::Line]), 10);
        assert_eq!(limit(Medium::Image, &[Channel::Line, Channel::Whatsapp]), 5);
        assert_eq!(limit(Medium::Image, &[]), 5);
        // LINE would take more than the server does.
        assert_eq!(limit(Medium::Video, &[Channel::Line]), 50);
    }
}
