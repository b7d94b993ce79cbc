//! Choosing customers of a list: what it keeps, who is ticked, and the ways in and out. One for events and bound customers.

use std::sync::Arc;

use leptos::prelude::*;
use omocast_contract::{
    Audience, BroadcastKind, Channel, Filter, MemberId, Pick, ProblemCode, RowId, Source, Waba,
};

use crate::components::select_bar::toggled_all;
use crate::drafts::selection::KeptSelection;
use crate::i18n::{Key, PluralKey, t, t_count, t_now};
use crate::route::{Mode, Route, Step, navigate, replace};
use crate::ui::{Toasts, use_toasts};

/// How many customers a list has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) total: u64,
    pub(super) selectable: u64,
}

/// The address of a page, with what is made there; it knows the rest of where it is.
type Address = Arc<dyn Fn(Option<Mode>) -> Route + Send + Sync>;

/// What a list of customers and the broadcast to those chosen in it share.
#[derive(Clone, Copy)]
pub struct Picking {
    pub(super) source: Source,
    /// The broadcast that is being made; none where nobody is being chosen.
    pub(super) mode: Memo<Option<Mode>>,
    pub(super) is_selecting: Memo<bool>,
    /// What the list keeps, and who is ticked.
    pub(super) audience: RwSignal<Audience>,
    /// What the list has found; none until its first page is there.
    pub(super) found: RwSignal<Option<Found>>,
    /// How many of those can get a template; none until the pane of the template has asked.
    pub(super) on_whatsapp: RwSignal<Option<u64>>,
    /// The team's WhatsApp Business accounts, once that pane knows them.
    pub(super) wabas: RwSignal<Vec<Waba>>,
    /// Whether the step after choosing waits for that pane to say that those chosen can get one template.
    pub(super) is_next_wanted: RwSignal<bool>,
    pub(super) toasts: Toasts,
    kept: KeptSelection,
    address: StoredValue<Address>,
}

impl Picking {
    /// `mode` is none for whom it is not allowed.
    pub(super) fn new(
        member: MemberId,
        source: Source,
        mode: Memo<Option<Mode>>,
        address: impl Fn(Option<Mode>) -> Route + Send + Sync + 'static,
    ) -> Self {
        let is_selecting = Memo::new(move |_| mode.get().is_some());
        let kept = KeptSelection::of(member, source);
        let audience = RwSignal::new(if is_selecting.get_untracked() {
            kept.load()
        } else {
            kept.nobody()
        });
        // An effect, because the browser's storage must follow the selection.
        Effect::new(move |was_selecting: Option<bool>| {
            let is_selecting = is_selecting.get();
            if is_selecting && was_selecting == Some(false) {
                // What was taken back after it was sent brings those whom it was for.
                let laid_out = kept.load();
                if laid_out != kept.nobody() {
                    audience.set(laid_out);
                }
            }
            if is_selecting {
                audience.with(|audience| kept.keep(audience));
            } else {
                kept.forget();
            }
            is_selecting
        });
        Self {
            source,
            mode,
            is_selecting,
            audience,
            found: RwSignal::new(None),
            on_whatsapp: RwSignal::new(None),
            wabas: RwSignal::new(Vec::new()),
            is_next_wanted: RwSignal::new(false),
            toasts: use_toasts(),
            kept,
            address: StoredValue::new(Arc::new(address)),
        }
    }

    pub(super) fn route(&self, mode: Option<Mode>) -> Route {
        self.address.with_value(|address| address(mode))
    }

    /// How far the broadcast is.
    pub(super) fn step(&self) -> Option<Step> {
        self.mode.get().map(|mode| mode.step)
    }

    pub(super) fn kind(&self) -> BroadcastKind {
        self.mode.get().map(|mode| mode.kind).unwrap_or_default()
    }

    /// What the list keeps.
    pub(super) fn filter(&self) -> Filter {
        self.audience.with(|audience| audience.filter.clone())
    }

    /// The one channel of bound customers; none while none is chosen, and where channels may be mixed.
    pub(super) fn channel(&self) -> Option<Channel> {
        self.audience
            .with(|audience| audience.only_channel().ok().flatten())
    }

    /// Whether a channel must be chosen before anybody can be ticked.
    pub(super) fn lacks_channel(&self) -> bool {
        self.audience
            .with(|audience| audience.only_channel() == Err(ProblemCode::ChannelNotChosen))
    }

    /// How many can be ticked; none until it is known.
    pub(super) fn selectable(&self) -> Option<u64> {
        if self.lacks_channel() {
            return Some(0);
        }
        match self.kind() {
            BroadcastKind::Messages => self.found.get().map(|found| found.selectable),
            BroadcastKind::Template => self.on_whatsapp.get(),
        }
    }

    /// Narrows the list otherwise. The ticks were for other rows, so they go; with a way back.
    pub(super) fn change_filter(&self, filter: Filter) {
        let kept = self.kept;
        self.change(Key::SelectFilterChanged, |audience| {
            if audience.filter != filter {
                *audience = Audience {
                    filter,
                    ..kept.nobody()
                };
            }
        });
    }

