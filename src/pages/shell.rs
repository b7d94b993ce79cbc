//! What is around every page: the rail with the ways to go, the member, the state of the connection.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::member::Scope;
use omocast_contract::{BoundView, Role};
use wasm_bindgen_futures::spawn_local;

use crate::components::settings_menu::SettingsMenu;
use crate::i18n::{self, Key, phrase, t};
use crate::live::use_live;
use crate::route::{Route, use_route};
use crate::session::use_session;
use crate::ui::{Avatar, Button, Icon, IconView, Menu, MenuItem, Show, use_toasts};

#[component]
pub fn Shell(children: Children) -> impl IntoView {
    let route = use_route();
    let live = use_live();
    let is_lost = live.is_lost();
    let main = NodeRef::<html::Main>::new();
    let section = Memo::new(move |_| section_of(&route.get()));
    // An effect, because the tab's title is the browser's.
    Effect::new(move |_| {
        document().set_title(&format!(
            "{} · {}",
            t(section.get().unwrap_or(Key::NavConversations)),
            t(Key::AppName)
        ));
    });
    // An effect, because the focus is the browser's: on another page it begins at the page, not at the link left behind.
    Effect::new(move |before: Option<Option<Key>>| {
        let section = section.get();
        if before.is_some_and(|before| before != section)
            && let Some(main) = main.get_untracked()
        {
            // Fails only on what is not shown.
            let _ = main.focus();
        }
        section
    });
    view! {
        <a class="shell__skip" href="#main" target="_self">
            {phrase(Key::AppSkipToContent)}
        </a>
        <div class="shell">
            <Rail />
            <main class="shell__main" id="main" tabindex="-1" node_ref=main>
                {children()}
            </main>
            <div class="shell__lost" data-shown=move || is_lost.get().then_some("")>
                <div class="shell__lost-words" role="status">
                    {move || {
                        is_lost
                            .get()
                            .then(|| {
                                view! {
                                    <IconView icon=Icon::WifiOff />
                                    <span>{t(Key::AppConnectionLost)}</span>
                                }
                            })
                    }}
                </div>
                <Show when=is_lost>
                    <Button icon=Icon::Refresh on_click=move || live.reconnect()>
                        {phrase(Key::AppReconnect)}
                    </Button>
                </Show>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Rail() -> impl IntoView {
    let route = use_route();
    let is_in = move |place: Key| Signal::derive(move || section_of(&route.get()) == Some(place));
    let session = use_session();
    let sees_broadcasts = Signal::derive(move || {
        let me = session.me();
        me.is_some_and(|me| me.role.broadcasts_seen() != Scope::None)
    });
    let sees_bound = Signal::derive(move || {
        let me = session.me();
        me.is_some_and(|me| me.role.sees_bound(BoundView::Mine))
    });
    view! {
        <nav class="shell__rail" aria-label=phrase(Key::NavMain)>
            <a class="shell__logo" href=Route::HOME.href() aria-label=phrase(Key::AppName)>
                <span aria-hidden="true">"o"</span>
            </a>
            <RailLink
                href=Route::HOME.href()
                icon=Icon::MessageCircle
                label=Key::NavConversations
                is_current=is_in(Key::NavConversations)
            />
            <Show when=sees_bound>
                <RailLink
                    href=Route::BOUND.href()
                    icon=Icon::UserCheck
                    label=Key::NavBound
                    is_current=is_in(Key::NavBound)
                />
            </Show>
            <Show when=sees_broadcasts>
                <RailLink
                    href=Route::Broadcasts.href()
                    icon=Icon::Send
                    label=Key::NavBroadcasts
                    is_current=is_in(Key::NavBroadcasts)
                />
            </Show>
            <span class="shell__gap"></span>
            <SettingsMenu />
            <MemberMenu />
        </nav>
    }
}

/// The place of the rail that a route belongs to.
fn section_of(route: &Route) -> Option<Key> {
    match route {
        Route::Conversations { .. } => Some(Key::NavConversations),
        Route::Bound { .. } => Some(Key::NavBound),
        Route::Broadcasts | Route::Broadcast(_) => Some(Key::NavBroadcasts),
        Route::SignIn { .. } | Route::Gallery | Route::NotFound => None,
    }
}

#[component]
fn RailLink(href: String, icon: Icon, label: Key, is_current: Signal<bool>) -> impl IntoView {
    view! {
        <a
            class="shell__link"
            href=href
            aria-current=move || is_current.get().then_some("page")
            title=phrase(label)
        >
            <IconView icon />
            <span class="shell__word">{phrase(label)}</span>
        </a>
    }
}

/// Who is signed in, and 登出.
#[component]
fn MemberMenu() -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let me = Memo::new(move |_| session.me());
    let name = Signal::derive(move || me.get().map(|me| me.name).unwrap_or_default());
    let sign_out = move || {
        spawn_local(async move {
            if session.sign_out().await.is_err() {
                toasts.error(i18n::t_now(Key::ErrorOffline));
            }
        });
    };
    let items = Signal::derive(move || {
        vec![MenuItem::new(t(Key::SignInSignOut), sign_out).icon(Icon::LogOut)]
    });
    let header = move || {
        me.get()
            .map(|me| {
                let shops: Vec<_> = me.shops.iter().map(|shop| shop.name.as_str()).collect();
                let shops = shops.join("、");
                view! {
                    <p class="shell__name">{me.name}</p>
                    <p class="shell__about">{me.email}</p>
                    <p class="shell__about">
                        {phrase(role_key(me.role))} " · " {me.team}
                    </p>
                    {(!shops.is_empty()).then(|| view! { <p class="shell__about">{shops}</p> })}
                }
            })
            .into_any()
    };
    view! {
        <Menu label=phrase(Key::NavMember) items header=std::sync::Arc::new(header)>
            <Avatar name />
        </Menu>
    }
}

/// The words of a role.
fn role_key(role: Role) -> Key {
    match role {
        Role::Admin => Key::RoleAdmin,
        Role::Supervisor => Key::RoleSupervisor,
        Role::Marketing => Key::RoleMarketing,
        Role::SupportManager => Key::RoleSupportManager,
        Role::SupportAgent => Key::RoleSupportAgent,
        Role::SalesManager => Key::RoleSalesManager,
        Role::SalesRep => Key::RoleSalesRep,
    }
}
