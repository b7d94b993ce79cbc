//! From a picked file to what is sent of it: what it is by its content, and what has to be made of it before.

use omocast_contract::media::{DETECT_BYTES, detect};
use omocast_contract::{FileType, Medium, ProblemCode};
use web_sys::{Blob, File};

use crate::picture::{NotAnImage, beginning, prepare};
use crate::video::still_of;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub medium: Medium,
    pub file_type: Option<FileType>,
}

/// What a file is, by its content, or why it is not taken. Nothing large is read for it.
pub async fn identify(file: &File) -> Result<Found, ProblemCode> {
    // A folder, say.
    let unreadable = |NotAnImage| ProblemCode::FileTypeRefused;
    let head = beginning(file, DETECT_BYTES as u64)
        .await
        .map_err(unreadable)?;
    match detect(&file.name(), &head) {
        Ok(detected) => Ok(Found {
            medium: detected.medium,
            file_type: detected.file_type,
        }),
        // This browser may be able to read it, and then it becomes a JPEG.
        Err(ProblemCode::NotAnImage) => Ok(Found {
            medium: Medium::Image,
            file_type: None,
        }),
        Err(code) => Err(code),
    }
}

/// What is sent of a file.
pub struct Parcel {
    pub file: Blob,
    /// A JPEG that is shown before the file itself is opened.
    pub preview: Option<Blob>,
    pub name: String,
    /// An image's or a video's; 0 where it is not known.
    pub width: u32,
    pub height: u32,
    /// How long a video plays; 0 where it is not known.
    pub seconds: u32,
    /// Whether an image was made smaller.
    pub is_shrunk: bool,
}

/// Makes what is sent of a file: an image of at most `most` bytes, a video with a still of it, a file as it is.
pub async fn make_ready(file: &File, medium: Medium, most: u64) -> Result<Parcel, NotAnImage> {
    let as_it_is = Parcel {
        file: file.slice()?,
        preview: None,
        name: file.name(),
        width: 0,
        height: 0,
        seconds: 0,
        is_shrunk: false,
    };
    match medium {
        Medium::Image => {
            let picture = prepare(file, most).await?;
            Ok(Parcel {
                file: picture.file,
                preview: Some(picture.preview),
                name: picture.name,
                width: picture.width,
                height: picture.height,
                is_shrunk: picture.is_shrunk,
                ..as_it_is
            })
        }
        Medium::Video => {
            let still = still_of(file).await?;
            Ok(Parcel {
                preview: Some(still.preview),
                width: still.width,
                height: still.height,
                seconds: still.seconds,
                ..as_it_is
            })
        }
        Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => Ok(as_it_is),
    }
}
