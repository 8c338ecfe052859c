//! The files of docs/deploy are what they say: engines that are set up by them, and nodes with exactly their variables. The
//! image itself is not built here; what it does at its start is.

use crate::{
    common::postgres,
    support::{
        nats::{self, NatsServer},
        server::{Place, Server},
    },
};
use colloquy_rag::testkit::{Standin, StandinOptions};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

const PASSWORD: &str = "12345";
const QDRANT_KEY: &str = "key0of0qdrant";
const SECRET_KEY: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// The engines as docs/deploy sets them up.
struct Engines {
    postgres: postgres::Server,
    nats: NatsServer,
    qdrant: Standin,
    _vectors: tempfile::TempDir,
}

impl Engines {
    async fn start() -> Self {
        let postgres = postgres::Server::start();
        postgres.sql("postgres", "DROP ROLE colloquy");
        postgres.sql("postgres", "CREATE DATABASE colloquy");
        let mut script = Command::new("sh");
        script.arg(deploy("postgres-init.sh")).env("PGHOST", postgres.socket());
        script.env("POSTGRES_USER", "admin").env("POSTGRES_DB", "colloquy").env("COLLOQUY_PASSWORD", PASSWORD);
        let ran = script.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let vectors = tempfile::tempdir().unwrap();
        let qdrant = Standin::start(
            vectors.path(),
            StandinOptions { api_key: Some(QDRANT_KEY.to_owned()), ..StandinOptions::default() },
        )
        .unwrap();
        Self { postgres, nats: nats().await, qdrant, _vectors: vectors }
    }

    /// A variable of a node with the addresses of these engines in place of those of the recipe's network.
    fn here(&self, value: &str) -> String {
        let socket = self.postgres.socket().display();
        value
            .replace("@postgres:5432/colloquy", &format!("@localhost/colloquy?host={socket}"))
            .replace("nats://nats:4222", &self.nats.url())
            .replace("http://qdrant:6334", &self.qdrant.url())
    }

    /// A node with these variables and those of the image.
    async fn node(&self, variables: BTreeMap<String, String>) -> Server {
        let image = image();
        let all = image.into_iter().chain(variables);
        let place = all.fold(Place::default(), |place, (name, value)| place.with(&name, &self.here(&value)));
        Server::start_on(place).await
    }
}

