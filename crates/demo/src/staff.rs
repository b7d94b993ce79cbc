//! A member at work, over the HTTP interface.

use anyhow::{Context, Result, ensure};
use omocast_contract::api::{EventPage, EventQuery, Media, PageStart, SignIn, path};
use omocast_contract::{EventView, Filter, MediaId};
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::multipart::{Form, Part};

use crate::team::PASSWORD;

/// A member who is signed in.
pub(crate) struct Staff {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Staff {
    pub(crate) async fn sign_in(base: &str, email: &str) -> Result<Self> {
        let client = reqwest::Client::new();
        let body = SignIn {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let address = format!("{base}{}", path::SESSION);
        let answer = client
            .post(address)
            .header(ORIGIN, base)
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie
            .and_then(|cookie| cookie.split(';').next())
            .context("no session was begun")?
            .to_owned();
        Ok(Self {
            client,
            base: base.to_owned(),
            cookie,
        })
    }

    pub(crate) async fn list(
        &self,
        view: EventView,
        from: PageStart,
        limit: u32,
    ) -> Result<EventPage> {
        self.post(
            path::EVENTS,
            &EventQuery {
                view,
                filter: Filter::default(),
                from,
                limit,
            },
        )
        .await
    }

    pub(crate) async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.answer(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    pub(crate) async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T> {
        self.answer(self.client.post(format!("{}{path}", self.base)).json(body))
            .await
    }

    /// Uploads a file, with what is shown first where there is something.
    pub(crate) async fn upload(
        &self,
        name: &str,
        bytes: &'static [u8],
        preview: Option<&'static [u8]>,
    ) -> Result<MediaId> {
        let mut form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        if let Some(preview) = preview {
            form = form.part("preview", Part::bytes(preview).file_name("preview.jpg"));
        }
        let request = self.client.post(format!("{}{}", self.base, path::MEDIA));
        let media: Media = self.answer(request.multipart(form)).await?;
        Ok(media.id)
    }

    async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T> {
        let answer = request
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, &self.base)
            .send()
            .await?;
        let (url, status) = (answer.url().clone(), answer.status());
        let text = answer.text().await?;
        ensure!(status.is_success(), "{url}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("{url} answered {text}"))
    }
}
