//! Uploading images and getting them back.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use omocast_contract::api::{Media, path};
use omocast_contract::timestamp::DAY;
use omocast_contract::{Plan, ProblemCode, Role};
use omocast_server::media::Variant;

use crate::support::{TestApp, png};

const MB: usize = 1024 * 1024;

fn files(app: &TestApp) -> usize {
    std::fs::read_dir(app.folder().join("media"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn an_image_comes_back_as_it_was_and_only_to_the_team() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let image = png(200_000);
    let answer = rep.upload(&[("file", &image)]).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let media: Media = answer.json();
    assert_eq!(
        (media.name.as_str(), media.mime.as_str(), media.bytes),
        ("file.jpg", "image/png", 200_000)
    );
    let file = rep.get(&path::media_file(media.id)).await;
    assert_eq!(file.body, image);
    assert_eq!(file.headers[header::CONTENT_TYPE], "image/png");
    assert_eq!(file.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(
        file.headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("private")
    );
    app.nobody()
        .get(&path::media_file(media.id))
        .await
        .refused(ProblemCode::SignedOut, None);
}

#[tokio::test]
async fn a_platform_gets_it_by_its_signed_address_until_that_expires() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let (image, preview) = (png(2 * MB), b"\xff\xd8\xff\xe0 a small one".to_vec());
    let media: Media = rep
        .upload(&[("preview", &preview), ("file", &image)])
        .await
        .json();
    let platform = app.nobody();
    for (variant, expected, mime) in [
        (Variant::Original, &image, "image/png"),
        (Variant::Preview, &preview, "image/jpeg"),
    ] {
        let url = app.app.media.public_url(media.id, variant, app.now());
        let path = url.strip_prefix("http://omocast.test").unwrap();
        let got = platform.get(path).await;
        assert_eq!(
            (
                got.status,
                &got.body[..],
                &got.headers[header::CONTENT_TYPE]
            ),
            (StatusCode::OK, &expected[..], &mime.parse().unwrap())
        );
        for broken in [
            path.replace("signature=", "signature=A"),
            path.replace("expires=", "expires=9"),
            path.split('?').next().unwrap().to_owned(),
        ] {
            platform
                .get(&broken)
                .await
                .refused(ProblemCode::NotFound, None);
        }
    }
    let url = app
        .app
        .media
        .public_url(media.id, Variant::Original, app.now());
    app.advance(7 * DAY);
    platform
        .get(url.strip_prefix("http://omocast.test").unwrap())
        .await
        .refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn what_is_no_image_or_too_large_is_refused_and_leaves_no_file() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let small = png(1_000);
    type Parts = Vec<(&'static str, Vec<u8>)>;
    let cases: [(Parts, ProblemCode, &str); 9] = [
        (vec![("file", vec![])], ProblemCode::NotAnImage, "file"),
        (
            vec![("file", b"GIF89a and so on".to_vec())],
            ProblemCode::NotAnImage,
            "file",
        ),
        (
            vec![("file", b"<svg onload=alert(1)>".repeat(10))],
            ProblemCode::NotAnImage,
            "file",
        ),
        (
            vec![("file", png(10 * MB + 1))],
            ProblemCode::UploadTooLarge,
            "file",
        ),
        (
            vec![("file", png(30 * MB))],
            ProblemCode::UploadTooLarge,
            "file",
        ),
        (
            vec![("file", png(MB + 1))],
            ProblemCode::UploadTooLarge,
            "preview",
        ),
        (
            vec![("file", small.clone()), ("preview", png(MB + 1))],
            ProblemCode::UploadTooLarge,
            "preview",
        ),
        (
            vec![("preview", small.clone())],
            ProblemCode::MalformedRequest,
            "file",
        ),
        (
            vec![("file", small.clone()), ("more", small)],
            ProblemCode::MalformedRequest,
            "more",
        ),
    ];
    for (parts, code, field) in cases {
        let parts: Vec<(&str, &[u8])> = parts
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .collect();
        rep.upload(&parts).await.refused(code, Some(field));
    }
    let answer = rep
        .send(
            Method::POST,
            path::MEDIA,
            &[("content-type", "text/plain")],
            Body::from("x"),
        )
        .await;
    answer.refused(ProblemCode::MalformedRequest, Some("content-type"));
    let cut = "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nabc";
    let answer = rep
        .send(
            Method::POST,
            path::MEDIA,
            &[("content-type", "multipart/form-data; boundary=x")],
            Body::from(cut),
        )
        .await;
    answer.refused(ProblemCode::MalformedRequest, Some("file"));
    assert_eq!((files(&app), app.count("media").await), (0, 0));
    assert_eq!(
        rep.upload(&[("file", &png(10 * MB)), ("preview", &png(MB))])
            .await
            .status,
        StatusCode::CREATED
    );
    assert_eq!(files(&app), 2);
}

#[tokio::test]
async fn a_folder_that_takes_nothing_is_our_fault_and_says_no_more() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    std::fs::remove_dir_all(app.folder().join("media")).unwrap();
    let answer = rep.upload(&[("file", &png(1_000))]).await;
    answer.refused(ProblemCode::Internal, None);
    assert!(!String::from_utf8_lossy(&answer.body).contains("No such file"));
    assert_eq!(app.count("media").await, 0);
}
