//! What an installation consists of: every table that is copied, in an order in which each row finds what it refers to.

mod agents;
mod approvals;
mod calls;
mod commerce;
mod figures;
mod health;
mod outreach;
mod people;
mod proposals;
mod simulations;
mod telling;
mod tools;
mod video;

use crate::db::{Kind, Value};
use Kind::{Bool, Bytes, Int, Text, Uuid};

/// A table of both databases.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Its first columns, so many of them, tell its rows apart and are indexed.
    pub(crate) key: usize,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// The database itself numbers the first column.
    pub(crate) numbered: bool,
}

/// What else both databases or one of them hold, and why it stays where it is: each database's own key check and marks;
/// the log and its cursors, which are empty of anything that no inbox holds; who owns what; files, which are copied by
/// their documents; what was tried of late; what people are found by, which follows from their rows.
#[cfg(test)]
pub(crate) const NOT_COPIED: [&str; 10] = [
    "meta",
    "ingress_log",
    "ingress_cursor",
    "nodes",
    "partitions",
    "writers",
    "files",
    "attempts",
    "contact_terms",
    "_sqlx_migrations",
];

pub(crate) const TABLES: [Table; 71] = [
    table("tenants", 1, &[("id", Uuid), ("slug", Text), ("name", Text), ("created_at", Int), ("suspended_at", Int)]),
    people::USERS,
    people::SESSIONS,
    people::REFRESH_TOKENS,
    people::LINKS,
    people::AUDIT,
    people::API_KEYS,
    table(
        "agents",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("name", Text),
            ("enabled", Bool),
            ("profile", Text),
            ("created_at", Int),
            ("updated_at", Int),
            ("deleted_at", Int),
        ],
    ),
    agents::AGENT_VERSIONS,
    agents::AGENT_DRAFTS,
    simulations::SIMULATIONS,
    simulations::SIMULATION_RUNS,
    table(
        "channels",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("kind", Text),
            ("name", Text),
            ("agent_id", Uuid),
            ("external_id", Text),
            ("pull", Bool),
            ("settings", Text),
            ("secrets", Bytes),
            ("enabled", Bool),
            ("created_at", Int),
            ("updated_at", Int),
            ("deleted_at", Int),
        ],
    ),
    table(
        "knowledge_bases",
        1,
        &[("id", Uuid), ("tenant_id", Uuid), ("name", Text), ("created_at", Int), ("draft_of", Uuid)],
    ),
    table(
        "documents",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("knowledge_base_id", Uuid),
            ("name", Text),
            ("size", Int),
            ("sha256", Bytes),
            ("path", Text),
            ("status", Text),
            ("revision", Int),
            ("taken_revision", Int),
            ("attempt", Int),
            ("pages", Int),
            ("chunks", Int),
            ("indexed", Int),
            ("characters", Int),
            ("language", Text),
            ("embedded", Bool),
            ("cause", Text),
            ("page_reports", Text),
            ("uploaded_at", Int),
            ("updated_at", Int),
        ],
    ),
    table(
        "contacts",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("name", Text),
            ("created_at", Int),
            ("phone", Text),
            ("email", Text),
            ("tags", Text),
            ("attributes", Text),
            ("consent", Text),
            ("consent_at", Int),
            ("updated_at", Int),
        ],
    ),
    table(
        "contact_identities",
        3,
        &[("tenant_id", Uuid), ("channel_id", Uuid), ("address", Text), ("contact_id", Uuid)],
    ),
    table(
        "peer_aliases",
        3,
        &[("tenant_id", Uuid), ("channel_id", Uuid), ("alias", Text), ("address", Text), ("told_at", Int)],
    ),
    table(
        "conversations",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("channel_id", Uuid),
            ("contact_id", Uuid),
            ("peer", Text),
            ("peer_name", Text),
            ("version", Int),
            ("last_seq", Int),
            ("mode", Text),
            ("snapshot", Text),
            ("created_at", Int),
            ("last_inbound_at", Int),
            ("assigned_to", Uuid),
            ("closed_at", Int),
            ("tags", Text),
            ("active_agent_id", Uuid),
            ("prompted_at", Int),
        ],
    ),
    table(
        "conversation_reads",
        3,
        &[("tenant_id", Uuid), ("conversation_id", Uuid), ("reader_id", Uuid), ("seq", Int)],
    ),
    table(
        "conversation_notes",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("conversation_id", Uuid),
            ("author_id", Uuid),
            ("text", Text),
            ("created_at", Int),
        ],
    ),
    table(
        "attachments",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("channel_id", Uuid),
            ("conversation_id", Uuid),
            ("message_id", Uuid),
            ("media", Text),
            ("reference", Text),
            ("mime", Text),
            ("name", Text),
            ("state", Text),
            ("due_at", Int),
            ("attempts", Int),
            ("size", Int),
            ("sha256", Text),
            ("cause", Text),
            ("created_at", Int),
        ],
    ),
    table(
        "inbox",
        2,
        &[
            ("conversation_id", Uuid),
            ("seq", Int),
            ("tenant_id", Uuid),
            ("channel_id", Uuid),
            ("provider_message_id", Text),
            ("received_at", Int),
            ("payload", Text),
            ("outcome", Text),
            ("outcome_detail", Text),
            ("settled_at", Int),
            ("heard", Text),
        ],
    ),
    numbered(
        "messages",
        &[
            ("position", Int),
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("conversation_id", Uuid),
            ("speaker", Text),
            ("seq", Int),
            ("turn", Int),
            ("kind", Text),
            ("text", Text),
            ("citations", Text),
            ("abstained", Bool),
            ("created_at", Int),
            ("checks", Text),
            ("author_id", Uuid),
            ("rich", Text),
        ],
    ),
    table(
        "journal",
        5,
        &[
            ("conversation_id", Uuid),
            ("turn", Int),
            ("step", Int),
            ("what", Text),
            ("place", Int),
            ("tenant_id", Uuid),
            ("payload", Text),
            ("created_at", Int),
            ("agent_id", Uuid),
        ],
    ),
    numbered(
        "outbox",
        &[
            ("position", Int),
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("channel_id", Uuid),
            ("conversation_id", Uuid),
            ("message_id", Uuid),
            ("peer", Text),
            ("peer_name", Text),
            ("text", Text),
            ("citations", Text),
            ("last_inbound_at", Int),
            ("state", Text),
            ("head", Bool),
            ("status", Text),
            ("due_at", Int),
            ("claimed_at", Int),
            ("status_at", Int),
            ("attempts", Int),
            ("parts_sent", Int),
            ("cause", Text),
            ("created_at", Int),
            ("rich", Text),
            ("by_person", Bool),
            ("template", Text),
            ("held_until", Int),
        ],
    ),
    table(
        "outbox_parts",
        3,
        &[("tenant_id", Uuid), ("channel_id", Uuid), ("provider_message_id", Text), ("outbox_id", Uuid), ("part", Int)],
    ),
    table(
        "beginnings",
        1,
        &[
            ("conversation_id", Uuid),
            ("tenant_id", Uuid),
            ("turn", Int),
            ("provider_message_id", Text),
            ("busy_at", Int),
        ],
    ),
    table("timers", 1, &[("conversation_id", Uuid), ("tenant_id", Uuid), ("due_at", Int)]),
    table(
        "dead_letters",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("conversation_id", Uuid),
            ("kind", Text),
            ("seq", Int),
            ("outbox_id", Uuid),
            ("code", Text),
            ("cause", Text),
            ("created_at", Int),
            ("replayed_at", Int),
        ],
    ),
    table(
        "document_versions",
        2,
        &[
            ("document_id", Uuid),
            ("generation", Text),
            ("tenant_id", Uuid),
            ("knowledge_base_id", Uuid),
            ("number", Int),
            ("sha256", Bytes),
            ("name", Text),
            ("ready_at", Int),
        ],
    ),
    table(
        "citations",
        2,
        &[
            ("message_id", Uuid),
            ("number", Int),
            ("tenant_id", Uuid),
            ("document_id", Uuid),
            ("generation", Text),
            ("conversation_id", Uuid),
            ("page", Int),
            ("char_offset", Int),
            ("quote", Text),
            ("created_at", Int),
        ],
    ),
    table(
        "unanswered_topics",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("knowledge_base_id", Uuid),
            ("state", Text),
            ("title", Text),
            ("language", Text),
            ("words", Text),
            ("questions", Int),
            ("first_at", Int),
            ("last_at", Int),
        ],
    ),
    table(
        "unanswered_questions",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("knowledge_base_id", Uuid),
            ("conversation_id", Uuid),
            ("turn", Int),
            ("text", Text),
            ("language", Text),
            ("topic_id", Uuid),
            ("asked_at", Int),
        ],
    ),
    table(
        "jobs",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("kind", Text),
            ("state", Text),
            ("detail", Text),
            ("leased_until", Int),
            ("created_at", Int),
            ("updated_at", Int),
        ],
    ),
    proposals::PROPOSALS,
    proposals::PROPOSAL_ANSWERS,
    approvals::APPROVALS,
    calls::CALLS,
    calls::CALL_STEPS,
    telling::EVENTS,
    table(
        "templates",
        1,
        &[
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("channel_id", Uuid),
            ("name", Text),
            ("language", Text),
            ("category", Text),
            ("components", Text),
            ("status", Text),
            ("reason", Text),
            ("provider_id", Text),
            ("told_at", Int),
            ("created_at", Int),
            ("updated_at", Int),
        ],
    ),
    health::CHANNEL_HEALTH,
    outreach::CONSENTS,
    outreach::CHANNEL_PRICES,
    outreach::BROADCASTS,
    outreach::PLANNED_MESSAGES,
    tools::TOOL_SERVERS,
    tools::TOOL_USES,
    table(
        "integrations",
        2,
        &[
            ("tenant_id", Uuid),
            ("kind", Text),
            ("id", Uuid),
            ("settings", Text),
            ("secrets", Bytes),
            ("updated_at", Int),
        ],
    ),
    table(
        "idempotency_keys",
        2,
        &[
            ("tenant_id", Uuid),
            ("key", Bytes),
            ("fingerprint", Bytes),
            ("status", Int),
            ("answer", Bytes),
            ("created_at", Int),
        ],
    ),
    table(
        "retention",
        1,
        &[
            ("tenant_id", Uuid),
            ("messages", Int),
            ("conversations", Int),
            ("events", Int),
            ("audit", Int),
            ("updated_at", Int),
            ("outreach", Int),
            ("simulations", Int),
            ("agent_versions", Int),
        ],
    ),
    telling::WEBHOOK_ENDPOINTS,
    telling::WEBHOOK_DELIVERIES,
    telling::WEBHOOK_ATTEMPTS,
    figures::METRIC_CHANGES,
    figures::DAILY_METRICS,
    figures::MESSAGE_COUNTS,
    figures::LIST_CHANGES,
    figures::LIST_SIZES,
    figures::CONVERSATION_COSTS,
    figures::SUBSCRIPTIONS,
    figures::BUDGETS,
    commerce::RESERVATIONS,
    commerce::MENU_ITEMS,
    commerce::ORDERS,
    commerce::COMMERCE_FLOWS,
    commerce::PAYMENT_EVENTS,
    commerce::WHATSAPP_FALLBACKS,
    video::VIDEO_SESSIONS,
    numbered(
        "ledger",
        &[
            ("id", Int),
            ("tenant_id", Uuid),
            ("agent_id", Uuid),
            ("day", Int),
            ("conversation_id", Uuid),
            ("turn", Int),
            ("step", Int),
            ("prompt_tokens", Int),
            ("completion_tokens", Int),
            ("cost_micros", Int),
            ("created_at", Int),
        ],
    ),
];

const fn table(name: &'static str, key: usize, columns: &'static [(&'static str, Kind)]) -> Table {
    Table { name, key, columns, numbered: false }
}

const fn numbered(name: &'static str, columns: &'static [(&'static str, Kind)]) -> Table {
    Table { name, key: 1, columns, numbered: true }
}

impl Table {
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.columns.iter().map(|(_, kind)| *kind)
    }

    /// What tells the row apart.
    pub(crate) fn key_of(&self, row: &[Value]) -> Vec<Value> {
        row.iter().take(self.key).cloned().collect()
    }
}
