//! 群發訊息範本: choosing a WhatsApp template for the customers that are chosen, filling it in, and sending it.
//!
//! Everything of it is reached from [`TemplatePane`], so that it is loaded when it is first opened.

mod kept;
mod listing;
mod problems;
mod uploads;

use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::CountQuery;
use omocast_contract::template::fill::TemplateField;
use omocast_contract::waba::{check_waba, only_waba};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastKind, BroadcastRequest, Channel,
    Content, Filter, Problem, ProblemCode, Surface, Template, Waba, WabaCount, WabaId,
};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use super::checking::{Checking, Made};
use super::compose_pane::counting::Counting;
use super::compose_pane::narrowing::of_waba;
use super::compose_pane::samples::samples_of;
use super::pickable::first_rows;
use super::picking::Picking;
use super::surface::surface;
use crate::api::{Api, use_api};
use crate::components::error_text::{error_text, refusal_text};
use crate::components::message_bubble::MediaUrls;
use crate::components::send_bar::SendBar;
use crate::components::template_form::TemplateForm;
use crate::components::template_form::draft::TemplateDraft;
use crate::components::template_picker::{PickerEvent, TemplatePicker};
use crate::components::template_preview::{TemplatePreview, about_template};
use crate::components::waba_conflict::WabaConflict;
use crate::drafts::new_id::new_id;
use crate::i18n::{Key, number, phrase, t, t_with};
use crate::part::part;
use crate::route::Step;
use crate::session::use_me;
use crate::ui::{
    Button, ButtonKind, Chip, EmptyState, Icon, IconButton, Notice, Skeleton, Tone, reactive,
    use_toasts,
};
use kept::KeptTemplate;
use listing::Listing;
use problems::{Refusal, Subject, draft_refusal, placed_problems};
use uploads::Uploads;

/// As wide as this, the preview stands beside the fields; style/compose_pane.css says the same.
const ROOM_FOR_PREVIEW: i32 = 820;

part! {
    in template:
    /// The part of the app that sends templates.
    pub fn template() -> fn(Picking, Memo<bool>, Callback<BroadcastId>, Callback<Step>) -> AnyView {
        |page, is_previewing, on_sent, on_step| {
            view! { <TemplatePane page is_previewing on_sent on_step /> }.into_any()
        }
    }
}

/// What stands in the pane.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Counting,
    /// Nobody is chosen, or nobody who could be reached.
    Nobody {
        is_unreached: bool,
    },
    /// Customers of so many accounts are chosen.
    Several(u64),
    Picker,
    /// The fields of this template, which were drawn for it as it was then.
    Form(Template),
}

