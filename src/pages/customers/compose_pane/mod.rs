//! Writing a broadcast to the customers that are chosen, and sending it.
//!
//! Everything of the composer is reached from [`ComposePane`], so that it is loaded when it is first opened.

pub(super) mod counting;
pub(super) mod narrowing;
mod problems;
pub(super) mod samples;
mod uploads;

use leptos::prelude::*;
use omocast_contract::api::CountQuery;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastRequest, Channel, ChannelSet,
    Content, Pick, Problem,
};
use wasm_bindgen_futures::spawn_local;

use super::checking::{Checking, Made};
use super::drafts::DraftsDialog;
use super::picking::Picking;
use super::saved_replies::{SavedReplies, SavedRepliesOpen};
use super::surface::surface;
use super::test_send::TestSend;
use crate::api::{Api, use_api};
use crate::components::channel_badge::ChannelBadge;
use crate::components::composer::Composer;
use crate::components::composer::draft::ComposeDraft;
use crate::components::draft_status::{DraftConflict, DraftState, DraftStatus};
use crate::components::error_text::{channel_names, error_text, refusal_text};
use crate::components::message_bubble::MediaUrls;
use crate::components::preview_phone::PreviewPhone;
use crate::components::send_bar::SendBar;
use crate::drafts::DraftKeeper;
use crate::drafts::body::DraftBody;
use crate::i18n::{Key, number, phrase, t, t_now, t_with};
use crate::part::part;
use crate::route::Step;
use crate::session::use_me;
use crate::ui::{Icon, IconButton, Menu, MenuItem, Notice, Toasts, Tone, reactive, use_toasts};
use counting::Counting;
use narrowing::{for_template_alone, without_channels};
use problems::{Refusal, Subject, draft_refusal, first_named, placed_problems};
use samples::samples_of;
use uploads::Uploads;

part! {
    in compose:
    /// The composer's part of the app.
    pub fn compose() -> fn(Picking, Memo<bool>, Callback<BroadcastId>, Callback<Step>) -> AnyView {
        |page, is_previewing, on_sent, on_step| {
            let on_template = Callback::new(move |audience| page.switch_to_template(audience));
            view! {
                <ComposePane audience=page.audience is_previewing on_sent on_step on_template />
            }
            .into_any()
        }
    }
}

