//! An icon of the sprite. It is decoration: the thing it stands on has the words.

use leptos::prelude::*;

macro_rules! icons {
    ($($icon:ident => $name:literal,)*) => {
        /// Every icon in use, with its name in lucide. The build makes the sprite from this list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Icon {
            $($icon,)*
        }

        impl Icon {
            #[cfg(feature = "preview")]
            pub const ALL: &'static [Self] = &[$(Self::$icon,)*];

            /// The address of its symbol.
            pub fn href(self) -> &'static str {
                match self {
                    $(Self::$icon => concat!("/icons.svg#", $name),)*
                }
            }
        }
    };
}

icons! {
    // icons:begin
    ArrowDown => "arrow-down",
    ArrowLeft => "arrow-left",
    ArrowUp => "arrow-up",
    Ban => "ban",
    Bookmark => "bookmark",
    Check => "check",
    CheckCheck => "check-check",
    ChevronDown => "chevron-down",
    ChevronLeft => "chevron-left",
    ChevronRight => "chevron-right",
    CircleAlert => "circle-alert",
    CircleCheck => "circle-check",
    CircleHelp => "circle-question-mark",
    CircleX => "circle-x",
    Clock => "clock",
    Copy => "copy",
    ExternalLink => "external-link",
    Eye => "eye",
    File => "file",
    Filter => "funnel",
    Grip => "grip-vertical",
    Image => "image",
    Inbox => "inbox",
    Info => "info",
    Languages => "languages",
    List => "list",
    LoaderCircle => "loader-circle",
    LogOut => "log-out",
    MessageCircle => "message-circle",
    MessageSquare => "message-square",
    MessagesSquare => "messages-square",
    Minus => "minus",
    Monitor => "monitor",
    Moon => "moon",
    More => "ellipsis-vertical",
    Palette => "palette",
    Pencil => "pencil",
    Phone => "phone",
    Play => "play",
    Plus => "plus",
    Refresh => "refresh-cw",
    Reply => "reply",
    RotateCcw => "rotate-ccw",
    Search => "search",
    Send => "send",
    Settings => "settings",
    Smile => "smile",
    Square => "square",
    Sun => "sun",
    Tag => "tag",
    Trash => "trash-2",
    TriangleAlert => "triangle-alert",
    Type => "type",
    Undo => "undo-2",
    Upload => "upload",
    User => "user",
    UserCheck => "user-check",
    Users => "users",
    Video => "video",
    WifiOff => "wifi-off",
    X => "x",
    // icons:end
}

/// An icon, as large as `--icon-size` says.
#[component]
pub fn IconView(icon: Icon) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use href=icon.href()></use>
        </svg>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    vec![super::Story::new("all", || {
        let icons = Icon::ALL
            .iter()
            .map(|icon| view! { <IconView icon=*icon /> })
            .collect_view();
        view! { <div class="icon__sheet">{icons}</div> }.into_any()
    })]
}
