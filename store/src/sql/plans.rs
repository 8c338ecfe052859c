//! The hot statements must find their rows by an index, however many finished rows lie around them.

use super::{
    agents, approvals, attachments, beginnings, calls, commerce, contacts, conversation, desk, documents, events,
    health, held, inbox, knowledge, log, metrics, outbox, outreach, people, platform, reports, retention, settings,
    simulations, sizes, subscriptions, templates, tool_servers, tool_uses, trail, video, webhooks,
};
use crate::{
    Database, PostgresOptions, SecretKey, Store, StoreOptions,
    db::{self, Conn, Dialect, Query, Row, Rows, Sql},
};
use colloquy_domain::{
    channel::Secret,
    testkit::{ManualClock, SeqIds},
};
use std::sync::Arc;

#[path = "../../tests/common/postgres.rs"]
pub(crate) mod server;

fn options_of_tests() -> StoreOptions {
    StoreOptions {
        clock: Arc::new(ManualClock::default()),
        ids: Arc::new(SeqIds::default()),
        secret_key: SecretKey::from_bytes([0; 32]),
        placement: None,
    }
}

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path().join("plans.db"), options_of_tests()).await.expect("opens")
}

fn fixed() -> Vec<(&'static str, Sql)> {
    vec![
        ("attachments::LEASE", attachments::LEASE),
        ("attachments::WAITING", attachments::WAITING.into()),
        ("attachments::SHOW", attachments::SHOW.into()),
        ("attachments::OF_MESSAGE", attachments::OF_MESSAGE.into()),
        ("attachments::OF_CONTACT", attachments::OF_CONTACT.into()),
        ("attachments::KEEP", attachments::KEEP.into()),
        ("approvals::TAKE", approvals::TAKE.into()),
        ("approvals::SETTLE", approvals::SETTLE.into()),
        ("approvals::END", approvals::END.into()),
        ("approvals::RULINGS", approvals::RULINGS.into()),
        ("approvals::UNDOING", approvals::UNDOING.into()),
        ("approvals::DECIDE", approvals::DECIDE.into()),
        ("approvals::MARK_OVERDUE", approvals::MARK_OVERDUE.into()),
        ("approvals::ALL", approvals::ALL.into()),
        ("approvals::IN_STATUS", approvals::IN_STATUS.into()),
        ("approvals::OF_CONVERSATION", approvals::OF_CONVERSATION.into()),
        ("approvals::OF_CONVERSATION_IN_STATUS", approvals::OF_CONVERSATION_IN_STATUS.into()),
        ("approvals::COUNT_IN_STATUS", approvals::COUNT_IN_STATUS.into()),
        ("approvals::COUNT_OF_CONVERSATION", approvals::COUNT_OF_CONVERSATION.into()),
        ("beginnings::BEGIN", beginnings::BEGIN.into()),
        ("beginnings::OF", beginnings::OF.into()),
        ("beginnings::OF_REPLY", beginnings::OF_REPLY.into()),
        ("beginnings::AMEND", beginnings::AMEND.into()),
        ("beginnings::AMENDED", beginnings::AMENDED.into()),
        ("beginnings::FORGET", beginnings::FORGET.into()),
        ("beginnings::REPLACED", beginnings::REPLACED.into()),
        ("beginnings::REPEAT", beginnings::REPEAT.into()),
        ("inbox::CONSENT_OF", inbox::CONSENT_OF.into()),
        ("log::READ", log::READ.into()),
        ("log::TRIM", log::TRIM.into()),
        ("conversation::LOAD", conversation::LOAD.into()),
        ("conversation::PENDING", conversation::PENDING.into()),
        ("conversation::HISTORY", conversation::HISTORY.into()),
        ("conversation::UNFINISHED", conversation::UNFINISHED.into()),
        ("conversation::DUE_TIMERS", conversation::DUE_TIMERS.into()),
        ("conversation::SPENT", conversation::SPENT.into()),
        ("conversation::CUT", conversation::CUT.into()),
        ("conversation::CLEAR_TIMER", conversation::CLEAR_TIMER.into()),
        ("health::SHOW", health::SHOW.into()),
        ("health::SERVED", health::SERVED.into()),
        ("health::STOP", health::STOP.into()),
        ("health::LIFT", health::LIFT.into()),
        ("trail::TURNS", trail::TURNS.into()),
        ("trail::COUNT_TURNS", trail::COUNT_TURNS.into()),
        ("held::KNOWN", held::KNOWN.into()),
        ("held::BEING_SENT", held::BEING_SENT.into()),
        ("held::HEARD", held::HEARD.into()),
        ("held::HOLD", held::HOLD.into()),
        ("held::PROMPT", held::PROMPT.into()),
        ("held::ADD_STAND_IN", held::ADD_STAND_IN),
        ("outbox::CLAIM", outbox::CLAIM),
        ("outbox::NEXT_DUE", outbox::NEXT_DUE),
        ("outbox::WAITS", outbox::WAITS.into()),
        ("outbox::RECOVER", outbox::RECOVER.into()),
        ("outbox::PROMOTE", outbox::PROMOTE),
        ("outbox::PROGRESS", outbox::PROGRESS),
        ("outbox::SENT", outbox::SENT.into()),
        ("outbox::AGAIN", outbox::AGAIN),
        ("outbox::RELEASED", outbox::RELEASED.into()),
        ("outbox::RECONCILED", outbox::RECONCILED.into()),
        ("outbox::APART", outbox::APART.into()),
        ("outbox::FAILED", outbox::FAILED.into()),
        ("outbox::UNCERTAIN", outbox::UNCERTAIN.into()),
        ("outbox::ADD_PART", outbox::ADD_PART.into()),
        ("outbox::BY_WATERMARK", outbox::BY_WATERMARK),
        ("outreach::CONSENT", outreach::CONSENT.into()),
        ("outreach::CONSENTS", outreach::CONSENTS.into()),
        ("outreach::CONSENTED", outreach::CONSENTED.into()),
        ("outreach::WITHDRAW_CONSENT", outreach::WITHDRAW_CONSENT.into()),
        ("outreach::PRICES", outreach::PRICES.into()),
        ("outreach::PLANNED", outreach::PLANNED.into()),
        ("outreach::ALL_PLANNED", outreach::ALL_PLANNED.into()),
        ("outreach::COUNT_PLANNED", outreach::COUNT_PLANNED.into()),
        ("outreach::PLANNED_OF_CONTACT", outreach::PLANNED_OF_CONTACT.into()),
        ("outreach::PLANNED_OF_BROADCAST", outreach::PLANNED_OF_BROADCAST.into()),
        ("outreach::COUNT_OF_BROADCAST", outreach::COUNT_OF_BROADCAST.into()),
        ("outreach::PROGRESS", outreach::PROGRESS.into()),
        ("outreach::DUE", outreach::DUE.into()),
        ("outreach::NEXT", outreach::NEXT.into()),
        ("outreach::TAKE", outreach::TAKE.into()),
        ("outreach::SETTLE", outreach::SETTLE.into()),
        ("outreach::CANCEL", outreach::CANCEL.into()),
        ("outreach::BROADCAST", outreach::BROADCAST.into()),
        ("outreach::BROADCASTS", outreach::BROADCASTS.into()),
        ("outreach::COUNT_BROADCASTS", outreach::COUNT_BROADCASTS.into()),
        ("outreach::DUE_BROADCASTS", outreach::DUE_BROADCASTS.into()),
        ("outreach::MOVE_BROADCAST", outreach::MOVE_BROADCAST.into()),
        ("outreach::CANCEL_ALL", outreach::CANCEL_ALL.into()),
        ("outreach::FINISH", outreach::FINISH.into()),
        ("outreach::TENANTS_DUE", outreach::TENANTS_DUE.into()),
        ("outreach::DROP_TWICE", outreach::DROP_TWICE.into()),
        ("outreach::MOVE_PLANNED", outreach::MOVE_PLANNED.into()),
        ("outreach::MOVE_CONSENTS", outreach::MOVE_CONSENTS.into()),
        ("outreach::FORGET_PLANNED", outreach::FORGET_PLANNED.into()),
        ("outreach::FORGET_CONSENTS", outreach::FORGET_CONSENTS.into()),
        ("outreach::ACCOUNT_WAITING", outreach::ACCOUNT_WAITING),
        ("commerce::RESERVATION", commerce::RESERVATION.into()),
        ("commerce::RESERVATION_BY_KEY", commerce::RESERVATION_BY_KEY.into()),
        ("commerce::RESERVATIONS", commerce::RESERVATIONS.into()),
        ("commerce::RESERVATIONS_BETWEEN", commerce::RESERVATIONS_BETWEEN.into()),
        ("commerce::LAST_RESERVATION", commerce::LAST_RESERVATION.into()),
        ("commerce::LAST_ORDER", commerce::LAST_ORDER.into()),
        ("commerce::ITEMS", commerce::ITEMS.into()),
        ("commerce::ORDER_BY_KEY", commerce::ORDER_BY_KEY.into()),
        ("commerce::ORDER_BY_PAYMENT", commerce::ORDER_BY_PAYMENT.into()),
        ("commerce::ORDERS", commerce::ORDERS.into()),
        ("commerce::OPEN_FLOW", commerce::OPEN_FLOW.into()),
        ("commerce::DUE", commerce::DUE.into()),
        ("commerce::LEASE", commerce::LEASE.into()),
        ("video::SESSION", video::SESSION.into()),
        ("video::BY_KEY", video::BY_KEY.into()),
        ("video::OPEN", video::OPEN.into()),
        ("video::SESSIONS", video::SESSIONS.into()),
        ("video::RUNNING", video::RUNNING.into()),
        ("video::DUE", video::DUE.into()),
        ("video::LEASE", video::LEASE.into()),
        ("video::FORGET", video::FORGET.into()),
        ("video::RELEASE", video::RELEASE.into()),
        ("documents::TAKE", documents::TAKE.into()),
        ("documents::PROGRESS", documents::PROGRESS.into()),
        ("documents::EXISTS", documents::EXISTS.into()),
        ("documents::PATH_BY_NAME", documents::PATH_BY_NAME.into()),
        ("events::AFTER", events::AFTER),
        ("events::LAST", events::LAST),
        ("events::MOMENT", events::MOMENT.into()),
        ("knowledge::VERSIONS", knowledge::VERSIONS.into()),
        ("knowledge::ANSWERS", knowledge::ANSWERS.into()),
        ("knowledge::UNSORTED", knowledge::UNSORTED.into()),
        ("knowledge::TOPIC_WORDS", knowledge::TOPIC_WORDS.into()),
        ("knowledge::TOPICS", knowledge::TOPICS.into()),
        ("knowledge::QUESTIONS", knowledge::QUESTIONS.into()),
        ("knowledge::SORT", knowledge::SORT.into()),
        ("platform::KEY_BY_HASH", platform::KEY_BY_HASH.into()),
        ("platform::ANY_CHANNEL", platform::ANY_CHANNEL.into()),
        ("platform::CHANNEL_BY_EXTERNAL", platform::CHANNEL_BY_EXTERNAL.into()),
        ("platform::AGENT", platform::AGENT.into()),
        ("agents::LAST", agents::LAST.into()),
        ("agents::VERSIONS", agents::VERSIONS.into()),
        ("agents::COUNT_VERSIONS", agents::COUNT_VERSIONS.into()),
        ("agents::DRAFTS", agents::DRAFTS.into()),
        ("simulations::GET", simulations::GET.into()),
        ("simulations::LIST", simulations::LIST.into()),
        ("simulations::RUNS", simulations::RUNS.into()),
        ("simulations::COUNT_RUNS", simulations::COUNT_RUNS.into()),
        ("simulations::ADD_RUN", simulations::ADD_RUN.into()),
        ("simulations::DELETE", simulations::DELETE.into()),
        ("templates::TEMPLATES", templates::TEMPLATES.into()),
        ("templates::BY_NAME", templates::BY_NAME.into()),
        ("templates::TOLD", templates::TOLD.into()),
        ("tool_servers::SERVERS", tool_servers::SERVERS.into()),
        ("tool_uses::COUNTED", tool_uses::COUNTED.into()),
        ("tool_uses::USED", tool_uses::USED.into()),
        ("tool_uses::USED_BY", tool_uses::USED_BY.into()),
        ("tool_uses::FORGET", tool_uses::FORGET.into()),
        ("settings::INTEGRATION", settings::INTEGRATION.into()),
        ("settings::KEY", settings::KEY.into()),
        ("settings::FORGET_KEYS", settings::FORGET_KEYS.into()),
        ("retention::OLD_LINES", retention::OLD_LINES.into()),
        ("retention::OLD_CONVERSATIONS", retention::OLD_CONVERSATIONS),
        ("retention::OLD_EVENT_ROWS", retention::OLD_EVENT_ROWS.into()),
        ("retention::OLD_AUDIT", retention::OLD_AUDIT.into()),
        ("retention::OLD_PLANNED", retention::OLD_PLANNED.into()),
        ("retention::OLD_RECIPIENTS", retention::OLD_RECIPIENTS.into()),
        ("retention::OLD_BROADCASTS", retention::OLD_BROADCASTS.into()),
        ("retention::OLD_SIMULATIONS", retention::OLD_SIMULATIONS.into()),
        ("retention::OLD_AGENT_VERSIONS", retention::OLD_AGENT_VERSIONS.into()),
        ("calls::BY_EXTERNAL", calls::BY_EXTERNAL),
        ("calls::OWN", calls::OWN),
        ("calls::SILENT", calls::SILENT.into()),
        ("calls::CALL", calls::CALL.into()),
        ("calls::CALLS", calls::CALLS.into()),
        ("calls::COUNT", calls::COUNT.into()),
        ("calls::FIGURES", calls::FIGURES),
        ("calls::OUTCOMES", calls::OUTCOMES.into()),
        ("calls::STEPS", calls::STEPS.into()),
        ("reports::CONVERSATION", reports::CONVERSATION.into()),
        ("reports::SNAPSHOT", reports::SNAPSHOT.into()),
        ("reports::BY_PEER", reports::BY_PEER.into()),
        ("reports::MESSAGES", reports::MESSAGES.into()),
        ("reports::MESSAGES_SINCE", reports::MESSAGES_SINCE.into()),
        ("reports::REPLY", reports::REPLY.into()),
        ("reports::COUNT_MESSAGES", reports::COUNT_MESSAGES.into()),
        ("reports::DEAD_LETTERS", reports::DEAD_LETTERS.into()),
        ("reports::COUNT_DEAD_LETTERS", reports::COUNT_DEAD_LETTERS.into()),
        ("reports::OPEN_DEAD_LETTERS", reports::OPEN_DEAD_LETTERS.into()),
        ("reports::COUNT_OPEN_DEAD_LETTERS", reports::COUNT_OPEN_DEAD_LETTERS.into()),
        ("desk::LINE", desk::LINE.into()),
        ("desk::LINES", desk::LINES.into()),
        ("desk::LINES_IN", desk::LINES_IN.into()),
        ("desk::LINES_OF", desk::LINES_OF.into()),
        ("desk::COUNT_LINES_OF", desk::COUNT_LINES_OF.into()),
        ("desk::FAILED_LINES", desk::FAILED_LINES.into()),
        ("desk::QUEUED_LINES", desk::QUEUED_LINES.into()),
        ("desk::NOTES", desk::NOTES.into()),
        ("desk::COUNT_NOTES", desk::COUNT_NOTES.into()),
        ("contacts::CONTACT", contacts::CONTACT.into()),
        ("contacts::IDENTITIES", contacts::IDENTITIES.into()),
        ("contacts::IDENTITY_AT", contacts::IDENTITY_AT.into()),
        ("contacts::CONVERSATION_AT", contacts::CONVERSATION_AT),
        ("contacts::OF_NUMBER", contacts::OF_NUMBER.into()),
        ("contacts::OF_ALIAS", contacts::OF_ALIAS.into()),
        ("contacts::ALIASES_FOLLOW", contacts::ALIASES_FOLLOW.into()),
        ("conversation::HEAR", conversation::HEAR.into()),
        ("contacts::DROP_IDENTITY", contacts::DROP_IDENTITY.into()),
        ("contacts::READDRESS", contacts::READDRESS.into()),
        ("contacts::READDRESS_WAITING", contacts::READDRESS_WAITING.into()),
        ("contacts::ATTRIBUTES_OF", contacts::ATTRIBUTES_OF),
        ("reports::SPENDING", reports::SPENDING.into()),
        ("metrics::FIGURES", metrics::FIGURES),
        ("sizes::SIZES", sizes::SIZES.into()),
        ("metrics::SO_FAR", metrics::SO_FAR.into()),
        ("metrics::MESSAGE_DAYS", metrics::MESSAGE_DAYS.into()),
        ("metrics::CONVERSATION_COSTS", metrics::CONVERSATION_COSTS.into()),
        ("metrics::COUNT_CONVERSATION_COSTS", metrics::COUNT_CONVERSATION_COSTS.into()),
        ("metrics::AGENT_NAMES", metrics::AGENT_NAMES.into()),
        ("metrics::CHANNEL_NAMES", metrics::CHANNEL_NAMES.into()),
        ("people::AUDIT", people::AUDIT.into()),
        ("people::COUNT_AUDIT", people::COUNT_AUDIT.into()),
        ("webhooks::DELIVERIES", webhooks::DELIVERIES.into()),
        ("webhooks::DELIVERIES_IN", webhooks::DELIVERIES_IN.into()),
        ("webhooks::OPEN_DELIVERIES_IN", webhooks::OPEN_DELIVERIES_IN.into()),
        ("webhooks::COUNT_OPEN_DELIVERIES_IN", webhooks::COUNT_OPEN_DELIVERIES_IN.into()),
        ("webhooks::COUNT_DELIVERED", webhooks::COUNT_DELIVERED.into()),
        ("subscriptions::HELD", subscriptions::HELD.into()),
        ("subscriptions::BARS", subscriptions::BARS.into()),
    ]
}

