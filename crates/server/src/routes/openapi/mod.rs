//! The OpenAPI description: shapes from the contract's types, endpoints from one table.

mod endpoints;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use omocast_contract::api::{
    ActionRequest, BoundCustomerPage, BoundCustomerQuery, BroadcastPage, BulkRequest, BulkResult,
    Drafts, EventCounts, EventPage, EventQuery, EventRow, IDEMPOTENCY_KEY, Me, Media,
    PreflightPage, RecipientPage, SavedReplyPage, SignIn, Tags, TemplatePage, TemplateSync,
    TemplateSyncRequest, Thread, path,
};
use omocast_contract::live::LiveEvent;
use omocast_contract::message::Message;
use omocast_contract::test_send::{TestCode, TestCustomers, TestResult, TestSend};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastKind, BroadcastRequest, Channel, Control,
    Controlled, DeliveryStatus, Draft, DraftEdit, OutgoingMessage, Preflight, Problem, ProblemCode,
    SavedReply, SavedReplyEdit, Standing,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{ComponentsBuilder, RefOr, Schema};

use endpoints::{Endpoint, Gives, Takes, endpoints, shape};

/// What every endpoint may answer.
fn common_refusals(endpoint: &Endpoint) -> Vec<ProblemCode> {
    let mut codes = vec![ProblemCode::Internal, ProblemCode::MethodNotAllowed];
    if endpoint.method != "get" {
        codes.push(ProblemCode::WrongOrigin);
    }
    if needs_session(endpoint) {
        codes.push(ProblemCode::SignedOut);
    }
    codes
}

fn needs_session(endpoint: &Endpoint) -> bool {
    endpoint.path != path::OPENAPI && (endpoint.path != path::SESSION || endpoint.method == "get")
}

fn refer(shape: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{shape}") })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<Value> = endpoint
        .query
        .iter()
        .map(|&(name, format)| {
            let schema = match format {
                "uuid" => json!({ "type": "string", "format": "uuid" }),
                "text" => json!({ "type": "string" }),
                shape => refer(shape),
            };
            json!({ "name": name, "in": "query", "required": false, "schema": schema })
        })
        .collect();
    if endpoint.path.contains("{id}") {
        let schema = json!({ "type": "string", "format": "uuid" });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    if endpoint.path.contains("{channel}") {
        let schema = refer(&shape::<Channel>());
        parameters
            .push(json!({ "name": "channel", "in": "path", "required": true, "schema": schema }));
    }
    if let Some(is_required) = endpoint.key {
        let schema = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{8,100}$" });
        parameters.push(json!({ "name": IDEMPOTENCY_KEY, "in": "header", "required": is_required, "schema": schema }));
    }

    let mut responses = Map::new();
    for status in endpoint.statuses {
        let content = match &endpoint.gives {
            Gives::Nothing => json!({}),
            Gives::Json(shape) => json!({ "application/json": { "schema": refer(shape) } }),
            Gives::Upload => json!({ "*/*": {} }),
            Gives::Stream(shape) => json!({ "text/event-stream": { "schema": refer(shape) } }),
            Gives::Description => json!({ "application/json": {} }),
        };
        responses.insert(
            status.to_string(),
            json!({ "description": endpoint.does, "content": content }),
        );
    }
    let mut refusals = common_refusals(endpoint);
    refusals.extend(endpoint.refusals);
    refusals.extend(endpoint.more);
    refusals.sort_by_key(|code| (code.status(), code.as_str()));
    for codes in refusals.chunk_by(|a, b| a.status() == b.status()) {
        let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let response = json!({
            "description": words.join(", "),
            "content": { "application/problem+json": { "schema": refer(&shape::<Problem>()) } },
        });
        responses.insert(codes[0].status().to_string(), response);
    }

    let mut operation =
        json!({ "operationId": endpoint.name, "summary": endpoint.does, "responses": responses });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match &endpoint.takes {
        Takes::Nothing => {}
        Takes::Json(shape) => {
            let content = json!({ "application/json": { "schema": refer(shape) } });
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        Takes::Upload => {
            let file = json!({ "type": "string", "format": "binary" });
            let schema = json!({ "type": "object", "required": ["file"], "properties": { "file": file, "preview": file } });
            operation["requestBody"] = json!({ "required": true, "content": { "multipart/form-data": { "schema": schema } } });
        }
    }
    if needs_session(endpoint) {
        operation["security"] = json!([{ "session": [] }]);
    }
    operation
}

/// Every shape that an endpoint names, with those that it is made of.
fn shapes() -> Vec<(String, RefOr<Schema>)> {
    fn add<T: ToSchema>(shapes: &mut Vec<(String, RefOr<Schema>)>) {
        shapes.push((shape::<T>(), T::schema()));
        T::schemas(shapes);
    }
    let mut shapes = Vec::new();
    add::<ActionRequest>(&mut shapes);
    add::<Audience>(&mut shapes);
    add::<AudienceCount>(&mut shapes);
    add::<BoundCustomerPage>(&mut shapes);
    add::<BoundCustomerQuery>(&mut shapes);
    add::<Broadcast>(&mut shapes);
    add::<BroadcastKind>(&mut shapes);
    add::<BroadcastPage>(&mut shapes);
    add::<BroadcastRequest>(&mut shapes);
    add::<Control>(&mut shapes);
    add::<Controlled>(&mut shapes);
    add::<Preflight>(&mut shapes);
    add::<PreflightPage>(&mut shapes);
    add::<BulkRequest>(&mut shapes);
    add::<BulkResult>(&mut shapes);
    add::<Channel>(&mut shapes);
    add::<DeliveryStatus>(&mut shapes);
    add::<Draft>(&mut shapes);
    add::<DraftEdit>(&mut shapes);
    add::<Drafts>(&mut shapes);
    add::<EventCounts>(&mut shapes);
    add::<EventPage>(&mut shapes);
    add::<EventQuery>(&mut shapes);
    add::<EventRow>(&mut shapes);
    add::<LiveEvent>(&mut shapes);
    add::<Me>(&mut shapes);
    add::<Media>(&mut shapes);
    add::<Message>(&mut shapes);
    add::<OutgoingMessage>(&mut shapes);
    add::<Problem>(&mut shapes);
    add::<RecipientPage>(&mut shapes);
    add::<SavedReply>(&mut shapes);
    add::<SavedReplyEdit>(&mut shapes);
    add::<SavedReplyPage>(&mut shapes);
    add::<SignIn>(&mut shapes);
    add::<Standing>(&mut shapes);
    add::<Tags>(&mut shapes);
    add::<TemplatePage>(&mut shapes);
    add::<TemplateSync>(&mut shapes);
    add::<TemplateSyncRequest>(&mut shapes);
    add::<TestCode>(&mut shapes);
    add::<TestCustomers>(&mut shapes);
    add::<TestResult>(&mut shapes);
    add::<TestSend>(&mut shapes);
    add::<Thread>(&mut shapes);
    shapes
}

fn description() -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let item = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        item[endpoint.method] = operation(&endpoint);
    }
    let components = ComponentsBuilder::new().schemas_from_iter(shapes()).build();
    let mut components = serde_json::to_value(components).expect("shapes are JSON");
    components["securitySchemes"] =
        json!({ "session": { "type": "apiKey", "in": "cookie", "name": crate::sessions::COOKIE } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "omocast", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": components,
    })
}

