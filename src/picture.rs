//! Makes a picked image small enough for the channels, in the browser: nothing large is uploaded, nothing large is decoded in wasm.
//!
//! What leaves the browser shows the picture and tells nothing else: where and with what it was taken is dropped.

use js_sys::{Reflect, Uint8Array};
use omocast_contract::limit::MAX_PREVIEW_BYTES;
use omocast_contract::media::{DETECT_BYTES, detect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, ImageBitmap, ImageBitmapOptions, ImageEncodeOptions, ImageOrientation,
    OffscreenCanvas, OffscreenCanvasRenderingContext2d,
};

/// Pixels of an image that is drawn anew: a phone's whole photo, and less than a phone's browser can hold in a canvas.
/// Not a longest side: a long list of prices must stay readable.
const MOST_PIXELS: f64 = 4_096.0 * 3_072.0;
const PREVIEW_SIDE: f64 = 1_024.0;
const QUALITY: f64 = 0.88;
const PREVIEW_QUALITY: f64 = 0.8;

/// An image ready to be uploaded.
pub struct Picture {
    pub file: Blob,
    /// At most a megabyte: LINE shows it before the image itself is opened.
    pub preview: Blob,
    /// The name, with the ending of what it has become.
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// Whether it had to become smaller.
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

/// What every channel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
}

impl Format {
    /// By its content: a name may say anything.
    fn of(head: &[u8]) -> Option<Self> {
        let detected = detect("", head).ok()?;
        [Self::Jpeg, Self::Png]
            .into_iter()
            .find(|format| format.mime() == detected.mime)
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// Reads a picked file, shrinks it to `most` bytes if it is larger, and makes its preview.
/// What is small enough and tells nothing but its picture is left as it is, to the byte.
pub async fn prepare(file: &File, most: u64) -> Result<Picture, NotAnImage> {
    let options = ImageBitmapOptions::new();
    // A camera's photo is turned as its EXIF note asks, because the note does not go along.
    options.set_image_orientation(ImageOrientation::FromImage);
    let promise = leptos::prelude::window()
        .create_image_bitmap_with_blob_and_image_bitmap_options(file, &options)?;
    let bitmap: ImageBitmap = JsFuture::from(promise).await?.dyn_into()?;
    let picture = of_bitmap(file, &bitmap, most).await;
    bitmap.close();
    picture
}

async fn of_bitmap(file: &File, bitmap: &ImageBitmap, most: u64) -> Result<Picture, NotAnImage> {
    let format = Format::of(&beginning(file, DETECT_BYTES as u64).await?);
    let is_small = size(file) <= most;
    let is_kept = match format {
        Some(format) if is_small => is_picture_alone(format, &beginning(file, most).await?),
        _ => false,
    };
    let full = Drawn {
        file: file.clone().unchecked_into(),
        format: format.unwrap_or(Format::Jpeg),
        width: bitmap.width(),
        height: bitmap.height(),
    };
    let drawn = if is_kept {
        full
    } else {
        draw(bitmap, format, most).await?
    };
    let is_shrunk = drawn.width < bitmap.width() || (!is_kept && !is_small);
    let preview = if size(&drawn.file) <= MAX_PREVIEW_BYTES {
        drawn.file.clone()
    } else {
        let scale = side_scale(bitmap, PREVIEW_SIDE);
        let preview = smaller_until(
            bitmap,
            Format::Jpeg,
            scale,
            PREVIEW_QUALITY,
            MAX_PREVIEW_BYTES,
        );
        preview.await?.file
    };
    Ok(Picture {
        name: named_as(&file.name(), drawn.format),
        file: drawn.file,
        preview,
        width: drawn.width,
        height: drawn.height,
        is_shrunk,
    })
}

struct Drawn {
    file: Blob,
    format: Format,
    width: u32,
    height: u32,
}

/// The picture alone, in at most `most` bytes. A PNG stays one, with what shows through it, if it fits.
async fn draw(
    bitmap: &ImageBitmap,
    format: Option<Format>,
    most: u64,
) -> Result<Drawn, NotAnImage> {
    let pixels = f64::from(bitmap.width()) * f64::from(bitmap.height());
    let scale = (MOST_PIXELS / pixels).sqrt().min(1.0);
    if format == Some(Format::Png) {
        let drawn = encode(bitmap, Format::Png, scale, QUALITY).await?;
        if size(&drawn.file) <= most {
            return Ok(drawn);
        }
    }
    smaller_until(bitmap, Format::Jpeg, scale, QUALITY, most).await
}

/// Each attempt is smaller than the one before.
async fn smaller_until(
    bitmap: &ImageBitmap,
    format: Format,
    mut scale: f64,
    quality: f64,
    most: u64,
) -> Result<Drawn, NotAnImage> {
    for _ in 0..10 {
        let drawn = encode(bitmap, format, scale, quality).await?;
        if size(&drawn.file) <= most {
            return Ok(drawn);
        }
        scale *= 0.75;
    }
    Err(NotAnImage)
}

async fn encode(
    bitmap: &ImageBitmap,
    format: Format,
    scale: f64,
    quality: f64,
) -> Result<Drawn, NotAnImage> {
    let side = |length: u32| (f64::from(length) * scale).round().max(1.0);
    let (width, height) = (side(bitmap.width()), side(bitmap.height()));
    let canvas = OffscreenCanvas::new(width as u32, height as u32)?;
    let context = context_of(&canvas)?;
    if format == Format::Jpeg {
        // It has no transparency: what shows through is paper, not black.
        context.set_fill_style_str("white");
        context.fill_rect(0.0, 0.0, width, height);
    }
    // Without it fine patterns flicker when a photo becomes much smaller; web-sys does not know it yet.
    Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into())?;
    context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width, height)?;
    Ok(Drawn {
        file: blob_of(&canvas, format.mime(), quality).await?,
        format,
        width: width as u32,
        height: height as u32,
    })
}

