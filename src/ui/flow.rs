//! What is there or not, and lists that keep their rows: each compiled once, whatever is in it.
//!
//! Leptos' own `Show` and `For` are compiled anew for each place they are used in, which is a fifth of what the first
//! visit would have to load. These take their parts boxed.

use std::sync::{Arc, Mutex};

use leptos::prelude::*;
use leptos::tachys::reactive_graph::SharedReactiveFunction;

/// A part of a view that is drawn again when what it reads changes. In a `view!`, a closure in braces is made one by itself;
/// one that has a name, or is returned, is not.
pub fn reactive<T: 'static>(view: impl FnMut() -> T + Send + 'static) -> SharedReactiveFunction<T> {
    Arc::new(Mutex::new(view))
}

/// Shows its children while a condition holds; they are drawn anew each time it comes true.
#[component]
pub fn Show(
    #[prop(into)] when: Signal<bool>,
    #[prop(optional, into)] fallback: ViewFn,
    children: ChildrenFn,
) -> impl IntoView {
    let is_shown = Memo::new(move |_| when.get());
    reactive(move || {
        if is_shown.get() {
            children()
        } else {
            fallback.run()
        }
    })
    .into_any()
}

/// A row of [`rows`]: what tells it from the others, and how it is drawn when it is new.
pub struct Row {
    key: String,
    draw: Box<dyn Fn() -> AnyView + Send>,
}

impl Row {
    pub fn new(key: impl ToString, draw: impl Fn() -> AnyView + Send + 'static) -> Self {
        Self {
            key: key.to_string(),
            draw: Box::new(draw),
        }
    }
}

/// A list whose rows stay as they are, and where the focus is in them, while others come and go.
pub fn rows(list: impl Fn() -> Vec<Row> + Send + 'static) -> AnyView {
    let list: Box<dyn Fn() -> Vec<Row> + Send> = Box::new(list);
    view! {
        <For each=list key=|row| row.key.clone() children=|row: Row| (row.draw)() />
    }
    .into_any()
}