/// The pane.
#[component]
pub fn TemplatePane(
    page: Picking,
    /// Where there is no room for the preview beside what is filled in: whether it is shown.
    is_previewing: Memo<bool>,
    /// It is on its way.
    on_sent: Callback<BroadcastId>,
    /// To another step: where there is no room for all of them beside each other.
    on_step: Callback<Step>,
) -> impl IntoView {
    let Some(me) = use_me() else {
        return ().into_any();
    };
    let api = StoredValue::new(use_api());
    let toasts = use_toasts();
    let surface = surface();
    let kept = KeptTemplate::of(me.id);
    let restored = kept.load();
    let fresh_key = || new_id().to_string();
    let (restored, key) =
        restored.map_or_else(|| (None, fresh_key()), |(draft, key)| (Some(draft), key));
    let draft = RwSignal::new(restored);
    let key = StoredValue::new(key);
    // An effect, because the browser's storage must follow what is written.
    Effect::new(move |_| {
        draft.with(|draft| match draft {
            Some(draft) => key.with_value(|key| kept.keep(draft, key)),
            None => kept.forget(),
        });
    });
    let uploads = Uploads::new(api, draft);
    on_cleanup(move || uploads.stop_all());
    warn_of_leaving(draft);

    let audience = page.audience;
    let counted = Memo::new(move |_| audience.with(Audience::for_template));
    let template =
        Memo::new(move |_| draft.with(|draft| draft.as_ref().map(|draft| draft.template.clone())));
    let query = Memo::new(move |_| CountQuery {
        kind: BroadcastKind::Template,
        template: template.with(|template| template.as_ref().map(|template| template.id)),
    });
    let counting = Counting::new(api, counted.into(), query.into());
    know_the_accounts(page, api);

    let wabas = Memo::new(move |_| {
        counting
            .count
            .with(|count| count.as_ref().map(|count| count.wabas.clone()))
            .unwrap_or_default()
    });
    let waba: Memo<Option<Waba>> =
        Memo::new(move |_| wabas.with(|wabas| only_waba(wabas).ok().flatten().cloned()));
    let is_conflict = move || wabas.with(|wabas| only_waba(wabas).is_err());
    let is_picking = RwSignal::new(false);
    let shown = Memo::new(move |_| {
        if !is_picking.get()
            && let Some(template) = template.get()
        {
            return Shown::Form(template);
        }
        counting.count.with(|count| match count {
            None => Shown::Counting,
            Some(count) if count.reached_total() == 0 => Shown::Nobody {
                is_unreached: count.skipped_total() > 0,
            },
            Some(count) => match only_waba(&count.wabas) {
                Ok(_) => Shown::Picker,
                Err(_) => Shown::Several(count.wabas.len() as u64),
            },
        })
    });
    let is_listed = Memo::new(move |_| shown.with(|shown| *shown == Shown::Picker));
    let waba_id = Memo::new(move |_| waba.with(|waba| waba.as_ref().map(|waba| waba.id.clone())));
    let listing = Listing::new(api, toasts, waba_id, is_listed);

    let refusal = RwSignal::new(None::<Refusal>);
    let problems = Memo::new(move |_| {
        draft.with(|draft| {
            refusal.with(|refusal| {
                draft
                    .as_ref()
                    .map(|draft| placed_problems(draft, refusal.as_ref()))
                    .unwrap_or_default()
            })
        })
    });
    // What is wrong with the template as such: then another one is to be chosen.
    let template_problem = Memo::new(move |_| {
        problems.with(|problems| {
            let found = problems
                .iter()
                .find(|problem| problem.at == TemplateField::Template);
            found.map(|problem| problem.words.clone())
        })
    });
    let other_waba = Memo::new(move |_| {
        let template = template.get()?;
        let waba = waba.get()?;
        let is_other = wabas
            .with(|wabas| check_waba(&template.waba.id, wabas))
            .is_err();
        is_other.then(|| {
            t_with(
                Key::TemplateOtherWaba,
                &[
                    ("template", template.waba.name.as_str()),
                    ("customers", &waba.name),
                ],
            )
        })
    });
    let audience_problem = Memo::new(move |_| {
        refusal.with(|refusal| {
            let refusal = refusal.as_ref()?;
            let is_here = Subject::of(&refusal.problem) == Some(Subject::Audience)
                && refusal.audience == counted.get();
            is_here.then(|| refusal_text(&refusal.problem))
        })
    });
    let disabled_reason = Memo::new(move |_| {
        counting.refusal().or_else(|| other_waba.get()).or_else(|| {
            draft.with(|draft| match draft {
                None => Some(t(Key::TemplateNeedsChoice)),
                Some(draft) => problems.with(|problems| draft_refusal(draft, problems)),
            })
        })
    });

    // The conflict, and how it is solved.
    let is_in_conflict = RwSignal::new(false);
    let is_keeping = RwSignal::new(false);
    let was_next_wanted = StoredValue::new(false);
    // An effect, because whether one may go on is known once those chosen are counted.
    Effect::new(move |_| {
        let is_known = !counting.is_counting.get()
            && (counting.count.with(Option::is_some) || counting.error.with(Option::is_some));
        if !page.is_next_wanted.get() || !is_known {
            return;
        }
        page.is_next_wanted.set(false);
        if is_conflict() {
            was_next_wanted.set_value(true);
            is_in_conflict.set(true);
        } else {
            page.go_forth(Step::Compose);
        }
    });
    let body = NodeRef::<html::Div>::new();
    let wants_focus = StoredValue::new(false);
    // An effect, because the focus is the browser's, and what had it goes with what was shown before.
    Effect::new(move |_| {
        let is_settled = shown.with(|shown| !matches!(shown, Shown::Counting | Shown::Several(_)));
        if is_settled && wants_focus.get_value() {
            wants_focus.set_value(false);
            // By then it is drawn.
            request_animation_frame(move || focus_begin(body));
        }
    });
    let keep_waba = move |id: WabaId| {
        if is_keeping.get_untracked() {
            return;
        }
        is_keeping.set(true);
        let (api, before) = (api.get_value(), audience.get_untracked());
        let name = wabas.with_untracked(|wabas| name_of(wabas, &id));
        spawn_local(async move {
            let answer = of_waba(&api, &before, id).await;
            if is_keeping.try_set(false).is_some() {
                return;
            }
            match answer {
                // Who ticked on meanwhile has chosen otherwise.
                Ok(_) if audience.get_untracked() != before => {}
                Ok(after) => {
                    is_in_conflict.set(false);
                    wants_focus.set_value(true);
                    audience.set(after);
                    if was_next_wanted.get_value() {
                        was_next_wanted.set_value(false);
                        // Not before they are counted anew.
                        counting.is_counting.set(true);
                        page.is_next_wanted.set(true);
                    }
                    let words =
                        untrack(|| t_with(Key::TemplateKept, &[("account", name.as_str())]));
                    toasts.undo(words, move || {
                        audience.try_set(before.clone());
                    });
                }
                Err(error) => toasts.error(untrack(|| error_text(&error))),
            }
        });
    };
    let leave_conflict = move || {
        was_next_wanted.set_value(false);
        is_in_conflict.set(false);
    };

    let grid = NodeRef::<html::Div>::new();
    let choose = move |chosen: Template| {
        let is_same = template.with_untracked(|now| now.as_ref() == Some(&chosen));
        let has_nothing_to_edit = chosen.has_nothing_to_edit();
        if !is_same {
            uploads.stop_all();
            refusal.set(None);
            key.set_value(fresh_key());
            draft.set(Some(TemplateDraft::of(chosen)));
        }
        wants_focus.set_value(true);
        is_picking.set(false);
        let is_narrow = grid
            .get_untracked()
            .is_some_and(|grid| grid.client_width() < ROOM_FOR_PREVIEW);
        if has_nothing_to_edit && is_narrow {
            on_step.run(Step::Preview);
        }
    };
    let pick_other = move || {
        wants_focus.set_value(true);
        is_picking.set(true);
    };
    let back_from_preview = move || {
        let has_nothing_to_edit = template
            .with_untracked(|template| template.as_ref().is_none_or(Template::has_nothing_to_edit));
        if has_nothing_to_edit {
            pick_other();
        }
        on_step.run(Step::Compose);
    };

    let request = move |()| {
        draft.with_untracked(|draft| {
            let draft = draft.as_ref()?;
            Some(BroadcastRequest {
                audience: counted.get_untracked(),
                content: Content::Template(draft.fill()),
                surface: surface.get_untracked(),
                name_fallback: draft.fallback(),
                draft: None,
                send_at: None,
            })
        })
    };
    let refused = move |(problem, request): (Problem, BroadcastRequest)| {
        let filled_in = draft.get_untracked();
        let (Some(_), Some(draft)) = (Subject::of(&problem), filled_in) else {
            return false;
        };
        if problem.code == ProblemCode::WabaConflict {
            // Somebody chosen is of another account by now.
            counting.recount();
            is_in_conflict.set(true);
        }
        refusal.set(Some(Refusal {
            problem,
            draft,
            audience: request.audience,
        }));
        true
    };
    let sent = move |(broadcast, _): (Broadcast, BroadcastRequest)| {
        let id = broadcast.summary.id;
        draft.with_untracked(|draft| {
            if let Some(draft) = draft {
                kept.sent(draft, &fresh_key(), id, audience.get_untracked());
            }
        });
        refusal.set(None);
        draft.set(None);
        on_sent.run(id);
    };
    let checking = Checking::new(Made {
        audience: counted.into(),
        request: Callback::new(request),
        key: Callback::new(move |()| key.get_value()),
        on_key_spent: Callback::new(move |()| key.set_value(fresh_key())),
        on_refused: Callback::new(refused),
        on_sent: Callback::new(sent),
    });
    let ask = move |is_later: bool| {
        if is_conflict() {
            is_in_conflict.set(true);
        } else {
            checking.open(is_later);
        }
    };

    let urls = MediaUrls {
        file: Callback::new(move |id| api.with_value(|api: &Api| api.media_url(id))),
        preview: Callback::new(move |id| api.with_value(|api: &Api| api.preview_url(id))),
    };
    let on_picker = Callback::new(move |event: PickerEvent| match event {
        PickerEvent::Choose(template) => choose(template),
        PickerEvent::Retry => listing.load(false),
        PickerEvent::More => listing.load(true),
        PickerEvent::Sync => listing.sync(),
    });
    let has_emoji = Signal::derive(move || surface.get() == Surface::Web);
    let content = move || match shown.get() {
        Shown::Counting => view! { <Skeleton rows=4 /> }.into_any(),
        Shown::Nobody { is_unreached } => {
            let (title, hint) = if is_unreached {
                (Key::TemplateNobodyReached, Key::TemplateNobodyHint)
            } else {
                (Key::TemplateNobody, Key::TemplateNobodyHint)
            };
            view! { <EmptyState icon=Icon::Users title=phrase(title) hint=phrase(hint) /> }
                .into_any()
        }
        Shown::Several(count) => {
            let title =
                Signal::derive(move || t_with(Key::TemplateSeveral, &[("count", &number(count))]));
            view! {
                <EmptyState icon=Icon::File title hint=phrase(Key::TemplateSeveralHint)>
                    <Button kind=ButtonKind::Primary on_click=move || is_in_conflict.set(true)>
                        {phrase(Key::TemplatePick)}
                    </Button>
                </EmptyState>
            }
            .into_any()
        }
        Shown::Picker => view! {
            <TemplatePicker
                found=listing.found
                waba=waba_id
                search=listing.search
                category=listing.category
                is_syncing=listing.is_syncing
                on_event=on_picker
            />
        }
        .into_any(),
        Shown::Form(template) => {
            let title = template.display_name().to_owned();
            let language = template.language.clone();
            view! {
                <header class="template-pane__chosen">
                    <h2 class="template-pane__name" tabindex="-1">{title}</h2>
                    <Chip text=language />
                    <Button kind=ButtonKind::Quiet icon=Icon::List on_click=pick_other>
                        {phrase(Key::TemplatePickOther)}
                    </Button>
                </header>
                {move || {
                    template_problem
                        .get()
                        .or_else(|| other_waba.get())
                        .map(|words| view! { <Notice tone=Tone::Bad is_alert=true>{words}</Notice> })
                }}
                <TemplateForm
                    template
                    draft
                    problems
                    has_emoji
                    urls
                    on_upload=Callback::new(move |event| uploads.on(event))
                />
            }
            .into_any()
        }
    };
    let channel = Memo::new(|_| Some(Channel::Whatsapp));
    let sender = me.team.clone();
    view! {
        <section class="compose-pane" aria-label=phrase(Key::TemplateTitle)>
            <div
                class="compose-pane__grid"
                data-step=move || if is_previewing.get() { "preview" } else { "edit" }
                data-picking=move || shown.with(|shown| !matches!(shown, Shown::Form(_))).then_some("")
                node_ref=grid
            >
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
                            on_click=back_from_preview
                        />
                    </span>
                    <h1 class="compose-pane__title">
                        <span class="compose-pane__writing">{phrase(Key::TemplateTitle)}</span>
                        <span class="compose-pane__previewing">{phrase(Key::PreviewTitle)}</span>
                    </h1>
                    {move || waba.get().map(|waba| view! { <Chip text=waba.name /> })}
                </header>
                <div class="compose-pane__scroll">
                    <div class="compose-pane__messages" node_ref=body>{reactive(content)}</div>
                </div>
                <aside class="compose-pane__preview">
                    <TemplatePreview
                        draft
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
                        on_schedule=Callback::new(move |()| ask(true))
                        on_send=Callback::new(move |()| ask(false))
                    />
                </div>
            </div>
            <WabaConflict
                open=is_in_conflict
                counts=wabas
                is_busy=is_keeping
                on_keep=Callback::new(keep_waba)
                on_close=Callback::new(move |()| leave_conflict())
            />
            {checking.dialog(
                Signal::stored(1),
                Signal::derive(move || template.get().as_ref().map(about_template)),
                None,
                None,
            )}
        </section>
    }
    .into_any()
}

