//! Files that were picked, kept while they are sent so that each can be stopped and sent again.

mod turns;

use std::collections::HashMap;
use std::hash::Hash;

use futures::future::{AbortHandle, abortable};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File, Url};

use self::turns::{Turn, Turns};
use crate::upload::Parcel;

/// Files that are made ready and sent at the same time: a phone holds no five photos in memory,
/// and a browser has but six connections.
const AT_ONCE: usize = 2;

/// The files, each by the place for which it was picked.
#[derive(Clone, Copy)]
pub(super) struct UploadJobs<K: 'static> {
    jobs: StoredValue<HashMap<K, Job>, LocalStorage>,
    turns: StoredValue<Turns, LocalStorage>,
}

struct Job {
    file: File,
    stop: Option<AbortHandle>,
    addresses: Vec<String>,
}

impl<K: Copy + Eq + Hash> UploadJobs<K> {
    pub(super) fn new() -> Self {
        Self {
            jobs: StoredValue::new_local(HashMap::new()),
            turns: StoredValue::new_local(Turns::new(AT_ONCE)),
        }
    }

    /// Keeps a file instead of the one before.
    pub(super) fn insert(self, place: K, file: File) {
        self.remove(place);
        let job = Job {
            file,
            stop: None,
            addresses: Vec::new(),
        };
        self.jobs
            .try_update_value(|jobs| drop(jobs.insert(place, job)));
    }

    /// The file, when it is at hand.
    pub(super) fn file(self, place: K) -> Option<File> {
        self.jobs
            .try_with_value(|jobs| jobs.get(&place).map(|job| job.file.clone()))
            .flatten()
    }

    /// Lets an upload go on until it is stopped.
    pub(super) fn run(self, place: K, upload: impl Future<Output = ()> + 'static) {
        let (task, stop) = abortable(upload);
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

    /// Waits until it is this one's turn; none when the page is left.
    pub(super) async fn turn(self) -> Option<Turn> {
        Some(self.turns.try_get_value()?.take().await)
    }

    /// Stops, if it is under way; the file stays at hand.
    pub(super) fn stop(self, place: K) {
        let stop = self
            .jobs
            .try_update_value(|jobs| jobs.get_mut(&place).and_then(|job| job.stop.take()))
            .flatten();
        if let Some(stop) = stop {
            stop.abort();
        }
    }

    /// Stops and forgets one.
    pub(super) fn remove(self, place: K) {
        let job = self
            .jobs
            .try_update_value(|jobs| jobs.remove(&place))
            .flatten();
        if let Some(job) = job {
            job.end();
        }
    }

    /// Stops and forgets all: something else is written, or the page is left.
    pub(super) fn stop_all(self) {
        self.jobs
            .try_update_value(|jobs| jobs.drain().for_each(|(_, job)| job.end()));
    }

    /// Addresses in this page of what is about to be sent, and of its still.
    pub(super) fn addresses(self, place: K, parcel: &Parcel) -> (Option<String>, Option<String>) {
        let address = |file: &Blob| Url::create_object_url_with_blob(file).ok();
        let here = address(&parcel.file);
        let preview = parcel.preview.as_ref().and_then(address);
        self.jobs.try_update_value(|jobs| {
            if let Some(job) = jobs.get_mut(&place) {
                let made = here.iter().chain(&preview).cloned().collect();
                revoke(std::mem::replace(&mut job.addresses, made));
            }
        });
        (here, preview)
    }
}

impl Job {
    fn end(self) {
        if let Some(stop) = self.stop {
            stop.abort();
        }
        revoke(self.addresses);
    }
}

fn revoke(addresses: Vec<String>) {
    for address in addresses {
        // Fails only for what is no such address.
        let _ = Url::revoke_object_url(&address);
    }
}
