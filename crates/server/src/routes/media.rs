//! Uploading images, videos and files, and giving them out:
//! to members with their session, to platforms by a signed address.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use omocast_contract::api::Media;
use omocast_contract::limit::{MAX_PREVIEW_BYTES, MAX_UPLOAD_BYTES, max_upload};
use omocast_contract::media::{DETECT_BYTES, Detected, clean_file_name, detect};
use omocast_contract::{MediaId, Medium, Problem, ProblemCode};
use serde::Deserialize;
use tower_http::services::ServeFile;
use uuid::Uuid;

use crate::app::App;
use crate::error::{AppError, AppResult, Json};
use crate::media::{Unfinished, Variant, percent_encode};
use crate::request::{Asked, PathId};
use crate::sessions::SignedIn;
use crate::store::{Member, StoredMedia};

/// What multipart adds: boundaries and names.
const MULTIPART_BYTES: u64 = 16 * 1024;

/// Both files and what multipart adds. What is larger is not read to its end.
pub const BODY_LIMIT: usize = (MAX_UPLOAD_BYTES + MAX_PREVIEW_BYTES + MULTIPART_BYTES) as usize;

/// Uploads an image, a video or a file, with a smaller image to be shown first.
pub async fn create_media(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    request: Request,
) -> AppResult<(StatusCode, Json<Media>)> {
    let announced = content_length(request.headers());
    if announced.is_some_and(|bytes| bytes > BODY_LIMIT as u64) {
        return Err(refuse(ProblemCode::UploadTooLarge, "file"));
    }
    let mut multipart = Multipart::from_request(piecewise(request), &app)
        .await
        .map_err(|_| malformed("content-type"))?;
    match receive_all(&app, &mut multipart, announced).await {
        Ok((upload, preview)) => keep(&app, &member, upload, preview).await,
        Err(error) => {
            if error.problem().code != ProblemCode::UploadTooLarge {
                drain(multipart).await;
            }
            Err(error)
        }
    }
}

/// Reads the rest of what fits in a body, and forgets it.
/// A browser that is cut off while it sends shows no answer, and this one says what to do about it.
/// What is too large is not worth it: an honest browser asks the same rules before it begins.
async fn drain(mut multipart: Multipart) {
    while let Ok(Some(mut field)) = multipart.next_field().await {
        while let Ok(Some(_)) = field.chunk().await {}
    }
}

async fn receive_all(
    app: &App,
    multipart: &mut Multipart,
    announced: Option<u64>,
) -> AppResult<(Received, Option<Received>)> {
    let (mut upload, mut preview) = (None, None);
    while let Some(field) = multipart
        .next_field()
        .await
        .map_err(|error| unreadable(&error, "file"))?
    {
        match field.name() {
            Some("file") if upload.is_none() => {
                upload = Some(receive(app, field, Part::Upload, announced).await?);
            }
            Some("preview") if preview.is_none() => {
                preview = Some(receive(app, field, Part::Preview, announced).await?);
            }
            name => return Err(malformed(name.unwrap_or("multipart"))),
        }
    }
    let upload = upload.ok_or_else(|| malformed("file"))?;
    check_preview(&upload, preview.as_ref())?;
    Ok((upload, preview))
}

/// The same request, whose body gives one piece each time that it is asked.
/// The multipart parser reads on as long as there is something, so a quick sender would fill the memory.
fn piecewise(request: Request) -> Request {
    request.map(|body| {
        // The parser mistakes a body for a broken one whose end comes together with its first piece.
        let end = stream::once(async { Ok(Bytes::new()) });
        let pieces = body.into_data_stream().chain(end);
        Body::from_stream(pieces.then(async |piece| {
            tokio::task::yield_now().await;
            piece
        }))
    })
}

