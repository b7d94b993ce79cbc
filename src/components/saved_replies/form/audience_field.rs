//! For whom a saved reply is.

use leptos::prelude::*;
use omocast_contract::api::Me;
use omocast_contract::{Role, SavedReplyAudience};

use super::reply_form::{ReplyForm, shop_ids, viewer};
use crate::components::reason_text::role_text;
use crate::i18n::{Key, phrase};
use crate::ui::{Checkbox, Mark, reactive, unique_id};

/// For whom it is: as far as the member's role may offer it.
#[component]
pub fn AudienceField(
    form: ReplyForm,
    me: StoredValue<Me>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let shops = me.with_value(shop_ids);
    let may = |audience: &SavedReplyAudience| {
        me.with_value(|me| audience.may_be_offered_by(viewer(me, &shops)).is_ok())
    };
    let everyone = SavedReplyAudience::Everyone;
    let roles = SavedReplyAudience::Roles {
        roles: vec![Role::SalesManager, Role::SalesRep],
    };
    let own_shops = SavedReplyAudience::Shops {
        shops: shops.clone(),
    };
    let kinds: Vec<(Key, SavedReplyAudience)> = [
        (Key::SavedForMe, SavedReplyAudience::OnlyMe),
        (Key::SavedForShops, own_shops),
        (Key::SavedForRoles, roles),
        (Key::SavedForEveryone, everyone),
    ]
    .into_iter()
    .filter(|(_, audience)| may(audience))
    .collect();
    let name = unique_id();
    let choices = kinds
        .into_iter()
        .map(|(words, audience)| {
            let kind = std::mem::discriminant(&audience);
            let is_chosen = Memo::new(move |_| {
                form.audience
                    .with(|audience| std::mem::discriminant(audience) == kind)
            });
            view! {
                <label class="saved-replies__radio">
                    <input
                        type="radio"
                        name=name.clone()
                        prop:checked=is_chosen
                        on:change=move |_| form.audience.set(audience.clone())
                    />
                    {phrase(words)}
                </label>
            }
        })
        .collect_view();
    let details = move || match form.audience.with(std::mem::discriminant) {
        kind if kind
            == std::mem::discriminant(&SavedReplyAudience::Roles { roles: Vec::new() }) =>
        {
            let boxes = Role::ALL
                .into_iter()
                .map(|role| {
                    let label = Signal::derive(move || role_text(role));
                    choice(
                        label,
                        move |audience| match audience {
                            SavedReplyAudience::Roles { roles } => Some(position(roles, &role)),
                            _ => None,
                        },
                        form,
                        move |audience, is_on| {
                            if let SavedReplyAudience::Roles { roles } = audience {
                                put(roles, role, is_on);
                            }
                        },
                    )
                })
                .collect_view();
            Some(view! { <div class="saved-replies__boxes">{boxes}</div> }.into_any())
        }
        kind if kind
            == std::mem::discriminant(&SavedReplyAudience::Shops { shops: Vec::new() }) =>
        {
            let boxes = me
                .with_value(|me| me.shops.clone())
                .into_iter()
                .map(|shop| {
                    let id = shop.id;
                    choice(
                        Signal::stored(shop.name),
                        move |audience| match audience {
                            SavedReplyAudience::Shops { shops } => Some(position(shops, &id)),
                            _ => None,
                        },
                        form,
                        move |audience, is_on| {
                            if let SavedReplyAudience::Shops { shops } = audience {
                                put(shops, id, is_on);
                            }
                        },
                    )
                })
                .collect_view();
            Some(view! { <div class="saved-replies__boxes">{boxes}</div> }.into_any())
        }
        _ => None,
    };
    view! {
        <fieldset class="saved-replies__group">
            <legend>{phrase(Key::SavedFieldAudience)}</legend>
            <div class="saved-replies__radios">{choices}</div>
            {reactive(details)}
            {move || {
                error
                    .get()
                    .map(|words| view! { <p class="saved-replies__error" role="alert">{words}</p> })
            }}
        </fieldset>
    }
}

fn position<T: PartialEq>(list: &[T], wanted: &T) -> bool {
    list.contains(wanted)
}

fn put<T: PartialEq>(list: &mut Vec<T>, wanted: T, is_on: bool) {
    list.retain(|known| *known != wanted);
    if is_on {
        list.push(wanted);
    }
}

fn choice(
    label: Signal<String>,
    is_on: impl Fn(&SavedReplyAudience) -> Option<bool> + Send + Sync + 'static,
    form: ReplyForm,
    change: impl Fn(&mut SavedReplyAudience, bool) + Send + Sync + 'static,
) -> AnyView {
    let mark = Signal::derive(move || Mark::from(form.audience.with(&is_on).unwrap_or(false)));
    let on_change = move |is_on: bool| form.audience.update(|audience| change(audience, is_on));
    view! { <Checkbox mark label on_change /> }.into_any()
}