/// The shipped configuration is accepted as it is; its rules of who is let in hold here, on a free port.
async fn nats() -> NatsServer {
    let config = read("nats.conf");
    let quoted = format!("\"{PASSWORD}\"");
    nats::check(&deploy("nats.conf"), &[("SERVER_NAME", "nats"), ("NATS_PASSWORD", &quoted)]).unwrap();
    let kubernetes = kubernetes();
    let second = find(&kubernetes, "ConfigMap", "nats")["data"]["nats.conf"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nats.conf");
    std::fs::write(&path, second).unwrap();
    nats::check(&path, &[("NATS_PASSWORD", &quoted)]).unwrap();
    let rules = config[config.find("authorization").unwrap()..].to_owned();
    NatsServer::start_with(&format!("NATS_PASSWORD: {quoted}\n{rules}")).await
}

/// What the image sets, without its folders: a test has its own.
fn image() -> BTreeMap<String, String> {
    let dockerfile = read("Dockerfile");
    let lines = dockerfile.lines().filter_map(|l| l.strip_prefix("ENV "));
    let pairs = lines.flat_map(str::split_whitespace).map(|p| p.split_once('=').unwrap());
    pairs.filter(|(name, _)| !name.ends_with("_DIR")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// Variables of the node in compose.yaml, as compose fills them in.
fn composed() -> BTreeMap<String, String> {
    let compose: Value = serde_saphyr::from_str(&read("compose.yaml")).unwrap();
    let node = compose["services"]["node"]["environment"].as_object().unwrap();
    node.iter().map(|(name, value)| (name.clone(), filled_in(value.as_str().unwrap()))).collect()
}

/// `${NAME:?}` and `${NAME:-default}` for what the recipe tells its reader to export.
fn filled_in(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (inside, after) = rest.split_once('}').unwrap();
    let (name, default) = inside.split_once(":-").or_else(|| Some((inside.strip_suffix(":?")?, ""))).unwrap();
    let exported = match name {
        "POSTGRES_PASSWORD" | "NATS_PASSWORD" => PASSWORD,
        "QDRANT_API_KEY" => QDRANT_KEY,
        "COLLOQUY_SECRET_KEY" => SECRET_KEY,
        _ => default,
    };
    format!("{before}{exported}{}", filled_in(after))
}

fn kubernetes() -> Vec<Value> {
    serde_saphyr::from_multiple(&read("kubernetes.yaml")).unwrap()
}

fn find<'a>(all: &'a [Value], kind: &str, name: &str) -> &'a Value {
    all.iter()
        .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// Variables of the container in kubernetes.yaml, as the platform fills them in.
fn orchestrated(all: &[Value], pod: &str) -> BTreeMap<String, String> {
    let container = &find(all, "Deployment", "colloquy")["spec"]["template"]["spec"]["containers"][0];
    let mut variables = BTreeMap::new();
    for one in container["env"].as_array().unwrap() {
        let from = &one["valueFrom"];
        let value = match (one["value"].as_str(), from["secretKeyRef"]["key"].as_str()) {
            (Some(value), _) => value.replace("$(POSTGRES_PASSWORD)", PASSWORD),
            (None, Some("postgres-password" | "nats-password")) => PASSWORD.to_owned(),
            (None, Some("qdrant-api-key")) => QDRANT_KEY.to_owned(),
            (None, Some("secret-key")) => SECRET_KEY.to_owned(),
            (None, Some(other)) => panic!("the recipe makes no secret {other}"),
            (None, None) if from["fieldRef"]["fieldPath"] == "metadata.name" => pod.to_owned(),
            (None, None) => {
                let (map, key) = (&from["configMapKeyRef"]["name"], &from["configMapKeyRef"]["key"]);
                find(all, "ConfigMap", map.as_str().unwrap())["data"][key.as_str().unwrap()]
                    .as_str()
                    .unwrap()
                    .to_owned()
            }
        };
        variables.insert(one["name"].as_str().unwrap().to_owned(), value);
    }
    variables
}

// req: S2-DEP-1
// req: S4-DKR-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_start_with_the_variables_of_the_recipes_over_engines_that_the_recipes_set_up() {
    let all = kubernetes();
    let container = &find(&all, "Deployment", "colloquy")["spec"]["template"]["spec"]["containers"][0];
    let engines = Engines::start().await;
    // A setting that does not exist would stop them: each variable is one.
    let one = engines.node(composed()).await;
    let other = engines.node(orchestrated(&all, "colloquy-7d9f-x2k")).await;

    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        assert_eq!(other.api.get(path).await.status, 200, "{probe}");
    }
    let report = other.place.run(&["doctor", "--json"]).await.json();
    for engine in ["database", "row security", "nats", "qdrant"] {
        let found = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == engine);
        assert_eq!(found.unwrap()["status"], "ok", "{report}");
    }
    // They are one installation: what one was told, the other knows.
    one.api.agent("Echo", "scripted", &[]).await;
    let answer = other.api.with_key(&one.api.key).chat(&json!({ "agent": "Echo", "message": "Anybody there?" })).await;
    assert_eq!(answer.data()["outcome"], "answered");
    assert_eq!(engines.postgres.sql("colloquy", "SELECT COUNT(*) FROM nodes"), "2");
}

/// The parts of the manifests refer to one another.
// req: S2-DEP-1
#[test]
fn what_the_manifests_name_is_there() {
    let all = kubernetes();
    for object in &all {
        assert_eq!(
            object["kind"].as_str().map(|_| &object["metadata"]["namespace"]),
            Some(&json!("colloquy")),
            "{object}"
        );
        let labels = |o: &Value| o["spec"]["template"]["metadata"]["labels"].clone();
        let selector = &object["spec"]["selector"];
        let selector = if selector["matchLabels"].is_object() { &selector["matchLabels"] } else { selector };
        if selector.is_object() {
            assert!(all.iter().any(|o| labels(o) == *selector), "nothing has the labels of {selector}");
        }
    }
    let node = &find(&all, "Deployment", "colloquy")["spec"]["template"]["spec"];
    let port = &node["containers"][0]["ports"][0];
    assert_eq!(find(&all, "Service", "colloquy")["spec"]["ports"][0]["targetPort"], port["name"]);
    assert_eq!(port["containerPort"].to_string(), image()["PORT"]);
    let dockerfile = read("Dockerfile");
    let user = node["securityContext"]["runAsUser"].to_string();
    assert!(dockerfile.contains(&format!("--uid {user} ")) && dockerfile.contains(&format!("USER {user}\n")));
    let names = |variables: &BTreeMap<String, String>| variables.keys().cloned().collect::<Vec<_>>();
    let mut expected = names(&composed());
    expected.extend(["COLLOQUY_NODE_NAME".to_owned(), "POSTGRES_PASSWORD".to_owned()]);
    expected.sort();
    assert_eq!(names(&orchestrated(&all, "pod")), expected, "both recipes say the same of a node");
}
