//! What breaks in a cluster, while messages arrive: nothing is lost, doubled or reordered, and others take over in time.

use crate::{
    suite::{Seen, tell},
    support::{
        traffic::{Crowd, setting},
        wait::until,
    },
    town::{Town, detailed, times},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub const CROWD: Crowd = Crowd { people: 16, visitors: 4, times: 1, pause: 2500 };
/// Less than a lease: what was let go of need not be waited for.
const HANDED_OVER: Duration = Duration::from_secs(6);
/// A node that is stopped in its tracks for longer than its lease.
pub const STOPPED: Duration = Duration::from_secs(11);
/// Stops without any write that is refused after which there is something to say.
const VOID: u64 = 20;

fn rng(town: &Town) -> StdRng {
    StdRng::seed_from_u64(town.seed)
}

// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_killed_and_the_others_take_over() {
    tell("killed nodes", &killed().await);
}

pub async fn killed() -> Seen {
    let mut town = Town::start(3).await;
    let (mut rng, mut took) = (rng(&town), Vec::new());
    let senders = town.senders(CROWD);
    for _ in 0..times() {
        town.goes_on(rng.random_range(5..40)).await;
        let victim = rng.random_range(0..town.nodes.len());
        town.nodes[victim].kill().await;
        took.push(town.taken_over(victim).await);
        town.goes_on(10).await;
        town.restart(victim).await;
        town.shared().await;
    }
    town.check("killed nodes", senders, CROWD).await.of(times(), took)
}

/// A stopped process believes to own what others have claimed meanwhile: the database must refuse what it writes.
// req: S3-JOB-3
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_wakes_up_late_is_refused() {
    tell("stopped nodes", &stopped().await);
}

pub async fn stopped() -> Seen {
    let town = Town::start(3).await;
    let (senders, mut took) = (town.senders(CROWD), Vec::new());
    let (mut tries, least) = (0, setting("COLLOQUY_TEST_KILLS").unwrap_or(1));
    while tries < least || town.fenced().await == 0 {
        tries += 1;
        assert!(tries < least + VOID, "no stopped node ever tried to write: this proves nothing");
        town.goes_on(15).await;
        let victim = tries as usize % town.nodes.len();
        town.nodes[victim].signal("STOP").await;
        let begun = Instant::now();
        took.push(town.taken_over(victim).await);
        sleep(STOPPED.saturating_sub(begun.elapsed())).await;
        town.nodes[victim].signal("CONT").await;
        town.shared().await;
    }
    let seen = town.check("stopped nodes", senders, CROWD).await.of(tries, took);
    assert!(seen.fenced > 0, "{seen:?}");
    seen
}

// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_replaced_one_after_the_other_and_nobody_notices() {
    tell("rolling restart", &replaced().await);
}

pub async fn replaced() -> Seen {
    let mut town = Town::start(3).await;
    let (senders, mut took) = (town.senders(CROWD), Vec::new());
    let replacements = times().max(town.nodes.len() as u64);
    for n in (0..town.nodes.len()).cycle().take(replacements as usize) {
        town.goes_on(20).await;
        let begun = Instant::now();
        let status = town.nodes[n].stop().await;
        assert!(status.success(), "{status}");
        let ended = begun.elapsed();
        // Everything was let go of before the process ended: claiming it is all that is left.
        took.push(town.taken_over(n).await);
        eprintln!("node {n} ended within {ended:?}");
        town.restart(n).await;
        town.shared().await;
    }
    let seen = town.check("rolling restart", senders, CROWD).await.of(replacements, took);
    assert_eq!(seen.fenced, 0, "whoever hands over writes nothing afterwards");
    assert!(seen.worst() < HANDED_OVER, "{seen:?}");
    seen
}

// req: S1-DB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_crashes_and_comes_back() {
    tell("crashed PostgreSQL", &postgresql_crashes().await);
}

pub async fn postgresql_crashes() -> Seen {
    let town = Town::start(2).await;
    let senders = town.senders(CROWD);
    for _ in 0..times() {
        town.goes_on(20).await;
        town.engines.postgres.crash();
        town.goes_on(10).await;
    }
    town.check("crashed PostgreSQL", senders, CROWD).await.of(times(), Vec::new())
}

// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_is_killed_and_comes_back() {
    tell("killed NATS", &nats_is_killed().await);
}

pub async fn nats_is_killed() -> Seen {
    let mut town = Town::start(2).await;
    let senders = town.senders(CROWD);
    for _ in 0..times() {
        town.goes_on(20).await;
        town.engines.nats.kill().await;
        until("the nodes notice", async || {
            let health = detailed(&town.nodes[0].api).await?;
            (health["services"]["log"] != "ok").then_some(())
        })
        .await;
        town.engines.nats.restart().await;
        town.goes_on(10).await;
    }
    town.check("killed NATS", senders, CROWD).await.of(times(), Vec::new())
}

// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_repeated_webhooks_changes_nothing() {
    tell("every webhook fifty times", &storm().await);
}

pub async fn storm() -> Seen {
    let town = Town::start(2).await;
    let crowd = Crowd { people: 6, visitors: 0, times: 50, pause: 500 };
    let senders = town.senders(crowd);
    town.goes_on(times() as usize * 20).await;
    let seen = town.check("every webhook fifty times", senders, crowd).await.of(times(), Vec::new());
    assert!(seen.repeated > seen.messages * 20, "no storm: {seen:?}");
    seen
}
