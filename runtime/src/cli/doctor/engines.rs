//! The engines of a cluster.

use super::report::Report;
use crate::{
    cli::migrate::store_options,
    cluster::alive,
    config::Config,
    install::megabytes,
    machine::MachineClock,
    nats::{Connection, Inspection, LaneReport, inspect},
};
use colloquy_domain::{
    ports::{Clock, StoreError},
    time::Timestamp,
};
use colloquy_rag::index::Index;
use colloquy_store::{Database, DatabaseServer, SecretKey, Store, Walls};
use uuid::Uuid;

/// The oldest PostgreSQL that is supported.
const POSTGRES: u64 = 14;
/// Between the database's clock and this machine's: above it there is a warning, and a failure; milliseconds.
const SOME_SKEW: u64 = 2_000;
const TOO_MUCH_SKEW: u64 = 30_000;

/// Opens and migrates it. Returns the log that its cursors belong to, if there was one.
pub async fn postgres(database: Database, key: SecretKey, cluster: bool, report: &mut Report) -> Option<Uuid> {
    let shown = database.to_string();
    let store = match Store::open(database, store_options(key)).await {
        Ok(store) => store,
        Err(e) => {
            report.fail("database", e.to_string(), "see DATABASE_URL, COLLOQUY_SECRET_KEY and the server's log");
            return None;
        }
    };
    let found = looked_at(&store, &shown, cluster, report).await;
    store.close().await;
    found.unwrap_or_else(|e| {
        report.fail("database", format!("{shown}: {e}"), "see the server's log");
        None
    })
}

async fn looked_at(store: &Store, shown: &str, cluster: bool, report: &mut Report) -> Result<Option<Uuid>, StoreError> {
    let rows = store.installation();
    let asked = MachineClock.now();
    if let Some(server) = rows.database_server().await? {
        let answered = MachineClock.now();
        version(&server, shown, report);
        clock(skew(asked, server.now, answered), report);
    }
    walls(store.walls(), report);
    if cluster {
        let alive = alive(store).await?;
        let message = match alive.len() {
            0 => "none is alive".to_owned(),
            count => format!("{count} alive: {}", alive.join(", ")),
        };
        report.ok("nodes", message);
    }
    rows.named_log().await
}

fn version(server: &DatabaseServer, shown: &str, report: &mut Report) {
    let message = format!("{shown} opens and is up to date (PostgreSQL {})", server.version);
    if server.major < POSTGRES {
        report.warn("database", message, format!("upgrade the server: {POSTGRES} is the oldest that is supported"));
    } else {
        report.ok("database", message);
    }
}

fn walls(walls: Walls, report: &mut Report) {
    match walls {
        Walls::None => {}
        Walls::Standing => report.ok("row security", "the database, too, keeps tenants apart for this role"),
        Walls::Bypassed => report.warn(
            "row security",
            "this role is a superuser or bypasses row-level security: only the program keeps tenants apart",
            "CREATE ROLE colloquy LOGIN PASSWORD '…' NOSUPERUSER NOBYPASSRLS, make it the owner of the database and its \
             tables, and name it in DATABASE_URL (docs/DEPLOYMENT.md)",
        ),
    }
}

/// How far the database's clock is ahead of this machine's, in milliseconds; what lies within the time that the answer
/// took is no difference.
fn skew(asked: Timestamp, told: Timestamp, answered: Timestamp) -> i64 {
    told.millis() - told.millis().clamp(asked.millis(), answered.millis().max(asked.millis()))
}

fn clock(skew: i64, report: &mut Report) {
    const HINT: &str = "let both keep time (NTP): leases of nodes go by the database's clock, the windows of messaging \
                        by this machine's";
    let seconds = skew.unsigned_abs() / 1000;
    let direction = if skew < 0 { "ahead of" } else { "behind" };
    let message = format!("this machine's is {seconds} s {direction} the database's");
    match skew.unsigned_abs() {
        far if far > TOO_MUCH_SKEW => report.fail("clock", message, HINT),
        some if some > SOME_SKEW => report.warn("clock", message, HINT),
        little => report.ok("clock", format!("this machine's and the database's differ by {little} ms")),
    }
}

/// `log`: the one that the database's cursors belong to.
pub async fn nats(config: &Config, log: Option<Uuid>, report: &mut Report) {
    let Some(options) = config.nats() else { return };
    let connection = match Connection::connect(&options).await {
        Ok(connection) => connection,
        Err(e) => return report.fail("nats", e.to_string(), "start it, or see NATS_URL and how this node signs in"),
    };
    match inspect(&connection, &config.log_options()).await {
        Ok(found) => tell(&found, log, report),
        Err(e) => report.fail("nats", e.to_string(), "see its log, and what this account may do (docs/DEPLOYMENT.md)"),
    }
}

