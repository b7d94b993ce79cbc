//! What the funnel keeps, one chip for each of its fields, each with a way out.

use leptos::prelude::*;
use omocast_contract::{Filter, Shop, Source, TagFilter, TagMatch, Waba};

use crate::components::error_text::channel_names;
use crate::i18n::{Key, list, phrase, t_with};
use crate::ui::{Button, ButtonKind, Chip, Show, Tone};

/// A field of the filter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Channels,
    Name,
    Tags,
    Shops,
    Waba,
}

impl Field {
    const ALL: [Self; 5] = [
        Self::Channels,
        Self::Name,
        Self::Tags,
        Self::Shops,
        Self::Waba,
    ];

    /// Whether it is set in the funnel: channel and search of bound customers have places of their own.
    fn is_of(self, source: Source) -> bool {
        match (source, self) {
            (Source::BoundCustomers, Self::Channels | Self::Name) => false,
            (Source::BoundCustomers | Source::MyEvents, _) => true,
        }
    }

    /// The filter without this field.
    fn cleared(self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        match self {
            Self::Channels => filter.channels.clear(),
            Self::Name => filter.name.clear(),
            Self::Tags => filter.tags = TagFilter::default(),
            Self::Shops => filter.shops.clear(),
            Self::Waba => filter.waba = None,
        }
        filter
    }

    fn is_set(self, filter: &Filter) -> bool {
        self.cleared(filter).active() < filter.active()
    }

    fn text(self, filter: &Filter, shops: &[Shop], wabas: &[Waba]) -> String {
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
            Self::Shops => {
                let kept = shops.iter().filter(|shop| filter.shops.contains(&shop.id));
                let names: Vec<String> = kept.map(|shop| shop.name.clone()).collect();
                t_with(Key::FilterChipShops, &[("shops", &list(&names))])
            }
            Self::Waba => {
                let wanted = filter.waba.as_ref();
                let found = wabas.iter().find(|waba| Some(&waba.id) == wanted);
                // Until its name is known, Meta's number stands for it.
                let name = found.map(|waba| &waba.name).or(wanted.map(|id| &id.0));
                let account = name.map(String::as_str).unwrap_or_default();
                t_with(Key::FilterChipWaba, &[("account", account)])
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
    /// Which list it is of.
    #[prop(optional)]
    source: Source,
    /// The shops there are.
    #[prop(optional)]
    shops: Vec<Shop>,
    /// The WhatsApp Business accounts whose names are known.
    #[prop(optional, into)]
    wabas: Signal<Vec<Waba>>,
    /// Another filter is wanted.
    on_change: Callback<Filter>,
) -> impl IntoView {
    let shops = StoredValue::new(shops);
    let fields = move |filter: &Filter| {
        let is_shown = |field: &Field| field.is_of(source) && field.is_set(filter);
        Field::ALL.into_iter().filter(is_shown).collect::<Vec<_>>()
    };
    let cleared = move |filter: &Filter| {
        let each = fields(filter).into_iter();
        each.fold(filter.clone(), |filter, field| field.cleared(&filter))
    };
    view! {
        <Show when=move || filter.with(|filter| !fields(filter).is_empty())>
            <div class="filter-chips">
                {move || {
                    let filter = filter.get();
                    fields(&filter)
                        .into_iter()
                        .map(|field| {
                            let text = shops.with_value(|shops| {
                                wabas.with(|wabas| field.text(&filter, shops, wabas))
                            });
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
                <Button kind=ButtonKind::Quiet on_click=move || {
                    on_change.run(filter.with_untracked(cleared));
                }>
                    {phrase(Key::FilterClear)}
                </Button>
            </div>
        </Show>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use omocast_contract::{Channel, ShopId, WabaId};

    fn bound() -> AnyView {
        let id: ShopId = "01900000-0000-7000-8000-000000000001"
            .parse()
            .expect("it is a UUID");
        let filter = RwSignal::new(Filter {
            channels: vec![Channel::Line],
            name: "0912".to_owned(),
            shops: vec![id],
            ..Filter::default()
        });
        view! {
            <FilterChips
                filter
                source=Source::BoundCustomers
                shops=vec![Shop { id, name: "信義門市".to_owned() }]
                on_change=Callback::new(move |other| filter.set(other))
            />
        }
        .into_any()
    }

    fn story(filter: Filter) -> AnyView {
        let filter = RwSignal::new(filter);
        let wabas = vec![Waba {
            id: WabaId("1".to_owned()),
            name: "ATELIER Hong Kong".to_owned(),
        }];
        view! { <FilterChips filter wabas on_change=Callback::new(move |other| filter.set(other)) /> }
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
                waba: Some(WabaId("1".to_owned())),
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
        Story::new(
            "of bound customers: channel and search stand elsewhere",
            bound,
        ),
        Story::new("nothing", || story(Filter::default())),
    ]
}