/// The description, for tools.
pub async fn describe() -> impl IntoResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| description().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The paths that the contract's source spells, so that a new one can't be forgotten.
    fn spelled() -> BTreeSet<String> {
        include_str!("../../../../contract/src/api.rs")
            .lines()
            .filter_map(|line| {
                line.trim()
                    .strip_prefix("pub const ")?
                    .split_once(": &str = \"/")
            })
            .map(|(_, rest)| format!("/{}", rest.trim_end_matches("\";")))
            .collect()
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            found.insert(target.to_owned());
        }
        let members = value.as_object().into_iter().flat_map(Map::values);
        let items = value.as_array().into_iter().flatten();
        for inner in members.chain(items) {
            references(inner, found);
        }
    }

    #[test]
    fn every_path_of_the_contract_is_described() {
        let described: BTreeSet<String> = endpoints()
            .iter()
            .map(|endpoint| endpoint.path.to_owned())
            .collect();
        assert_eq!(described, spelled());
    }

    #[test]
    fn every_refusal_is_mentioned() {
        let mentioned: Vec<ProblemCode> = endpoints()
            .iter()
            .flat_map(|endpoint| {
                let own = [endpoint.refusals, endpoint.more].concat();
                [common_refusals(endpoint), own].concat()
            })
            // Webhooks are for the platforms, which have their own description of them.
            .chain([ProblemCode::WrongSignature])
            // Said by the composer alone: what is sent are messages, wherever they come from.
            .chain([
                ProblemCode::SavedReplyHasFile,
                ProblemCode::SavedReplyTooLong,
            ])
            .collect();
        for code in ProblemCode::ALL {
            assert!(mentioned.contains(code), "{code:?}");
        }
    }

    #[test]
    fn every_shape_that_is_referred_to_is_there() {
        let description = description();
        let mut found = BTreeSet::new();
        references(&description, &mut found);
        assert!(found.len() > 30, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn names_of_operations_are_unique() {
        let names: BTreeSet<&str> = endpoints().iter().map(|endpoint| endpoint.name).collect();
        assert_eq!(names.len(), endpoints().len());
    }

    #[test]
    fn the_description_is_the_same_each_time() {
        assert_eq!(description().to_string(), description().to_string());
    }
}
