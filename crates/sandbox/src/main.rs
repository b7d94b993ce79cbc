//! The stand-ins as a program of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use omocast_sandbox::{Account, InstagramRoute, Receipts, Sandbox, SandboxConfig};

/// Stand-ins of the LINE, Messenger, Instagram and WhatsApp APIs, and their customers' phones.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, env = "OMOCAST_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// A folder for the state. Its `accounts.json` (a list of accounts), when there, replaces the built-in accounts.
    #[arg(long, env = "OMOCAST_SANDBOX_STATE")]
    state: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let arguments = Arguments::parse();
    let accounts = match &arguments.state {
        Some(folder) => read_accounts(&folder.join("accounts.json"))?,
        None => built_in_accounts(),
    };
    let config = SandboxConfig {
        state: arguments.state,
        accounts,
        receipts: Receipts::default(),
    };
    let sandbox = Sandbox::new(config).await?;
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    tracing::info!("the phones are at http://{}/phone", listener.local_addr()?);
    sandbox.serve(listener, interrupted()).await
}

/// Ctrl-C, or a polite request to end.
async fn interrupted() {
    let terminated = async {
        #[cfg(unix)]
        if let Ok(mut signal) =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        {
            signal.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(error) = interrupted {
                tracing::warn!("cannot listen for Ctrl-C: {error}");
            }
        }
        () = terminated => {}
    }
}

fn read_accounts(path: &Path) -> anyhow::Result<Vec<Account>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not a list of accounts", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(built_in_accounts()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn built_in_accounts() -> Vec<Account> {
    vec![
        Account::Line {
            name: "LINE 官方帳號".into(),
            destination: "U00000000000000000000000000000001".into(),
            channel_access_token: "sandbox-line-token".into(),
            channel_secret: "sandbox-line-secret".into(),
            webhook_url: "http://127.0.0.1:8080/webhooks/line".into(),
            monthly_limit: None,
        },
        Account::Facebook {
            name: "Facebook 粉絲專頁".into(),
            page_id: "300000000000001".into(),
            access_token: "sandbox-facebook-token".into(),
            app_secret: "sandbox-app-secret".into(),
            verify_token: "sandbox-verify-token".into(),
            webhook_url: "http://127.0.0.1:8080/webhooks/facebook".into(),
        },
        Account::Instagram {
            name: "Instagram 帳號".into(),
            ig_id: "400000000000001".into(),
            route: InstagramRoute::Login,
            access_token: "sandbox-instagram-token".into(),
            app_secret: "sandbox-app-secret".into(),
            verify_token: "sandbox-verify-token".into(),
            webhook_url: "http://127.0.0.1:8080/webhooks/instagram".into(),
        },
        Account::Whatsapp {
            name: "WhatsApp 號碼".into(),
            waba_id: "100000000000001".into(),
            phone_number_id: "200000000000001".into(),
            display_phone_number: "+886 2 5555 0001".into(),
            access_token: "sandbox-whatsapp-token".into(),
            app_secret: "sandbox-app-secret".into(),
            verify_token: "sandbox-verify-token".into(),
            webhook_url: "http://127.0.0.1:8080/webhooks/meta".into(),
        },
        Account::Web {
            name: "網站聊天".into(),
            site_id: "site-1".into(),
            secret: "sandbox-web-secret".into(),
            webhook_url: "http://127.0.0.1:8080/webhooks/web".into(),
        },
    ]
}