    /// To one channel of the bound customers, or to look at all of them.
    pub(super) fn change_channel(&self, channel: Option<Channel>) {
        self.change(Key::BoundChannelCleared, |audience| match channel {
            Some(channel) => audience.switch_channel(channel),
            None => {
                audience.filter.channels.clear();
                audience.pick = Pick::default();
            }
        });
    }

    fn change(&self, words: Key, change: impl FnOnce(&mut Audience)) {
        let before = self.audience.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        let has_lost_ticks = before.pick != Pick::default();
        self.audience.set(after);
        if has_lost_ticks {
            let audience = self.audience;
            self.toasts.undo(t_now(words), move || {
                audience.try_set(before.clone());
            });
        }
    }

    /// Ticks or unticks a row, and all of a range as that row.
    pub(super) fn tick(&self, row: RowId, range: impl Iterator<Item = RowId>) {
        if untrack(|| self.lacks_channel()) {
            return;
        }
        self.audience.update(|audience| {
            audience.toggle(row);
            let is_picked = audience.picks(row);
            for other in range {
                if audience.picks(other) != is_picked {
                    audience.toggle(other);
                }
            }
        });
    }

    pub(super) fn toggle_all(&self) {
        let selectable = untrack(|| self.selectable()).unwrap_or(0);
        if untrack(|| self.lacks_channel()) {
            return;
        }
        self.audience
            .update(|audience| audience.pick = toggled_all(audience, selectable));
    }

    /// Begins a broadcast.
    pub(super) fn begin(&self, kind: BroadcastKind) {
        if self.source == Source::BoundCustomers {
            self.keep_to(kind);
        }
        navigate(self.route(Some(Mode::begin(kind))));
    }

    /// Where only one of the channels of bound customers takes what is to be sent, it is chosen.
    pub(super) fn keep_to(&self, kind: BroadcastKind) {
        let mut taking = Channel::ALL
            .into_iter()
            .filter(|&channel| channel.has_bindings() && kind.goes_to(channel));
        if let (Some(only), None) = (taking.next(), taking.next()) {
            self.audience
                .update(|audience| audience.switch_channel(only));
        }
    }

    /// To another step of the broadcast: where there is no room for all of them beside each other.
    pub(super) fn go_to(&self, step: Step) {
        // The way forth is one that the browser's own way back leads back.
        if step == Step::Preview {
            self.go_forth(step);
        } else {
            replace(self.at(step));
        }
    }

    /// To the next step, so that the browser's own way back leads back.
    pub(super) fn go_forth(&self, step: Step) {
        navigate(self.at(step));
    }

    fn at(&self, step: Step) -> Route {
        self.route(self.mode.get_untracked().map(|mode| mode.at(step)))
    }

    /// On a phone: from choosing to what they get.
    pub(super) fn go_on(&self) {
        match untrack(|| self.kind()) {
            BroadcastKind::Messages => self.go_forth(Step::Compose),
            BroadcastKind::Template => self.is_next_wanted.set(true),
        }
    }

    /// From messages to a template for some of those who were chosen; with a way back.
    pub(super) fn switch_to_template(&self, audience: Audience) {
        let (before, back) = (
            self.audience.get_untracked(),
            self.route(self.mode.get_untracked()),
        );
        let words = untrack(|| match &audience.pick {
            Pick::Only(ids) => t_count(PluralKey::TemplateSwitched, ids.len() as u64, &[]),
            Pick::AllExcept(_) => t(Key::TemplateSwitchedAll),
        });
        self.audience.set(audience);
        let mode = Mode::begin(BroadcastKind::Template).at(Step::Compose);
        navigate(self.route(Some(mode)));
        let audience = self.audience;
        self.toasts.undo(words, move || {
            if audience.try_set(before.clone()).is_none() {
                navigate(back.clone());
            }
        });
    }

    /// Leaves selection mode; if somebody is ticked, with a way back.
    pub(super) fn leave(&self) {
        let (before, mode) = (self.audience.get_untracked(), self.mode.get_untracked());
        let has_ticks = before.pick != Pick::default();
        self.is_next_wanted.set(false);
        navigate(self.route(None));
        if has_ticks {
            self.audience
                .update(|audience| audience.pick = Pick::default());
            let kind = mode.map(|mode| mode.kind).unwrap_or_default();
            let (audience, back) = (self.audience, self.route(Some(Mode::begin(kind))));
            self.toasts.undo(t_now(Key::SelectLeft), move || {
                if audience.try_set(before.clone()).is_none() {
                    navigate(back.clone());
                }
            });
        }
    }

    /// The broadcast is on its way: nobody stays chosen.
    pub(super) fn sent(&self) {
        self.audience.set(self.kept.nobody());
        self.kept.forget();
    }
}
