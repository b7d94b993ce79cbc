//! The whole product with a demo team and the platforms' stand-ins, in one process: what `cargo xtask run` starts.
//!
//! Only the platforms are stand-ins. Customers, events and messages come in by signed webhooks,
//! what staff do goes through the HTTP interface, and what is sent leaves as real requests to the sandbox.
#![expect(clippy::print_stdout, reason = "it tells a person where to look")]

mod bound_customers;
mod customers;
mod saved_replies;
mod seed;
mod staff;
mod team;
mod templates;
mod test_customers;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use omocast_sandbox::{Receipts, Sandbox, SandboxConfig};
use omocast_server::app::App;
use omocast_server::config::Config;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// omocast with a demo team, its customers, and stand-ins of LINE, Facebook, Instagram and WhatsApp.
#[derive(Parser)]
struct Options {
    /// Where the product listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the customers' phones and the platforms' stand-ins listen; ten ports above the product unless given.
    #[arg(long)]
    sandbox: Option<SocketAddr>,
    /// Database, uploads and the stand-ins' state.
    #[arg(long, default_value = "./data")]
    data: PathBuf,
    /// The built app.
    #[arg(long, default_value = "./dist")]
    assets: PathBuf,
    /// How many customers the demo team gets when it is made.
    #[arg(long, default_value_t = 3_000)]
    customers: u64,
    /// Every customer belongs to the first salesperson and can be reached: for benchmarks.
    #[arg(long)]
    all_mine: bool,
    /// Seconds for which an accepted broadcast can be taken back.
    #[arg(long, env = "OMOCAST_HOLD_SECONDS", default_value_t = 8)]
    hold_seconds: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    omocast_server::log::start("warn,omocast_demo=info", false);
    run(options).await
}

async fn run(options: Options) -> Result<()> {
    let sandbox_address = options.sandbox.unwrap_or_else(|| {
        SocketAddr::new(
            options.listen.ip(),
            options.listen.port().saturating_add(10),
        )
    });
    let listener = bind(options.listen).await?;
    let sandbox_listener = bind(sandbox_address).await?;
    let base = format!("http://{}", options.listen);
    let sandbox_base = format!("http://{sandbox_address}");

    let config = Config {
        hold: i64::from(options.hold_seconds) * 1_000,
        ..Config::for_demo(
            options.listen,
            &options.data,
            &options.assets,
            &base,
            &sandbox_base,
        )
    };
    let app = App::open(config)
        .await
        .context("cannot open the database")?;
    let accounts = seed::prepare(&app, &base).await?;
    let stand_ins_folder = options.data.join("sandbox");
    seed::write_accounts(&stand_ins_folder, &accounts)?;
    let sandbox = Sandbox::new(SandboxConfig {
        state: Some(stand_ins_folder),
        accounts,
        receipts: Receipts::default(),
    })
    .await?;

    templates::put(&sandbox)?;

    let (stop, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is the end as well.
        let _ = stopped.wait_for(|&is_over| is_over).await;
    };
    let stand_ins = tokio::spawn(
        sandbox
            .clone()
            .serve(sandbox_listener, until_stopped(stopped.clone())),
    );
    let mut product = tokio::spawn(omocast_server::start(
        app.clone(),
        listener,
        until_stopped(stopped),
    ));

    seed::fill(&app, &sandbox, &base, options.customers, options.all_mine).await?;
    println!("omocast                {base}");
    println!("the customers' phones  {sandbox_base}/phone");
    println!("sign in with the password {} as", team::PASSWORD);
    for (team, member) in [&team::TEAM, &team::OTHER_TEAM]
        .into_iter()
        .flat_map(|t| t.members.iter().map(move |m| (t, m)))
    {
        println!(
            "  {:22} {} ({}, {})",
            member.email,
            member.name,
            seed::role_in_words(member.role),
            team.name
        );
    }
    println!("ready");

    let ended = tokio::select! {
        () = omocast_server::shutdown_signal() => None,
        ended = &mut product => Some(ended),
    };
    // The product first: what it still hands over should find the stand-ins.
    stop.send_replace(true);
    let ended = match ended {
        Some(ended) => ended,
        None => product.await,
    };
    ended.context("the product broke")??;
    stand_ins.await.context("the stand-ins broke")??;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another omocast running?"))
}
