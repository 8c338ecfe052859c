//! What a team reads daily.

use super::client::Client;
use anyhow::Context;
use colloquy_domain::ids::KnowledgeBaseId;
use serde_json::Value;

/// One line of the table: requests of one kind.
pub struct Endpoint {
    pub name: &'static str,
    pub paths: Vec<String>,
}

fn one(name: &'static str, path: impl Into<String>) -> Endpoint {
    Endpoint { name, paths: vec![path.into()] }
}

fn each(name: &'static str, of: &[String], path: impl Fn(&String) -> String) -> Endpoint {
    Endpoint { name, paths: of.iter().map(path).collect() }
}

/// All of them, with ids that the lists show.
///
/// # Errors
/// The server's, or a list is empty.
pub async fn found(client: &mut Client, base: KnowledgeBaseId) -> anyhow::Result<Vec<Endpoint>> {
    let mut all = conversations(client).await?;
    all.extend(messages(client).await?);
    all.extend(contacts(client).await?);
    all.extend(figures());
    all.extend(the_rest(client, base).await?);
    Ok(all)
}

async fn conversations(client: &mut Client) -> anyhow::Result<Vec<Endpoint>> {
    let (pages, middle) = (pages(client, "/api/conversations", 20).await?, "/api/conversations?page=");
    let ids = ids(client, &format!("{middle}{}&limit=50", (pages * 20 / 50 / 2).max(1)), "conversations").await?;
    let user = ids_of(client.data("/api/users").await?, "users")?.swap_remove(0);
    let list = |rest: &str| format!("/api/conversations?{rest}");
    Ok(vec![
        one("conversations", list("")),
        one("conversations, 100 of them", list("limit=100")),
        one("conversations, page in the middle", format!("{middle}{}", (pages / 2).max(1))),
        one("conversations, last page", format!("{middle}{pages}")),
        one("conversations, open", list("status=OPEN")),
        one("conversations, closed", list("status=CLOSED")),
        one("conversations with a tag", list("tag=vip")),
        one("conversations of somebody", list(&format!("assignedTo={user}"))),
        one("conversations, search: a common name", list("search=camille")),
        one("conversations, search: one person", list("search=33600000042")),
        one("conversations, search: nobody", list("search=zebedee")),
        one("conversations, search: two letters", list("search=ma")),
        each("a conversation", &ids, |id| format!("/api/conversations/{id}")),
        each("a conversation's messages", &ids, |id| format!("/api/conversations/{id}/messages")),
        each("a conversation's messages, last page", &ids, |id| {
            format!("/api/conversations/{id}/messages?limit=2&page=3")
        }),
        each("a conversation's notes", &ids, |id| format!("/api/conversations/{id}/notes")),
        one("a long conversation's messages", format!("/api/conversations/{}/messages", longest(client).await?)),
        one(
            "a long conversation's messages, page in the middle",
            format!("/api/conversations/{}/messages?page=50", longest(client).await?),
        ),
    ])
}

/// The one to which somebody wrote last.
async fn longest(client: &mut Client) -> anyhow::Result<String> {
    Ok(ids(client, "/api/conversations?limit=1", "conversations").await?.swap_remove(0))
}

async fn messages(client: &mut Client) -> anyhow::Result<Vec<Endpoint>> {
    let pages = pages(client, "/api/messages", 50).await?;
    let middle = format!("/api/messages?page={}", (pages / 2).max(1));
    let (shown, list) = (ids(client, &middle, "messages").await?, |rest: &str| format!("/api/messages?{rest}"));
    let conversations = ids(client, "/api/conversations?limit=50", "conversations").await?;
    Ok(vec![
        one("messages", list("")),
        one("messages, page in the middle", middle),
        one("messages, received", list("direction=INBOUND")),
        one("messages, sent by us", list("direction=OUTBOUND")),
        one("messages that were read", list("status=READ")),
        one("messages that failed", list("status=FAILED")),
        one("messages that are queued", list("status=QUEUED")),
        one("messages, sent by us and delivered", list("direction=OUTBOUND&status=DELIVERED")),
        each("messages of a conversation", &conversations, |id| format!("/api/messages?conversationId={id}")),
        each("a message", &shown, |id| format!("/api/messages/{id}")),
    ])
}