/// The pen of a canvas.
pub fn context_of(
    canvas: &OffscreenCanvas,
) -> Result<OffscreenCanvasRenderingContext2d, NotAnImage> {
    canvas
        .get_context("2d")?
        .ok_or(NotAnImage)?
        .dyn_into()
        .map_err(|_| NotAnImage)
}

/// What is drawn, as a file. The browser makes it beside the page's own work.
pub async fn blob_of(
    canvas: &OffscreenCanvas,
    mime: &str,
    quality: f64,
) -> Result<Blob, NotAnImage> {
    let options = ImageEncodeOptions::new();
    options.set_type(mime);
    options.set_quality(quality);
    let promise = canvas.convert_to_blob_with_options(&options)?;
    Ok(JsFuture::from(promise).await?.dyn_into()?)
}

fn side_scale(bitmap: &ImageBitmap, longest: f64) -> f64 {
    (longest / f64::from(bitmap.width().max(bitmap.height()))).min(1.0)
}

fn size(blob: &Blob) -> u64 {
    blob.size() as u64
}

/// The first bytes of a file, at most `most`.
pub async fn beginning(file: &Blob, most: u64) -> Result<Vec<u8>, NotAnImage> {
    let part = file.slice_with_f64_and_f64(0.0, most as f64)?;
    let buffer = JsFuture::from(part.array_buffer()).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Whether a whole file holds its picture and no notes: no place, no camera, no small copy of what was cut off since.
/// What can't be read to the picture is said to hold some.
fn is_picture_alone(format: Format, content: &[u8]) -> bool {
    let found = match format {
        Format::Jpeg => jpeg_is_picture_alone(content),
        Format::Png => png_is_picture_alone(content),
    };
    found.unwrap_or(false)
}

fn jpeg_is_picture_alone(content: &[u8]) -> Option<bool> {
    const NOTES: [u8; 3] = [0xe1, 0xed, 0xfe];
    const PICTURE: u8 = 0xda;
    let mut at = 2;
    loop {
        if *content.get(at)? != 0xff {
            return None;
        }
        let marker = *content.get(at + 1)?;
        if marker == 0xff {
            // Filling.
            at += 1;
            continue;
        }
        if marker == PICTURE {
            return Some(true);
        }
        let body = content.get(at + 4..)?;
        // More pictures follow the first one: a phone's depth map, or the photo before it was edited.
        if NOTES.contains(&marker) || (marker == 0xe2 && body.starts_with(b"MPF\0")) {
            return Some(false);
        }
        let length = u16::from_be_bytes([*content.get(at + 2)?, *content.get(at + 3)?]);
        at += 2 + usize::from(length);
    }
}

fn png_is_picture_alone(content: &[u8]) -> Option<bool> {
    const NOTES: [&[u8]; 5] = [b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"];
    let mut at = 8;
    loop {
        let head = content.get(at..at + 8)?;
        let (length, kind) = head.split_at(4);
        if NOTES.contains(&kind) {
            return Some(false);
        }
        let length = u32::from_be_bytes(length.try_into().ok()?);
        at = at.checked_add(12 + usize::try_from(length).ok()?)?;
        if kind == b"IEND" {
            return Some(at == content.len());
        }
    }
}

/// The name with the ending of its format.
fn named_as(name: &str, format: Format) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending = ending.to_ascii_lowercase();
    let fits = match format {
        Format::Jpeg => matches!(ending.as_str(), "jpg" | "jpeg"),
        Format::Png => ending == "png",
    };
    match format {
        _ if fits => name.to_owned(),
        Format::Jpeg => [stem, ".jpg"].concat(),
        Format::Png => [stem, ".png"].concat(),
    }
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
    fn an_image_is_named_as_what_it_has_become() {
        assert_eq!(named_as("coat.autumn.png", Format::Jpeg), "coat.autumn.jpg");
        assert_eq!(named_as("coat", Format::Jpeg), "coat.jpg");
        assert_eq!(named_as("COAT.JPEG", Format::Jpeg), "COAT.JPEG");
        assert_eq!(named_as("coat.jpg", Format::Png), "coat.png");
    }

    #[test]
    fn the_format_is_found_by_the_content() {
        assert_eq!(Format::of(&[0xff, 0xd8, 0xff, 0xe0]), Some(Format::Jpeg));
        assert_eq!(Format::of(b"\x89PNG\r\n\x1a\n...."), Some(Format::Png));
        assert_eq!(Format::of(b"GIF89a"), None);
    }

    /// A JPEG of these segments: marker and body.
    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let mut content = vec![0xff, 0xd8];
        for (marker, body) in segments {
            content.extend([0xff, *marker]);
            content.extend((body.len() as u16 + 2).to_be_bytes());
            content.extend(*body);
        }
        content.extend([0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9]);
        content
    }

    #[track_caller]
    fn check_jpeg(segments: &[(u8, &[u8])], expected: bool) {
        assert_eq!(is_picture_alone(Format::Jpeg, &jpeg(segments)), expected);
    }

    #[test]
    fn the_notes_of_a_camera_are_found() {
        check_jpeg(&[(0xe0, b"JFIF\0"), (0xdb, &[1; 64])], true);
        check_jpeg(&[(0xe2, b"ICC_PROFILE\0")], true);
        check_jpeg(&[(0xe0, b"JFIF\0"), (0xe1, b"Exif\0\0")], false);
        check_jpeg(&[(0xe2, b"MPF\0")], false);
        check_jpeg(&[(0xed, b"Photoshop 3.0\0")], false);
        // What is cut off before its picture can't be vouched for.
        assert!(!is_picture_alone(
            Format::Jpeg,
            &[0xff, 0xd8, 0xff, 0xe0, 0]
        ));
        assert!(!is_picture_alone(Format::Jpeg, &[0xff, 0xd8]));
    }

    fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut content = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, body) in chunks {
            content.extend((body.len() as u32).to_be_bytes());
            content.extend(*kind);
            content.extend(*body);
            content.extend([0; 4]);
        }
        content
    }

    #[test]
    fn the_notes_in_a_png_are_found() {
        let alone = png(&[(b"IHDR", &[0; 13]), (b"IDAT", &[1; 9]), (b"IEND", &[])]);
        assert!(is_picture_alone(Format::Png, &alone));
        let noted = png(&[(b"IHDR", &[0; 13]), (b"tEXt", b"Author"), (b"IEND", &[])]);
        assert!(!is_picture_alone(Format::Png, &noted));
        let longer = [alone.as_slice(), b"more"].concat();
        assert!(!is_picture_alone(Format::Png, &longer));
        assert!(!is_picture_alone(Format::Png, &alone[..30]));
        let endless = png(&[(b"IDAT", &[])]);
        assert!(!is_picture_alone(Format::Png, &endless));
    }
}