/// With the types of their parameters on PostgreSQL.
fn many() -> Vec<(&'static str, Rows, &'static str)> {
    vec![
        ("inbox::CONSENTS", inbox::CONSENTS, "uuid[], uuid[], text[], text[], bigint[]"),
        ("inbox::MOVE_CURSORS", inbox::MOVE_CURSORS, "bigint[], bigint[], bigint[]"),
        ("inbox::LIVE_CHANNELS", inbox::LIVE_CHANNELS, "uuid[], uuid[]"),
        ("inbox::KNOWN", inbox::KNOWN, "uuid[], uuid[], text[]"),
        ("inbox::CONVERSATIONS", inbox::CONVERSATIONS, "uuid[], uuid[], text[]"),
        ("inbox::MOVE_CONVERSATION", inbox::MOVE_CONVERSATION, "uuid[], uuid[], bigint[], bigint[], text[], boolean[]"),
        ("held::RELEASE", held::RELEASE, "uuid[], uuid[], bigint[]"),
        ("conversation::FENCE", conversation::FENCE, "uuid[], uuid[], bigint[], text[], text[], uuid[]"),
        ("conversation::SETTLE", conversation::SETTLE, "uuid[], uuid[], bigint[], text[], text[], bigint[]"),
        (
            "conversation::ADD_LEDGER",
            conversation::ADD_LEDGER,
            "uuid[], uuid[], bigint[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], uuid[]",
        ),
        (
            "outbox::ADD",
            outbox::ADD,
            "uuid[], uuid[], uuid[], uuid[], uuid[], text[], text[], text[], text[], text[], boolean[], bigint[], \
             bigint[], text[]",
        ),
        ("outbox::ALL_SENT", outbox::ALL_SENT, "uuid[], uuid[], bigint[]"),
        ("outbox::ALL_RECONCILED", outbox::ALL_RECONCILED, "uuid[], uuid[]"),
        ("outbox::ADD_PARTS", outbox::ADD_PARTS, "uuid[], uuid[], text[]"),
        ("outbox::PROMOTE_ALL", outbox::PROMOTE_ALL, "uuid[], uuid[]"),
        ("outbox::BY_PART", outbox::BY_PART, "uuid, uuid, text[]"),
        ("outbox::BY_ID", outbox::BY_ID, "uuid, uuid, uuid[]"),
        ("outbox::ADVANCE", outbox::ADVANCE, "uuid[], uuid[], text[], bigint[], text[]"),
    ]
}

