//! Holds every request that went to a platform against the platform's own schema, where the schemas are at hand.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use omocast_sandbox::{Platform, ReceivedRequest};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs/derived");

/// Panics where a request that hands a message over is none that its platform documents.
pub(crate) fn check_requests(requests: &[ReceivedRequest]) {
    static VALIDATORS: LazyLock<Mutex<HashMap<&str, Option<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let sendings = requests.iter().filter_map(|request| {
        let (schema, definition) = schema_of(request)?;
        Some((schema, definition, request))
    });
    for (schema, definition, request) in sendings {
        let validator = validators
            .entry(schema)
            .or_insert_with(|| load(schema, definition));
        let Some(validator) = validator else { continue };
        let body = known_part(&request.body);
        let errors: Vec<_> = validator
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        let path = &request.path;
        assert!(errors.is_empty(), "{path}: {body:#}\n{errors:#?}");
    }
}

/// The schema of what a request hands over, and its definition there; none of other requests.
fn schema_of(request: &ReceivedRequest) -> Option<(&'static str, &'static str)> {
    if request.method != "POST" || request.body.is_null() {
        return None;
    }
    match request.platform {
        Platform::Line => request
            .path
            .ends_with("/message/push")
            .then_some(("line-messaging", "PushMessageRequest")),
        _ if !request.path.ends_with("/messages") => None,
        Platform::Whatsapp => Some(("whatsapp-send", "SendMessageRequest")),
        // The page speaks for its Instagram account, too, whose requests have none.
        Platform::Facebook if request.body["messaging_type"].is_null() => {
            Some(("instagram-send.authored", ""))
        }
        Platform::Facebook => Some(("messenger-send.authored", "")),
        Platform::Instagram => Some(("instagram-send.authored", "")),
        Platform::Web => None,
    }
}

fn load(schema: &str, definition: &str) -> Option<Validator> {
    let path = format!("{FOLDER}/{schema}.schema.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test that checks less has to say so")]
        {
            eprintln!("skipped: no {path}");
        }
        return None;
    };
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    if !definition.is_empty() {
        schema["$ref"] = format!("#/$defs/{definition}").into();
    }
    Some(jsonschema::validator_for(&schema).unwrap())
}

/// The body without the cards of a carousel, which the derived schema doesn't know.
fn known_part(body: &Value) -> Value {
    let mut body = body.clone();
    let components = body.pointer_mut("/template/components");
    if let Some(components) = components.and_then(Value::as_array_mut) {
        components.retain(|component| component["type"] != "carousel");
    }
    body
}
