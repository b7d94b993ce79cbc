//! Nobody gets a message twice and nobody is forgotten, whatever dies, hangs, lies or jumps on the way.
//!
//! `OMOCAST_SEED` draws other moments and other faults than the usual ones.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that helpers are tests too"
)]

mod clock;
mod faults;
mod installation;
mod judge;
mod kills;
mod outages;
#[expect(dead_code, reason = "the other target needs more of it")]
#[path = "../platforms/support.rs"]
mod platforms;
mod steps;
mod storage;

/// What chance begins with.
#[expect(clippy::print_stderr, reason = "who repeats a failure has to know it")]
fn seed() -> u64 {
    let given = std::env::var("OMOCAST_SEED").ok();
    let seed = given.map_or(1, |seed| seed.parse().unwrap());
    eprintln!("OMOCAST_SEED={seed}");
    seed
}
