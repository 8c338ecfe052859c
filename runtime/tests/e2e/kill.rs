//! SIGKILL at random instants while messages arrive: nothing accepted is lost, nothing is answered twice.
//!
//! `COLLOQUY_TEST_KILLS` is how often (12 unless set), `COLLOQUY_TEST_SEED` repeats a run.

use crate::support::{
    graph::{Fault, Graph},
    history::{check, read_all},
    meta,
    server::Server,
    traffic::{Crowd, Senders, Stage, deliver, setting},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CROWD: Crowd = Crowd { people: 10, visitors: 4, times: 1, pause: 500 };
/// What is left after the last kill is done within this.
const SETTLED: Duration = Duration::from_secs(180);

/// Kills and restarts; some kills hit the start itself.
async fn kill_again_and_again(server: &mut Server, stage: &Stage, kills: u64, rng: &mut StdRng) {
    for kill in 1..=kills {
        sleep(Duration::from_millis(rng.random_range(30..900))).await;
        server.kill().await;
        server.spawn();
        if rng.random_bool(0.25) {
            sleep(Duration::from_millis(rng.random_range(0..700))).await;
        } else {
            server.ready().await;
            stage.moved(0, &server.api);
        }
        if kill == kills {
            server.ready().await;
            stage.moved(0, &server.api);
        }
    }
}

// req: S2-WHK-4
// req: S3-JOB-1
// req: S3-JOB-3
// req: C-ACT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_nothing_is_lost_and_nothing_answered_twice() {
    let kills = setting("COLLOQUY_TEST_KILLS").unwrap_or(12);
    let seed = setting("COLLOQUY_TEST_SEED").unwrap_or_else(|| rand::rng().random());
    println!("kill loop: COLLOQUY_TEST_SEED={seed} COLLOQUY_TEST_KILLS={kills}");
    let mut rng = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let graph = Graph::start().await;
    // A provider that takes its time is more often caught in the middle.
    graph.always(Fault::Slow(Duration::from_millis(15)));
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let stage = Stage::new(vec![server.api.clone()], channel);

    let senders = Senders::start(&stage, CROWD, seed);
    kill_again_and_again(&mut server, &stage, kills, &mut rng).await;
    stage.end();
    let accepted = senders.accepted().await;
    server.idle(SETTLED).await;
    let name = format!("kill loop, {kills} kills in {:.0} s", begun.elapsed().as_secs_f64());
    let (found, delivered) = check(&name, &server.api, &graph, &accepted, CROWD.people).await;
    assert_eq!(found.conversations as u64, CROWD.people + CROWD.visitors);

    // Meta tells of each message how far it came: that settles what was taken, and only that.
    for sent in graph.sent().chunks(100) {
        deliver(&stage, &meta::statuses("delivered", sent)).await;
    }
    let settled = read_all(&server.api).await;
    let still = settled.replies.iter().filter(|(_, status)| status == "uncertain").count();
    assert_eq!(still, delivered.uncertain - delivered.uncertain_taken, "statuses settle what was uncertain");
    let reached = settled.replies.iter().filter(|(_, status)| status == "delivered").count();
    assert_eq!(reached, graph.sent().len());
}
