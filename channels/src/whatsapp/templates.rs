//! Message templates of a WhatsApp business account, at the Graph API; and as messages.

use super::{NAME, WhatsApp};
use crate::lenient::{id, items, text, time};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, TemplateUpdate},
    failure::Failure,
    ports::Templates,
    template::{ButtonValue, HeaderValue, Registered, Template, TemplateCall, TemplateStatus},
};
use serde_json::{Value, json};

/// Templates of one page of the provider's list.
const PAGE: &str = "100";
/// Pages that are read: an account has 6,000 templates at most.
const MOST_PAGES: usize = 100;

fn business_account(account: &ChannelAccount) -> Result<&str, Failure> {
    account
        .setting("business_account_id")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Failure::reject("whatsapp.bad_settings", "business_account_id is not set"))
}

/// The provider's word for how far a template is; `None` for words that change nothing.
fn status(word: &str) -> Option<TemplateStatus> {
    Some(match word {
        "APPROVED" | "REINSTATED" | "UNPAUSED" | "FLAGGED" => TemplateStatus::Approved,
        "PENDING" | "IN_APPEAL" => TemplateStatus::Pending,
        "REJECTED" | "LIMIT_EXCEEDED" => TemplateStatus::Rejected,
        "PAUSED" | "LOCKED" => TemplateStatus::Paused,
        "DISABLED" | "ARCHIVED" => TemplateStatus::Disabled,
        "DELETED" | "PENDING_DELETION" => TemplateStatus::Deleted,
        _ => return None,
    })
}

fn reason(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).filter(|r| *r != "NONE").map(str::to_owned)
}

fn unreadable(what: &str) -> Failure {
    Failure::reject("whatsapp.unreadable", format!("the provider's {what} cannot be read"))
}

#[async_trait]
impl Templates for WhatsApp {
    async fn submit(&self, account: &ChannelAccount, template: &Template) -> Result<Registered, Failure> {
        let body = serde_json::to_value(template).map_err(|_| unreadable("template"))?;
        let path = [business_account(account)?, "message_templates"];
        let answer = self.graph.post(account, &path, &body).await.map_err(|e| e.failure(NAME))?;
        Ok(Registered {
            id: id(&answer, "/id").ok_or_else(|| unreadable("answer"))?,
            status: text(&answer, "/status").and_then(status).unwrap_or(TemplateStatus::Pending),
            reason: None,
            template: template.clone(),
        })
    }

    async fn revise(&self, account: &ChannelAccount, id: &str, template: &Template) -> Result<(), Failure> {
        let body = json!({ "category": template.category, "components": template.components });
        self.graph.post(account, &[id], &body).await.map(|_| ()).map_err(|e| e.failure(NAME))
    }

    async fn withdraw(&self, account: &ChannelAccount, id: &str, name: &str) -> Result<(), Failure> {
        let path = [business_account(account)?, "message_templates"];
        let query = [("hsm_id", id), ("name", name)];
        self.graph.delete(account, &path, &query).await.map(|_| ()).map_err(|e| e.failure(NAME))
    }

    async fn all(&self, account: &ChannelAccount) -> Result<Vec<Registered>, Failure> {
        let path = [business_account(account)?, "message_templates"];
        let fields = ("fields", "id,name,language,category,status,rejected_reason,components");
        let (mut all, mut after) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let mut query = vec![fields, ("limit", PAGE)];
            query.extend(after.as_deref().map(|cursor| ("after", cursor)));
            let page = self.graph.read_all(account, &path, &query).await.map_err(|e| e.failure(NAME))?;
            all.extend(items(&page, "/data").iter().filter_map(registered));
            after = text(&page, "/paging/next").and_then(|_| text(&page, "/paging/cursors/after")).map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        Ok(all)
    }
}

/// One of the provider's list; nothing if it is of a form that we do not know.
fn registered(value: &Value) -> Option<Registered> {
    Some(Registered {
        id: id(value, "/id")?,
        status: text(value, "/status").and_then(status)?,
        reason: reason(value, "/rejected_reason"),
        template: serde_json::from_value(value.clone()).ok()?,
    })
}

/// `message_template_status_update`; `entry` has the time.
pub(super) fn update(entry: &Value, value: &Value) -> Option<ChannelEvent> {
    Some(ChannelEvent::Template(TemplateUpdate {
        id: id(value, "/message_template_id")?,
        status: text(value, "/event").and_then(status)?,
        reason: reason(value, "/rejection_info/reason").or_else(|| reason(value, "/reason")),
        at: time(entry, "/time"),
    }))
}

/// The `template` of a message.
pub(super) fn message(call: &TemplateCall) -> Value {
    let texts = |values: &[String]| values.iter().map(|v| json!({ "type": "text", "text": v })).collect::<Vec<_>>();
    let mut components = Vec::new();
    components.extend(call.header.as_ref().map(|h| json!({ "type": "header", "parameters": [header(h)] })));
    if !call.body.is_empty() {
        components.push(json!({ "type": "body", "parameters": texts(&call.body) }));
    }
    components.extend(call.buttons.iter().map(|ButtonValue { place, text }| {
        let parameters = texts(std::slice::from_ref(text));
        json!({ "type": "button", "sub_type": "url", "index": place.to_string(), "parameters": parameters })
    }));
    json!({ "name": call.name, "language": { "code": call.language }, "components": components })
}

fn header(value: &HeaderValue) -> Value {
    match value {
        HeaderValue::Text(text) => json!({ "type": "text", "text": text }),
        HeaderValue::Image(link) => json!({ "type": "image", "image": { "link": link } }),
        HeaderValue::Video(link) => json!({ "type": "video", "video": { "link": link } }),
        HeaderValue::Document(link) => json!({ "type": "document", "document": { "link": link } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S3-TPL-1
    #[test]
    fn templates_of_forms_that_we_do_not_know_are_listed_without_what_they_hold() {
        let value = json!({
            "id": "1", "name": "offer", "language": "en", "category": "MARKETING", "status": "APPROVED",
            "rejected_reason": "NONE",
            "components": [{ "type": "BODY", "text": "Hi" }, { "type": "CAROUSEL", "cards": [{ "x": 1 }] }],
        });
        let known = registered(&value).unwrap();
        assert_eq!((known.status, known.reason), (TemplateStatus::Approved, None));
        assert_eq!(known.template.components[1], colloquy_domain::template::Component::Unknown);
        assert!(colloquy_domain::template::fill(&known.template, &Default::default()).is_err(), "not to be sent");
    }
}
