//! Uploads and received images: a folder of files, and the signed addresses by which platforms fetch them.
//!
//! A file is written beside its place and moved there, so that it is whole or not there.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omocast_contract::timestamp::DAY;
use omocast_contract::{MediaId, Timestamp};
use subtle::ConstantTimeEq as _;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::secrets::Secrets;

/// LINE fetches an upload when its recipient first looks at it, which may be days later.
const ADDRESS_LIFE: i64 = 7 * DAY;

/// The route of [`MediaStore::public_url`].
pub const PUBLIC_ROUTE: &str = "/m/{id}/{variant}";
/// The route of [`MediaStore::public_file_url`].
pub const PUBLIC_FILE_ROUTE: &str = "/m/{id}/{variant}/{name}";

/// Which of the two files of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The upload itself.
    Original,
    /// A smaller image, shown before the upload is opened; an image itself where none was uploaded.
    Preview,
}

impl Variant {
    /// The word in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Preview => "preview",
        }
    }

    /// Reads [`Variant::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Original, Self::Preview]
            .into_iter()
            .find(|variant| variant.as_str() == text)
    }
}

/// The folder of uploads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    public_url: String,
    secrets: Secrets,
}

impl MediaStore {
    /// Uploads in `folder`, which is made, fetched by platforms at `public_url`.
    pub fn new(folder: PathBuf, public_url: String, secrets: Secrets) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                public_url,
                secrets,
            }),
        })
    }

    /// Begins a file, to be written piece by piece.
    pub async fn begin(&self) -> io::Result<Unfinished> {
        let path = self.inner.folder.join(format!("{}.part", Uuid::now_v7()));
        let file = File::create_new(&path).await?;
        Ok(Unfinished {
            file,
            path,
            is_kept: false,
        })
    }

    /// Writes one whole file.
    pub async fn save(&self, id: MediaId, variant: Variant, bytes: &[u8]) -> io::Result<()> {
        let mut unfinished = self.begin().await?;
        unfinished.write(bytes).await?;
        self.keep(unfinished, id, variant).await
    }

    /// Puts a written file in its place.
    pub async fn keep(
        &self,
        mut unfinished: Unfinished,
        id: MediaId,
        variant: Variant,
    ) -> io::Result<()> {
        unfinished.file.flush().await?;
        unfinished.file.sync_all().await?;
        fs::rename(&unfinished.path, self.path(id, variant)).await?;
        unfinished.is_kept = true;
        Ok(())
    }

    /// Files that were last written before `before`: those of uploads, and those that were never finished.
    pub async fn list_old(&self, before: SystemTime) -> io::Result<Vec<OldFile>> {
        let mut old = Vec::new();
        let mut entries = fs::read_dir(&self.inner.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let written = entry.metadata().await.and_then(|about| about.modified());
            // One that is gone by now needs no deleting.
            if !written.is_ok_and(|written| written < before) {
                continue;
            }
            let name = entry.file_name();
            let id = name
                .to_str()
                .map(|name| name.strip_suffix(".preview").unwrap_or(name))
                .and_then(|name| name.parse().ok());
            old.push(OldFile {
                path: entry.path(),
                upload: id,
            });
        }
        Ok(old)
    }

    /// Opens a file for reading, and tells its size.
    pub async fn open(&self, id: MediaId, variant: Variant) -> io::Result<(File, u64)> {
        let opened = match (variant, File::open(self.path(id, variant)).await) {
            (Variant::Preview, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                File::open(self.path(id, Variant::Original)).await
            }
            (Variant::Original | Variant::Preview, opened) => opened,
        };
        let file = opened?;
        let bytes = file.metadata().await?.len();
        Ok((file, bytes))
    }

    /// Deletes both files of an upload; fine if there are none.
    pub async fn delete(&self, id: MediaId) -> io::Result<()> {
        for variant in [Variant::Original, Variant::Preview] {
            match fs::remove_file(self.path(id, variant)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// An address that anybody who has it may fetch for a week, and that nobody can guess.
    pub fn public_url(&self, id: MediaId, variant: Variant, now: Timestamp) -> String {
        let expires = now.plus(ADDRESS_LIFE).0 / 1_000;
        let signature = self.signature(id, variant, expires);
        let (base, variant) = (&self.inner.public_url, variant.as_str());
        format!("{base}/m/{id}/{variant}?expires={expires}&signature={signature}")
    }

    /// The same for a file, whose name the platform takes from the address.
    pub fn public_file_url(&self, id: MediaId, name: &str, now: Timestamp) -> String {
        let url = self.public_url(id, Variant::Original, now);
        let name = percent_encode(name);
        url.replacen('?', &format!("/{name}?"), 1)
    }

    /// Whether `signature` is ours and has not expired.
    pub fn is_signed(
        &self,
        id: MediaId,
        variant: Variant,
        expires: i64,
        signature: &str,
        now: Timestamp,
    ) -> bool {
        let expected = self.signature(id, variant, expires);
        let is_ours: bool = expected.as_bytes().ct_eq(signature.as_bytes()).into();
        is_ours && now.0 / 1_000 < expires
    }

    fn signature(&self, id: MediaId, variant: Variant, expires: i64) -> String {
        let message = format!("media {id} {} {expires}", variant.as_str());
        URL_SAFE_NO_PAD.encode(self.inner.secrets.sign(message.as_bytes()))
    }

    /// Where a file is, or would be.
    pub fn path(&self, id: MediaId, variant: Variant) -> PathBuf {
        let name = match variant {
            Variant::Original => id.to_string(),
            Variant::Preview => format!("{id}.preview"),
        };
        self.inner.folder.join(name)
    }
}

/// A file that was last written long ago.
#[derive(Clone, Debug)]
pub struct OldFile {
    pub path: PathBuf,
    /// Whose it is; none for one that was never finished.
    pub upload: Option<MediaId>,
}

/// A name as it may stand in an address or a header: all but letters, digits and `-._~` of ASCII in percent.
pub fn percent_encode(name: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    encoded
}

/// A file being written; gone again unless [`MediaStore::keep`] keeps it.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    path: PathBuf,
    is_kept: bool,
}

impl Unfinished {
    /// Writes the next piece.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            // Nothing more can be done about it here; a leftover `.part` file harms nobody.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const ID: MediaId = MediaId(Uuid::from_u128(1));
    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn store() -> (tempfile::TempDir, MediaStore) {
        let folder = tempfile::tempdir().unwrap();
        let media = MediaStore::new(
            folder.path().join("media"),
            "https://a.example".to_owned(),
            Secrets::new([7; 32]),
        );
        (folder, media.unwrap())
    }

    #[tokio::test]
    async fn a_preview_is_the_image_itself_where_none_was_uploaded() {
        let (_folder, media) = store();
        media.save(ID, Variant::Original, b"image").await.unwrap();
        let (mut file, bytes) = media.open(ID, Variant::Preview).await.unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).await.unwrap();
        assert_eq!((read.as_slice(), bytes), (b"image".as_slice(), 5));
        media.delete(ID).await.unwrap();
        media.delete(ID).await.unwrap();
        assert_eq!(
            media.open(ID, Variant::Original).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[tokio::test]
    async fn a_file_that_was_not_finished_leaves_nothing() {
        let (folder, media) = store();
        let mut unfinished = media.begin().await.unwrap();
        unfinished.write(b"half").await.unwrap();
        drop(unfinished);
        assert_eq!(
            std::fs::read_dir(folder.path().join("media"))
                .unwrap()
                .count(),
            0
        );
    }

    /// A disk that is full: what the system says of it is told as such.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_told_as_such() {
        let (folder, media) = store();
        let path = folder.path().join("media").join("full.part");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let file = File::options().write(true).open(&path).await.unwrap();
        let mut unfinished = Unfinished {
            file,
            path: path.clone(),
            is_kept: false,
        };
        // What is written first may wait in memory, so the whole is written as an upload would be.
        let wrote = async {
            unfinished.write(&[7; 1_000]).await?;
            media.keep(unfinished, ID, Variant::Original).await
        };
        let error = wrote.await.unwrap_err();
        assert_eq!(
            crate::error::AppError::from(error).problem().code,
            omocast_contract::ProblemCode::StorageFull
        );
        assert!(path.symlink_metadata().is_err(), "nothing is left");
    }

    #[test]
    fn an_address_of_a_file_ends_with_its_name() {
        let (_folder, media) = store();
        let url = media.public_file_url(ID, "型錄 1/2.pdf", NOW);
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(
            path,
            format!("https://a.example/m/{ID}/original/%E5%9E%8B%E9%8C%84%201%2F2.pdf")
        );
        let plain = media.public_url(ID, Variant::Original, NOW);
        assert_eq!(plain.split_once('?').unwrap().1, query);
    }

    #[test]
    fn an_address_holds_for_a_week_and_for_one_file() {
        let (_folder, media) = store();
        let url = media.public_url(ID, Variant::Original, NOW);
        let (base, query) = url.split_once('?').unwrap();
        assert_eq!(base, format!("https://a.example/m/{ID}/original"));
        let (expires, signature) = query
            .strip_prefix("expires=")
            .unwrap()
            .split_once("&signature=")
            .unwrap();
        let expires: i64 = expires.parse().unwrap();
        assert!(media.is_signed(
            ID,
            Variant::Original,
            expires,
            signature,
            NOW.plus(ADDRESS_LIFE - 1)
        ));
        assert!(!media.is_signed(
            ID,
            Variant::Original,
            expires,
            signature,
            NOW.plus(ADDRESS_LIFE)
        ));
        assert!(!media.is_signed(ID, Variant::Original, expires + 1, signature, NOW));
        assert!(!media.is_signed(ID, Variant::Preview, expires, signature, NOW));
        assert!(!media.is_signed(
            MediaId(Uuid::from_u128(2)),
            Variant::Original,
            expires,
            signature,
            NOW
        ));
    }
}
