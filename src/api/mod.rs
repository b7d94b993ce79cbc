//! Every call the SPA can make: one typed method per endpoint of `contract::api::path`.

#[cfg(feature = "preview")]
pub mod fake;
pub mod http;
pub mod json;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use leptos::prelude::*;
use omocast_contract::api::{
    ActionRequest, BoundCustomerPage, BoundCustomerQuery, BroadcastPage, BulkRequest, BulkResult,
    CountQuery, Drafts, EventCounts, EventPage, EventQuery, EventRow, Me, Media, PreflightPage,
    PreflightQuery, RecipientPage, RecipientQuery, SavedReplyPage, SavedReplyQuery, SignIn, Tags,
    TemplatePage, TemplateQuery, TemplateSync, TemplateSyncRequest, Thread, path,
};
use omocast_contract::message::Message;
use omocast_contract::test_send::{TestCode, TestCustomers, TestResult, TestSend};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastKind, BroadcastRequest, Channel,
    Control, Controlled, Draft, DraftEdit, DraftId, EventAction, EventId, MediaId, MessageId,
    OutgoingMessage, Preflight, Problem, ProblemCode, SavedReply, SavedReplyEdit, SavedReplyId,
    WabaId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::live::{LiveNews, StopListening};

/// Why a call came to nothing. `Display` is for logs; the words for people are in `components/error_text.rs`.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiError {
    /// The server refused, and says why.
    Problem(Problem),
    /// Nobody is signed in. `session` reacts to it; nobody else needs to.
    SignedOut,
    /// The server was not reached.
    Offline(String),
    /// The reply could not be read.
    BadReply(String),
}

