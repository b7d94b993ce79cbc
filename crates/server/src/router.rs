//! The one table of routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post};
use omocast_contract::api::path;
use omocast_contract::{Problem, ProblemCode};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};

use crate::app::App;
use crate::error::problem_response;
use crate::routes::{
    assets, audience, bound_customers, broadcasts, drafts, events, health, live, media, openapi,
    saved_replies, session, templates, test_sends,
};
use crate::{request, sessions, webhooks};

/// Ten thousand ticked events and five long texts fit.
const JSON_LIMIT: usize = 1024 * 1024;
const SIGN_IN_LIMIT: usize = 16 * 1024;

/// Everything that this process answers.
pub fn router(app: App) -> Router {
    let health = Router::new()
        .route(health::HEALTHZ, get(health::healthz))
        .route(health::READYZ, get(health::readyz));
    let routes = if app.config.role.answers() {
        let media = Router::new()
            .route(crate::media::PUBLIC_ROUTE, get(media::find_public_media))
            .route(
                crate::media::PUBLIC_FILE_ROUTE,
                get(media::find_public_file),
            );
        health
            .merge(api(&app))
            .merge(media)
            .merge(webhooks::router())
    } else {
        health
    };
    routes
        .fallback(answer_others)
        .method_not_allowed_fallback(refuse_method)
        .layer(from_fn(request::observe))
        // Outermost: what is compressed is not touched again.
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(is_no_upload)))
        .with_state(app)
}

fn api(app: &App) -> Router<App> {
    let session = post(session::create_session)
        .get(session::find_session)
        .delete(session::delete_session);
    Router::new()
        .route(
            path::SESSION,
            session.layer(DefaultBodyLimit::max(SIGN_IN_LIMIT)),
        )
        .route(path::EVENTS, post(events::list_events))
        .route(path::EVENT_COUNTS, get(events::count_events))
        .route(path::EVENTS_BULK, post(events::act_on_events))
        .route(path::EVENT, get(events::find_thread))
        .route(path::EVENT_MESSAGES, post(events::create_message))
        .route(path::EVENT_ACTION, post(events::act_on_event))
        .route(path::TAGS, get(events::list_tags))
        .route(
            path::BOUND_CUSTOMERS,
            post(bound_customers::list_bound_customers),
        )
        .route(path::AUDIENCE_COUNT, post(audience::count_audience))
        .route(
            path::BROADCASTS,
            post(broadcasts::create_broadcast).get(broadcasts::list_broadcasts),
        )
        .route(path::BROADCAST_TEST, post(test_sends::send_test))
        .route(path::TEST_CUSTOMERS, get(test_sends::list_test_customers))
        .route(path::TEST_CODE, post(test_sends::create_test_code))
        .route(
            path::TEST_CUSTOMER,
            delete(test_sends::delete_test_customer),
        )
        .route(
            path::SAVED_REPLIES,
            get(saved_replies::list_saved_replies).post(saved_replies::create_saved_reply),
        )
        .route(
            path::SAVED_REPLY,
            get(saved_replies::find_saved_reply)
                .put(saved_replies::update_saved_reply)
                .delete(saved_replies::delete_saved_reply),
        )
        .route(path::TEMPLATES, get(templates::list_templates))
        .route(path::TEMPLATES_SYNC, post(templates::sync_templates))
        .route(path::DRAFTS, get(drafts::list_drafts))
        .route(
            path::DRAFT,
            get(drafts::find_draft)
                .put(drafts::update_draft)
                .delete(drafts::delete_draft),
        )
        .route(path::BROADCAST, get(broadcasts::find_broadcast))
        .route(path::BROADCAST_RECIPIENTS, get(broadcasts::list_recipients))
        .route(
            path::BROADCAST_PREFLIGHT,
            post(broadcasts::preflight_broadcast),
        )
        .route(
            path::BROADCAST_PREFLIGHT_CUSTOMERS,
            post(broadcasts::list_preflight_customers),
        )
        .route(path::BROADCAST_CONTROL, post(broadcasts::control_broadcast))
        .route(path::BROADCAST_RETRY, post(broadcasts::retry_broadcast))
        .route(
            path::MEDIA,
            post(media::create_media).layer(DefaultBodyLimit::max(media::BODY_LIMIT)),
        )
        .route(path::MEDIA_FILE, get(media::find_media))
        .route(path::MEDIA_PREVIEW, get(media::find_media_preview))
        .route(path::LIVE, get(live::listen))
        .route(path::OPENAPI, get(openapi::describe))
        .route_layer(sessions::layer(app))
        .route_layer(from_fn_with_state(app.clone(), request::guard_origin))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
}

/// Uploads are sent as they are: they are compressed already, and may be asked for in parts.
fn is_no_upload(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::CONTENT_DISPOSITION)
}

async fn answer_others(State(app): State<App>, request: Request) -> Response {
    let folder = if app.config.role.answers() {
        app.config.assets.as_deref()
    } else {
        None
    };
    assets::serve(folder, request).await
}

async fn refuse_method() -> Response {
    problem_response(Problem::new(ProblemCode::MethodNotAllowed))
}
