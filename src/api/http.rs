//! Calls over HTTP: the only file that names gloo-net.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_net::http::RequestBuilder;
use leptos::prelude::set_timeout;
use omocast_contract::api::{IDEMPOTENCY_KEY, path};
use std::time::Duration;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::{ApiError, Call, Method, Reply, Transport, Upload, json, refusal};
use crate::live::{LiveNews, StopListening};

/// The server that the page came from.
pub struct HttpTransport;

impl Transport for HttpTransport {
    fn send(&self, call: Call) -> Reply {
        Box::pin(send(call))
    }

    fn upload(&self, upload: Upload) -> Reply {
        Box::pin(send_file(upload))
    }

    fn listen(&self, tell: Rc<dyn Fn(LiveNews)>) -> StopListening {
        let stream = Rc::new(Stream {
            tell,
            source: RefCell::new(None),
            failures: Cell::new(0),
            is_stopped: Cell::new(false),
        });
        stream.open();
        Box::new(move || {
            stream.is_stopped.set(true);
            stream.close();
        })
    }
}

async fn send(call: Call) -> Result<String, ApiError> {
    let method = match call.method {
        Method::Get => gloo_net::http::Method::GET,
        Method::Post => gloo_net::http::Method::POST,
        Method::Put => gloo_net::http::Method::PUT,
        Method::Delete => gloo_net::http::Method::DELETE,
    };
    let mut request = RequestBuilder::new(&call.path)
        .method(method)
        .query(call.query);
    if let Some(key) = &call.idempotency_key {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    let request = match call.body {
        Some(body) => request
            .header("Content-Type", "application/json")
            .body(body),
        None => request.build(),
    };
    let response = request.map_err(offline)?.send().await.map_err(offline)?;
    let body = response.text().await.map_err(offline)?;
    if response.ok() {
        Ok(body)
    } else {
        Err(refusal(response.status(), &body))
    }
}

fn offline(error: gloo_net::Error) -> ApiError {
    ApiError::Offline(error.to_string())
}

fn broken(error: JsValue) -> ApiError {
    ApiError::BadReply(format!("{error:?}"))
}

/// XMLHttpRequest, because fetch tells no progress of what it sends.
async fn send_file(upload: Upload) -> Result<String, ApiError> {
    let form = web_sys::FormData::new().map_err(broken)?;
    form.append_with_blob_and_filename("file", &upload.file, &upload.name)
        .map_err(broken)?;
    if let Some(preview) = &upload.preview {
        form.append_with_blob_and_filename("preview", preview, "preview")
            .map_err(broken)?;
    }
    let request = web_sys::XmlHttpRequest::new().map_err(broken)?;
    request.open("POST", path::MEDIA).map_err(broken)?;

    let on_progress = upload.on_progress;
    let progressed =
        Closure::<dyn FnMut(web_sys::ProgressEvent)>::new(move |event: web_sys::ProgressEvent| {
            if event.length_computable() && event.total() > 0.0 {
                on_progress(event.loaded() / event.total());
            }
        });
    if let Ok(sending) = request.upload() {
        sending.set_onprogress(Some(progressed.as_ref().unchecked_ref()));
    }
    let (done, is_done) = oneshot::channel();
    let mut done = Some(done);
    // After a success, a failure, a timeout and an abort alike.
    let ended = Closure::<dyn FnMut()>::new(move || {
        if let Some(done) = done.take() {
            // Nobody waits any more: then nobody needs to know.
            let _ = done.send(());
        }
    });
    request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    let guard = AbortOnDrop(request);
    guard
        .0
        .send_with_opt_form_data(Some(&form))
        .map_err(broken)?;
    let _ = is_done.await;

    let status = guard.0.status().map_err(broken)?;
    if status == 0 {
        return Err(ApiError::Offline("the upload broke off".to_owned()));
    }
    let body = guard.0.response_text().map_err(broken)?.unwrap_or_default();
    if (200..300).contains(&status) {
        Ok(body)
    } else {
        Err(refusal(status, &body))
    }
}

struct AbortOnDrop(web_sys::XmlHttpRequest);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.set_onloadend(None);
        if let Ok(sending) = self.0.upload() {
            sending.set_onprogress(None);
        }
        // Does nothing to a request that is done.
        let _ = self.0.abort();
    }
}

/// An `EventSource` that never gives up.
struct Stream {
    tell: Rc<dyn Fn(LiveNews)>,
    source: RefCell<Option<Open>>,
    failures: Cell<u32>,
    is_stopped: Cell<bool>,
}

struct Open {
    source: web_sys::EventSource,
    _closures: [Closure<dyn FnMut(web_sys::MessageEvent)>; 3],
}

impl Stream {
    fn open(self: &Rc<Self>) {
        let Ok(source) = web_sys::EventSource::new(path::LIVE) else {
            return;
        };
        let opened = {
            let stream = Rc::clone(self);
            Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |_| {
                stream.failures.set(0);
                (stream.tell)(LiveNews::Connected);
            })
        };
        let told = {
            let stream = Rc::clone(self);
            Closure::<dyn FnMut(web_sys::MessageEvent)>::new(
                move |message: web_sys::MessageEvent| {
                    // An event of a newer server that this build does not know is not for it.
                    let event = message
                        .data()
                        .as_string()
                        .and_then(|json| json::read(&json).ok());
                    if let Some(event) = event {
                        (stream.tell)(LiveNews::Event(event));
                    }
                },
            )
        };
        let failed = {
            let stream = Rc::clone(self);
            Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |_| stream.failed())
        };
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onmessage(Some(told.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        self.source.replace(Some(Open {
            source,
            _closures: [opened, told, failed],
        }));
    }

    /// The browser connects again by itself after a broken connection, but not after an error status.
    fn failed(self: &Rc<Self>) {
        (self.tell)(LiveNews::Lost);
        let is_given_up = self
            .source
            .borrow()
            .as_ref()
            .is_some_and(|open| open.source.ready_state() == web_sys::EventSource::CLOSED);
        if !is_given_up {
            return;
        }
        let failures = self.failures.get();
        self.failures.set(failures + 1);
        let seconds = (1_u64 << failures.min(5)).min(30);
        // Chance spreads the tabs of a shop that all lost the server at once.
        let wait =
            Duration::from_millis(seconds * 1_000 + (js_sys::Math::random() * 1_000.0) as u64);
        let stream = Rc::clone(self);
        set_timeout(
            move || {
                stream.close();
                if !stream.is_stopped.get() {
                    stream.open();
                }
            },
            wait,
        );
    }

    fn close(&self) {
        if let Some(open) = self.source.take() {
            open.source.set_onopen(None);
            open.source.set_onmessage(None);
            open.source.set_onerror(None);
            open.source.close();
        }
    }
}