impl ApiError {
    /// The code, when the server refused.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::SignedOut => Some(ProblemCode::SignedOut),
            Self::Offline(_) | Self::BadReply(_) => None,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(&problem.title),
            Self::SignedOut => f.write_str("signed out"),
            Self::Offline(cause) | Self::BadReply(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for ApiError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// One request with its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: Method,
    /// A path of `contract::api::path`, filled in, without the query.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub idempotency_key: Option<String>,
}

/// One file on its way up.
pub struct Upload {
    pub file: web_sys::Blob,
    /// The file's name.
    pub name: String,
    /// A JPEG of it, where the browser made one.
    pub preview: Option<web_sys::Blob>,
    /// Called with what part is sent, 0 to 1.
    pub on_progress: Box<dyn Fn(f64)>,
}

/// The JSON of a reply. Not `Send`: a browser's fetch never leaves its thread.
pub type Reply = Pin<Box<dyn Future<Output = Result<String, ApiError>>>>;

/// How calls reach a server: over HTTP, or the in-memory one of the preview.
pub trait Transport: Send + Sync {
    fn send(&self, call: Call) -> Reply;
    /// Dropping the reply stops the upload.
    fn upload(&self, upload: Upload) -> Reply;
    /// Tells the news of `path::LIVE` until it is stopped.
    fn listen(&self, tell: Rc<dyn Fn(LiveNews)>) -> StopListening;
    /// Where the browser finds an uploaded file.
    fn media_url(&self, id: MediaId) -> String {
        path::media_file(id)
    }
    /// Where the browser finds the preview of an uploaded file.
    fn preview_url(&self, id: MediaId) -> String {
        path::media_preview(id)
    }
}

/// Provided once by `App`; cheap to clone.
#[derive(Clone)]
pub struct Api {
    transport: Arc<dyn Transport>,
    signed_out: ArcTrigger,
    answered: Arc<AtomicU32>,
}

pub fn use_api() -> Api {
    expect_context()
}

impl Api {
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            signed_out: ArcTrigger::new(),
            answered: Arc::default(),
        }
    }

    /// Notifies of each reply that says that nobody is signed in.
    pub fn signed_out(&self) -> ArcTrigger {
        self.signed_out.clone()
    }

    /// How many calls were answered so far.
    pub fn answered(&self) -> u32 {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn listen(&self, tell: Rc<dyn Fn(LiveNews)>) -> StopListening {
        self.transport.listen(tell)
    }

    pub async fn sign_in(&self, credentials: &SignIn) -> Result<Me, ApiError> {
        self.post(path::SESSION.to_owned(), credentials).await
    }

    pub async fn find_session(&self) -> Result<Me, ApiError> {
        self.get(path::SESSION.to_owned(), Vec::new()).await
    }

    pub async fn sign_out(&self) -> Result<(), ApiError> {
        self.delete(path::SESSION.to_owned()).await
    }

    pub async fn list_events(&self, query: &EventQuery) -> Result<EventPage, ApiError> {
        self.post(path::EVENTS.to_owned(), query).await
    }

    /// One page of 我的名單 or 團隊名單.
    pub async fn list_bound_customers(
        &self,
        query: &BoundCustomerQuery,
    ) -> Result<BoundCustomerPage, ApiError> {
        self.post(path::BOUND_CUSTOMERS.to_owned(), query).await
    }

    pub async fn count_events(&self) -> Result<EventCounts, ApiError> {
        self.get(path::EVENT_COUNTS.to_owned(), Vec::new()).await
    }

    /// The newest messages, or those before one.
    pub async fn find_thread(
        &self,
        event: EventId,
        before: Option<MessageId>,
    ) -> Result<Thread, ApiError> {
        let query = before.map(|before| ("before", before.to_string()));
        self.get(path::event(event), query.into_iter().collect())
            .await
    }

    pub async fn send_reply(
        &self,
        event: EventId,
        message: &OutgoingMessage,
    ) -> Result<Message, ApiError> {
        self.post(path::event_messages(event), message).await
    }

    pub async fn act_on_event(
        &self,
        event: EventId,
        action: EventAction,
    ) -> Result<EventRow, ApiError> {
        self.post(path::event_action(event), &ActionRequest { action })
            .await
    }

    pub async fn act_on_events(&self, request: &BulkRequest) -> Result<BulkResult, ApiError> {
        self.post(path::EVENTS_BULK.to_owned(), request).await
    }

    pub async fn list_tags(&self) -> Result<Tags, ApiError> {
        self.get(path::TAGS.to_owned(), Vec::new()).await
    }

    /// Who will get a broadcast, and who not; `query` says of what.
    pub async fn count_audience(
        &self,
        audience: &Audience,
        query: &CountQuery,
    ) -> Result<AudienceCount, ApiError> {
        let mut call = call(Method::Post, path::AUDIENCE_COUNT.to_owned());
        call.body = Some(json(audience)?);
        if query.kind != BroadcastKind::default() {
            call.query.push(("kind", query.kind.as_str().to_owned()));
        }
        let template = query.template.map(|template| template.to_string());
        call.query
            .extend(template.map(|template| ("template", template)));
        self.send_and_read(call).await
    }

    /// The templates (訊息範本) of an account that may be sent and that apply to the member.
    pub async fn list_templates(&self, query: &TemplateQuery) -> Result<TemplatePage, ApiError> {
        let mut parameters = vec![("waba", query.waba.0.clone())];
        if !query.search.is_empty() {
            parameters.push(("search", query.search.clone()));
        }
        let category = query.category.clone();
        parameters.extend(category.map(|category| ("category", category)));
        parameters.extend(query.after.clone().map(|after| ("after", after)));
        self.get(path::TEMPLATES.to_owned(), parameters).await
    }

    /// Has the templates of an account read from Meta now.
    pub async fn sync_templates(&self, waba: &WabaId) -> Result<TemplateSync, ApiError> {
        let request = TemplateSyncRequest { waba: waba.clone() };
        self.post(path::TEMPLATES_SYNC.to_owned(), &request).await
    }

    /// The check before sending: nothing is sent.
    pub async fn preflight_broadcast(
        &self,
        request: &BroadcastRequest,
    ) -> Result<Preflight, ApiError> {
        self.post(path::BROADCAST_PREFLIGHT.to_owned(), request)
            .await
    }

    /// The customers of one group of the check before sending.
    pub async fn list_preflight_customers(
        &self,
        request: &BroadcastRequest,
        query: &PreflightQuery,
    ) -> Result<PreflightPage, ApiError> {
        let mut call = call(Method::Post, path::BROADCAST_PREFLIGHT_CUSTOMERS.to_owned());
        call.body = Some(json(request)?);
        let reason = query.reason.map(|reason| reason.as_str().to_owned());
        call.query.extend(reason.map(|reason| ("reason", reason)));
        let after = query.after.clone();
        call.query.extend(after.map(|after| ("after", after)));
        self.send_and_read(call).await
    }

    /// Sent twice with one key, it is one broadcast.
    pub async fn create_broadcast(
        &self,
        request: &BroadcastRequest,
        idempotency_key: &str,
    ) -> Result<Broadcast, ApiError> {
        let mut call = call(Method::Post, path::BROADCASTS.to_owned());
        call.body = Some(json(request)?);
        call.idempotency_key = Some(idempotency_key.to_owned());
        self.send_and_read(call).await
    }

    pub async fn list_broadcasts(
        &self,
        after: Option<BroadcastId>,
    ) -> Result<BroadcastPage, ApiError> {
        let query = after.map(|after| ("after", after.to_string()));
        self.get(path::BROADCASTS.to_owned(), query.into_iter().collect())
            .await
    }

    pub async fn find_broadcast(&self, id: BroadcastId) -> Result<Broadcast, ApiError> {
        self.get(path::broadcast(id), Vec::new()).await
    }

    pub async fn control_broadcast(
        &self,
        id: BroadcastId,
        control: Control,
    ) -> Result<Controlled, ApiError> {
        self.post(path::broadcast_control(id), &control).await
    }

    /// Sends again what failed and may be retried; asked twice with one key, it is one broadcast.
    pub async fn retry_broadcast(
        &self,
        id: BroadcastId,
        idempotency_key: &str,
    ) -> Result<Broadcast, ApiError> {
        let mut call = call(Method::Post, path::broadcast_retry(id));
        call.idempotency_key = Some(idempotency_key.to_owned());
        self.send_and_read(call).await
    }

    pub async fn list_recipients(
        &self,
        id: BroadcastId,
        query: RecipientQuery,
    ) -> Result<RecipientPage, ApiError> {
        let standing = query
            .standing
            .map(|standing| ("standing", standing.as_str().to_owned()));
        let reason = query
            .reason
            .map(|reason| ("reason", reason.as_str().to_owned()));
        let got = query.got.map(|got| ("got", got.to_string()));
        let of = query.of.map(|of| ("of", of.to_string()));
        let after = query.after.map(|after| ("after", after.to_string()));
        let query = [standing, reason, got, of, after].into_iter().flatten();
        let query = query.collect();
        self.get(path::broadcast_recipients(id), query).await
    }

    /// The saved replies (預存回覆) that apply to the member.
    pub async fn list_saved_replies(
        &self,
        query: &SavedReplyQuery,
    ) -> Result<SavedReplyPage, ApiError> {
        let mut parameters = Vec::new();
        if !query.search.is_empty() {
            parameters.push(("search", query.search.clone()));
        }
        parameters.extend(
            query
                .category
                .clone()
                .map(|category| ("category", category)),
        );
        parameters.extend(query.after.clone().map(|after| ("after", after)));
        self.get(path::SAVED_REPLIES.to_owned(), parameters).await
    }

    pub async fn find_saved_reply(&self, id: SavedReplyId) -> Result<SavedReply, ApiError> {
        self.get(path::saved_reply(id), Vec::new()).await
    }

    pub async fn create_saved_reply(&self, edit: &SavedReplyEdit) -> Result<SavedReply, ApiError> {
        self.post(path::SAVED_REPLIES.to_owned(), edit).await
    }

    pub async fn update_saved_reply(
        &self,
        id: SavedReplyId,
        edit: &SavedReplyEdit,
    ) -> Result<SavedReply, ApiError> {
        self.put(path::saved_reply(id), edit).await
    }

    pub async fn delete_saved_reply(&self, id: SavedReplyId) -> Result<(), ApiError> {
        self.delete(path::saved_reply(id)).await
    }

    pub async fn list_drafts(&self) -> Result<Drafts, ApiError> {
        self.get(path::DRAFTS.to_owned(), Vec::new()).await
    }

    pub async fn find_draft(&self, id: DraftId) -> Result<Draft, ApiError> {
        self.get(path::draft(id), Vec::new()).await
    }

    /// Keeps a draft, or refuses because it was changed elsewhere.
    pub async fn update_draft(&self, id: DraftId, edit: &DraftEdit) -> Result<Draft, ApiError> {
        self.put(path::draft(id), edit).await
    }

    pub async fn delete_draft(&self, id: DraftId) -> Result<(), ApiError> {
        self.delete(path::draft(id)).await
    }

    pub async fn send_test(&self, test: &TestSend) -> Result<TestResult, ApiError> {
        self.post(path::BROADCAST_TEST.to_owned(), test).await
    }

    pub async fn list_test_customers(&self) -> Result<TestCustomers, ApiError> {
        self.get(path::TEST_CUSTOMERS.to_owned(), Vec::new()).await
    }

    /// What to write to an account to become its test customer.
    pub async fn create_test_code(&self) -> Result<TestCode, ApiError> {
        let call = call(Method::Post, path::TEST_CODE.to_owned());
        self.send_and_read(call).await
    }

    pub async fn delete_test_customer(&self, channel: Channel) -> Result<(), ApiError> {
        self.delete(path::test_customer(channel)).await
    }

    /// Uploads an image, a video or a file, with what is shown of it first. Dropping the future stops it.
    pub async fn upload_media(
        &self,
        file: web_sys::Blob,
        name: &str,
        preview: Option<web_sys::Blob>,
        on_progress: impl Fn(f64) + 'static,
    ) -> Result<Media, ApiError> {
        let upload = Upload {
            file,
            name: name.to_owned(),
            preview,
            on_progress: Box::new(on_progress),
        };
        let reply = self.transport.upload(upload).await;
        read(&self.noticed(reply)?)
    }

    /// The address of an uploaded file, for an `<img>`, a `<video>` or a link.
    pub fn media_url(&self, id: MediaId) -> String {
        self.transport.media_url(id)
    }

    /// The address of the small picture of an uploaded image or video.
    pub fn preview_url(&self, id: MediaId) -> String {
        self.transport.preview_url(id)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: String,
        query: Vec<(&'static str, String)>,
    ) -> Result<T, ApiError> {
        let mut call = call(Method::Get, path);
        call.query = query;
        self.send_and_read(call).await
    }

    async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
    ) -> Result<T, ApiError> {
        let mut call = call(Method::Post, path);
        call.body = Some(json(body)?);
        self.send_and_read(call).await
    }

    async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
    ) -> Result<T, ApiError> {
        let mut call = call(Method::Put, path);
        call.body = Some(json(body)?);
        self.send_and_read(call).await
    }

    async fn delete(&self, path: String) -> Result<(), ApiError> {
        self.send(call(Method::Delete, path)).await.map(drop)
    }

    async fn send_and_read<T: DeserializeOwned>(&self, call: Call) -> Result<T, ApiError> {
        read(&self.send(call).await?)
    }

    async fn send(&self, call: Call) -> Result<String, ApiError> {
        let reply = self.transport.send(call).await;
        self.noticed(reply)
    }

    fn noticed(&self, reply: Result<String, ApiError>) -> Result<String, ApiError> {
        self.answered.fetch_add(1, Ordering::Relaxed);
        if reply == Err(ApiError::SignedOut) {
            self.signed_out.notify();
        }
        reply
    }
}