/// Lists that are narrowed in any of the ways that there are, and their counts, with the types of their parameters on
/// PostgreSQL.
fn narrowed() -> Vec<(String, String, &'static str)> {
    let mut all = Vec::new();
    let mut add = |name: String, lists: [String; 2], count: String, types| {
        all.push((format!("the count of {name}"), count, types));
        let [list, from_end] = lists;
        all.push((format!("{name}, from the end"), from_end, types));
        all.push((name, list, types));
    };
    for n in 0..24 {
        let closed = [None, Some(true), Some(false)][n / 8];
        let of = reports::Narrowed { closed, assigned: n & 1 > 0, tagged: n & 2 > 0, searched: n & 4 > 0 };
        add(
            format!("conversations, {of:?}"),
            [of.list(), of.list_from_end()],
            of.count(),
            "uuid, uuid, text, text, uuid, bigint, bigint",
        );
    }
    for n in 0..8 {
        let of = contacts::Narrowed { searched: n & 1 > 0, tagged: n & 2 > 0, before: n & 4 > 0 };
        add(
            format!("contacts, {of:?}"),
            [of.list(), of.list_from_end()],
            of.count(),
            "uuid, text, text, uuid, bigint, bigint",
        );
    }
    all
}

async fn plan(store: &Store, text: &str) -> Vec<String> {
    let rows = Query::built(format!("EXPLAIN QUERY PLAN {text}")).fetch_all(store.readers()).await;
    let detail = |row: &Row| row.read::<(i64, i64, i64, String)>().expect("a step").3;
    rows.unwrap_or_else(|e| panic!("{text}: {e}")).iter().map(detail).collect()
}

