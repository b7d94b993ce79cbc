//! The app: what every page has around it, and which page an address shows.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, Transport};
use crate::i18n::{self, Key, phrase, t_now};
use crate::live::provide_live;
use crate::pages::broadcasts::{BroadcastsDraw, broadcasts};
use crate::pages::customers::bound::bound;
use crate::pages::customers::conversations::ConversationsPage;
use crate::pages::shell::Shell;
use crate::pages::sign_in::sign_in;
use crate::part;
use crate::route::{self, Route, use_route};
use crate::session::{SessionState, provide_session};
use crate::theme;
use crate::ui::{
    EmptyState, ErrorPanel, Icon, LinkButton, Spinner, ToastHost, provide_toasts, reactive,
};

/// Starts the app in the page: called once, by the program.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| show_panic(&panic.to_string())));
    theme::start();
    route::start();
    spawn_local(async {
        match i18n::start().await {
            Ok(()) => {
                keep_panic_words();
                mount_to_body(|| view! { <App transport=transport() /> });
            }
            // There are no words without texts: the browser's own error is better than an empty page.
            Err(cause) => show_panic(&cause),
        }
    });
}

#[cfg(not(feature = "preview"))]
fn transport() -> Arc<dyn Transport> {
    Arc::new(crate::api::http::HttpTransport)
}

#[cfg(feature = "preview")]
fn transport() -> Arc<dyn Transport> {
    crate::api::preview_transport()
}

/// The whole product over a transport.
#[component]
pub fn App(transport: Arc<dyn Transport>) -> impl IntoView {
    let api = Api::new(transport);
    provide_context(api.clone());
    provide_toasts();
    let session = provide_session(&api);
    provide_live(&api, session);
    let route = use_route();
    let sign_in_first = Memo::new(move |_| {
        session.state() == SessionState::SignedOut
            && !matches!(route.get(), Route::SignIn { .. } | Route::Gallery)
    });
    // An effect, because the address is a thing outside that must follow the sign-in.
    Effect::new(move |_| {
        if sign_in_first.get() {
            let next = route.get_untracked();
            let next = (next != Route::HOME).then(|| next.href());
            route::replace(Route::SignIn { next });
        }
    });
    // The same page with another event or list is not drawn anew.
    let place = Memo::new(move |_| Place::of(&route.get(), &session.state()));
    view! {
        {move || match place.get() {
            #[cfg(feature = "preview")]
            Place::Gallery => view! { <crate::gallery::GalleryPage /> }.into_any(),
            Place::SignIn => part::place(|| Box::pin(sign_in()), |draw| draw()),
            Place::Waiting => view! { <Waiting /> }.into_any(),
            Place::Failed => view! {
                <main class="page-alone">
                    <ErrorPanel error=phrase(Key::ErrorOffline) on_retry=move || session.ask() />
                </main>
            }
            .into_any(),
            Place::Page => view! { <Shell>{move || page(route)}</Shell> }.into_any(),
        }}
        <ToastHost />
    }
}

/// What is drawn at the top.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    #[cfg(feature = "preview")]
    Gallery,
    SignIn,
    Waiting,
    Failed,
    Page,
}

impl Place {
    fn of(route: &Route, session: &SessionState) -> Self {
        match (route, session) {
            #[cfg(feature = "preview")]
            (Route::Gallery, _) => Self::Gallery,
            (_, SessionState::Unknown) => Self::Waiting,
            (_, SessionState::Failed(_)) => Self::Failed,
            (Route::SignIn { .. }, _) => Self::SignIn,
            // Until the address has followed.
            (_, SessionState::SignedOut) => Self::Waiting,
            (_, SessionState::SignedIn(_)) => Self::Page,
        }
    }
}

/// The page of a route. Pages read the rest of the route themselves, so that they live on while it changes.
fn page(route: Signal<Route>) -> AnyView {
    let page = Memo::new(move |_| match route.get() {
        Route::Conversations { .. } => Page::Conversations,
        Route::Bound { .. } => Page::Bound,
        Route::Broadcasts => Page::Broadcasts,
        Route::Broadcast(id) => Page::Broadcast(id),
        Route::SignIn { .. } | Route::Gallery | Route::NotFound => Page::NotFound,
    });
    reactive(move || match page.get() {
        Page::Conversations => view! { <ConversationsPage /> }.into_any(),
        Page::Bound => part::place(|| Box::pin(bound()), |draw| draw()),
        Page::Broadcasts => {
            part::place(|| Box::pin(broadcasts()), |draw: BroadcastsDraw| draw(None))
        }
        Page::Broadcast(id) => part::place(
            || Box::pin(broadcasts()),
            move |draw: BroadcastsDraw| draw(Some(id)),
        ),
        Page::NotFound => view! { <NotFound /> }.into_any(),
    })
    .into_any()
}

#[derive(Clone, Copy, PartialEq)]
enum Page {
    Conversations,
    Bound,
    Broadcasts,
    Broadcast(omocast_contract::BroadcastId),
    NotFound,
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <main class="page-alone">
            <Spinner label=phrase(Key::UiLoading) />
        </main>
    }
}

/// An address that leads nowhere, or to what is gone.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <div class="page-alone">
            <EmptyState
                icon=Icon::Search
                title=phrase(Key::AppNotFound)
                hint=phrase(Key::AppNotFoundHint)
            >
                <LinkButton href=Route::HOME.href()>{phrase(Key::AppNotFoundLink)}</LinkButton>
            </EmptyState>
        </div>
    }
    .into_any()
}

thread_local! {
    // Kept ready, because after a panic nothing that could panic again may be asked for words.
    static PANIC_WORDS: std::cell::RefCell<[String; 2]> = std::cell::RefCell::new([
        "發生錯誤，請重新載入。／Something broke. Please reload.".to_owned(),
        "重新載入／Reload".to_owned(),
    ]);
}

fn keep_panic_words() {
    PANIC_WORDS.set([t_now(Key::AppPanic), t_now(Key::AppReload)]);
}

/// The end of the app: what broke goes to the console, a way to start again to the page. Drafts are kept by the browser.
fn show_panic(cause: &str) {
    web_sys::console::error_1(&JsValue::from_str(cause));
    let words = PANIC_WORDS
        .try_with(|words| words.take())
        .unwrap_or_default();
    let show = || -> Result<(), JsValue> {
        let document = web_sys::window()
            .and_then(|window| window.document())
            .ok_or(JsValue::NULL)?;
        let notice = document.create_element("div")?;
        notice.set_attribute("class", "panic")?;
        notice.set_attribute("role", "alert")?;
        let text = document.create_element("p")?;
        text.set_text_content(Some(&words[0]));
        // A link, and one that our own handler leaves alone: after a panic no Rust of ours may run.
        let link = document.create_element("a")?;
        link.set_attribute("class", "button button--primary")?;
        link.set_attribute("href", "")?;
        link.set_attribute("target", "_self")?;
        link.set_text_content(Some(&words[1]));
        notice.append_child(&text)?;
        notice.append_child(&link)?;
        document
            .body()
            .ok_or(JsValue::NULL)?
            .append_child(&notice)?;
        Ok(())
    };
    // A page without a body has nowhere to show it.
    let _ = show();
}
