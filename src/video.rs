//! A still of a picked video, made in the browser: what customers see before they press play.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use leptos::leptos_dom::helpers::set_timeout_with_handle;
use leptos::prelude::document;
use omocast_contract::limit::MAX_PREVIEW_BYTES;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, Event, File, HtmlVideoElement, OffscreenCanvas, Url};

use crate::picture::{NotAnImage, blob_of, context_of};

const LONGEST_SIDE: f64 = 1_024.0;
/// How long a browser may take to show a frame. One that can't play the video may never say so.
const PATIENCE: Duration = Duration::from_secs(8);

/// A still of a video.
pub struct Still {
    /// A JPEG of at most a megabyte.
    pub preview: Blob,
    /// The video's own size; 0 where this browser can't play it.
    pub width: u32,
    pub height: u32,
    /// How long it plays; 0 where that is not known.
    pub seconds: u32,
}

/// A still of a video, or a plain picture of a play button where this browser can't play it, which customers may still do.
pub async fn still_of(file: &File) -> Result<Still, NotAnImage> {
    match frame_of(file).await {
        Ok(still) => Ok(still),
        Err(NotAnImage) => {
            let (width, height) = (640.0, 360.0);
            let canvas = OffscreenCanvas::new(width as u32, height as u32)?;
            let pen = context_of(&canvas)?;
            pen.set_fill_style_str("dimgray");
            pen.fill_rect(0.0, 0.0, width, height);
            pen.set_fill_style_str("white");
            pen.begin_path();
            pen.move_to(width / 2.0 - 30.0, height / 2.0 - 40.0);
            pen.line_to(width / 2.0 + 40.0, height / 2.0);
            pen.line_to(width / 2.0 - 30.0, height / 2.0 + 40.0);
            pen.fill();
            Ok(Still {
                preview: blob_of(&canvas, "image/jpeg", 0.8).await?,
                width: 0,
                height: 0,
                seconds: 0,
            })
        }
    }
}

async fn frame_of(file: &File) -> Result<Still, NotAnImage> {
    let address = Address(Url::create_object_url_with_blob(file)?);
    let video: HtmlVideoElement = document()
        .create_element("video")?
        .dyn_into()
        .map_err(|_| NotAnImage)?;
    video.set_muted(true);
    video.set_preload("auto");
    // Without it a phone's browser wants to fill the screen.
    video.set_attribute("playsinline", "")?;
    let shown = Heard::listen(&video, &["loadeddata", "error"])?;
    video.set_src(&address.0);
    video.load();
    shown.next("loadeddata").await?;
    let seconds = Some(video.duration()).filter(|length| length.is_finite());
    // The very first frame is often black.
    let at = (seconds.unwrap_or(0.0) / 10.0).min(1.0);
    let sought = Heard::listen(&video, &["seeked", "error"])?;
    video.set_current_time(at);
    sought.next("seeked").await?;
    let still = draw(&video, seconds.unwrap_or(0.0)).await;
    // So that the browser lets the file go at once.
    video.set_src("");
    still
}

async fn draw(video: &HtmlVideoElement, seconds: f64) -> Result<Still, NotAnImage> {
    let (width, height) = (video.video_width(), video.video_height());
    if width == 0 || height == 0 {
        return Err(NotAnImage);
    }
    let mut scale = (LONGEST_SIDE / f64::from(width.max(height))).min(1.0);
    for _ in 0..4 {
        let side = |length: u32| (f64::from(length) * scale).round().max(1.0);
        let (w, h) = (side(width), side(height));
        let canvas = OffscreenCanvas::new(w as u32, h as u32)?;
        context_of(&canvas)?
            .draw_image_with_html_video_element_and_dw_and_dh(video, 0.0, 0.0, w, h)?;
        let preview = blob_of(&canvas, "image/jpeg", 0.8).await?;
        if preview.size() as u64 <= MAX_PREVIEW_BYTES {
            return Ok(Still {
                preview,
                width,
                height,
                seconds: seconds.round() as u32,
            });
        }
        scale *= 0.6;
    }
    Err(NotAnImage)
}

/// An address of a file in this browser, given back when it is dropped.
struct Address(String);

impl Drop for Address {
    fn drop(&mut self) {
        // Fails only for what is no such address.
        let _ = Url::revoke_object_url(&self.0);
    }
}

type Told = Rc<RefCell<Option<oneshot::Sender<String>>>>;

/// The first of some events of an element, or nothing when none comes in time.
struct Heard {
    video: HtmlVideoElement,
    events: &'static [&'static str],
    listener: Closure<dyn FnMut(Event)>,
    first: oneshot::Receiver<String>,
    told: Told,
}

impl Heard {
    fn listen(video: &HtmlVideoElement, events: &'static [&'static str]) -> Result<Self, JsValue> {
        let (tell, first) = oneshot::channel();
        let told: Told = Rc::new(RefCell::new(Some(tell)));
        let listener = {
            let told = Rc::clone(&told);
            Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                if let Some(tell) = told.take() {
                    // Nobody waits any more: then nobody needs to know.
                    let _ = tell.send(event.type_());
                }
            })
        };
        for event in events {
            video.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref())?;
        }
        Ok(Self {
            video: video.clone(),
            events,
            listener,
            first,
            told,
        })
    }

    /// Waits for the first; it must be the one that is wanted.
    async fn next(mut self, wanted: &str) -> Result<(), NotAnImage> {
        let told = Rc::clone(&self.told);
        // Without its sender the wait below ends.
        let patience = set_timeout_with_handle(move || drop(told.take()), PATIENCE)?;
        let first = (&mut self.first).await;
        patience.clear();
        match first {
            Ok(event) if event == wanted => Ok(()),
            Ok(_) | Err(_) => Err(NotAnImage),
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        for event in self.events {
            // Fails only for what was never listened to.
            let _ = self
                .video
                .remove_event_listener_with_callback(event, self.listener.as_ref().unchecked_ref());
        }
    }
}