fn name_of(wabas: &[WabaCount], id: &WabaId) -> String {
    let found = wabas.iter().find(|count| count.waba.id == *id);
    found
        .map(|count| count.waba.name.clone())
        .unwrap_or_default()
}

/// Where what is shown begins: the search of the list, the name of the chosen template.
fn focus_begin(body: NodeRef<html::Div>) {
    let place = body
        .try_get_untracked()
        .flatten()
        .and_then(|body| body.query_selector("h2, input").ok()?)
        .and_then(|place| place.dyn_into::<HtmlElement>().ok());
    if let Some(place) = place {
        // Fails on what is not shown, which needs no focus.
        let _ = place.focus();
    }
}

/// Tells the list what it can't know: how many of its rows can get a template, and which accounts the team has.
fn know_the_accounts(page: Picking, api: StoredValue<Api>) {
    let latest = StoredValue::new(0_u32);
    // An effect, because the server knows how many.
    Effect::new(move |before: Option<Filter>| {
        // The list was loaded anew.
        page.found.track();
        let audience = everybody(page, page.filter());
        let wanted = audience.for_template();
        let filter = audience.filter;
        let Some(asked) = latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        }) else {
            return filter;
        };
        if before.is_none_or(|before| before != filter) {
            page.on_whatsapp.set(None);
        }
        if wanted.check().is_err() {
            // The funnel keeps nobody on WhatsApp.
            page.on_whatsapp.set(Some(0));
            return filter;
        }
        let api = api.get_value();
        spawn_local(async move {
            // Without it the list says that it is still loading; it asks again when it is loaded anew.
            if let Ok((_, total)) = first_rows(&api, page.source, wanted.filter, 1).await
                && latest.try_get_value() == Some(asked)
            {
                page.on_whatsapp.try_set(Some(total));
            }
        });
        filter
    });
    spawn_local(async move {
        let everybody = everybody(page, Filter::default()).for_template();
        let query = CountQuery {
            kind: BroadcastKind::Template,
            template: None,
        };
        let Some(api) = api.try_get_value() else {
            return;
        };
        // Without them the funnel does not offer to choose one.
        if let Ok(AudienceCount { wabas, .. }) = api.count_audience(&everybody, &query).await {
            let wabas = wabas.into_iter().map(|count| count.waba).collect();
            page.wabas.try_set(wabas);
        }
    });
}

/// Everybody of the list that the filter keeps.
fn everybody(page: Picking, filter: Filter) -> Audience {
    Audience {
        source: page.source,
        ..Audience::everything(filter)
    }
}

/// The browser asks before it leaves while a file is on its way: it would be lost. All else is kept.
fn warn_of_leaving(draft: RwSignal<Option<TemplateDraft>>) {
    let listener = window_event_listener_untyped("beforeunload", move |event| {
        let is_uploading = draft
            .try_with_untracked(|draft| draft.as_ref().is_some_and(TemplateDraft::is_uploading));
        if is_uploading == Some(true) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}
