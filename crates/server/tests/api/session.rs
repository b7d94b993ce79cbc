//! Signing in and out, and what nobody may do without.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use omocast_contract::api::{Me, SignIn, path};
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{Plan, ProblemCode, Role};

use crate::support::{PASSWORD, TestApp};

fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn {
        email: email.to_owned(),
        password: password.to_owned(),
    }
}

#[tokio::test]
async fn a_member_signs_in_in_any_case_of_the_email_and_out_again() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let id = app
        .member(&team, Role::SalesRep, &["A1"], "Sales@Omocast.test")
        .await;
    let mut user = app.nobody();
    let answer = user
        .post(path::SESSION, &sign_in(" sales@omocast.TEST", PASSWORD))
        .await;
    let me: Me = answer.json();
    assert_eq!(
        (
            me.id,
            me.role,
            me.plan,
            me.shops
                .into_iter()
                .map(|shop| shop.name)
                .collect::<Vec<_>>()
        ),
        (id, Role::SalesRep, Plan::Omo, vec!["shop A1".to_owned()])
    );
    let cookie = answer
        .headers
        .get(header::SET_COOKIE)
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
            && !cookie.contains("Secure"),
        "{cookie}"
    );
    user.cookie = answer.cookie();
    assert_eq!(user.get(path::SESSION).await.json::<Me>().id, id);
    assert_eq!(
        user.delete(path::SESSION).await.status,
        StatusCode::NO_CONTENT
    );
    user.get(path::SESSION)
        .await
        .refused(ProblemCode::SignedOut, None);
    assert_eq!(app.count("session").await, 0);
}

#[tokio::test]
async fn signing_in_gives_a_new_session_id() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let user = app.user(&team, Role::SalesRep, &[]).await;
    app.member(&team, Role::Admin, &[], "admin@omocast.test")
        .await;
    let answer = user
        .post(path::SESSION, &sign_in("admin@omocast.test", PASSWORD))
        .await;
    assert_ne!(answer.cookie(), user.cookie);
    user.get(path::SESSION)
        .await
        .refused(ProblemCode::SignedOut, None);
}

#[tokio::test]
async fn cookies_are_secure_where_browsers_come_by_https() {
    let store = omocast_server::store::Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| {
        config.public_url = "https://omocast.test".to_owned()
    });
    let team = app.team("ATELIER", Plan::Omo).await;
    app.member(&team, Role::SalesRep, &[], "a@omocast.test")
        .await;
    let answer = app
        .nobody()
        .post(path::SESSION, &sign_in("a@omocast.test", PASSWORD))
        .await;
    assert!(
        answer
            .headers
            .get(header::SET_COOKIE)
            .unwrap()
            .to_str()
            .unwrap()
            .contains("Secure")
    );
}

#[tokio::test]
async fn a_wrong_email_and_a_wrong_password_are_told_alike() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    app.member(&team, Role::SalesRep, &[], "a@omocast.test")
        .await;
    let user = app.nobody();
    let wrong = [
        sign_in("a@omocast.test", "wrong"),
        sign_in("b@omocast.test", PASSWORD),
        sign_in("a@omocast.test", &"x".repeat(5_000)),
    ];
    for attempt in wrong {
        let answer = user.post(path::SESSION, &attempt).await;
        answer.refused(ProblemCode::WrongCredentials, None);
        assert_eq!(answer.cookie(), None);
    }
}

#[tokio::test]
async fn the_eleventh_failed_attempt_has_to_wait() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    app.member(&team, Role::SalesRep, &[], "a@omocast.test")
        .await;
    let user = app.nobody();
    for _ in 0..10 {
        user.post(path::SESSION, &sign_in("a@omocast.test", "wrong"))
            .await
            .refused(ProblemCode::WrongCredentials, None);
    }
    let answer = user
        .post(path::SESSION, &sign_in("a@omocast.test", PASSWORD))
        .await;
    answer.refused(ProblemCode::TooManyAttempts, None);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    app.advance(5 * 60_000);
    assert_eq!(
        user.post(path::SESSION, &sign_in("a@omocast.test", PASSWORD))
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_session_ends_after_two_weeks_without_use_and_lives_on_with_it() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let user = app.user(&team, Role::SalesRep, &[]).await;
    for _ in 0..3 {
        app.advance(13 * DAY);
        assert_eq!(user.get(path::SESSION).await.status, StatusCode::OK);
    }
    app.advance(14 * DAY + HOUR);
    user.get(path::SESSION)
        .await
        .refused(ProblemCode::SignedOut, None);
}

#[tokio::test]
async fn a_changed_role_counts_at_once() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let user = app.user(&team, Role::SalesRep, &[]).await;
    app.app
        .store
        .update_role(user.id, Role::Admin)
        .await
        .unwrap();
    assert_eq!(user.get(path::SESSION).await.json::<Me>().role, Role::Admin);
}

#[tokio::test]
async fn a_write_from_another_site_is_refused() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let user = app.user(&team, Role::SalesRep, &[]).await;
    for from in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for (method, path) in [
            (Method::DELETE, path::SESSION),
            (Method::POST, path::BROADCASTS),
            (Method::POST, path::MEDIA),
        ] {
            user.send(method, path, &[from], Body::empty())
                .await
                .refused(ProblemCode::WrongOrigin, None);
        }
        assert_eq!(
            user.send(Method::GET, path::SESSION, &[from], Body::empty())
                .await
                .status,
            StatusCode::OK
        );
    }
    let ours = [
        ("origin", "http://omocast.test"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(
        user.send(Method::DELETE, path::SESSION, &ours, Body::empty())
            .await
            .status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn what_is_no_json_of_the_right_shape_is_malformed() {
    let app = TestApp::new().await;
    let user = app.nobody();
    let json = [("content-type", "application/json")];
    for body in [
        "",
        "{",
        "[]",
        r#"{"email":"a"}"#,
        r#"{"email":"a","password":"b","admin":true}"#,
        r#"{"email":1,"password":"b"}"#,
    ] {
        let answer = user
            .send(Method::POST, path::SESSION, &json, body.into())
            .await;
        assert_eq!(
            answer.problem().code,
            ProblemCode::MalformedRequest,
            "{body}"
        );
    }
    let plain = user
        .send(
            Method::POST,
            path::SESSION,
            &[("content-type", "text/plain")],
            "{}".into(),
        )
        .await;
    plain.refused(ProblemCode::MalformedRequest, Some("content-type"));
    let large = user
        .send(
            Method::POST,
            path::SESSION,
            &json,
            " ".repeat(20_000).into(),
        )
        .await;
    large.refused(ProblemCode::RequestTooLarge, None);
}
