//! What is no endpoint: health, the SPA's files, wrong addresses, headers of every answer, starting and stopping.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use omocast_contract::ProblemCode;
use omocast_contract::api::path;
use omocast_server::store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::TestApp;

#[tokio::test]
async fn the_process_is_alive_and_ready() {
    let app = TestApp::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.nobody().get(path).await.status, StatusCode::OK);
    }
    app.app
        .health
        .broken_workers
        .store(1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        app.nobody().get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    app.app.store.close().await;
    assert_eq!(
        app.nobody().get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(app.nobody().get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_problems() {
    let app = TestApp::new().await;
    let user = app.nobody();
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/m/x",
        "/webhooks/sms/1",
        "/nothing.js",
        "/",
    ] {
        user.get(path).await.refused(ProblemCode::NotFound, None);
    }
    for (method, path) in [
        (Method::PUT, path::SESSION),
        (Method::DELETE, path::EVENTS),
        (Method::GET, path::AUDIENCE_COUNT),
    ] {
        user.send(method, path, &[], Body::empty())
            .await
            .refused(ProblemCode::MethodNotAllowed, None);
    }
}

#[tokio::test]
async fn every_answer_forbids_what_the_page_does_not_need() {
    let app = TestApp::new().await;
    for path in ["/healthz", "/api/nothing", path::OPENAPI] {
        let answer = app.nobody().get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains('*'));
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(
            answer.headers.contains_key(header::REFERRER_POLICY)
                && answer.headers.contains_key("permissions-policy")
        );
        assert!(answer.headers.contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn the_description_is_served_to_everybody() {
    let app = TestApp::new().await;
    let description: serde_json::Value = app.nobody().get(path::OPENAPI).await.json();
    assert_eq!(description["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_app_is_served_with_its_pages() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("index.html", "<!doctype html>");
    write("omocast-0123456789abcdef.js", "plain");
    write("omocast-0123456789abcdef.js.br", "brotli");
    write("omocast-0123456789abcdef.js.gz", "gzip");
    write("omocast-0123456789abcdef_bg.wasm", "wasm");
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| {
        config.assets = Some(folder.path().to_owned())
    });
    let user = app.nobody();

    for page in ["/", "/broadcasts", "/events/mine/0198"] {
        let answer = user.get(page).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, &b"<!doctype html>"[..]),
            "{page}"
        );
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache");
        assert!(
            answer.headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        let tag = answer.headers[header::ETAG].to_str().unwrap().to_owned();
        let again = user
            .send(Method::GET, page, &[("if-none-match", &tag)], Body::empty())
            .await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    }
    let script = "/omocast-0123456789abcdef.js";
    for (accepted, body) in [
        ("br, gzip", "brotli"),
        ("gzip", "gzip"),
        ("identity", "plain"),
    ] {
        let answer = user
            .send(
                Method::GET,
                script,
                &[("accept-encoding", accepted)],
                Body::empty(),
            )
            .await;
        assert_eq!(answer.body, body);
        assert!(
            answer.headers[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert!(
            answer.headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .contains("javascript")
        );
    }
    assert_eq!(
        user.get("/omocast-0123456789abcdef_bg.wasm").await.headers[header::CONTENT_TYPE],
        "application/wasm"
    );
    for nothing in [
        "/missing.js",
        "/../secret.key",
        "/%2e%2e/secret.key",
        "/api/broadcast",
    ] {
        user.get(nothing).await.refused(ProblemCode::NotFound, None);
    }
    user.send(Method::POST, "/broadcasts", &[], Body::empty())
        .await
        .refused(ProblemCode::MethodNotAllowed, None);
}

#[tokio::test]
async fn the_server_starts_on_a_folder_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = omocast_server::config::Config::for_tests(folder.path());
    let app = omocast_server::app::App::open(config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(omocast_server::start(app, listener, async {
        drop(stopped.await)
    }));
    let answer = reqwest::get(format!("http://{address}/readyz"))
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(9), server)
        .await
        .expect("it stops in time")
        .unwrap()
        .unwrap();
    assert!(folder.path().join("secret.key").exists() && folder.path().join("omocast.db").exists());
}
