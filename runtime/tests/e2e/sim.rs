//! The simulator's commands.

use crate::support::server::Place;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn scenarios() -> String {
    repository().join("sim/scenarios").to_str().unwrap().to_owned()
}

/// What must not differ from process to process.
fn steady(summary: &Value) -> Value {
    let mut steady = summary.clone();
    steady["wall_seconds"] = Value::Null;
    steady
}

// req: C-SIM-1
#[tokio::test]
async fn two_processes_and_two_threads_make_the_same_runs() {
    let place = Place::default();
    for args in [&["sim", "run", &scenarios(), "--json"][..], &["sim", "fuzz", "--seeds", "0..40", "--json"]] {
        let (one, two) = (place.run(args).await, place.run(args).await);
        assert_eq!((one.code, two.code), (Some(0), Some(0)), "{one:?}");
        assert_eq!(steady(&one.json()), steady(&two.json()));
        assert_eq!(one.json()["failed"], 0);
    }
    let fuzz = |jobs: &'static str| ["sim", "fuzz", "--seeds", "0..40", "--json", "--jobs", jobs];
    let (one, two) = (place.run(&fuzz("1")).await, place.run(&fuzz("2")).await);
    assert_eq!(one.json()["trace_hash"], two.json()["trace_hash"], "worlds on two threads disturb each other");
    let replayed = place.run(&["sim", "replay", "--seed", "3"]).await;
    let again = place.run(&["sim", "replay", "--seed", "3"]).await;
    assert_eq!((replayed.code, last(&replayed.stdout)), (Some(0), last(&again.stdout)));
    assert!(last(&replayed.stdout).starts_with("trace "), "{replayed:?}");
}