fn tell(found: &Inspection, log: Option<Uuid>, report: &mut Report) {
    let at = format!("NATS {} at {}", found.server_version, found.hosts);
    let usage = match &found.jetstream {
        Ok(usage) => usage,
        Err(why) => {
            let message = format!("{at}: JetStream cannot be used: {why}");
            return report.fail("nats", message, "enable it on the server, and for this account");
        }
    };
    let other = |lane: &LaneReport| log.is_some_and(|log| lane.log_id != Some(log));
    if found.lanes.iter().any(other) || (log.is_some() && found.lanes.is_empty()) {
        let message = format!("{at}: the log is not the one that the database has been reading");
        let hint = "name the right servers and prefix, or restore the streams; if they are lost, stop all nodes and run \
                    `colloquy reset-log`";
        return report.fail("nats", message, hint);
    }
    let replicas = found.lanes.iter().map(|l| l.replicas).min().unwrap_or_default();
    let messages: u64 = found.lanes.iter().map(|l| l.messages).sum();
    let limit = usage.storage_limit.map_or_else(String::new, |l| format!(" of {}", megabytes(l)));
    let message = format!(
        "{at}: {} lanes with {replicas} replicas each hold {messages} batches; the account's {} streams use {}{limit}",
        found.lanes.len(),
        usage.streams,
        megabytes(usage.storage),
    );
    let remarks = found.remarks.join("; ");
    if found.troubles.is_empty() {
        report.noted("nats", message, remarks);
    } else {
        report.warn("nats", format!("{message}; {}", found.troubles.join("; ")), remarks);
    }
}

pub async fn qdrant(config: &Config, report: &mut Report) {
    let Some(url) = &config.engines.qdrant_url else { return };
    let counted = async { Index::open(config.vector_store(config.data_dir.clone())).await?.count().await };
    match counted.await {
        // It has been checked: there is no user and no password in it.
        Ok(passages) => report.ok("qdrant", format!("{url} holds {passages} passages")),
        Err(e) => report.fail("qdrant", e.detail, "see QDRANT_URL (the gRPC port, usually 6334) and QDRANT_API_KEY"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::State, *};
    use crate::nats::Usage;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn worst(look: impl FnOnce(&mut Report)) -> (State, String) {
        let mut report = Report::default();
        look(&mut report);
        (report.worst(), report.summary().to_string())
    }

    #[test]
    fn what_the_answer_took_is_no_difference_of_clocks() {
        assert_eq!(skew(at(100), at(150), at(200)), 0);
        assert_eq!((skew(at(100), at(90), at(200)), skew(at(100), at(3_200), at(200))), (-10, 3_000));
        assert_eq!(skew(at(100), at(100), at(40)), 0, "this machine's clock was set back meanwhile");
    }

    #[test]
    fn clocks_may_differ_a_little() {
        for (ms, state) in [
            (2_000, State::Ok),
            (-2_001, State::Warn),
            (30_000, State::Warn),
            (30_001, State::Fail),
            (i64::MIN, State::Fail),
        ] {
            assert_eq!(worst(|r| clock(ms, r)).0, state, "{ms}");
        }
        assert!(worst(|r| clock(-9_000, r)).1.contains("9 s ahead of the database's"));
    }

    #[test]
    fn an_old_server_and_a_role_without_walls_are_warned_of() {
        let server = |major| DatabaseServer { version: format!("{major}.2"), major, now: at(0) };
        assert_eq!(worst(|r| version(&server(14), "db", r)).0, State::Ok);
        assert_eq!(worst(|r| version(&server(13), "db", r)).0, State::Warn);
        assert_eq!(worst(|r| walls(Walls::Standing, r)).0, State::Ok);
        let (state, told) = worst(|r| walls(Walls::Bypassed, r));
        assert!(state == State::Warn && told.contains("NOBYPASSRLS"), "{told}");
    }

    fn inspection(log: Uuid) -> Inspection {
        let lane = LaneReport {
            stream: "colloquy_log_0".to_owned(),
            log_id: Some(log),
            replicas: 1,
            lagging: 0,
            on_disk: true,
            messages: 7,
            bytes: 4_000,
            max_bytes: None,
            atomic_batches: true,
        };
        Inspection {
            hosts: "one:4222".to_owned(),
            server_version: "2.14.0".to_owned(),
            jetstream: Ok(Usage { storage: 4_000, storage_limit: None, streams: 1 }),
            lanes: vec![lane],
            troubles: Vec::new(),
            remarks: vec!["a remark".to_owned()],
        }
    }

    #[test]
    fn a_log_is_well_or_lost_or_in_trouble() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for log in [None, Some(mine)] {
            let (state, told) = worst(|r| tell(&inspection(mine), log, r));
            assert!(state == State::Ok && told.contains("a remark") && told.contains("one:4222"), "{told}");
        }
        let gone = Inspection { lanes: Vec::new(), ..inspection(mine) };
        assert_eq!(worst(|r| tell(&gone, None, r)).0, State::Ok, "it is made at the first start");
        for lost in [&inspection(other), &gone] {
            let (state, told) = worst(|r| tell(lost, Some(mine), r));
            assert!(state == State::Fail && told.contains("colloquy reset-log"), "{told}");
        }
        let behind = Inspection { troubles: vec!["replicas are behind".to_owned()], ..inspection(mine) };
        assert_eq!(worst(|r| tell(&behind, Some(mine), r)).0, State::Warn);
        let off = Inspection { jetstream: Err("not enabled".to_owned()), ..inspection(mine) };
        assert_eq!(worst(|r| tell(&off, Some(mine), r)).0, State::Fail);
    }
}