/// A walk over a whole table. Walks over the given rows (`VALUES CLAUSE`, `v`), over those that a window counts (`subquery`)
/// and over an index that only holds unfinished rows are not.
fn is_scan(step: &str) -> bool {
    let unfinished = [
        "inbox_pending",
        "outbox_open",
        "outbox_due",
        "outbox_sending",
        "documents_waiting",
        "timers_due",
        "attachments_waiting",
        "commerce_flows_due",
        "approvals_decided",
        "approvals_waiting",
        "planned_due",
        "broadcasts_due",
        "video_sessions_due",
        "calls_open",
    ];
    let given = step.ends_with("VALUES CLAUSE")
        || step.starts_with("SCAN (subquery-")
        || ["SCAN v", "SCAN i", "SCAN a", "SCAN CONSTANT ROW"].contains(&step);
    step.starts_with("SCAN") && !given && !unfinished.iter().any(|index| step.contains(index))
}

// req: S1-DB-1
#[tokio::test]
async fn hot_statements_use_indexes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let mut scans = Vec::new();
    let fixed = fixed().into_iter().map(|(name, sql)| (name, sql.sqlite.to_owned()));
    let many = many().into_iter().map(|(name, rows, _)| (name, rows.text(Dialect::Sqlite, 4)));
    let narrowed = narrowed().into_iter().map(|(name, text, _)| (name, text));
    let named = |(name, text): (&str, String)| (name.to_owned(), text);
    for (name, text) in fixed.chain(many).map(named).chain(narrowed) {
        let steps = plan(&store, &text).await;
        scans.extend(steps.iter().filter(|step| is_scan(step)).map(|step| format!("{name}: {step}")));
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

#[tokio::test]
async fn what_is_unfinished_is_found_by_its_own_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let expected: [(Sql, &str); 13] = [
        (conversation::UNFINISHED.into(), "approvals_decided"),
        (approvals::MARK_OVERDUE.into(), "approvals_waiting"),
        (outreach::TENANTS_DUE.into(), "planned_due"),
        (outreach::TENANTS_DUE.into(), "broadcasts_due"),
        (outreach::NEXT.into(), "planned_waiting"),
        (conversation::PENDING.into(), "inbox_pending"),
        (conversation::UNFINISHED.into(), "inbox_pending"),
        (conversation::DUE_TIMERS.into(), "timers_due"),
        (outbox::CLAIM, "outbox_due"),
        (outbox::NEXT_DUE, "outbox_due"),
        (outbox::RECOVER.into(), "outbox_sending"),
        (outbox::PROMOTE, "outbox_open"),
        (documents::WAITING.into(), "documents_waiting"),
    ];
    for (sql, index) in expected {
        let steps = plan(&store, sql.sqlite).await;
        assert!(steps.iter().any(|s| s.contains(index)), "{sql:?}: {steps:#?}");
    }
}

