//! Parts of the app that are loaded when they are first wanted, so that the first visit loads only what it shows.
//!
//! A part is a function that gives what draws it: once that is there, a view is made at once and where it belongs.
//! With the feature `split`, which the shipped build has, its code is a file of its own; otherwise it is there from the start.

use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::i18n::{Key, phrase};
use crate::ui::{ErrorPanel, Spinner, reactive};

/// The file of a part did not come.
#[derive(Clone, Copy, Debug)]
pub struct LoadFailed;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for LoadFailed {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// What draws a part, on its way.
pub type Loading<T> = Pin<Box<dyn Future<Output = Result<T, LoadFailed>>>>;

/// Declares a part: `part! { in desk: fn thread() -> fn() -> AnyView { draw } }`. Parts of one name share a file:
/// those that are wanted together.
macro_rules! part {
    (in $file:ident: $(#[$doc:meta])* $vis:vis fn $name:ident() -> $what:ty { $draw:expr }) => {
        $(#[$doc])*
        #[cfg(feature = "split")]
        #[leptos::wasm_split::wasm_split($file, wasm_split_path = ::leptos::wasm_split, fallible)]
        $vis fn $name() -> Result<$what, $crate::part::LoadFailed> {
            Ok($draw)
        }

        $(#[$doc])*
        #[cfg(not(feature = "split"))]
        $vis fn $name() -> impl Future<Output = Result<$what, $crate::part::LoadFailed>> {
            let draw: $what = $draw;
            std::future::ready(Ok(draw))
        }
    };
}
pub(crate) use part;

/// The style sheet of the parts, on its way. Only the shipped build keeps it apart from the page's own.
#[cfg(feature = "split")]
mod style {
    use std::cell::RefCell;

    use js_sys::Promise;
    use leptos::prelude::document;
    use wasm_bindgen::JsValue;
    use wasm_bindgen_futures::JsFuture;

    use super::LoadFailed;

    thread_local! {
        static LOADING: RefCell<Option<Promise>> = const { RefCell::new(None) };
    }

    pub(super) async fn load() -> Result<(), LoadFailed> {
        let known = LOADING.with_borrow(Clone::clone);
        let loading = match known {
            Some(loading) => loading,
            None => start().map_err(|_| LoadFailed)?,
        };
        LOADING.set(Some(loading.clone()));
        JsFuture::from(loading).await.map(drop).map_err(|_| {
            // The next one who asks tries again.
            LOADING.set(None);
            LoadFailed
        })
    }

    fn start() -> Result<Promise, JsValue> {
        let find = |selector: &str| document().query_selector(selector)?.ok_or(JsValue::NULL);
        let href = find("meta[name=omocast-parts-style]")?
            .get_attribute("content")
            .unwrap_or_default();
        let link = document().create_element("link")?;
        link.set_attribute("rel", "stylesheet")?;
        link.set_attribute("href", &href)?;
        let loading = Promise::new(&mut |resolve, reject| {
            // Without them it would only seem not to have come.
            let _ = link.add_event_listener_with_callback("load", &resolve);
            let _ = link.add_event_listener_with_callback("error", &reject);
        });
        find("head")?.append_child(&link)?;
        Ok(loading)
    }
}

#[cfg(not(feature = "split"))]
mod style {
    pub(super) async fn load() -> Result<(), super::LoadFailed> {
        Ok(())
    }
}

/// The part with its style, which come at the same time.
async fn load_both<T>(part: Loading<T>) -> Result<T, LoadFailed> {
    let (style, part) = futures::join!(style::load(), part);
    style.and(part)
}

/// Has a part loaded before it is asked for.
pub fn prepare<T: 'static>(part: Loading<T>) {
    // If it does not come, the place that needs it says so.
    spawn_local(async move {
        let _ = load_both(part).await;
    });
}

/// The place of a part in a view: drawn when it is there, with words while it comes and a way to try again.
pub fn place<T: Copy + Send + Sync + 'static>(
    load: fn() -> Loading<T>,
    draw: impl Fn(T) -> AnyView + Send + 'static,
) -> AnyView {
    let loaded = RwSignal::new(None::<Result<T, LoadFailed>>);
    let start = move || {
        loaded.set(None);
        spawn_local(async move {
            let answer = load_both(load()).await;
            loaded.try_set(Some(answer));
        });
    };
    start();
    reactive(move || match loaded.get() {
        None => view! { <div class="part__state"><Spinner label=phrase(Key::UiLoading) /></div> }
            .into_any(),
        Some(Ok(part)) => untrack(|| draw(part)),
        Some(Err(LoadFailed)) => view! {
            <div class="part__state"><ErrorPanel error=phrase(Key::ErrorOffline) on_retry=start /></div>
        }
        .into_any(),
    })
    .into_any()
}
