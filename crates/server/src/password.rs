//! Passwords: hashed and verified with Argon2, never on the threads that answer requests.

use std::sync::LazyLock;

use anyhow::anyhow;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Each verification takes 19 MiB; more at once than this would only make all of them slower.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Verified when there is no such e-mail, so that the answer takes as long as for one that exists.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody has this password").unwrap_or_else(|_| String::new()));

/// Hashes a password for the store.
pub async fn hash(password: String) -> anyhow::Result<String> {
    let _permit = AT_ONCE.acquire().await?;
    spawn_blocking(move || hash_now(&password)).await?
}

/// Whether the password belongs to the hash; without a hash never, but just as slowly.
pub async fn verify(password: String, hash: Option<String>) -> anyhow::Result<bool> {
    let _permit = AT_ONCE.acquire().await?;
    let is_right = spawn_blocking(move || {
        let expected = hash.as_deref().unwrap_or(&NOBODY);
        let Ok(expected) = PasswordHash::new(expected) else {
            return false;
        };
        let is_right = Argon2::default()
            .verify_password(password.as_bytes(), &expected)
            .is_ok();
        is_right && hash.is_some()
    });
    Ok(is_right.await?)
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow!("{error}"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_verified() {
        let hashed = hash("secret".to_owned()).await.unwrap();
        assert!(
            verify("secret".to_owned(), Some(hashed.clone()))
                .await
                .unwrap()
        );
        assert!(!verify("Secret".to_owned(), Some(hashed)).await.unwrap());
        assert!(
            !verify("nobody has this password".to_owned(), None)
                .await
                .unwrap()
        );
        assert!(
            !verify("secret".to_owned(), Some("not a hash".to_owned()))
                .await
                .unwrap()
        );
    }
}