// req: S1-DB-1
#[tokio::test]
async fn what_is_asked_for_is_found_by_its_own_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let any = reports::Narrowed { closed: None, assigned: false, tagged: false, searched: false };
    let contact = contacts::Narrowed { searched: false, tagged: false, before: false };
    let expected = [
        (any.list(), "conversations_of_tenant"),
        (reports::Narrowed { closed: Some(true), ..any }.list(), "conversations_closed"),
        (reports::Narrowed { closed: Some(true), ..any }.count(), "conversations_closed"),
        (reports::Narrowed { closed: Some(false), ..any }.list(), "conversations_open"),
        (reports::Narrowed { closed: Some(false), ..any }.count(), "conversations_open"),
        (reports::Narrowed { tagged: true, ..any }.list(), "conversations_tagged"),
        (reports::Narrowed { tagged: true, ..any }.count(), "conversations_tagged"),
        (reports::Narrowed { assigned: true, ..any }.list(), "conversations_assigned"),
        (reports::Narrowed { assigned: true, ..any }.count(), "conversations_assigned"),
        (contact.list(), "contacts_of_tenant"),
        (contacts::Narrowed { tagged: true, ..contact }.list(), "contacts_tagged"),
        (contacts::Narrowed { tagged: true, ..contact }.count(), "contacts_tagged"),
        (reports::Narrowed { searched: true, ..any }.list(), "conversations_with_contact"),
        (reports::Narrowed { searched: true, ..any }.count(), "conversations_with_contact"),
        (contacts::Narrowed { searched: true, ..contact }.list(), "t USING PRIMARY KEY"),
        (contacts::Narrowed { searched: true, ..contact }.count(), "t USING PRIMARY KEY"),
        (desk::LINES.to_owned(), "messages_by_time"),
        (desk::LINES_IN.to_owned(), "messages_by_time"),
        (desk::LINES_OF.to_owned(), "messages_of_conversation"),
        (contacts::identities_of(20), "contact_identities_of_contact"),
        (desk::FAILED_LINES.to_owned(), "outbox_failed"),
        (desk::QUEUED_LINES.to_owned(), "outbox_open"),
        (webhooks::OPEN_DELIVERIES_IN.to_owned(), "webhook_deliveries_open"),
    ];
    for (text, index) in expected {
        let steps = plan(&store, &text).await;
        assert!(steps.iter().any(|s| s.contains(index)), "{text}: {steps:#?}");
    }
}

