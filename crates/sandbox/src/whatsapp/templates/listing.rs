//! `GET /{WhatsApp Business account}/message_templates`: the templates, page by page.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::table::StoredTemplate;
use super::template::{TemplateCategory, TemplateComponent, TemplateStatus};
use crate::Sandbox;
use crate::graph::{GraphError, Parameters};

const DEFAULT_LIMIT: usize = 25;
const LARGEST_LIMIT: usize = 1_000;
const DEFAULT_FIELDS: &str =
    "name,parameter_format,components,language,status,category,previous_category,id";
/// What Meta has besides; here templates have none of it.
const OTHER_FIELDS: [&str; 8] = [
    "correct_category",
    "cta_url_link_tracking_opted_out",
    "degrees_of_freedom_spec",
    "is_primary_device_delivery_only",
    "library_template_name",
    "message_send_ttl_seconds",
    "sub_category",
    "last_updated_time",
];

impl StoredTemplate {
    pub(super) fn rejected_reason(&self) -> &str {
        self.template.rejected_reason.as_deref().unwrap_or("NONE")
    }

    pub(crate) fn fields(&self, fields: Option<&str>) -> Result<Value, GraphError> {
        let template = &self.template;
        let mut value = json!({ "id": self.id });
        for field in fields.unwrap_or(DEFAULT_FIELDS).split(',') {
            value[field] = match field.trim() {
                "id" => continue,
                "name" => json!(template.name),
                "language" => json!(template.language),
                "status" => json!(template.status),
                "category" => json!(template.category),
                "parameter_format" => json!(template.parameter_format),
                "components" => json!(template.components),
                "rejected_reason" => json!(self.rejected_reason()),
                "quality_score" => json!({
                    "score": template.quality,
                    "date": self.changed_at_ms / 1_000,
                }),
                "previous_category" => match template.previous_category {
                    Some(category) => json!(category),
                    None => continue,
                },
                other if OTHER_FIELDS.contains(&other) => continue,
                other => {
                    let message = format!(
                        "Tried accessing nonexisting field ({other}) on node type (WhatsAppMessageTemplate)"
                    );
                    return Err(GraphError::new(100, None, &message));
                }
            };
        }
        Ok(value)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.template
            .components
            .iter()
            .filter_map(|component| match component {
                TemplateComponent::Header { text, .. } => text.as_deref(),
                TemplateComponent::Body { text, .. } | TemplateComponent::Footer { text } => {
                    Some(text.as_str())
                }
                TemplateComponent::Buttons { .. } | TemplateComponent::Carousel { .. } => None,
            })
    }
}

#[derive(Deserialize)]
pub(crate) struct Listing {
    limit: Option<String>,
    after: Option<String>,
    before: Option<String>,
    name: Option<String>,
    status: Option<String>,
    category: Option<String>,
    language: Option<String>,
    name_or_content: Option<String>,
}

/// Graph takes one value, and a JSON list of them.
fn one_of<T: DeserializeOwned>(name: &str, given: Option<&str>) -> Result<Vec<T>, GraphError> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    let parsed = if given.starts_with('[') {
        serde_json::from_str(given)
    } else {
        serde_json::from_value(json!([given]))
    };
    parsed.map_err(|error| {
        GraphError::new(
            100,
            None,
            &format!("Param {name} must be one of the known values: {error}"),
        )
    })
}

fn cursor(stored: &StoredTemplate) -> String {
    STANDARD.encode(&stored.id)
}

fn place(cursor: &str) -> Result<u64, GraphError> {
    STANDARD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| GraphError::new(100, None, "Invalid cursor"))
}

impl Listing {
    fn limit(&self) -> Result<usize, GraphError> {
        let Some(limit) = &self.limit else {
            return Ok(DEFAULT_LIMIT);
        };
        match limit.parse() {
            Ok(0) | Err(_) => Err(GraphError::new(
                100,
                None,
                "Param limit must be a positive integer",
            )),
            Ok(limit) => Ok(LARGEST_LIMIT.min(limit)),
        }
    }

