//! Generic components: they would fit any product, and know only its words (`i18n`) and its looks (`style/`).

pub mod avatar;
pub mod button;
pub mod caret;
pub mod checkbox;
pub mod chip;
pub mod dialog;
pub mod empty_state;
pub mod error_panel;
pub mod flow;
pub mod icon;
pub mod icon_button;
pub mod ime;
pub mod menu;
pub mod meter;
pub mod notice;
pub mod skeleton;
pub mod spinner;
pub mod tabs;
pub mod text_area;
pub mod text_field;
pub mod toasts;
pub mod tooltip;
pub mod windowed_list;

use std::cell::Cell;

#[cfg(feature = "preview")]
use leptos::prelude::AnyView;

pub use avatar::Avatar;
pub use button::{Button, ButtonKind, LinkButton};
pub use checkbox::{Checkbox, Mark};
pub use chip::Chip;
pub use dialog::{Dialog, DialogFooter};
pub use empty_state::EmptyState;
pub use error_panel::ErrorPanel;
pub use flow::{Row, Show, reactive, rows};
pub use icon::{Icon, IconView};
pub use icon_button::IconButton;
pub use ime::is_composing;
pub use menu::{Menu, MenuItem};
pub use meter::{Meter, Segment};
pub use notice::Notice;
pub use skeleton::Skeleton;
pub use spinner::Spinner;
pub use tabs::{Tab, Tabs};
pub use text_area::TextArea;
pub use text_field::{TextField, TextKind};
pub use toasts::{ToastHost, Toasts, provide_toasts, use_toasts};
pub use tooltip::Tooltip;

/// A named state of a component, for the gallery and for the tests that mount them all.
#[cfg(feature = "preview")]
pub struct Story {
    pub name: &'static str,
    pub view: fn() -> AnyView,
}

#[cfg(feature = "preview")]
impl Story {
    pub fn new(name: &'static str, view: fn() -> AnyView) -> Self {
        Self { name, view }
    }
}

/// What a colour says: never the only sign of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Action,
    Good,
    Warn,
    Bad,
}

impl Tone {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Action => "action",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// An id for one element, to be named by another's `aria-…` attribute.
pub fn unique_id() -> String {
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    let id = NEXT.get();
    NEXT.set(id + 1);
    ["ui-", &id.to_string()].concat()
}
