//! The key of the installation: seals what a stolen database must not give away, and signs addresses of media.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals and signs with the key of the installation. Cheap to clone; `Debug` prints nothing of it.
#[derive(Clone)]
pub struct Secrets {
    key: [u8; KEY_BYTES],
}

impl Secrets {
    /// With this key.
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self { key }
    }

    /// With the key in base64, as `OMOCAST_SECRET_KEY` holds it.
    pub fn from_base64(text: &str) -> anyhow::Result<Self> {
        let key = STANDARD
            .decode(text.trim())
            .map_err(|_| anyhow!("the secret key is not base64"))?;
        let key = <[u8; KEY_BYTES]>::try_from(key)
            .map_err(|_| anyhow!("the secret key is not of {KEY_BYTES} bytes"))?;
        Ok(Self::new(key))
    }

    /// With the key in `file`, which is made on the first start and readable by its owner alone.
    pub fn from_file(file: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => Self::from_base64(&text).with_context(|| format!("in {}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secrets = Self::new(rand::random());
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut made = options
                    .open(file)
                    .with_context(|| format!("can't make {}", file.display()))?;
                writeln!(made, "{}", STANDARD.encode(secrets.key))?;
                made.sync_all()?;
                Ok(secrets)
            }
            Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
        }
    }

    /// Seals a text; sealing it twice gives two different results.
    pub fn seal(&self, text: &str) -> String {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), text.as_bytes())
            .expect("it fails only for texts of hundreds of gigabytes");
        STANDARD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Secrets::seal`] sealed.
    pub fn open(&self, sealed: &str) -> anyhow::Result<String> {
        let sealed = STANDARD
            .decode(sealed)
            .map_err(|_| anyhow!("what was sealed is not base64"))?;
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_BYTES>() else {
            bail!("what was sealed is cut off");
        };
        let opened = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), sealed)
            .map_err(|_| anyhow!("it was sealed with another key, or changed since"))?;
        String::from_utf8(opened).context("what was sealed is no text")
    }

    /// HMAC-SHA256 of a message. Compare in constant time.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        // Not the sealing key itself, so that neither use weakens the other.
        let mut derive = self.mac(&self.key);
        derive.update(b"omocast signature");
        let mut mac = self.mac(&derive.finalize().into_bytes());
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }

    fn mac(&self, key: &[u8]) -> Hmac<Sha256> {
        <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.key.into())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_only() {
        let secrets = Secrets::new([7; KEY_BYTES]);
        let sealed = secrets.seal("token");
        assert_eq!(secrets.open(&sealed).unwrap(), "token");
        assert_ne!(sealed, secrets.seal("token"));
        assert!(Secrets::new([8; KEY_BYTES]).open(&sealed).is_err());
        for broken in ["", "AAAA", "%", &sealed[..sealed.len() - 4]] {
            assert!(secrets.open(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_signature_depends_on_key_and_message() {
        let secrets = Secrets::new([7; KEY_BYTES]);
        assert_eq!(secrets.sign(b"a"), secrets.sign(b"a"));
        assert_ne!(secrets.sign(b"a"), secrets.sign(b"b"));
        assert_ne!(secrets.sign(b"a"), Secrets::new([8; KEY_BYTES]).sign(b"a"));
    }

    #[test]
    fn the_key_is_made_once_and_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.key");
        let sealed = Secrets::from_file(&file).unwrap().seal("token");
        assert_eq!(
            Secrets::from_file(&file).unwrap().open(&sealed).unwrap(),
            "token"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn nothing_of_the_key_is_printed() {
        assert_eq!(format!("{:?}", Secrets::new([7; KEY_BYTES])), "Secrets");
    }
}
