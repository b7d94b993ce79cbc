//! Takes any body in as a webhook of every channel, and reads back what became of it: whatever a platform says,
//! nothing is stored that cannot be shown.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use omocast_contract::api::{EventQuery, PageStart};
use omocast_contract::{AccountId, Channel, EventView, Filter, Plan, Role};
use omocast_server::app::{App, Clock};
use omocast_server::channels::Credentials;
use omocast_server::config::Config;
use omocast_server::secrets::Secrets;
use omocast_server::store::{Member, NewAccount, NewMember, Store};
use omocast_server::webhooks::fuzzing::take_in;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// After so many bodies the database is an empty one again.
const BODIES: u32 = 500;

struct Inbox {
    app: App,
    admin: Member,
    accounts: Vec<AccountId>,
    bodies: u32,
    _folder: TempDir,
}

impl Inbox {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().await.unwrap();
        let config = Config::for_tests(folder.path());
        let app = App::new(store, config, Secrets::new([7; 32]), Clock::System).unwrap();
        let team = app
            .store
            .create_team("Lativ", Plan::Omo, "Asia/Taipei", app.now());
        let team_id = team.await.unwrap();
        let admin = NewMember {
            team_id,
            name: "小美".to_owned(),
            email: "may@example.com".to_owned(),
            password_hash: String::new(),
            role: Role::Admin,
            staff_code: Some("S001".to_owned()),
            shops: Vec::new(),
        };
        let admin = app.store.create_member(admin, app.now()).await.unwrap();
        let admin = app.store.find_member(admin).await.unwrap().unwrap();
        let mut accounts = Vec::new();
        for (channel, external_id) in [
            (Channel::Line, "U00000000000000000000000000000001"),
            (Channel::Whatsapp, "200000000000001"),
            (Channel::Facebook, "300000000000001"),
            (Channel::Instagram, "400000000000001"),
            (Channel::Web, "site-1"),
        ] {
            let account = NewAccount {
                team_id,
                channel,
                name: external_id.to_owned(),
                external_id: external_id.to_owned(),
                waba_id: (channel == Channel::Whatsapp).then(|| "100000000000001".to_owned()),
                display_phone: None,
            };
            let account = app.create_account(account, &credentials(channel)).await;
            accounts.push(account.unwrap());
        }
        Self {
            app,
            admin,
            accounts,
            bodies: 0,
            _folder: folder,
        }
    }

    async fn take_in(&mut self, body: &[u8]) {
        self.bodies += 1;
        for account in &self.accounts {
            take_in(&self.app, *account, body).await.unwrap();
        }
        for view in EventView::ALL {
            let query = EventQuery {
                view,
                filter: Filter::default(),
                from: PageStart::First,
                limit: 20,
            };
            let store = &self.app.store;
            let Ok(page) = store.list_events(&self.admin, &query).await else {
                panic!("the list cannot be shown");
            };
            serde_json::to_vec(&page).unwrap();
            for row in page.rows {
                let Ok(thread) = store.find_thread(&self.admin, row.id, None).await else {
                    panic!("a thread cannot be shown");
                };
                serde_json::to_vec(&thread).unwrap();
            }
        }
    }
}

fn credentials(channel: Channel) -> Credentials {
    let (access_token, app_secret, verify_token) = Default::default();
    match channel {
        Channel::Line => Credentials::Line {
            channel_access_token: access_token,
            channel_secret: app_secret,
        },
        Channel::Whatsapp => Credentials::Whatsapp {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Facebook => Credentials::Facebook {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Instagram => Credentials::Instagram {
            access_token,
            app_secret,
            verify_token,
            page_id: None,
        },
        Channel::Web => Credentials::Web { secret: app_secret },
    }
}

thread_local! {
    static INBOX: RefCell<Option<(Runtime, Inbox)>> = const { RefCell::new(None) };
}

fuzz_target!(|body: &[u8]| {
    INBOX.with_borrow_mut(|slot| {
        if slot
            .as_ref()
            .is_some_and(|(_, inbox)| inbox.bodies >= BODIES)
        {
            *slot = None;
        }
        let (runtime, inbox) = slot.get_or_insert_with(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            let inbox = runtime.block_on(Inbox::new());
            (runtime, inbox)
        });
        runtime.block_on(inbox.take_in(body));
    });
});
