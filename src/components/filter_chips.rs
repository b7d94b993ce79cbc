//! What the funnel keeps, one chip for each of its fields, each with a way out.

use leptos::prelude::*;
use omocast_contract::{Filter, TagFilter, TagMatch};

use crate::components::error_text::channel_names;
use crate::i18n::{Key, list, phrase, t_with};
use crate::ui::{Button, ButtonKind, Chip, Show, Tone};

/// A field of the filter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Channels,
    Name,
    Tags,
}

impl Field {
    const ALL: [Self; 3] = [Self::Channels, Self::Name, Self::Tags];

    /// The filter without this field.
    fn cleared(self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        match self {
            Self::Channels => filter.channels.clear(),
            Self::Name => filter.name.clear(),
            Self::Tags => filter.tags = TagFilter::default(),
        }
        filter
    }

    fn is_set(self, filter: &Filter) -> bool {
        self.cleared(filter).active() < filter.active()
    }

    fn text(self, filter: &Filter) -> String {
        match self {
            Self::Channels => {
                let names = channel_names(filter.channels.iter().copied());
                t_with(Key::FilterChipChannels, &[("channels", &names)])
            }
            Self::Name => t_with(Key::FilterChipName, &[("name", filter.name.trim())]),
            Self::Tags => {
                let key = match filter.tags.matching {
                    TagMatch::Any => Key::FilterChipTagsAny,
                    TagMatch::All => Key::FilterChipTagsAll,
                    TagMatch::None => Key::FilterChipTagsNone,
                };
                t_with(key, &[("tags", &list(&filter.tags.tags))])
            }
        }
    }
}

/// The chips; nothing at all when the filter keeps everything.
#[component]
pub fn FilterChips(
    /// The filter.
    #[prop(into)]
    filter: Signal<Filter>,
    /// Another filter is wanted.
    on_change: Callback<Filter>,
) -> impl IntoView {
    view! {
        <Show when=move || filter.with(|filter| !filter.is_empty())>
            <div class="filter-chips">
                {move || {
                    let filter = filter.get();
                    Field::ALL
                        .into_iter()
                        .filter(|field| field.is_set(&filter))
                        .map(|field| {
                            let text = field.text(&filter);
                            let rest = field.cleared(&filter);
                            view! {
                                <Chip
                                    tone=Tone::Action
                                    text
                                    on_remove=Callback::new(move |()| on_change.run(rest.clone()))
                                />
                            }
                        })
                        .collect_view()
                }}
                <Button kind=ButtonKind::Quiet on_click=move || on_change.run(Filter::default())>
                    {phrase(Key::FilterClear)}
                </Button>
            </div>
        </Show>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use omocast_contract::Channel;

    fn story(filter: Filter) -> AnyView {
        let filter = RwSignal::new(filter);
        view! { <FilterChips filter on_change=Callback::new(move |other| filter.set(other)) /> }
            .into_any()
    }

    vec![
        Story::new("every field", || {
            story(Filter {
                channels: vec![Channel::Line, Channel::Whatsapp],
                name: "陳".to_owned(),
                tags: TagFilter {
                    matching: TagMatch::Any,
                    tags: vec!["VIP".to_owned()],
                },
                ..Filter::default()
            })
        }),
        Story::new("long", || {
            story(Filter {
                tags: TagFilter {
                    matching: TagMatch::None,
                    tags: (1..20).map(|n| format!("秋季新品預購名單 {n}")).collect(),
                },
                ..Filter::default()
            })
        }),
        Story::new("nothing", || story(Filter::default())),
    ]
}