/// Puts both files into their places and records them; all of it or nothing.
async fn keep(
    app: &App,
    member: &Member,
    upload: Received,
    preview: Option<Received>,
) -> AppResult<(StatusCode, Json<Media>)> {
    let media = Media {
        id: MediaId(Uuid::now_v7()),
        name: upload.name,
        mime: upload.is.mime.to_owned(),
        bytes: upload.bytes,
        medium: upload.is.medium,
        file_type: upload.is.file_type,
        has_preview: preview.is_some(),
    };
    let stored = StoredMedia {
        preview_mime: preview.as_ref().map(|preview| preview.is.mime.to_owned()),
        media: media.clone(),
    };
    let kept = async {
        app.media
            .keep(upload.file, media.id, Variant::Original)
            .await?;
        if let Some(preview) = preview {
            app.media
                .keep(preview.file, media.id, Variant::Preview)
                .await?;
        }
        app.store
            .create_media(member.team_id, member.id, &stored, app.now())
            .await?;
        AppResult::Ok(())
    };
    if let Err(error) = kept.await {
        app.media.delete(media.id).await?;
        return Err(error);
    }
    Ok((StatusCode::CREATED, Json(media)))
}

/// LINE shows a video by its preview, and an image by itself only if it is small.
fn check_preview(upload: &Received, preview: Option<&Received>) -> AppResult<()> {
    let code = match (upload.is.medium, preview) {
        (Medium::Video, None) => ProblemCode::PreviewMissing,
        (Medium::Image, None) if upload.bytes > MAX_PREVIEW_BYTES => ProblemCode::UploadTooLarge,
        (Medium::File, Some(_)) => ProblemCode::MalformedRequest,
        _ => return Ok(()),
    };
    Err(refuse(code, "preview"))
}

/// Which of the two files of an upload is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Upload,
    Preview,
}

impl Part {
    fn field(self) -> &'static str {
        match self {
            Self::Upload => "file",
            Self::Preview => "preview",
        }
    }

    /// What it is, and how large it may be; or why it is not taken.
    fn admit(self, name: &str, head: &[u8]) -> Result<(Detected, u64), ProblemCode> {
        let is = detect(name, head)?;
        match self {
            Self::Upload => Ok((is, max_upload(is.medium))),
            Self::Preview if is.medium == Medium::Image => Ok((is, MAX_PREVIEW_BYTES)),
            Self::Preview => Err(ProblemCode::NotAnImage),
        }
    }
}

struct Received {
    file: Unfinished,
    name: String,
    is: Detected,
    bytes: u64,
}

/// Writes one file of the upload as it comes, once its first bytes told what it is.
async fn receive(
    app: &App,
    mut field: Field<'_>,
    part: Part,
    announced: Option<u64>,
) -> AppResult<Received> {
    let refuse = |code| refuse(code, part.field());
    let name = clean_file_name(field.file_name().unwrap_or_default());
    let mut head = Vec::new();
    let mut is_whole = false;
    while head.len() < DETECT_BYTES && !is_whole {
        match next_piece(&mut field, part).await? {
            Some(piece) => head.extend_from_slice(&piece),
            None => is_whole = true,
        }
    }
    let beginning = head.get(..DETECT_BYTES).unwrap_or(&head);
    let (is, limit) = part.admit(&name, beginning).map_err(refuse)?;
    if part == Part::Upload
        && announced.is_some_and(|bytes| bytes > limit + MAX_PREVIEW_BYTES + MULTIPART_BYTES)
    {
        return Err(refuse(ProblemCode::UploadTooLarge));
    }
    let mut file = app.media.begin().await?;
    let mut bytes = 0;
    let mut next = Some(axum::body::Bytes::from(head));
    while let Some(piece) = next {
        bytes += piece.len() as u64;
        if bytes > limit {
            return Err(refuse(ProblemCode::UploadTooLarge));
        }
        file.write(&piece).await?;
        next = next_piece(&mut field, part).await?;
    }
    Ok(Received {
        file,
        name,
        is,
        bytes,
    })
}