/// What PostgreSQL would do with a statement of these types' parameters, whatever they are.
async fn postgres_plan(conn: &mut Conn, types: &str, parameters: usize, text: &str) -> Vec<String> {
    let types = if types.is_empty() { String::new() } else { format!("({types})") };
    let nulls = if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(",")) };
    let script = format!("PREPARE hot {types} AS {text}; EXPLAIN (COSTS OFF) EXECUTE hot {nulls}; DEALLOCATE hot");
    let rows = conn.script(script).await.unwrap_or_else(|e| panic!("{text}: {e}"));
    rows.iter().map(|row| row.read::<(String,)>().expect("a step").0).collect()
}

// req: S1-DB-1
#[tokio::test]
async fn hot_statements_use_indexes_behind_walls_too() {
    let server = server::Server::shared();
    let url = server.url(&server.database());
    let options = PostgresOptions::new(Secret::new(url.as_str()));
    let store = Store::open(Database::Postgres(options), options_of_tests()).await.expect("opens");
    let connect = db::read_url(&url).expect("a URL");
    let mut conn = Conn::from(db::connect_postgres(&connect).await.expect("connects"));
    // Tables are empty here, but no connection of ours walks over one unless it must.
    let mut scans = Vec::new();
    for (name, sql) in fixed() {
        let parameters = (1..=20).filter(|n| sql.postgres.contains(&format!("${n}"))).count();
        let steps = postgres_plan(&mut conn, "", parameters, sql.postgres).await;
        scans.extend(steps.iter().filter(|s| s.contains("Seq Scan")).map(|s| format!("{name}: {s}")));
    }
    for (name, rows, types) in many() {
        let text = rows.text(Dialect::Postgres, 0);
        let steps = postgres_plan(&mut conn, types, types.split(',').count(), &text).await;
        scans.extend(steps.iter().filter(|s| s.contains("Seq Scan")).map(|s| format!("{name}: {s}")));
    }
    for (name, rows, types) in [
        ("inbox::LOOK", inbox::LOOK, "uuid[], uuid[], text[], text[], bigint[]"),
        ("outbox::CLAIM_ALL", outbox::CLAIM_ALL, "uuid[], uuid[], bigint[], bigint[]"),
        ("conversation::LOCK_ALL", conversation::LOCK_ALL, "uuid[], uuid[]"),
    ] {
        let text = rows.text(Dialect::Postgres, 0);
        let steps = postgres_plan(&mut conn, types, types.split(',').count(), &text).await;
        scans.extend(steps.iter().filter(|s| s.contains("Seq Scan")).map(|s| format!("{name}: {s}")));
    }
    for (name, text, types) in narrowed() {
        let steps = postgres_plan(&mut conn, types, types.split(',').count(), &text).await;
        scans.extend(steps.iter().filter(|s| s.contains("Seq Scan")).map(|s| format!("{name}: {s}")));
    }
    assert!(scans.is_empty(), "{scans:#?}");
    store.close().await;
}
