//! What a request may answer instead of what was asked for: always a [`Problem`].

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use omocast_contract::{Problem, ProblemCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing, or it is not for this member's eyes.
    #[error("not found")]
    NotFound,
    /// A rule forbids it.
    #[error("refused: {}", .0.code.as_str())]
    Refused(Box<Problem>),
    /// Something broke.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// What handlers return.
pub type AppResult<T> = Result<T, AppError>;

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<ProblemCode> for AppError {
    fn from(code: ProblemCode) -> Self {
        Problem::new(code).into()
    }
}

impl From<std::io::Error> for AppError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                tracing::error!(%error, "there is no room left");
                ProblemCode::StorageFull.into()
            }
            _ => Self::Internal(error.into()),
        }
    }
}

impl AppError {
    /// The same, about one field of the request; what broke on our side is about none.
    #[must_use]
    pub fn at(self, field: &str) -> Self {
        match self {
            Self::Internal(_) => self,
            Self::NotFound | Self::Refused(_) => self.problem().at(field).into(),
        }
    }

    /// The problem that is told. The cause of what broke is in the log only.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(ProblemCode::NotFound),
            Self::Refused(problem) => problem.as_ref().clone(),
            Self::Internal(_) => Problem::new(ProblemCode::Internal),
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(cause = format!("{cause:#}"), "a request failed");
        }
        problem_response(self.problem())
    }
}

/// A problem as an answer. It rides along as an extension too, so that [`tell_request_id`] can complete it.
pub fn problem_response(problem: Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&problem).expect("a problem has text keys only");
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(Told(problem));
    response
}

#[derive(Clone)]
struct Told(Problem);

/// Writes the request's id into a problem, for the user to quote.
pub fn tell_request_id(mut response: Response, request_id: &str) -> Response {
    let Some(Told(mut problem)) = response.extensions_mut().remove::<Told>() else {
        return response;
    };
    problem.request_id = Some(request_id.to_owned());
    let (parts, _) = problem_response(problem.clone()).into_parts();
    let body = serde_json::to_vec(&problem).expect("a problem has text keys only");
    let mut told = Response::from_parts(parts, body.into());
    // What the answer said besides, such as Retry-After.
    for (name, value) in response.headers() {
        if *name != header::CONTENT_LENGTH {
            told.headers_mut()
                .entry(name)
                .or_insert_with(|| value.clone());
        }
    }
    told
}

/// JSON in and out. As an extractor it answers with a [`Problem`] where axum's own answers with text.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !is_json(request.headers()) {
            return Err(Problem::new(ProblemCode::MalformedRequest)
                .at("content-type")
                .into());
        }
        let bytes = read_body(request, state).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body, no larger than its route allows.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> AppResult<Bytes> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection: BytesRejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ProblemCode::RequestTooLarge.into()
            } else {
                // The connection broke off: nobody reads the answer.
                ProblemCode::MalformedRequest.into()
            }
        })
}

/// Reads JSON, and names the place where it is not what was expected.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> AppResult<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Problem::new(ProblemCode::MalformedRequest).at(place).into()
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}