fn call(method: Method, path: String) -> Call {
    Call {
        method,
        path,
        query: Vec::new(),
        body: None,
        idempotency_key: None,
    }
}

fn json<B: Serialize + ?Sized>(body: &B) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|error| ApiError::BadReply(error.to_string()))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    json::read(text).map_err(|error| ApiError::BadReply(error.0))
}

/// What a reply that is no success means.
pub fn refusal(status: u16, body: &str) -> ApiError {
    match json::read::<Problem>(body) {
        Ok(problem) if problem.code == ProblemCode::SignedOut => ApiError::SignedOut,
        Ok(problem) => ApiError::Problem(problem),
        Err(_) if status == 401 => ApiError::SignedOut,
        // A gateway's page while the server restarts.
        Err(_) if matches!(status, 502..=504) => ApiError::Offline(status.to_string()),
        Err(error) => ApiError::BadReply(error.0),
    }
}

/// The in-memory server of the preview.
#[cfg(feature = "preview")]
pub fn preview_transport() -> Arc<dyn Transport> {
    Arc::new(fake::FakeTransport::of_address())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_by_its_code() {
        let problem = Problem::new(ProblemCode::WrongCredentials);
        let body = serde_json::to_string(&problem).unwrap();
        assert_eq!(refusal(401, &body), ApiError::Problem(problem));
        let body = serde_json::to_string(&Problem::new(ProblemCode::SignedOut)).unwrap();
        assert_eq!(refusal(401, &body), ApiError::SignedOut);
    }

    #[test]
    fn a_refusal_without_a_problem_goes_by_its_status() {
        assert_eq!(refusal(401, ""), ApiError::SignedOut);
        assert!(matches!(refusal(502, "<html>"), ApiError::Offline(_)));
        assert!(matches!(refusal(500, "<html>"), ApiError::BadReply(_)));
    }
}