/// The composer of a broadcast to `audience`.
#[component]
pub fn ComposePane(
    /// Who is chosen.
    audience: RwSignal<Audience>,
    /// Where there is no room for the preview beside what is written: whether it is shown.
    is_previewing: Memo<bool>,
    /// It is on its way.
    on_sent: Callback<BroadcastId>,
    /// To another step: where there is no room for all of them beside each other.
    on_step: Callback<Step>,
    /// A template for these is wanted instead, of whom messages reach none.
    on_template: Callback<Audience>,
) -> impl IntoView {
    let Some(me) = use_me() else {
        return ().into_any();
    };
    let api = StoredValue::new(use_api());
    let toasts = use_toasts();
    let draft = RwSignal::new(ComposeDraft::fresh());
    let surface = surface();
    let counting = Counting::new(api, audience.into(), Signal::stored(CountQuery::default()));
    let channels = Memo::new(move |_| {
        counting.count.with(|count| {
            count
                .as_ref()
                .map(AudienceCount::channels)
                .unwrap_or_default()
        })
    });
    let uploads = Uploads::new(api, draft, channels.into(), surface);
    on_cleanup(move || uploads.stop_all());
    warn_of_leaving(draft);

    let body = Signal::derive(move || {
        draft.with(|draft| DraftBody {
            audience: Some(audience.get()),
            messages: draft.outgoing(),
            name_fallback: draft.fallback(),
            surface: surface.get(),
            media: draft.media(),
        })
    });
    let is_listing_drafts = RwSignal::new(false);
    let is_taking_other = StoredValue::new(false);
    let show = move |body: DraftBody| {
        uploads.stop_all();
        draft.set(ComposeDraft::of(
            &body.messages,
            &body.media,
            body.name_fallback.as_deref(),
        ));
        // A draft that one asks for brings those whom it was written to. What is resumed by itself does not:
        // who is chosen here was chosen just now.
        let is_asked_for = is_listing_drafts.get_untracked() || is_taking_other.get_value();
        // Those of another list can't be shown in this one: who is chosen here stays.
        let source = audience.with_untracked(|audience| audience.source);
        if is_asked_for
            && let Some(theirs) = body.audience
            && theirs.source == source
        {
            let before = audience.get_untracked();
            let has_ticks = before.pick != Pick::default();
            if before != theirs {
                audience.set(theirs);
                // Who was chosen here is not given up unnoticed.
                if has_ticks {
                    toasts.undo(t_now(Key::DraftsAudience), move || {
                        audience.try_set(before);
                    });
                }
            }
        }
    };
    let keeper = DraftKeeper::new(api.get_value(), me.id, body, Callback::new(show));
    keeper.resume();
    let take_other = move || {
        let (before, is_gone) = (
            draft.get_untracked(),
            keeper.state().get_untracked() == DraftState::Conflict(None),
        );
        is_taking_other.set_value(true);
        keeper.take_other();
        is_taking_other.set_value(false);
        if is_gone {
            toasts.undo(t_now(Key::DraftsCleared), move || {
                draft.try_set(before);
            });
        }
    };

    let refusal = RwSignal::new(None::<Refusal>);
    let found =
        Memo::new(move |_| draft.with(|draft| draft.problems(channels.get(), surface.get())));
    let problems = Memo::new(move |_| {
        let is_at_hand = |id| uploads.is_at_hand(id);
        draft.with(|draft| {
            refusal.with(|refusal| {
                found.with(|found| placed_problems(found, draft, refusal.as_ref(), is_at_hand))
            })
        })
    });
    let audience_problem = Memo::new(move |_| {
        refusal.with(|refusal| {
            let refusal = refusal.as_ref()?;
            let is_here = Subject::of(&refusal.problem) == Some(Subject::Audience)
                && refusal.audience == audience.get();
            is_here.then(|| refusal_text(&refusal.problem))
        })
    });
    let message_reason = Memo::new(move |_| {
        draft
            .with(|draft| found.with(|found| draft_refusal(draft, found)))
            .or_else(|| problems.with(|problems| first_named(problems)))
    });
    let is_unsettled = Memo::new(move |_| {
        let state = keeper.state();
        state.with(|state| matches!(state, DraftState::Conflict(_)))
    });
    let disabled_reason = Memo::new(move |_| {
        let unsettled = is_unsettled.get().then(|| t(Key::DraftsSettleFirst));
        unsettled
            .or_else(|| counting.refusal())
            .or_else(|| message_reason.get())
    });

    let request = move |()| {
        draft.with_untracked(|draft| {
            Some(BroadcastRequest {
                audience: audience.get_untracked(),
                content: Content::Messages(draft.outgoing()),
                surface: surface.get_untracked(),
                name_fallback: draft.fallback(),
                draft: Some(keeper.id()),
                send_at: None,
            })
        })
    };
    let refused = move |(problem, request): (Problem, BroadcastRequest)| {
        let has_place = Subject::of(&problem).is_some();
        if has_place {
            let (messages, name_fallback) =
                draft.with_untracked(|draft| (draft.messages.clone(), draft.name_fallback.clone()));
            refusal.set(Some(Refusal {
                problem,
                messages,
                name_fallback,
                audience: request.audience,
            }));
        }
        has_place
    };
    let sent = move |(broadcast, _): (Broadcast, BroadcastRequest)| {
        keeper.sent();
        refusal.set(None);
        draft.set(ComposeDraft::fresh());
        on_sent.run(broadcast.summary.id);
    };
    let checking = Checking::new(Made {
        audience: audience.into(),
        request: Callback::new(request),
        key: Callback::new(move |()| keeper.id().to_string()),
        on_key_spent: Callback::new(move |()| keeper.renew()),
        on_refused: Callback::new(refused),
        on_sent: Callback::new(sent),
    });
    let drop_channels =
        Callback::new(move |dropped: ChannelSet| leave_out(api, audience, dropped, toasts));
    let take_template =
        Callback::new(move |()| take_to_template(api, audience, toasts, on_template));

    let urls = MediaUrls {
        file: Callback::new(move |id| api.with_value(|api: &Api| api.media_url(id))),
        preview: Callback::new(move |id| api.with_value(|api: &Api| api.preview_url(id))),
    };
    let saved_replies = RwSignal::new(None::<SavedRepliesOpen>);
    let is_testing = RwSignal::new(false);
    let in_view = RwSignal::new(None::<Channel>);
    // While nobody is chosen, what is written is looked at as any of the channels would show it.
    let shown_channels = Memo::new(move |_| match channels.get() {
        chosen if chosen.is_empty() => Channel::ALL
            .into_iter()
            .filter(|channel| channel.takes_broadcasts())
            .collect(),
        chosen => chosen,
    });
    let channel = Memo::new(move |_| {
        let channels = shown_channels.get();
        in_view
            .get()
            .filter(|&channel| channels.contains(channel))
            .or_else(|| channels.iter().next())
    });
    let shop = me.shops.first().map(|shop| shop.name.as_str());
    let sender = [me.team.as_str()]
        .into_iter()
        .chain(shop)
        .collect::<Vec<_>>()
        .join(" ");
    let more = move || {
        let keep = MenuItem::new(t(Key::SavedSaveAs), move || {
            let (messages, media) = draft.with_untracked(|draft| (draft.outgoing(), draft.media()));
            saved_replies.set(Some(SavedRepliesOpen::New { messages, media }));
        });
        vec![
            MenuItem::new(t(Key::DraftsTitle), move || is_listing_drafts.set(true))
                .icon(Icon::File),
            keep.icon(Icon::Bookmark).disabled(message_reason.get()),
            MenuItem::new(t(Key::ComposeBegin), move || keeper.begin()).icon(Icon::Plus),
        ]
    };
    view! {
        <section class="compose-pane" aria-label=phrase(Key::ComposeTitle)>
            <div class="compose-pane__grid" data-step=move || if is_previewing.get() { "preview" } else { "edit" }>
                <header class="compose-pane__bar">
                    <span class="compose-pane__back">
                        <IconButton
                            icon=Icon::ChevronLeft
                            label=phrase(Key::ComposeBack)
                            on_click=move || on_step.run(Step::Select)
                        />
                    </span>
                    <span class="compose-pane__rewrite">
                        <IconButton
                            icon=Icon::ChevronLeft
                            label=phrase(Key::ComposeBackToWriting)
                            on_click=move || on_step.run(Step::Compose)
                        />
                    </span>
                    <h1 class="compose-pane__title">
                        <span class="compose-pane__writing">{phrase(Key::ComposeTitle)}</span>
                        <span class="compose-pane__previewing">{phrase(Key::PreviewTitle)}</span>
                    </h1>
                    <ChannelCounts count=counting.count />
                    <span class="compose-pane__saved">
                        <DraftStatus state=keeper.state() />
                    </span>
                    <Menu label=phrase(Key::UiMore) items=Signal::derive(more) />
                </header>
                <div class="compose-pane__scroll">
                    <div class="compose-pane__messages">
                        <DraftConflict
                            state=keeper.state()
                            on_keep_mine=Callback::new(move |()| keeper.keep_mine())
                            on_take_other=Callback::new(move |()| take_other())
                        />
                        <Composer
                            draft
                            channels
                            surface
                            problems
                            refused=uploads.refused
                            official_domains=me.official_domains
                            urls
                            on_files=Callback::new(move |files| uploads.add(files))
                            on_cancel_upload=Callback::new(move |id| uploads.cancel(id))
                            on_retry_upload=Callback::new(move |id| uploads.start(id))
                            on_saved_replies=Callback::new(move |()| saved_replies.set(Some(SavedRepliesOpen::List)))
                            on_drop_channels=drop_channels
                        />
                    </div>
                </div>
                <aside class="compose-pane__preview">
                    <PreviewPhone
                        draft
                        channels=shown_channels
                        surface
                        channel
                        on_channel=Callback::new(move |channel| in_view.set(Some(channel)))
                        samples=samples_of(api, audience, counting.count, channel)
                        sender
                        urls
                    />
                </aside>
                <div class="compose-pane__foot">
                    {move || {
                        audience_problem.get().map(|words| {
                            view! {
                                <div class="compose-pane__problem">
                                    <Notice tone=Tone::Bad is_alert=true>{words}</Notice>
                                </div>
                            }
                        })
                    }}
                    <SendBar
                        count=counting.count
                        is_counting=counting.is_counting
                        error=Signal::derive(move || counting.error.get().as_ref().map(error_text))
                        on_retry=Callback::new(move |()| counting.recount())
                        disabled_reason
                        on_preview=Callback::new(move |()| on_step.run(Step::Preview))
                        on_test=Callback::new(move |()| is_testing.set(true))
                        on_schedule=Callback::new(move |()| checking.open(true))
                        on_template=take_template
                        on_send=Callback::new(move |()| checking.open(false))
                    />
                </div>
            </div>
            {checking.dialog(
                Signal::derive(move || draft.with(|draft| draft.messages.len())),
                Signal::stored(None),
                Some(Callback::new(move |channel| drop_channels.run([channel].into_iter().collect()))),
                Some(take_template),
            )}
            <SavedReplies
                open=saved_replies
                channels
                surface
                free_slots=Signal::derive(move || draft.with(ComposeDraft::free_slots))
                on_apply=Callback::new(move |(messages, media): (Vec<_>, Vec<_>)| {
                    draft.update(|draft| draft.append(&messages, &media));
                })
            />
            <TestSend
                open=is_testing
                channels
                messages=Signal::derive(move || draft.with(ComposeDraft::outgoing))
                name_fallback=Signal::derive(move || draft.with(ComposeDraft::fallback))
                surface
                disabled_reason=message_reason
            />
            <DraftsDialog open=is_listing_drafts keeper />
        </section>
    }
    .into_any()
}

