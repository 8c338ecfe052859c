//! The hot statements must find their rows by an index, however many finished rows lie around them.

use super::{conversation, documents, inbox, log, outbox, platform, reports};
use crate::{SecretKey, SqliteStore, StoreOptions};
use colloquy_domain::testkit::{ManualClock, SeqIds};
use sqlx::{AssertSqlSafe, Row as _};
use std::sync::Arc;

async fn store(folder: &tempfile::TempDir) -> SqliteStore {
    let options = StoreOptions {
        clock: Arc::new(ManualClock::default()),
        ids: Arc::new(SeqIds::default()),
        secret_key: SecretKey::from_bytes([0; 32]),
    };
    SqliteStore::open(folder.path().join("plans.db"), options).await.expect("opens")
}

fn hot() -> Vec<(&'static str, String)> {
    let fixed = [
        ("log::READ", log::READ),
        ("log::TRIM", log::TRIM),
        ("inbox::MOVE_CURSOR", inbox::MOVE_CURSOR),
        ("conversation::LOAD", conversation::LOAD),
        ("conversation::PENDING", conversation::PENDING),
        ("conversation::HISTORY", conversation::HISTORY),
        ("conversation::UNFINISHED", conversation::UNFINISHED),
        ("conversation::DUE_TIMERS", conversation::DUE_TIMERS),
        ("conversation::SPENT", conversation::SPENT),
        ("conversation::CLEAR_TIMER", conversation::CLEAR_TIMER),
        ("outbox::DUE", outbox::DUE),
        ("outbox::CLAIM", outbox::CLAIM),
        ("outbox::NEXT_DUE", outbox::NEXT_DUE),
        ("outbox::RECOVER", outbox::RECOVER),
        ("outbox::PROMOTE", outbox::PROMOTE),
        ("outbox::PROGRESS", outbox::PROGRESS),
        ("outbox::SENT", outbox::SENT),
        ("outbox::AGAIN", outbox::AGAIN),
        ("outbox::RELEASED", outbox::RELEASED),
        ("outbox::RECONCILED", outbox::RECONCILED),
        ("outbox::FAILED", outbox::FAILED),
        ("outbox::UNCERTAIN", outbox::UNCERTAIN),
        ("outbox::ADD_PART", outbox::ADD_PART),
        ("outbox::BY_WATERMARK", outbox::BY_WATERMARK),
        ("documents::TAKE", documents::TAKE),
        ("documents::PROGRESS", documents::PROGRESS),
        ("documents::PATH_BY_NAME", documents::PATH_BY_NAME),
        ("platform::KEY_BY_HASH", platform::KEY_BY_HASH),
        ("platform::ANY_CHANNEL", platform::ANY_CHANNEL),
        ("platform::CHANNEL_BY_EXTERNAL", platform::CHANNEL_BY_EXTERNAL),
        ("platform::AGENT", platform::AGENT),
        ("reports::CONVERSATIONS", reports::CONVERSATIONS),
        ("reports::BY_PEER", reports::BY_PEER),
        ("reports::MESSAGES", reports::MESSAGES),
        ("reports::MESSAGES_SINCE", reports::MESSAGES_SINCE),
        ("reports::REPLY", reports::REPLY),
        ("reports::DEAD_LETTERS", reports::DEAD_LETTERS),
        ("reports::SPENDING", reports::SPENDING),
    ];
    let many = [
        ("inbox::LIVE_CHANNELS", inbox::LIVE_CHANNELS.text(4)),
        ("inbox::KNOWN", inbox::KNOWN.text(4)),
        ("inbox::CONVERSATIONS", inbox::CONVERSATIONS.text(4)),
        ("inbox::MOVE_CONVERSATION", inbox::MOVE_CONVERSATION.text(4)),
        ("conversation::FENCE", conversation::FENCE.text(4)),
        ("conversation::SETTLE", conversation::SETTLE.text(4)),
        ("conversation::ADD_LEDGER", conversation::ADD_LEDGER.text(4)),
        ("outbox::ADD", outbox::ADD.text(4)),
        ("outbox::BY_PART", outbox::BY_PART.text(4)),
        ("outbox::BY_ID", outbox::BY_ID.text(4)),
        ("outbox::ADVANCE", outbox::ADVANCE.text(4)),
    ];
    fixed.into_iter().map(|(name, text)| (name, text.to_owned())).chain(many).collect()
}

/// A walk over a whole table. Walks over the given rows (`VALUES CLAUSE`, `v`) and over an index that only holds
/// unfinished rows are not.
fn is_scan(step: &str) -> bool {
    let unfinished =
        ["inbox_pending", "outbox_open", "outbox_due", "outbox_sending", "documents_waiting", "timers_due"];
    let given = step.ends_with("VALUES CLAUSE") || step == "SCAN v" || step == "SCAN CONSTANT ROW";
    step.starts_with("SCAN") && !given && !unfinished.iter().any(|index| step.contains(index))
}

#[tokio::test]
async fn hot_statements_use_indexes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let mut scans = Vec::new();
    for (name, text) in hot() {
        let steps = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
            .fetch_all(store.readers())
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        scans.extend(steps.filter(|step| is_scan(step)).map(|step| format!("{name}: {step}")));
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

#[tokio::test]
async fn what_is_unfinished_is_found_by_its_own_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    for (text, index) in [
        (conversation::PENDING, "inbox_pending"),
        (conversation::UNFINISHED, "inbox_pending"),
        (conversation::DUE_TIMERS, "timers_due"),
        (outbox::DUE, "outbox_due"),
        (outbox::CLAIM, "outbox_due"),
        (outbox::NEXT_DUE, "outbox_due"),
        (outbox::RECOVER, "outbox_sending"),
        (outbox::PROMOTE, "outbox_open"),
        (documents::WAITING, "documents_waiting"),
    ] {
        let steps = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
            .fetch_all(store.readers())
            .await
            .expect("a plan");
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        assert!(steps.iter().any(|s| s.contains(index)), "{text}: {steps:#?}");
    }
}
