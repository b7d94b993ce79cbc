//! Uploading images, videos and files, and getting them back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use omocast_contract::api::{Media, path};
use omocast_contract::timestamp::DAY;
use omocast_contract::{
    Broadcast, Draft, DraftEdit, DraftId, FileType, Medium, Plan, ProblemCode, Role, SavedReply,
    SavedReplyAudience, SavedReplyEdit,
};
use omocast_server::media::Variant;
use omocast_server::sweep::sweep;
use uuid::Uuid;

use crate::support::{MULTIPART, TestApp, message_of, mp4, multipart, png, to_all};

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
async fn what_is_refused_says_why_and_leaves_no_file() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let small = png(1_000);
    let pdf = |bytes: usize| {
        let mut pdf = b"%PDF-1.7\n".to_vec();
        pdf.resize(bytes, b' ');
        pdf
    };
    type Parts = Vec<(&'static str, &'static str, Vec<u8>)>;
    let file = |name, bytes| vec![("file", name, bytes)];
    let with_preview =
        |name, bytes, preview| vec![("file", name, bytes), ("preview", "preview.jpg", preview)];
    use ProblemCode::{
        FileTypeRefused, MalformedRequest, NotAVideo, NotAnImage, PreviewMissing, UploadEmpty,
        UploadTooLarge,
    };
    let cases: Vec<(Parts, ProblemCode, &str)> = vec![
        (file("a.jpg", vec![]), UploadEmpty, "file"),
        (file("a.pdf", vec![]), UploadEmpty, "file"),
        (
            with_preview("a.mp4", mp4(100), vec![]),
            UploadEmpty,
            "preview",
        ),
        // Renamed.
        (file("a.jpg", pdf(500)), NotAnImage, "file"),
        (
            file("a.jpg", b"MZ\x90\0 program".to_vec()),
            NotAnImage,
            "file",
        ),
        (
            file("a.jpg", b"GIF89a and so on".to_vec()),
            NotAnImage,
            "file",
        ),
        (file("a.mp4", pdf(500)), NotAVideo, "file"),
        (
            file("a.mov", b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ".to_vec()),
            NotAVideo,
            "file",
        ),
        (
            file("a.svg", b"<svg onload=alert(1)>".repeat(10)),
            FileTypeRefused,
            "file",
        ),
        (
            file("invoice.pdf.exe", b"MZ\x90\0 program".to_vec()),
            FileTypeRefused,
            "file",
        ),
        (
            file("invoice.pdf", b"MZ\x90\0 program".to_vec()),
            FileTypeRefused,
            "file",
        ),
        // Too large.
        (file("a.png", png(10 * MB + 1)), UploadTooLarge, "file"),
        (file("a.png", png(30 * MB)), UploadTooLarge, "file"),
        (
            with_preview("a.mp4", mp4(50 * MB + 1), png(100)),
            UploadTooLarge,
            "file",
        ),
        (file("a.pdf", pdf(64 * MB + 1)), UploadTooLarge, "file"),
        (file("a.png", png(MB + 1)), UploadTooLarge, "preview"),
        (
            with_preview("a.png", small.clone(), png(MB + 1)),
            UploadTooLarge,
            "preview",
        ),
        // Not as an upload is.
        (file("a.mp4", mp4(100)), PreviewMissing, "preview"),
        (
            with_preview("a.mp4", mp4(100), mp4(100)),
            NotAnImage,
            "preview",
        ),
        (
            with_preview("a.pdf", pdf(500), png(100)),
            MalformedRequest,
            "preview",
        ),
        (
            vec![("preview", "preview.jpg", small.clone())],
            MalformedRequest,
            "file",
        ),
        (
            vec![
                ("file", "a.png", small.clone()),
                ("more", "a.png", small.clone()),
            ],
            MalformedRequest,
            "more",
        ),
    ];
    for (parts, code, field) in cases {
        let parts: Vec<(&str, &str, &[u8])> = parts
            .iter()
            .map(|(field, name, bytes)| (*field, *name, bytes.as_slice()))
            .collect();
        rep.upload_named(&parts).await.refused(code, Some(field));
    }
    let answer = rep
        .send(
            Method::POST,
            path::MEDIA,
            &[("content-type", "text/plain")],
            Body::from("x"),
        )
        .await;
    answer.refused(MalformedRequest, Some("content-type"));
    assert_eq!((files(&app), app.count("media").await), (0, 0));

    assert_eq!(
        rep.upload(&[("file", &png(10 * MB)), ("preview", &png(MB))])
            .await
            .status,
        StatusCode::CREATED
    );
    assert_eq!(rep.video(50 * MB).await.bytes, 50 * MB as u64);
    assert_eq!(rep.file("a.pdf", &pdf(64 * MB)).await.bytes, 64 * MB as u64);
    assert_eq!(files(&app), 5);
}

