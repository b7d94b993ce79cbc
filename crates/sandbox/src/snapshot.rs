//! The state on disk: one JSON file, written aside and renamed, and one file for each uploaded picture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::state::{Ledger, State};
use crate::whatsapp::Templates;

/// What is in the file: each account's part under the account's id, and the message templates beside them.
#[derive(Default, Deserialize)]
pub(crate) struct Snapshot {
    #[serde(rename = "whatsapp:templates", default)]
    pub(crate) templates: Templates,
    #[serde(flatten)]
    pub(crate) ledgers: BTreeMap<String, Ledger>,
}

#[derive(Serialize)]
struct SnapshotRef<'a> {
    #[serde(rename = "whatsapp:templates")]
    templates: &'a Templates,
    #[serde(flatten)]
    ledgers: BTreeMap<&'a str, &'a Ledger>,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("sandbox.json")
}

fn media_file(folder: &Path, id: &str) -> PathBuf {
    folder.join("media").join(id)
}

pub(crate) async fn load(folder: &Path) -> anyhow::Result<Snapshot> {
    tokio::fs::create_dir_all(folder.join("media"))
        .await
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = file(folder);
    let snapshot = match tokio::fs::read(&path).await {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not a sandbox's state", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Snapshot::default(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    Ok(snapshot)
}

pub(crate) async fn load_media(folder: &Path, id: &str) -> Option<axum::body::Bytes> {
    tokio::fs::read(media_file(folder, id))
        .await
        .ok()
        .map(Into::into)
}

pub(crate) async fn save_media(folder: &Path, id: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::write(media_file(folder, id), bytes).await
}

pub(crate) fn encode(state: &State, templates: &Templates) -> serde_json::Result<Vec<u8>> {
    let ledgers = state
        .iter()
        .map(|(id, account)| (id.as_str(), &account.ledger))
        .collect();
    serde_json::to_vec(&SnapshotRef { templates, ledgers })
}

pub(crate) async fn save(folder: &Path, snapshot: Vec<u8>) -> anyhow::Result<()> {
    let path = file(folder);
    let aside = folder.join("sandbox.json.new");
    tokio::fs::write(&aside, snapshot)
        .await
        .with_context(|| format!("cannot write {}", aside.display()))?;
    tokio::fs::rename(&aside, &path)
        .await
        .with_context(|| format!("cannot replace {}", path.display()))
}