async fn next_piece(field: &mut Field<'_>, part: Part) -> AppResult<Option<Bytes>> {
    field
        .chunk()
        .await
        .map_err(|error| unreadable(&error, part.field()))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn refuse(code: ProblemCode, field: &str) -> AppError {
    Problem::new(code).at(field).into()
}

fn malformed(field: &str) -> AppError {
    refuse(ProblemCode::MalformedRequest, field)
}

fn unreadable(error: &MultipartError, field: &str) -> AppError {
    let is_too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if is_too_large {
        ProblemCode::UploadTooLarge
    } else {
        ProblemCode::MalformedRequest
    };
    refuse(code, field)
}

/// An upload, for members of the team.
pub async fn find_media(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<MediaId>,
    request: Request,
) -> AppResult<Response> {
    let stored = app.store.find_media(member.team_id, id).await?;
    let stored = stored.ok_or(AppError::NotFound)?;
    serve(&app, &stored, Variant::Original, request).await
}

/// What is shown of an upload before it is opened, for members of the team.
pub async fn find_media_preview(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<MediaId>,
    request: Request,
) -> AppResult<Response> {
    let stored = app.store.find_media(member.team_id, id).await?;
    let stored = stored.ok_or(AppError::NotFound)?;
    serve(&app, &stored, Variant::Preview, request).await
}

/// What makes an address good.
#[derive(Clone, Debug, Deserialize)]
pub struct Signature {
    expires: i64,
    signature: String,
}

/// An upload, for whoever has its signed address. One that is not ours, or has expired, leads nowhere.
pub async fn find_public_media(
    State(app): State<App>,
    PathId((id, variant)): PathId<(MediaId, String)>,
    signature: AppResult<Asked<Signature>>,
    request: Request,
) -> AppResult<Response> {
    find_signed(&app, id, &variant, signature, request).await
}

/// The same for a file, whose name at the end is for the platform only.
pub async fn find_public_file(
    State(app): State<App>,
    PathId((id, variant, _name)): PathId<(MediaId, String, String)>,
    signature: AppResult<Asked<Signature>>,
    request: Request,
) -> AppResult<Response> {
    find_signed(&app, id, &variant, signature, request).await
}

async fn find_signed(
    app: &App,
    id: MediaId,
    variant: &str,
    signature: AppResult<Asked<Signature>>,
    request: Request,
) -> AppResult<Response> {
    let Asked(signature) = signature.map_err(|_| AppError::NotFound)?;
    let variant = Variant::parse(variant).ok_or(AppError::NotFound)?;
    if !app.media.is_signed(
        id,
        variant,
        signature.expires,
        &signature.signature,
        app.now(),
    ) {
        return Err(AppError::NotFound);
    }
    let stored = app.store.find_public_media(id).await?;
    serve(app, &stored.ok_or(AppError::NotFound)?, variant, request).await
}

/// Gives a file out, whole or in the part that is asked for.
async fn serve(
    app: &App,
    stored: &StoredMedia,
    variant: Variant,
    request: Request,
) -> AppResult<Response> {
    let StoredMedia {
        media,
        preview_mime,
    } = stored;
    let (variant, mime) = match (variant, preview_mime) {
        (Variant::Preview, Some(mime)) => (Variant::Preview, mime),
        // An image that is small is its own preview.
        (Variant::Preview, None) if media.medium != Medium::Image => {
            return Err(AppError::NotFound);
        }
        (Variant::Original | Variant::Preview, _) => (Variant::Original, &media.mime),
    };
    let mut file = ServeFile::new(app.media.path(media.id, variant));
    let mut response = file.try_call(request).await?.map(Body::new).into_response();
    if response.status() == StatusCode::NOT_FOUND {
        return Err(AppError::NotFound);
    }
    let disposition = match media.medium {
        // Shown by nobody but the program that the reader opens it with.
        Medium::File => format!(
            "attachment; filename*=UTF-8''{}",
            percent_encode(&media.name)
        ),
        _ => "inline".to_owned(),
    };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| -> AppResult<()> {
        let value = HeaderValue::from_str(value).map_err(anyhow::Error::from)?;
        headers.insert(name, value);
        Ok(())
    };
    set(header::CONTENT_TYPE, mime)?;
    set(header::CONTENT_DISPOSITION, &disposition)?;
    set(header::CACHE_CONTROL, "private, max-age=86400, immutable")?;
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    )?;
    Ok(response)
}
