//! Makes a picked image small enough for the channels, in the browser: nothing large is uploaded, nothing large is decoded in wasm.

use omocast_contract::limit::{MAX_PREVIEW_BYTES, MAX_UPLOAD_BYTES, image_limit};
use omocast_contract::{Channel, ChannelSet};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, ImageBitmap, ImageEncodeOptions, OffscreenCanvas, OffscreenCanvasRenderingContext2d,
};

const JPEG: &str = "image/jpeg";
const PNG: &str = "image/png";

/// The longest side of an image that had to be shrunk at all: more than any phone shows.
const LONGEST_SIDE: f64 = 2_560.0;
const PREVIEW_SIDE: f64 = 1_024.0;

/// An image ready to be uploaded.
pub struct Picture {
    pub file: Blob,
    /// At most a megabyte: LINE shows it before the image itself is opened.
    pub preview: Blob,
    /// The name, with the ending of what it has become.
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub is_shrunk: bool,
}

/// The file is no image that this browser can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnImage;

impl From<JsValue> for NotAnImage {
    fn from(_: JsValue) -> Self {
        Self
    }
}

/// The most bytes that every one of these channels takes; of all channels when none is chosen yet.
pub fn strictest_limit(channels: ChannelSet) -> u64 {
    let chosen = |channel: &Channel| channels.is_empty() || channels.contains(*channel);
    Channel::ALL
        .into_iter()
        .filter(|channel| channel.takes_broadcasts() && chosen(channel))
        .map(image_limit)
        .min()
        .unwrap_or(MAX_UPLOAD_BYTES)
        .min(MAX_UPLOAD_BYTES)
}

/// Reads a picked file, shrinks it to `most` bytes if it is larger, and makes its preview.
/// What is small enough already is left as it is, to the byte.
pub async fn prepare(file: &File, most: u64) -> Result<Picture, NotAnImage> {
    let promise = leptos::prelude::window().create_image_bitmap_with_blob(file)?;
    // Turned as the camera's EXIF note asks: that is the default of createImageBitmap.
    let bitmap: ImageBitmap = JsFuture::from(promise).await?.dyn_into()?;
    let picture = of_bitmap(file, &bitmap, most).await;
    bitmap.close();
    picture
}

async fn of_bitmap(file: &File, bitmap: &ImageBitmap, most: u64) -> Result<Picture, NotAnImage> {
    let (width, height) = (bitmap.width(), bitmap.height());
    let kind = file.type_();
    let size = |blob: &Blob| blob.size() as u64;
    let is_taken = (kind == JPEG || kind == PNG) && size(file) <= most;
    let (sent, sent_width, sent_height) = if is_taken {
        (file.clone().unchecked_into::<Blob>(), width, height)
    } else {
        encode(bitmap, LONGEST_SIDE, 0.88, most).await?
    };
    let preview = if size(&sent) <= MAX_PREVIEW_BYTES {
        sent.clone()
    } else {
        encode(bitmap, PREVIEW_SIDE, 0.8, MAX_PREVIEW_BYTES)
            .await?
            .0
    };
    Ok(Picture {
        name: if is_taken {
            file.name()
        } else {
            as_jpeg_name(&file.name())
        },
        file: sent,
        preview,
        width: sent_width,
        height: sent_height,
        is_shrunk: !is_taken,
    })
}

/// A JPEG of at most `most` bytes, each attempt smaller than the one before.
async fn encode(
    bitmap: &ImageBitmap,
    longest: f64,
    quality: f64,
    most: u64,
) -> Result<(Blob, u32, u32), NotAnImage> {
    let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    let mut scale = (longest / width.max(height)).min(1.0);
    for _ in 0..8 {
        let side = |length: f64| (length * scale).round().max(1.0);
        let (w, h) = (side(width), side(height));
        let canvas = OffscreenCanvas::new(w as u32, h as u32)?;
        let context: OffscreenCanvasRenderingContext2d = canvas
            .get_context("2d")?
            .ok_or(NotAnImage)?
            .dyn_into()
            .map_err(|_| NotAnImage)?;
        // A JPEG has no transparency: what shows through is paper, not black.
        context.set_fill_style_str("white");
        context.fill_rect(0.0, 0.0, w, h);
        context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, w, h)?;
        let options = ImageEncodeOptions::new();
        options.set_type(JPEG);
        options.set_quality(quality);
        let blob: Blob = JsFuture::from(canvas.convert_to_blob_with_options(&options)?)
            .await?
            .dyn_into()?;
        if blob.size() as u64 <= most {
            return Ok((blob, w as u32, h as u32));
        }
        scale *= 0.7;
    }
    Err(NotAnImage)
}

fn as_jpeg_name(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    [stem, ".jpg"].concat()
}

/// What was picked, dropped or pasted.
pub fn files_of(list: Option<web_sys::FileList>) -> Vec<File> {
    let Some(list) = list else { return Vec::new() };
    (0..list.length()).filter_map(|at| list.get(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_channel_decides() {
        let set = |channels: &[Channel]| channels.iter().copied().collect::<ChannelSet>();
        assert_eq!(strictest_limit(set(&[Channel::Line])), 10 << 20);
        assert_eq!(
            strictest_limit(set(&[Channel::Line, Channel::Whatsapp])),
            5 << 20
        );
        assert_eq!(strictest_limit(ChannelSet::EMPTY), 5 << 20);
    }

    #[test]
    fn a_shrunk_image_is_named_as_the_jpeg_it_is() {
        assert_eq!(as_jpeg_name("coat.autumn.png"), "coat.autumn.jpg");
        assert_eq!(as_jpeg_name("coat"), "coat.jpg");
    }
}
