//! The pages' addresses: the only file that spells them.

use std::cell::Cell;

use leptos::ev;
use leptos::prelude::*;
use omocast_contract::{BoundView, BroadcastId, BroadcastKind, EventId, EventView};
use wasm_bindgen::{JsCast, JsValue};

/// A place in the product. `parse` and `href` are each other's inverse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `next` is where to go once signed in: an address of ours.
    SignIn {
        next: Option<String>,
    },
    Conversations {
        view: EventView,
        event: Option<EventId>,
        mode: Option<Mode>,
    },
    /// 綁定顧客.
    Bound {
        view: BoundView,
        mode: Option<Mode>,
    },
    Broadcasts,
    Broadcast(BroadcastId),
    Gallery,
    NotFound,
}

/// What a list of customers is used for, besides talking: a broadcast that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// 群發訊息 or 群發訊息範本.
    pub kind: BroadcastKind,
    pub step: Step,
}

/// How far a broadcast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Choosing its customers.
    Select,
    /// Writing it: a step of its own on a phone, beside the choice on a desk.
    Compose,
    /// Looking at it before it is sent: a step of its own where there is no room beside what is written.
    Preview,
}

impl Mode {
    /// Where a broadcast begins: its customers are to be chosen.
    pub const fn begin(kind: BroadcastKind) -> Self {
        Self {
            kind,
            step: Step::Select,
        }
    }

    fn of_query(query: &str) -> Option<Self> {
        let asked = parameter(query, "mode")?;
        let step = Step::ALL.into_iter().find(|step| step.as_str() == asked)?;
        let kind = parameter(query, "kind").and_then(|kind| BroadcastKind::parse(&kind));
        Some(Self {
            kind: kind.unwrap_or_default(),
            step,
        })
    }

    fn push_to(self, href: &mut String) {
        href.push_str("?mode=");
        href.push_str(self.step.as_str());
        if self.kind != BroadcastKind::default() {
            href.push_str("&kind=");
            href.push_str(self.kind.as_str());
        }
    }

    /// The same broadcast at another step.
    pub fn at(self, step: Step) -> Self {
        Self { step, ..self }
    }
}

impl Step {
    const ALL: [Self; 3] = [Self::Select, Self::Compose, Self::Preview];

    fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Compose => "compose",
            Self::Preview => "preview",
        }
    }
}

impl Route {
    /// My events: where one starts.
    pub const HOME: Self = Self::Conversations {
        view: EventView::Mine,
        event: None,
        mode: None,
    };

    /// My bound customers: where 綁定顧客 starts.
    pub const BOUND: Self = Self::Bound {
        view: BoundView::Mine,
        mode: None,
    };

    /// Reads a path and a query string (without `?`).
    pub fn parse(path: &str, query: &str) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        match parts {
            (None, ..) => Self::HOME,
            (Some("sign-in"), None, ..) => Self::SignIn {
                next: parameter(query, "next").filter(|next| is_ours(next)),
            },
            (Some("conversations"), view, event, None) => {
                let mode = Mode::of_query(query);
                let view = view.map_or(Some(EventView::Mine), EventView::parse);
                let event = event.map(str::parse).transpose();
                match (view, event) {
                    (Some(view), Ok(event)) => Self::Conversations { view, event, mode },
                    _ => Self::NotFound,
                }
            }
            (Some("bound"), view, None, _) => {
                let mode = Mode::of_query(query);
                let view = view.map_or(Some(BoundView::Mine), BoundView::parse);
                view.map_or(Self::NotFound, |view| Self::Bound { view, mode })
            }
            (Some("broadcasts"), None, ..) => Self::Broadcasts,
            (Some("broadcasts"), Some(id), None, _) => {
                id.parse().map_or(Self::NotFound, Self::Broadcast)
            }
            (Some("gallery"), None, ..) => Self::Gallery,
            _ => Self::NotFound,
        }
    }

    /// The address.
    pub fn href(&self) -> String {
        match self {
            Self::SignIn { next: None } => "/sign-in".to_owned(),
            Self::SignIn { next: Some(next) } => ["/sign-in?next=", &encode(next)].concat(),
            Self::Conversations { view, event, mode } => {
                let mut href = ["/conversations/", view.as_str()].concat();
                if let Some(event) = event {
                    href.push('/');
                    href.push_str(&event.to_string());
                }
                if let Some(mode) = mode {
                    mode.push_to(&mut href);
                }
                href
            }
            Self::Bound { view, mode } => {
                let mut href = ["/bound/", view.as_str()].concat();
                if let Some(mode) = mode {
                    mode.push_to(&mut href);
                }
                href
            }
            Self::Broadcasts => "/broadcasts".to_owned(),
            Self::Broadcast(id) => ["/broadcasts/", &id.to_string()].concat(),
            Self::Gallery => "/gallery".to_owned(),
            Self::NotFound => "/not-found".to_owned(),
        }
    }

    /// Reads an address of ours: a path with or without a query string.
    pub fn of_href(href: &str) -> Self {
        let (path, query) = href.split_once('?').unwrap_or((href, ""));
        Self::parse(path, query)
    }

    fn here() -> Self {
        let location = window().location();
        let query = location.search().unwrap_or_default();
        Self::parse(
            &location.pathname().unwrap_or_default(),
            query.trim_start_matches('?'),
        )
    }
}

/// Whether to go there after a sign-in: a path of this site, not `//elsewhere`.
fn is_ours(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//") && !address.contains('\\')
}

