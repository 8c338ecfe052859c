//! What somebody planned is looked after by the one node that owns its tenant, and goes out once when that node is killed.

use crate::{
    support::{
        client::Client,
        meta::{self, Text},
        wait::{USUAL, until},
    },
    town::Town,
};
use colloquy_domain::{ids::TenantId, placement::Partition};
use serde_json::json;

const PEOPLE: usize = 6;

fn person(n: usize) -> String {
    format!("3361234560{n}")
}

fn count(town: &Town, what: &str) -> usize {
    let found = town.engines.postgres.sql(town.engines.database(), &format!("SELECT COUNT(*) FROM {what}"));
    found.trim().parse().unwrap()
}

/// The node that owns what is planned, if one does.
fn owner(town: &Town) -> Option<usize> {
    let (postgres, database) = (&town.engines.postgres, town.engines.database());
    let tenant: TenantId = postgres.sql(database, "SELECT id FROM tenants").trim().parse().unwrap();
    let Partition(number) = Partition::from(tenant);
    let owner = format!("SELECT n.name FROM partitions p JOIN nodes n ON n.id = p.owner WHERE p.number = {number}");
    postgres.sql(database, &owner).trim().strip_prefix("node-").map(|n| n.parse().unwrap())
}

/// Plans a message to everybody, soon.
async fn plan(api: &Client, text: &str) {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    for contact in api.list("/api/contacts", "contacts").await {
        let planned = json!({ "contactId": contact["id"], "sendAt": at.to_string(), "content": { "text": text } });
        let made = api.post("/api/scheduled-messages", &planned).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

async fn told_once(town: &Town, text: &str) {
    let told = |n| town.engines.graph.texts_to(&person(n)).iter().filter(|t| t.contains(text)).count();
    until(text, async || (0..PEOPLE).all(|n| told(n) > 0).then_some(())).await;
    let node = town.nodes.iter().find(|n| n.is_running()).unwrap();
    node.idle(USUAL).await;
    let times: Vec<usize> = (0..PEOPLE).map(told).collect();
    assert_eq!(times, [1; PEOPLE], "{text}");
}

// req: S3-JOB-1
// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_messages_are_one_nodes_and_go_out_once_when_it_is_killed() {
    let mut town = Town::start(3).await;
    let api = town.nodes[0].api.clone();
    let hello: Vec<Text> = (0..PEOPLE).map(|n| Text::new(&person(n), &format!("wamid.{n}"), "Hello")).collect();
    assert_eq!(meta::deliver(&api, &town.stage.channel, &meta::texts(&hello)).await.unwrap().status, 200);
    told_once(&town, "Hello").await;

    // Who has nothing to do with them may die: nobody waits for it.
    let first = owner(&town).expect("owned");
    let other = (first + 1) % town.nodes.len();
    plan(&town.nodes[first].api, "See you at eight").await;
    town.nodes[other].kill().await;
    told_once(&town, "See you at eight").await;
    town.restart(other).await;
    town.shared().await;

    // The owner dies: until another one owns them, no node touches them.
    let killed = owner(&town).expect("owned");
    let survivor = (killed + 1) % town.nodes.len();
    plan(&town.nodes[survivor].api, "See you at nine").await;
    town.nodes[killed].kill().await;
    let waiting = "planned_messages WHERE state = 'waiting'";
    let mut looks = 0;
    loop {
        let left = count(&town, waiting);
        if owner(&town) != Some(killed) {
            break;
        }
        assert_eq!(left, PEOPLE, "somebody else sends them");
        looks += 1;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(looks > 20, "they were due before somebody else took over: {looks}");
    told_once(&town, "See you at nine").await;
    assert_eq!(count(&town, "planned_messages WHERE state = 'sent'"), 2 * PEOPLE);
    assert!(town.engines.graph.complaints().is_empty(), "{:?}", town.engines.graph.complaints());
}