async fn contacts(client: &mut Client) -> anyhow::Result<Vec<Endpoint>> {
    let pages = pages(client, "/api/contacts", 20).await?;
    let middle = format!("/api/contacts?page={}", (pages / 2).max(1));
    let (shown, list) = (ids(client, &middle, "contacts").await?, |rest: &str| format!("/api/contacts?{rest}"));
    Ok(vec![
        one("contacts", list("")),
        one("contacts, 100 of them", list("limit=100")),
        one("contacts, page in the middle", middle),
        one("contacts, last page", format!("/api/contacts?page={pages}")),
        one("contacts, search: a common name", list("search=camille")),
        one("contacts, search: a number", list("search=33600000042")),
        one("contacts, search: nobody", list("search=zebedee")),
        one("contacts, search: two letters", list("search=ma")),
        one("contacts with a tag", list("tag=vip")),
        each("a contact", &shown, |id| format!("/api/contacts/{id}")),
    ])
}

fn figures() -> Vec<Endpoint> {
    vec![
        one("analytics: dashboard", "/api/analytics/dashboard"),
        one("analytics: agents", "/api/analytics/agents"),
        one("analytics: conversations", "/api/analytics/conversations"),
        one("analytics: channels", "/api/analytics/channels"),
        one("analytics: overview", "/api/analytics/overview"),
        one("analytics: overview of a year", "/api/analytics/overview?days=365"),
        one("analytics: costs", "/api/analytics/costs"),
        one("dashboard: metrics", "/dashboard/metrics"),
        one("dashboard: metrics of all days", "/dashboard/metrics/aggregated"),
        one("budget", "/api/budget"),
        one("subscription", "/api/subscription"),
    ]
}

async fn the_rest(client: &mut Client, base: KnowledgeBaseId) -> anyhow::Result<Vec<Endpoint>> {
    let agents = ids(client, "/api/agents", "agents").await?;
    let documents = ids(client, "/api/documents?limit=50", "documents").await?;
    let calls = ids(client, "/api/calls?limit=50", "calls").await?;
    let unanswered = format!("/api/knowledge-bases/{base}/unanswered");
    let topics = ids(client, &unanswered, "topics").await?;
    Ok(vec![
        one("agents", "/api/agents"),
        each("an agent", &agents, |id| format!("/api/agents/{id}")),
        one("channels", "/api/channels"),
        one("dead letters", "/api/dead-letters"),
        one(
            "dead letters, last page",
            format!("/api/dead-letters?page={}", pages(client, "/api/dead-letters", 20).await?),
        ),
        one("knowledge bases", "/api/knowledge-bases"),
        one("unanswered questions", unanswered.as_str()),
        each("an unanswered question", &topics, |id| format!("{unanswered}/{id}")),
        one("documents", "/api/documents"),
        each("a document", &documents, |id| format!("/api/documents/{id}")),
        each("a document's answers", &documents, |id| format!("/api/documents/{id}/answers")),
        one("calls", "/api/calls"),
        one("calls: figures", "/api/calls/metrics"),
        each("a call", &calls, |id| format!("/api/calls/{id}")),
        one("webhook endpoints", "/api/webhook-endpoints"),
        one("webhook deliveries", "/api/webhooks/deliveries"),
        one("webhook deliveries that wait", "/api/webhooks/deliveries?state=queued"),
        one("webhook deliveries that failed", "/api/webhooks/deliveries?state=dead"),
        one("audit", "/api/audit"),
        one("audit, last page", format!("/api/audit?page={}", pages(client, "/api/audit", 20).await?)),
        one("templates", "/api/templates"),
        one("people", "/api/users"),
        one("API keys", "/api/api-keys"),
        one("settings", "/api/settings"),
        one("reservations", "/api/reservations"),
        one("orders", "/api/orders"),
        one("health", "/health"),
    ])
}

/// How many pages of so many a list has.
async fn pages(client: &mut Client, path: &str, limit: u64) -> anyhow::Result<u64> {
    let total = client.data(path).await?["pagination"]["total"].as_u64().context("a list without a total")?;
    Ok(total.div_ceil(limit).max(1))
}

async fn ids(client: &mut Client, path: &str, name: &str) -> anyhow::Result<Vec<String>> {
    ids_of(client.data(path).await?, name).with_context(|| path.to_owned())
}

fn ids_of(list: Value, name: &str) -> anyhow::Result<Vec<String>> {
    let ids = list[name].as_array().into_iter().flatten().filter_map(|row| Some(row["id"].as_str()?.to_owned()));
    let ids: Vec<String> = ids.collect();
    anyhow::ensure!(!ids.is_empty(), "there are no {name}");
    Ok(ids)
}
