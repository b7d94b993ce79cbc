//! The OpenAPI description: shapes from the contract's types, endpoints from one table.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use omocast_contract::api::{
    ActionRequest, BroadcastPage, BulkRequest, BulkResult, EventCounts, EventPage, EventQuery,
    EventRow, IDEMPOTENCY_KEY, Me, Media, RecipientPage, SignIn, Tags, Thread, path,
};
use omocast_contract::live::LiveEvent;
use omocast_contract::message::Message;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastRequest, DeliveryStatus, OutgoingMessage, Problem,
    ProblemCode,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{ComponentsBuilder, RefOr, Schema};

use ProblemCode::{
    AudienceEmpty, AudienceUnreachable, CustomerBlocked, EventAlreadyYours, EventEnded,
    EventNotEnded, EventNotFollowed, EventNotYours, FilterTooLong, IdempotencyKeyMissing,
    IdempotencyKeyReused, ImageTooLarge, MalformedRequest, MediaNotFound, MediumNotSupported,
    NoMessages, NotAnImage, NotFound, PlanLacksOmo, PlatformRefused, RequestTooLarge,
    RoleMayNotBroadcast, RoleMayNotSee, TextEmpty, TextTooLong, TooManyAttempts, TooManyMessages,
    TooManyPicked, UploadTooLarge, WebChannelNotSupported, WindowClosed, WrongCredentials,
};

/// What an endpoint takes.
enum Takes {
    Nothing,
    Json(String),
    Upload,
}

/// What an endpoint gives.
enum Gives {
    Nothing,
    Json(String),
    Image,
    Stream(String),
    Description,
}

struct Endpoint {
    path: &'static str,
    method: &'static str,
    name: &'static str,
    does: &'static str,
    takes: Takes,
    gives: Gives,
    statuses: &'static [u16],
    /// Query parameters, each with the format of its text.
    query: &'static [(&'static str, &'static str)],
    /// Whether an `Idempotency-Key` is taken, and whether it is required.
    key: Option<bool>,
    /// Besides those that every endpoint has.
    refusals: &'static [ProblemCode],
}

fn shape<T: ToSchema>() -> String {
    T::name().into_owned()
}

fn takes<T: ToSchema>() -> Takes {
    Takes::Json(shape::<T>())
}

fn gives<T: ToSchema>() -> Gives {
    Gives::Json(shape::<T>())
}

fn get(path: &'static str, name: &'static str, does: &'static str, gives: Gives) -> Endpoint {
    let takes = Takes::Nothing;
    Endpoint {
        path,
        method: "get",
        name,
        does,
        takes,
        gives,
        statuses: &[200],
        query: &[],
        key: None,
        refusals: &[],
    }
}

fn post(
    path: &'static str,
    name: &'static str,
    does: &'static str,
    takes: Takes,
    gives: Gives,
) -> Endpoint {
    Endpoint {
        method: "post",
        takes,
        refusals: &[MalformedRequest, RequestTooLarge],
        ..get(path, name, does, gives)
    }
}

fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                WrongCredentials,
                TooManyAttempts,
            ],
            ..post(
                path::SESSION,
                "createSession",
                "Signs in.",
                takes::<SignIn>(),
                gives::<Me>(),
            )
        },
        get(
            path::SESSION,
            "findSession",
            "Tells who is signed in.",
            gives::<Me>(),
        ),
        Endpoint {
            method: "delete",
            statuses: &[204],
            ..get(path::SESSION, "deleteSession", "Signs out.", Gives::Nothing)
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                FilterTooLong,
                RoleMayNotSee,
            ],
            ..post(
                path::EVENTS,
                "listEvents",
                "One page of a list of events.",
                takes::<EventQuery>(),
                gives::<EventPage>(),
            )
        },
        get(
            path::EVENT_COUNTS,
            "countEvents",
            "How many events each list has.",
            gives::<EventCounts>(),
        ),
        Endpoint {
            refusals: &[MalformedRequest, RequestTooLarge, TooManyPicked],
            ..post(
                path::EVENTS_BULK,
                "actOnEvents",
                "Does something to many events; those that refuse are named.",
                takes::<BulkRequest>(),
                gives::<BulkResult>(),
            )
        },
        Endpoint {
            query: &[("before", "uuid")],
            refusals: &[NotFound, MalformedRequest],
            ..get(
                path::EVENT,
                "findThread",
                "An event with its newest messages, or those before one.",
                gives::<Thread>(),
            )
        },
        Endpoint {
            statuses: &[201, 200],
            key: Some(false),
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                NotFound,
                EventNotYours,
                EventNotFollowed,
                EventEnded,
                CustomerBlocked,
                WindowClosed,
                TextEmpty,
                TextTooLong,
                MediaNotFound,
                ImageTooLarge,
                IdempotencyKeyMissing,
                IdempotencyKeyReused,
                PlatformRefused,
            ],
            ..post(
                path::EVENT_MESSAGES,
                "createMessage",
                "Writes to the customer; 200 when the same was sent before.",
                takes::<OutgoingMessage>(),
                gives::<Message>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                NotFound,
                EventNotYours,
                EventAlreadyYours,
                EventEnded,
                EventNotEnded,
            ],
            ..post(
                path::EVENT_ACTION,
                "actOnEvent",
                "Follows, ends or reopens an event.",
                takes::<ActionRequest>(),
                gives::<EventRow>(),
            )
        },
        get(path::TAGS, "listTags", "The team's tags.", gives::<Tags>()),
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                AudienceEmpty,
                TooManyPicked,
                FilterTooLong,
                NotFound,
            ],
            ..post(
                path::AUDIENCE_COUNT,
                "countAudience",
                "How many customers would be reached, and how many skipped and why.",
                takes::<Audience>(),
                gives::<AudienceCount>(),
            )
        },
        Endpoint {
            statuses: &[201, 200],
            key: Some(true),
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                IdempotencyKeyMissing,
                IdempotencyKeyReused,
                AudienceEmpty,
                AudienceUnreachable,
                TooManyPicked,
                FilterTooLong,
                NotFound,
                EventNotYours,
                EventEnded,
                EventNotFollowed,
                WebChannelNotSupported,
                NoMessages,
                TooManyMessages,
                TextEmpty,
                TextTooLong,
                MediumNotSupported,
                MediaNotFound,
                ImageTooLarge,
            ],
            ..post(
                path::BROADCASTS,
                "createBroadcast",
                "Makes a broadcast; 200 when it was made before with this key.",
                takes::<BroadcastRequest>(),
                gives::<Broadcast>(),
            )
        },
        Endpoint {
            query: &[("after", "uuid")],
            refusals: &[RoleMayNotSee, MalformedRequest],
            ..get(
                path::BROADCASTS,
                "listBroadcasts",
                "A page of broadcasts, newest first.",
                gives::<BroadcastPage>(),
            )
        },
        Endpoint {
            refusals: &[RoleMayNotSee, NotFound],
            ..get(
                path::BROADCAST,
                "findBroadcast",
                "One broadcast.",
                gives::<Broadcast>(),
            )
        },
        Endpoint {
            query: &[("status", "DeliveryStatus"), ("after", "uuid")],
            refusals: &[RoleMayNotSee, NotFound, MalformedRequest],
            ..get(
                path::BROADCAST_RECIPIENTS,
                "listRecipients",
                "A page of recipients.",
                gives::<RecipientPage>(),
            )
        },
        Endpoint {
            statuses: &[201],
            refusals: &[MalformedRequest, NotAnImage, UploadTooLarge],
            ..post(
                path::MEDIA,
                "createMedia",
                "Uploads an image.",
                Takes::Upload,
                gives::<Media>(),
            )
        },
        Endpoint {
            refusals: &[NotFound],
            ..get(
                path::MEDIA_FILE,
                "findMedia",
                "An uploaded image.",
                Gives::Image,
            )
        },
        get(
            path::LIVE,
            "listen",
            "What happens, as it happens.",
            Gives::Stream(shape::<LiveEvent>()),
        ),
        get(
            path::OPENAPI,
            "describe",
            "This description.",
            Gives::Description,
        ),
    ]
}

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
            let is_uuid = format == "uuid";
            let schema = if is_uuid {
                json!({ "type": "string", "format": "uuid" })
            } else {
                refer(format)
            };
            json!({ "name": name, "in": "query", "required": false, "schema": schema })
        })
        .collect();
    if endpoint.path.contains("{id}") {
        let schema = json!({ "type": "string", "format": "uuid" });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
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
            Gives::Image => json!({ "image/jpeg": {}, "image/png": {} }),
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
    add::<Broadcast>(&mut shapes);
    add::<BroadcastPage>(&mut shapes);
    add::<BroadcastRequest>(&mut shapes);
    add::<BulkRequest>(&mut shapes);
    add::<BulkResult>(&mut shapes);
    add::<DeliveryStatus>(&mut shapes);
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
    add::<SignIn>(&mut shapes);
    add::<Tags>(&mut shapes);
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
        include_str!("../../../contract/src/api.rs")
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
            .flat_map(|endpoint| [common_refusals(endpoint), endpoint.refusals.to_vec()].concat())
            // Webhooks are for the platforms, which have their own description of them.
            .chain([ProblemCode::WrongSignature])
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
