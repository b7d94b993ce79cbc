//! What broadcasts said, as each recipient got it.

use omocast_contract::template::fill::fill as filled_in;
use omocast_contract::variable::fill_name;
use omocast_contract::{
    BroadcastId, FilledTemplate, Medium, MemberId, OutgoingMessage, SentTemplate,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, query};

use crate::store::deliveries::RecipientKey;
use crate::store::templates::sent_template;
use crate::store::{read_id, read_word};

/// What a broadcast said, before names are filled in: it is kept once for all of its recipients.
#[derive(Clone, Debug)]
pub(in crate::store) struct Said {
    pub(in crate::store) member: MemberId,
    messages: Vec<OutgoingMessage>,
    template: Option<SentTemplate>,
    name_fallback: String,
}

/// One message as one recipient got it.
#[derive(Clone, Debug)]
pub(in crate::store) enum Got {
    Message(OutgoingMessage),
    Template(Box<FilledTemplate>),
}

impl Said {
    /// Of a row with the columns `member_id`, `messages`, `template` and `name_fallback` of a broadcast.
    pub(in crate::store) fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            member: read_id(row, "member_id")?,
            messages: read_word(row, "messages", |text| serde_json::from_str(text).ok())?,
            template: sent_template(row)?,
            name_fallback: row
                .try_get::<Option<String>, _>("name_fallback")?
                .unwrap_or_default(),
        })
    }

    /// What a recipient called `name` got in the place `position`.
    pub(in crate::store) fn got(&self, name: Option<&str>, position: u32) -> Option<Got> {
        let name = name.unwrap_or_default();
        if let Some(SentTemplate { template, fill }) = &self.template {
            let filled = filled_in(template, fill, name, &self.name_fallback);
            return (position == 0).then(|| Got::Template(Box::new(filled)));
        }
        let message = self.messages.get(usize::try_from(position).ok()?)?;
        let message = message.clone();
        Some(Got::Message(message.with_words(|words| {
            fill_name(words, name, &self.name_fallback)
        })))
    }

    /// What the lists say of it.
    pub(in crate::store) fn line(
        &self,
        name: Option<&str>,
        position: u32,
    ) -> Option<(String, Medium)> {
        Some(match self.got(name, position)? {
            Got::Message(message) => {
                let words = message.words().unwrap_or_default().to_owned();
                (words, message.medium())
            }
            Got::Template(filled) => (filled.body.text, Medium::Text),
        })
    }
}

pub(in crate::store) async fn load_said(
    tx: &mut SqliteConnection,
    broadcast: BroadcastId,
) -> Result<Said, sqlx::Error> {
    let row =
        query("select member_id, messages, template, name_fallback from broadcast where id = $1")
            .bind(broadcast.to_string())
            .fetch_one(tx)
            .await?;
    Said::read(&row)
}

/// The words of one delivery as its recipient got them; none where it is no text.
pub(in crate::store) async fn find_text(
    tx: &mut SqliteConnection,
    key: RecipientKey,
    position: u32,
) -> Result<Option<String>, sqlx::Error> {
    let said = load_said(tx, key.broadcast).await?;
    let row = query("select name from recipient where id = $1")
        .bind(key.number)
        .fetch_one(tx)
        .await?;
    let line = said.line(row.try_get("name")?, position);
    Ok(line.and_then(|(text, medium)| (medium == Medium::Text).then_some(text)))
}
