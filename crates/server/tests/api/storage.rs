//! A server whose disk takes no more: the program itself, held by the system to files of a few megabytes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use axum::http::StatusCode;
use omocast_contract::api::{Media, SignIn, path};
use omocast_contract::{Problem, ProblemCode};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::support::{MULTIPART, PASSWORD, multipart, png};

const PROGRAM: &str = env!("CARGO_BIN_EXE_omocast-server");
const MB: usize = 1024 * 1024;

/// Ends with the test, whatever becomes of it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn set_up(folder: &TempDir, arguments: &[&str], input: &str) {
    let mut child = Command::new(PROGRAM)
        .arg("--data")
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{arguments:?}");
}

/// Starts a server that may write no file larger than `blocks` of 512 bytes, and tells its address.
fn start(folder: &TempDir, blocks: u64) -> (Server, String) {
    // The signal that goes with the limit is ignored, so that a write fails as on a full disk.
    let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &script, PROGRAM])
        .arg("--data")
        .arg(folder.path())
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let server = Server(child);
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            assert!(!line.contains('\u{1b}'), "colours in a file: {line:?}");
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        })
        .unwrap();
    // Nobody reads on, and a full pipe would stop the server.
    std::thread::spawn(move || lines.for_each(drop));
    (server, format!("http://{address}"))
}

async fn read<T: DeserializeOwned>(response: reqwest::Response) -> (StatusCode, T) {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    set_up(&folder, &["team", "create", "ATELIER"], "");
    let member = [
        "member",
        "create",
        "--team",
        "ATELIER",
        "--email",
        "rep@omocast.test",
        "--name",
        "rep",
        "--role",
        "sales_rep",
    ];
    set_up(&folder, &member, PASSWORD);
    let (_server, address) = start(&folder, 4 * 1024 * 2);
    let client = reqwest::Client::new();
    let sign_in = SignIn {
        email: "rep@omocast.test".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let answer = client
        .post(format!("{address}{}", path::SESSION))
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&sign_in).unwrap())
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let upload = async |bytes: usize| {
        let parts = multipart(&[
            ("file", "a.png", &png(bytes)),
            ("preview", "p.png", &png(100)),
        ]);
        client
            .post(format!("{address}{}", path::MEDIA))
            .header(MULTIPART.0, MULTIPART.1)
            .header("cookie", &cookie)
            .body(parts)
            .send()
            .await
            .unwrap()
    };
    let files = || {
        std::fs::read_dir(folder.path().join("media"))
            .unwrap()
            .count()
    };
    let (status, problem): (_, Problem) = read(upload(8 * MB).await).await;
    assert_eq!(
        (status.as_u16(), problem.code),
        (507, ProblemCode::StorageFull)
    );
    assert_eq!(files(), 0);
    // What still fits is taken.
    let (status, media): (_, Media) = read(upload(MB).await).await;
    assert_eq!((status, media.bytes), (StatusCode::CREATED, MB as u64));
    assert_eq!(files(), 2);
}
