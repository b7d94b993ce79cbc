//! Uploading images, and giving them out: to members with their session, to platforms by a signed address.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use omocast_contract::api::Media;
use omocast_contract::limit::{MAX_PREVIEW_BYTES, MAX_UPLOAD_BYTES};
use omocast_contract::{MediaId, Problem, ProblemCode};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use crate::app::App;
use crate::error::{AppError, AppResult, Json};
use crate::media::{Unfinished, Variant};
use crate::request::{Asked, PathId};
use crate::sessions::SignedIn;

/// Both files and what multipart adds. What is larger is not read to its end.
pub const BODY_LIMIT: usize = (MAX_UPLOAD_BYTES + MAX_PREVIEW_BYTES) as usize * 2;

/// Enough of a file to know what it is.
const HEAD: usize = 64;
const PIECE: usize = 64 * 1024;
const LONGEST_NAME: usize = 200;

/// Uploads an image, with a smaller one to be shown first.
pub async fn create_media(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    multipart: Result<Multipart, MultipartRejection>,
) -> AppResult<(StatusCode, Json<Media>)> {
    let malformed = |field: &str| Problem::new(ProblemCode::MalformedRequest).at(field);
    let mut multipart = multipart.map_err(|_| malformed("content-type"))?;
    let (mut image, mut preview) = (None, None);
    while let Some(field) = multipart
        .next_field()
        .await
        .map_err(|error| unreadable(&error, "file"))?
    {
        match field.name() {
            Some("file") if image.is_none() => {
                image = Some(receive(&app, field, "file", MAX_UPLOAD_BYTES).await?)
            }
            Some("preview") if preview.is_none() => {
                preview = Some(receive(&app, field, "preview", MAX_PREVIEW_BYTES).await?);
            }
            name => {
                let name = name.unwrap_or("multipart").to_owned();
                return Err(malformed(&name).into());
            }
        }
    }
    let image = image.ok_or_else(|| malformed("file"))?;
    if preview.is_none() && image.bytes > MAX_PREVIEW_BYTES {
        // The image is to serve as its own preview, for which it is too large.
        return Err(Problem::new(ProblemCode::UploadTooLarge)
            .at("preview")
            .into());
    }
    let media = Media {
        id: MediaId(Uuid::now_v7()),
        name: image.name,
        mime: image.mime.to_owned(),
        bytes: image.bytes,
    };
    let kept = async {
        app.media
            .keep(image.file, media.id, Variant::Original)
            .await?;
        if let Some(preview) = preview {
            app.media
                .keep(preview.file, media.id, Variant::Preview)
                .await?;
        }
        app.store
            .create_media(member.team_id, Some(member.id), &media, app.now())
            .await?;
        AppResult::Ok(())
    };
    if let Err(error) = kept.await {
        app.media.delete(media.id).await?;
        return Err(error);
    }
    Ok((StatusCode::CREATED, Json(media)))
}

struct Received {
    file: Unfinished,
    name: String,
    mime: &'static str,
    bytes: u64,
}

/// Writes one file of the upload as it comes, and knows it by its first bytes.
async fn receive(app: &App, mut field: Field<'_>, called: &str, limit: u64) -> AppResult<Received> {
    let refuse = |code| Err(AppError::from(Problem::new(code).at(called)));
    let name = field
        .file_name()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect();
    let mut file = app.media.begin().await?;
    let mut head = Vec::with_capacity(HEAD);
    let mut bytes = 0;
    let mut refused = None;
    while let Some(piece) = field
        .chunk()
        .await
        .map_err(|error| unreadable(&error, called))?
    {
        bytes += piece.len() as u64;
        if head.len() < HEAD {
            head.extend(piece.iter().take(HEAD - head.len()));
            if head.len() == HEAD && mime(&head).is_none() {
                refused = refused.or(Some(ProblemCode::NotAnImage));
            }
        }
        if bytes > limit {
            refused = refused.or(Some(ProblemCode::UploadTooLarge));
        }
        // What is refused is still read, up to the limit of the body: a browser that is cut off shows no answer.
        if refused.is_none() {
            file.write(&piece).await?;
        }
    }
    match (refused, mime(&head)) {
        (Some(code), _) => refuse(code),
        (None, None) => refuse(ProblemCode::NotAnImage),
        (None, Some(mime)) => Ok(Received {
            file,
            name,
            mime,
            bytes,
        }),
    }
}

fn unreadable(error: &MultipartError, field: &str) -> AppError {
    let is_too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if is_too_large {
        ProblemCode::UploadTooLarge
    } else {
        ProblemCode::MalformedRequest
    };
    Problem::new(code).at(field).into()
}

fn mime(head: &[u8]) -> Option<&'static str> {
    if infer::image::is_jpeg(head) {
        Some("image/jpeg")
    } else if infer::image::is_png(head) {
        Some("image/png")
    } else {
        None
    }
}

/// An image, for members of the team.
pub async fn find_media(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<MediaId>,
) -> AppResult<Response> {
    let media = app
        .store
        .find_media(member.team_id, id)
        .await?
        .ok_or(AppError::NotFound)?;
    serve(&app, media.id, Variant::Original).await
}

/// What makes an address good.
#[derive(Clone, Debug, Deserialize)]
pub struct Signature {
    expires: i64,
    signature: String,
}

/// An image, for whoever has its signed address. One that is not ours, or has expired, leads nowhere.
pub async fn find_public_media(
    State(app): State<App>,
    PathId((id, variant)): PathId<(MediaId, String)>,
    signature: AppResult<Asked<Signature>>,
) -> AppResult<Response> {
    let Asked(signature) = signature.map_err(|_| AppError::NotFound)?;
    let variant = Variant::parse(&variant).ok_or(AppError::NotFound)?;
    if !app.media.is_signed(
        id,
        variant,
        signature.expires,
        &signature.signature,
        app.now(),
    ) {
        return Err(AppError::NotFound);
    }
    serve(&app, id, variant).await
}

async fn serve(app: &App, id: MediaId, variant: Variant) -> AppResult<Response> {
    let (mut file, bytes) = match app.media.open(id, variant).await {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(AppError::NotFound);
        }
        Err(error) => return Err(error.into()),
    };
    let mut first = vec![0; PIECE];
    let read = file.read(&mut first).await?;
    first.truncate(read);
    // A preview may be of another kind than its image.
    let kind = mime(&first).unwrap_or("application/octet-stream");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("inline"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=86400, immutable"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    let pieces = stream::try_unfold((Some(Bytes::from(first)), file), next_piece);
    Ok((headers, Body::from_stream(pieces)).into_response())
}

type Reading = (Option<Bytes>, File);

async fn next_piece((first, mut file): Reading) -> std::io::Result<Option<(Bytes, Reading)>> {
    if let Some(first) = first {
        return Ok(Some((first, (None, file))));
    }
    let mut piece = vec![0; PIECE];
    let read = file.read(&mut piece).await?;
    piece.truncate(read);
    Ok((read > 0).then(|| (Bytes::from(piece), (None, file))))
}
