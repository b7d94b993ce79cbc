//! What Meta tells a business of changes to its templates.

use serde_json::{Value, json};

use super::table::StoredTemplate;
use super::template::{Parts, TemplateButton, TemplateStatus};

/// One webhook for each kind of change between two states of a template; none before means that it is new.
pub(super) fn changes(
    waba: &str,
    before: Option<&StoredTemplate>,
    after: &StoredTemplate,
    now: i64,
) -> Vec<Value> {
    let mut webhooks = Vec::new();
    if let Some(before) = before {
        if before.template.category != after.template.category {
            let value = json!({
                "previous_category": before.template.category,
                "new_category": after.template.category,
            });
            webhooks.push(webhook(waba, "template_category_update", after, value, now));
        }
        if before.template.components != after.template.components {
            let value = components_update(after);
            webhooks.push(webhook(
                waba,
                "message_template_components_update",
                after,
                value,
                now,
            ));
        }
    }
    let status_before = before.map(|before| before.template.status);
    if status_before != Some(after.template.status) {
        webhooks.push(status_update(waba, status_before, after, now));
    }
    webhooks
}

/// The template is no more.
pub(super) fn deletion(waba: &str, template: &StoredTemplate, now: i64) -> Value {
    let mut deleted = template.clone();
    deleted.template.status = TemplateStatus::Deleted;
    status_update(waba, Some(template.template.status), &deleted, now)
}

fn webhook(
    waba: &str,
    field: &str,
    template: &StoredTemplate,
    mut value: Value,
    now: i64,
) -> Value {
    value["message_template_id"] = template.number().into();
    value["message_template_name"] = template.template.name.as_str().into();
    value["message_template_language"] = template.template.language.as_str().into();
    json!({
        "object": "whatsapp_business_account",
        "entry": [{
            "id": waba,
            "time": now / 1_000,
            "changes": [{ "field": field, "value": value }],
        }],
    })
}

fn status_update(
    waba: &str,
    before: Option<TemplateStatus>,
    after: &StoredTemplate,
    now: i64,
) -> Value {
    let status = after.template.status;
    let event = match (before, status) {
        (Some(TemplateStatus::Archived), TemplateStatus::Approved) => json!("UNARCHIVED"),
        (Some(TemplateStatus::Disabled), TemplateStatus::Approved) => json!("REINSTATED"),
        (_, status) => json!(status),
    };
    let reason = match status {
        TemplateStatus::PendingDeletion => Value::Null,
        TemplateStatus::Rejected => json!(after.rejected_reason()),
        TemplateStatus::Approved
        | TemplateStatus::Pending
        | TemplateStatus::Paused
        | TemplateStatus::Disabled
        | TemplateStatus::InAppeal
        | TemplateStatus::Archived
        | TemplateStatus::LimitExceeded
        | TemplateStatus::Deleted => json!("NONE"),
    };
    let mut value = json!({
        "event": event,
        "reason": reason,
        "message_template_category": after.template.category,
    });
    match (before, status) {
        (_, TemplateStatus::Paused) => {
            value["other_info"] = json!({
                "title": "FIRST_PAUSE",
                "description": "Your WhatsApp message template has been paused for 3 hours because it had issues.",
            });
        }
        (Some(TemplateStatus::Paused), TemplateStatus::Approved) => {
            value["other_info"] = json!({
                "title": "UNPAUSE",
                "description": "Your WhatsApp message template has been unpaused.",
            });
        }
        (_, TemplateStatus::Disabled) => {
            value["disable_info"] = json!({ "disable_date": now / 1_000 });
        }
        _ => {}
    }
    webhook(waba, "message_template_status_update", after, value, now)
}

fn components_update(after: &StoredTemplate) -> Value {
    let parts = Parts::of(&after.template.components);
    let mut value = json!({ "message_template_element": parts.body });
    if let Some((_, title)) = parts.header.filter(|(_, title)| !title.is_empty()) {
        value["message_template_title"] = title.into();
    }
    if let Some(footer) = parts.footer {
        value["message_template_footer"] = footer.into();
    }
    let buttons: Vec<_> = parts.buttons.iter().filter_map(button).collect();
    if !buttons.is_empty() {
        value["message_template_buttons"] = buttons.into();
    }
    value
}

/// Quick replies are not told.
fn button(button: &TemplateButton) -> Option<Value> {
    match button {
        TemplateButton::QuickReply { .. } => None,
        TemplateButton::Url { text, url, .. } => Some(json!({
            "message_template_button_type": "URL",
            "message_template_button_text": text,
            "message_template_button_url": url,
        })),
        TemplateButton::PhoneNumber { text, phone_number } => Some(json!({
            "message_template_button_type": "PHONE_NUMBER",
            "message_template_button_text": text,
            "message_template_button_phone_number": phone_number,
        })),
    }
}
