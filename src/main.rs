//! The SPA's program: starts the app in the page that loads it.

fn main() {
    omocast::start();
}