fn last(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[tokio::test]
async fn a_scenario_that_fails_is_reported_and_one_that_is_wrong_is_not_run() {
    let place = Place::default();
    let burst = std::fs::read_to_string(repository().join("sim/scenarios/burst.yaml")).unwrap();
    let fails = place.file("fails.yaml", burst.replace("{merged: 3, answered: 2}", "{answered: 5}"));
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (html, junit, report) = (file("page.html"), file("junit.xml"), file("report.json"));
    let fails = fails.to_str().unwrap();
    let reports = ["--html", &html, "--junit", &junit, "--report-json", &report];
    let ran =
        place.run(&[&["sim", "run", fails, "--trials", "2", "--seed", "40", "--json"], &reports[..]].concat()).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let summary = ran.json();
    assert_eq!(
        (&summary["trials"], &summary["verdicts"]["fail_agent"], &summary["seed"]),
        (&2.into(), &2.into(), &40.into())
    );
    assert!(ran.stderr.contains("outcomes: "), "{ran:?}");
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    assert!(read(&html).contains("What is wrong") && read(&junit).contains("failures=\"2\""));
    let report: Value = serde_json::from_str(&read(&report)).unwrap();
    assert_eq!((&report["trace_hash"], &report["runs"][1]["verdict"]), (&summary["trace_hash"], &"fail_agent".into()));

    let wrong = place.file("wrong.yaml", burst.replace("peer:", "pear:"));
    let ran = place.run(&["sim", "run", wrong.to_str().unwrap(), "--json"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("wrong.yaml") && ran.stderr.contains("pear") && ran.stderr.contains("line"), "{ran:?}");
    for args in [&["sim", "run", "nowhere"][..], &["sim", "fuzz", "--seeds", "9..3"], &["sim", "replay"]] {
        assert_eq!(place.run(args).await.code, Some(2), "{args:?}");
    }
}

#[tokio::test]
async fn the_world_of_a_seed_is_the_scenario_that_replay_prints() {
    let place = Place::default();
    let printed = place.run(&["sim", "replay", "--seed", "12", "--yaml"]).await;
    let file = place.file("world.yaml", &printed.stdout);
    let of_file = place.run(&["sim", "replay", file.to_str().unwrap()]).await;
    let of_seed = place.run(&["sim", "replay", "--seed", "12"]).await;
    assert_eq!((printed.code, of_file.code), (Some(0), Some(0)), "{of_file:?}");
    assert_eq!(last(&of_file.stdout), last(&of_seed.stdout));
}

#[tokio::test]
async fn the_committed_schema_is_the_printed_one() {
    let ran = Place::default().run(&["sim", "schema"]).await;
    let file = repository().join("docs/convsim.schema.json");
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(committed == ran.json(), "write what `colloquy sim schema` prints to {}", file.display());
}

#[tokio::test]
async fn two_configurations_are_compared_and_people_come_at_a_rate() {
    let place = Place::default();
    let a = "format: convsim/1\nname: a\nmodel:\n  kind: scripted\n  rules:\n    - {when: [hours], say: Nine to five.}\n    \
        - {say: I see.}\nconversations:\n  - channel: wa\n    peer: '33600000001'\n    user:\n      kind: script\n      \
        messages:\n        - {at: 1s, text: Hello}\n        - {at: 20s, text: Your hours?}\n";
    let file = |name: &str, text: String| place.file(name, text).to_str().unwrap().to_owned();
    let (b, c) = (a.replace("Nine to five.", "Ten to six."), a.replace("Hello", "Hi"));
    let (a, b, c) = (file("a.yaml", a.to_owned()), file("b.yaml", b), file("c.yaml", c));
    let compared = place.run(&["sim", "compare", &a, &b, "--json"]).await;
    assert_eq!(compared.code, Some(0), "{compared:?}");
    let change = serde_json::json!([
        { "who": "wa/33600000001", "answer": 2, "a": "Nine to five.", "b": "Ten to six." },
    ]);
    assert_eq!((&compared.json()["changed"], &compared.json()["a"]["replies"]), (&change, &2.into()));
    let told = place.run(&["sim", "compare", &a, &a]).await;
    assert!(told.stdout.contains("0 of the answers of 1 conversations changed"), "{told:?}");
    assert_eq!(place.run(&["sim", "compare", &a, &c]).await.code, Some(2), "other conversations");

    let load = |seed: &'static str| ["sim", "load", "--rate", "30", "--for", "20m", "--seed", seed, "--json"];
    let (one, again, other) = (place.run(&load("1")).await, place.run(&load("1")).await, place.run(&load("2")).await);
    assert_eq!((one.code, &one.json()["passed"]), (Some(0), &1.into()), "{one:?}");
    assert_eq!(steady(&one.json()), steady(&again.json()));
    assert_ne!(one.json()["trace_hash"], other.json()["trace_hash"]);
}

#[tokio::test]
async fn trials_are_counted_together_where_a_scenario_says_so() {
    let place = Place::default();
    // In about half of the trials the second message follows at once, and both are read together.
    let flaky = |k: u32, at_least: f64| {
        format!(
            "format: convsim/1\nname: flaky\nruns: {{seed: 1, trials: 12}}\nconversations:\n  - channel: wa\n    peer: '33600000001'\n    \
             user: {{kind: automaton, says: [Hi, There], typing: 1000, burst: 0.5}}\n\
             expect: {{outcomes: {{answered: 2}}, pass_k: {{k: {k}, at_least: {at_least}}}}}\n"
        )
    };
    let run = async |text: String, more: &[&str]| {
        let file = place.file("flaky.yaml", text);
        place.run(&[&["sim", "run", file.to_str().unwrap()][..], more].concat()).await
    };
    let met = run(flaky(1, 0.1), &["--json"]).await;
    let summary = met.json();
    let one = &summary["reliability"][0];
    assert!(summary["failed"].as_u64().unwrap() > 0 && summary["passed"].as_u64().unwrap() > 0, "{met:?}");
    assert_eq!((met.code, &one["met"], &one["trials"]), (Some(0), &true.into(), &12.into()), "{met:?}");
    let share = summary["passed"].as_f64().unwrap() / 12.0;
    assert!((one["pass_k"][0].as_f64().unwrap() - share).abs() < 1e-9);
    let (low, high) = (one["interval"][0].as_f64().unwrap(), one["interval"][1].as_f64().unwrap());
    assert!(0.0 < low && low < share && share < high && high < 1.0, "{one}");
    let missed = run(flaky(8, 0.9), &[]).await;
    assert_eq!(missed.code, Some(1), "{missed:?}");
    assert!(missed.stdout.contains("expected pass^8 of at least 0.9: not met"), "{missed:?}");
    let few = run(flaky(8, 0.9), &["--trials", "2"]).await;
    assert_eq!(few.code, Some(1), "{few:?}");
    assert!(few.stdout.contains("too few trials"), "{few:?}");
    let never = run(flaky(13, 0.9), &[]).await;
    assert_eq!(never.code, Some(2), "{never:?}");
    assert!(never.stderr.contains("expect.pass_k.k"), "{never:?}");
}