/// How a part with an image begins.
const PNG_PART: &[u8] =
    b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";

/// A body in pieces; counts those that somebody asked for, and breaks off where there is no piece.
fn in_pieces(pieces: Vec<Option<Vec<u8>>>) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let pieces = pieces.into_iter().map(move |piece| {
        counter.fetch_add(1, Ordering::SeqCst);
        piece.ok_or_else(|| std::io::Error::other("the connection broke off"))
    });
    (Body::from_stream(futures::stream::iter(pieces)), asked)
}

#[tokio::test]
async fn one_over_the_limit_is_refused_before_it_is_read_whole() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let post = async |announced: usize| {
        let mut pieces = vec![Some([PNG_PART, &png(8_000)].concat())];
        pieces.extend((0..200).map(|_| Some(vec![0; MB])));
        let (body, asked) = in_pieces(pieces);
        let length = announced.to_string();
        let headers = [MULTIPART, ("content-length", length.as_str())];
        let answer = rep.send(Method::POST, path::MEDIA, &headers, body).await;
        answer.refused(ProblemCode::UploadTooLarge, Some("file"));
        asked.load(Ordering::SeqCst)
    };
    // Announced to be larger than anything: not a byte is read.
    assert_eq!(post(200 * MB).await, 0);
    // Announced to be larger than an image, which its beginning says it is.
    let asked = post(40 * MB).await;
    assert!(asked <= 4, "{asked}");
    assert_eq!((files(&app), app.count("media").await), (0, 0));
}

#[tokio::test]
async fn what_grows_over_the_limit_while_it_is_read_is_cut_off_there() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let mut pieces = vec![Some([PNG_PART, &png(MB)].concat())];
    pieces.extend((0..100).map(|_| Some(vec![0; MB])));
    let (body, asked) = in_pieces(pieces);
    rep.send(Method::POST, path::MEDIA, &[MULTIPART], body)
        .await
        .refused(ProblemCode::UploadTooLarge, Some("file"));
    let asked = asked.load(Ordering::SeqCst);
    assert!((10..20).contains(&asked), "{asked}");
    assert_eq!((files(&app), app.count("media").await), (0, 0));
}

#[tokio::test]
async fn an_upload_cut_off_halfway_leaves_nothing() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let whole = multipart(&[
        ("file", "a.png", &png(2 * MB)),
        ("preview", "p.png", &png(100)),
    ]);
    for at in [40, 200, MB, whole.len() - 300, whole.len() - 10] {
        for breaks_off in [true, false] {
            let mut pieces = vec![Some(whole[..at].to_vec())];
            if breaks_off {
                pieces.push(None);
            }
            let (body, _) = in_pieces(pieces);
            let answer = rep
                .send(Method::POST, path::MEDIA, &[MULTIPART], body)
                .await;
            assert_eq!(
                answer.problem().code,
                ProblemCode::MalformedRequest,
                "{at} {breaks_off}"
            );
            assert_eq!((files(&app), app.count("media").await), (0, 0), "{at}");
        }
    }
}

#[tokio::test]
async fn a_video_is_given_out_in_the_parts_that_are_asked_for() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let media = rep.video(200_000).await;
    assert_eq!(
        (media.medium, media.mime.as_str(), media.has_preview),
        (Medium::Video, "video/mp4", true)
    );
    let path = path::media_file(media.id);
    let range = async |range: &str| {
        let headers = [("range", range), ("accept-encoding", "br, gzip")];
        rep.send(Method::GET, &path, &headers, Body::empty()).await
    };
    let part = range("bytes=0-31").await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, mp4(32));
    assert_eq!(part.headers[header::CONTENT_RANGE], "bytes 0-31/200000");
    assert_eq!(part.headers[header::CONTENT_TYPE], "video/mp4");
    assert!(!part.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(range("bytes=199990-").await.body.len(), 10);
    assert_eq!(
        range("bytes=200000-").await.status,
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    let whole = rep
        .send(
            Method::GET,
            &path,
            &[("accept-encoding", "br, gzip")],
            Body::empty(),
        )
        .await;
    assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 200_000));
    assert!(!whole.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(whole.headers[header::ACCEPT_RANGES], "bytes");

    let preview = rep.get(&path::media_preview(media.id)).await;
    assert_eq!(preview.body, png(100));
    assert_eq!(preview.headers[header::CONTENT_TYPE], "image/png");
}