/// How many will get it on each channel.
#[component]
fn ChannelCounts(count: RwSignal<Option<AudienceCount>>) -> impl IntoView {
    let chips = move || {
        count.get().map(|count| {
            count
                .reached
                .into_iter()
                .map(|count| {
                    view! {
                        <li class="compose-pane__channel">
                            <ChannelBadge channel=count.channel />
                            {move || number(count.customers)}
                        </li>
                    }
                })
                .collect_view()
        })
    };
    view! { <ul class="compose-pane__channels">{reactive(chips)}</ul> }.into_any()
}

/// Chooses nobody of these channels any more; with a way back.
fn leave_out(
    api: StoredValue<Api>,
    audience: RwSignal<Audience>,
    dropped: ChannelSet,
    toasts: Toasts,
) {
    let (api, before) = (api.get_value(), audience.get_untracked());
    spawn_local(async move {
        match without_channels(&api, &before, dropped).await {
            Ok(after) => {
                // Who ticked on meanwhile has chosen otherwise.
                if audience.try_get_untracked().as_ref() != Some(&before) {
                    return;
                }
                audience.try_set(after);
                let words = untrack(|| {
                    let names = channel_names(dropped.iter());
                    t_with(Key::ComposeChannelsDropped, &[("channels", &names)])
                });
                toasts.undo(words, move || {
                    audience.try_set(before.clone());
                });
            }
            Err(error) => toasts.error(untrack(|| error_text(&error))),
        }
    });
}

/// Goes on with a template for those whom messages don't reach because they have not written for long.
fn take_to_template(
    api: StoredValue<Api>,
    audience: RwSignal<Audience>,
    toasts: Toasts,
    on_template: Callback<Audience>,
) {
    let (api, before) = (api.get_value(), audience.get_untracked());
    spawn_local(async move {
        match for_template_alone(&api, &before).await {
            Ok(after) => {
                // Who ticked on meanwhile has chosen otherwise.
                if audience.try_get_untracked().as_ref() == Some(&before) {
                    on_template.try_run(after);
                }
            }
            Err(error) => toasts.error(untrack(|| error_text(&error))),
        }
    });
}

/// The browser asks before it leaves while a file is on its way: it would be lost. All else is kept.
fn warn_of_leaving(draft: RwSignal<ComposeDraft>) {
    let listener = window_event_listener_untyped("beforeunload", move |event| {
        if draft.try_with_untracked(ComposeDraft::is_uploading) == Some(true) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}