    fn matching(&self, all: &[StoredTemplate]) -> Result<Vec<StoredTemplate>, GraphError> {
        let statuses: Vec<TemplateStatus> = one_of("status", self.status.as_deref())?;
        let categories: Vec<TemplateCategory> = one_of("category", self.category.as_deref())?;
        let languages: Vec<String> = one_of("language", self.language.as_deref())?;
        let searched = self.name_or_content.as_deref().map(str::to_lowercase);
        let matches = |stored: &&StoredTemplate| {
            let template = &stored.template;
            (statuses.is_empty() || statuses.contains(&template.status))
                && (categories.is_empty() || categories.contains(&template.category))
                && (languages.is_empty() || languages.contains(&template.language))
                // Meta does not say whether the whole name is meant: who looks again is right either way.
                && self.name.as_ref().is_none_or(|name| template.name.contains(name))
                && searched.as_ref().is_none_or(|searched| {
                    template.name.contains(searched)
                        || stored.texts().any(|text| text.to_lowercase().contains(searched))
                })
        };
        Ok(all.iter().filter(matches).cloned().collect())
    }

    /// The page, and whether there is something before and after it.
    fn page(
        &self,
        all: Vec<StoredTemplate>,
    ) -> Result<(Vec<StoredTemplate>, bool, bool), GraphError> {
        let limit = self.limit()?;
        let (first, end) = match (&self.after, &self.before) {
            (Some(after), _) => {
                let after = place(after)?;
                let first = all.partition_point(|stored| stored.number() <= after);
                (first, (first + limit).min(all.len()))
            }
            (None, Some(before)) => {
                let before = place(before)?;
                let end = all.partition_point(|stored| stored.number() < before);
                (end.saturating_sub(limit), end)
            }
            (None, None) => (0, limit.min(all.len())),
        };
        Ok((all[first..end].to_vec(), first > 0, end < all.len()))
    }

    /// The address of the page beside this one, with everything that was asked for.
    fn address(
        &self,
        base: &str,
        parameters: &Parameters,
        token: &str,
        (direction, cursor): (&str, &str),
    ) -> Option<String> {
        let mut url = reqwest::Url::parse(base).ok()?;
        let asked = [
            ("access_token", Some(token)),
            ("fields", parameters.fields.as_deref()),
            ("limit", self.limit.as_deref()),
            ("name", self.name.as_deref()),
            ("status", self.status.as_deref()),
            ("category", self.category.as_deref()),
            ("language", self.language.as_deref()),
            ("name_or_content", self.name_or_content.as_deref()),
            (direction, Some(cursor)),
        ];
        let given = asked
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        url.query_pairs_mut().extend_pairs(given);
        Some(url.into())
    }
}

pub(crate) async fn message_templates(
    State(sandbox): State<Sandbox>,
    Path((version, waba)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    Query(listing): Query<Listing>,
    headers: HeaderMap,
) -> Response {
    let list = || {
        let numbers = sandbox.numbers_of_waba(&headers, &parameters, &waba)?;
        let token = numbers
            .first()
            .and_then(|number| number.node())
            .map_or("", |(_, token)| token);
        let all = listing.matching(sandbox.lock_templates().of(&waba))?;
        let (page, has_previous, has_next) = listing.page(all)?;
        let data = page
            .iter()
            .map(|stored| stored.fields(parameters.fields.as_deref()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut answer = json!({ "data": data });
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            let (before, after) = (cursor(first), cursor(last));
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost");
            let base = format!("http://{host}/graph/{version}/{waba}/message_templates");
            let address = |beside| listing.address(&base, &parameters, token, beside);
            let next = has_next.then(|| address(("after", &after))).flatten();
            let previous = has_previous.then(|| address(("before", &before))).flatten();
            let mut paging = json!({ "cursors": { "before": before, "after": after } });
            if let Some(next) = next {
                paging["next"] = next.into();
            }
            if let Some(previous) = previous {
                paging["previous"] = previous.into();
            }
            answer["paging"] = paging;
        }
        Ok::<_, GraphError>(answer)
    };
    list().map(Json).into_response()
}