#[tokio::test]
async fn a_file_is_never_shown_but_saved_under_its_name() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let bytes = b"%PDF-1.7 <script>alert(1)</script>";
    let media = rep.file("型錄 1.pdf", bytes).await;
    assert_eq!(
        (media.name.as_str(), media.medium, media.file_type),
        ("型錄 1.pdf", Medium::File, Some(FileType::Pdf))
    );
    let url = app
        .app
        .media
        .public_file_url(media.id, &media.name, app.now());
    let public = url.strip_prefix("http://omocast.test").unwrap().to_owned();
    let with_session = rep.get(&path::media_file(media.id)).await;
    let with_address = app.nobody().get(&public).await;
    for file in [with_session, with_address] {
        assert_eq!(file.status, StatusCode::OK, "{file:?}");
        assert_eq!(file.body, bytes.as_slice());
        assert_eq!(
            file.headers[header::CONTENT_DISPOSITION],
            "attachment; filename*=UTF-8''%E5%9E%8B%E9%8C%84%201.pdf"
        );
        assert_eq!(file.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(file.headers[header::CONTENT_TYPE], "application/pdf");
        assert!(
            file.headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("sandbox")
        );
    }
    rep.get(&path::media_preview(media.id))
        .await
        .refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn uploads_that_nothing_uses_are_deleted_after_two_days() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let mut used = Vec::new();
    for _ in 0..4 {
        used.push(rep.image(1_000).await);
    }
    let unused = rep.video(1_000).await;
    let message = |at: usize| vec![message_of(&used[at])];
    let draft = DraftEdit {
        messages: message(0),
        ..DraftEdit::default()
    };
    let draft_path = path::draft(DraftId(Uuid::now_v7()));
    rep.put(&draft_path, &draft).await.json::<Draft>();
    let saved = SavedReplyEdit {
        version: 0,
        title: "圖".to_owned(),
        category: String::new(),
        audience: SavedReplyAudience::OnlyMe,
        messages: message(1),
    };
    rep.post(path::SAVED_REPLIES, &saved)
        .await
        .json::<SavedReply>();
    rep.broadcast("press-0001", &to_all(message(2)))
        .await
        .json::<Broadcast>();
    // It is in the thread although no platform answers here.
    rep.post(&path::event_messages(event), &message(3)[0])
        .await
        .refused(ProblemCode::PlatformRefused, None);

    app.advance(2 * DAY);
    assert_eq!(sweep(&app.app).await.unwrap(), 0, "not yet");
    app.advance(1);
    assert_eq!(sweep(&app.app).await.unwrap(), 1);
    rep.get(&path::media_file(unused.id))
        .await
        .refused(ProblemCode::NotFound, None);
    for media in &used {
        assert_eq!(
            rep.get(&path::media_file(media.id)).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(files(&app), 8);

    // When the draft goes, nothing uses its image any more.
    rep.delete(&draft_path).await;
    assert_eq!(sweep(&app.app).await.unwrap(), 1);
    assert_eq!((files(&app), app.count("media").await), (6, 3));
}

#[tokio::test]
async fn files_that_nobody_recorded_are_deleted_after_two_days() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let kept = rep.image(1_000).await;
    let folder = app.folder().join("media");
    let strays = [
        format!("{}.part", Uuid::now_v7()),
        Uuid::now_v7().to_string(),
        format!("{}.preview", Uuid::now_v7()),
    ];
    let write = |name: &str, written: i64| {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        let written = UNIX_EPOCH + Duration::from_millis(written.unsigned_abs());
        file.set_modified(written).unwrap();
    };
    for name in &strays {
        write(name, app.now().plus(-2 * DAY - 1).0);
    }
    write("young.part", app.now().plus(-DAY).0);
    sweep(&app.app).await.unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            kept.id.to_string(),
            format!("{}.preview", kept.id),
            "young.part".to_owned()
        ]
    );
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