fn parameter(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| decode(value))
}

/// Percent-encodes what is not unreserved (RFC 3986).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                digit(*high)
                    .zip(digit(*low))
                    .map(|(high, low)| (high * 16 + low) as u8)
            }
            _ => None,
        };
        rest = if byte.is_some() { &after[2..] } else { after };
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

thread_local! {
    // One address bar, one route: not a context, because one navigates from handlers and after an await.
    static CURRENT: ArcRwSignal<Route> = ArcRwSignal::new(Route::NotFound);
    static IS_STARTED: Cell<bool> = const { Cell::new(false) };
}

fn current() -> ArcRwSignal<Route> {
    CURRENT.with(Clone::clone)
}

/// Where the browser is.
pub fn use_route() -> Signal<Route> {
    current().into()
}

/// Where the browser is now.
pub fn here() -> Route {
    current().get_untracked()
}

/// Goes there, so that the back button comes back here.
pub fn navigate(route: Route) {
    go(route, true);
}

/// Goes there in place of here.
pub fn replace(route: Route) {
    go(route, false);
}

fn go(route: Route, is_new_entry: bool) {
    if current().get_untracked() == route {
        return;
    }
    let href = route.href();
    // Browsers refuse a flood of entries; the page is shown all the same.
    if let Ok(history) = window().history() {
        let _ = if is_new_entry {
            history.push_state_with_url(&JsValue::NULL, "", Some(&href))
        } else {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&href))
        };
    }
    current().set(route);
}

/// Follows the address bar and takes over clicks on our own links: once, at the start.
pub fn start() {
    current().set(Route::here());
    if IS_STARTED.replace(true) {
        return;
    }
    window_event_listener(ev::popstate, |_| current().set(Route::here()));
    window_event_listener(ev::click, |click| {
        if let Some(route) = route_of_click(&click) {
            click.prevent_default();
            navigate(route);
        }
    });
}

/// The route of a plain click on a link of ours. All other clicks are the browser's.
fn route_of_click(click: &ev::MouseEvent) -> Option<Route> {
    let is_plain = click.button() == 0
        && !click.default_prevented()
        && !(click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key());
    if !is_plain {
        return None;
    }
    let element: web_sys::Element = click.target()?.dyn_into().ok()?;
    let link: web_sys::HtmlAnchorElement = element.closest("a[href]").ok()??.dyn_into().ok()?;
    let is_left_alone = link.has_attribute("target") || link.has_attribute("download");
    if is_left_alone || link.origin() != window().location().origin().ok()? {
        return None;
    }
    match Route::parse(&link.pathname(), link.search().trim_start_matches('?')) {
        // Perhaps a file or the API.
        Route::NotFound => None,
        route => Some(route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(route: Route) {
        assert_eq!(Route::of_href(&route.href()), route, "{}", route.href());
    }

    fn id<T: std::str::FromStr>() -> Option<T> {
        "018f0000-0000-7000-8000-00000000002a".parse().ok()
    }

    #[test]
    fn every_route_reads_its_own_address_back() {
        check(Route::SignIn { next: None });
        check(Route::SignIn {
            next: Some("/conversations/mine?mode=select&q=陳 100%".to_owned()),
        });
        for view in EventView::ALL {
            for event in [None, id()] {
                check(Route::Conversations {
                    view,
                    event,
                    mode: None,
                });
                let kinds = [BroadcastKind::Messages, BroadcastKind::Template];
                for (kind, step) in kinds
                    .into_iter()
                    .flat_map(|kind| Step::ALL.map(|step| (kind, step)))
                {
                    check(Route::Conversations {
                        view,
                        event,
                        mode: Some(Mode { kind, step }),
                    });
                }
            }
        }
        for view in BoundView::ALL {
            check(Route::Bound { view, mode: None });
            for kind in [BroadcastKind::Messages, BroadcastKind::Template] {
                let mode = Some(Mode::begin(kind).at(Step::Preview));
                check(Route::Bound { view, mode });
            }
        }
        check(Route::Broadcasts);
        check(Route::Broadcast(id().unwrap()));
        check(Route::Gallery);
        check(Route::NotFound);
    }

    #[test]
    fn the_root_is_my_events() {
        assert_eq!(Route::parse("/", ""), Route::HOME);
        assert_eq!(Route::parse("/conversations", ""), Route::HOME);
        assert_eq!(Route::parse("/conversations/mine/", ""), Route::HOME);
    }

    #[test]
    fn what_is_no_page_is_not_found() {
        for path in [
            "/nonesuch",
            "/conversations/nonesuch",
            "/conversations/mine/7",
            "/bound/pending",
            "/bound/mine/018f0000-0000-7000-8000-00000000002a",
            "/broadcasts/7",
            "/broadcasts/018f0000-0000-7000-8000-00000000002a/x",
            "/sign-in/x",
        ] {
            assert_eq!(Route::parse(path, ""), Route::NotFound, "{path}");
        }
    }

    #[test]
    fn a_sign_in_never_leads_to_another_site() {
        for next in ["//evil.example", "https://evil.example", "/\\evil.example"] {
            let href = ["/sign-in?next=", &encode(next)].concat();
            assert_eq!(
                Route::of_href(&href),
                Route::SignIn { next: None },
                "{next}"
            );
        }
    }

    #[test]
    fn broken_escapes_are_taken_as_they_are() {
        assert_eq!(decode("%E9%99%B3+%zz%4"), "陳 %zz%4");
    }
}
