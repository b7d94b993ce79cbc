//! Signing in, and back to where one wanted to go.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::ProblemCode;
use omocast_contract::api::SignIn;

use crate::api::{ApiError, use_api};
use crate::components::settings_menu::SettingsMenu;
use crate::i18n::{Key, phrase, t};
use crate::part::part;
use crate::route::{self, Route, use_route};
use crate::session::use_session;
use crate::ui::{Button, ButtonKind, Notice, TextField, TextKind, Tone};

part! {
    in sign_in:
    /// The sign-in's part of the app: most visits are signed in already.
    pub fn sign_in() -> fn() -> AnyView {
        || view! { <SignInPage /> }.into_any()
    }
}

#[component]
pub fn SignInPage() -> impl IntoView {
    let (api, session, route) = (StoredValue::new(use_api()), use_session(), use_route());
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let email_field = NodeRef::<html::Input>::new();
    let password_field = NodeRef::<html::Input>::new();
    // Nothing is called missing before somebody tried.
    let is_tried = RwSignal::new(false);
    // An effect, because the address is a thing outside that must follow the sign-in.
    Effect::new(move |_| {
        if session.me().is_some()
            && let Route::SignIn { next } = route.get()
        {
            route::replace(next.map_or(Route::HOME, |next| Route::of_href(&next)));
        }
    });
    let sign_in = Action::new_local(move |credentials: &SignIn| {
        let (api, credentials) = (api.get_value(), credentials.clone());
        async move {
            let me = api.sign_in(&credentials).await?;
            session.signed_in(me);
            Ok::<(), ApiError>(())
        }
    });
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        is_tried.set(true);
        let credentials = SignIn {
            email: email.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
        };
        let missing = if credentials.email.is_empty() {
            Some(email_field)
        } else if credentials.password.trim().is_empty() {
            Some(password_field)
        } else {
            None
        };
        if let Some(field) = missing {
            // By then its message is there, to be read out with it.
            request_animation_frame(move || focus(field));
        } else if !sign_in.pending().get_untracked() {
            sign_in.dispatch(credentials);
        }
    };
    let missing = move |value: RwSignal<String>, key: Key| {
        Signal::derive(move || {
            (is_tried.get() && value.with(|value| value.trim().is_empty())).then(|| t(key))
        })
    };
    let refusal = move || {
        sign_in.value().with(|outcome| match outcome {
            Some(Err(error)) => Some(refusal_key(error)),
            Some(Ok(())) | None => None,
        })
    };
    view! {
        <main class="sign-in">
            <form class="sign-in__form" on:submit=submit novalidate>
                <span class="sign-in__logo" aria-hidden="true">"o"</span>
                <h1 class="sign-in__title">{phrase(Key::SignInTitle)}</h1>
                <TextField
                    label=phrase(Key::SignInEmail)
                    kind=TextKind::Email
                    name="email"
                    autocomplete="username"
                    value=email
                    error=missing(email, Key::SignInEmailMissing)
                    node_ref=email_field
                />
                <TextField
                    label=phrase(Key::SignInPassword)
                    kind=TextKind::Password
                    name="password"
                    autocomplete="current-password"
                    value=password
                    error=missing(password, Key::SignInPasswordMissing)
                    node_ref=password_field
                />
                {move || {
                    refusal()
                        .map(|key| {
                            view! {
                                <Notice tone=Tone::Bad is_alert=true>
                                    {t(key)}
                                </Notice>
                            }
                        })
                }}
                <Button kind=ButtonKind::Primary is_submit=true busy=sign_in.pending()>
                    {phrase(Key::SignInSubmit)}
                </Button>
            </form>
            <SettingsMenu is_wide=true />
        </main>
    }
    .into_any()
}

fn focus(field: NodeRef<html::Input>) {
    if let Some(field) = field.try_get_untracked().flatten() {
        // Fails on what is not shown, which needs no focus.
        let _ = field.focus();
    }
}

fn refusal_key(error: &ApiError) -> Key {
    match error {
        ApiError::Problem(problem) if problem.code == ProblemCode::WrongCredentials => {
            Key::SignInWrong
        }
        ApiError::Problem(problem) if problem.code == ProblemCode::TooManyAttempts => {
            Key::SignInTooMany
        }
        ApiError::SignedOut => Key::SignInWrong,
        ApiError::Offline(_) => Key::ErrorOffline,
        ApiError::Problem(_) | ApiError::BadReply(_) => Key::ErrorBadReply,
    }
}
