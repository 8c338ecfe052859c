//! Real tasks in simulated worlds: what is known to be right passes, and every single mistake is noticed.
//!
//! The tests use the part of the data that lies beside them; `COLLOQUY_TEST_TAU2` names a folder with the whole domain.

use colloquy_sim::{
    Options, Verdict, run,
    scenario::{ModelSpec, Scenario, from_file, to_yaml},
    tau2::{Retail, score},
    toolset,
};
use serde_json::Value;
use std::{collections::BTreeMap, env, fs, path::PathBuf};

fn part() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tau2-retail")
}

fn folder() -> PathBuf {
    env::var_os("COLLOQUY_TEST_TAU2").map_or_else(part, PathBuf::from)
}

fn scenarios() -> Vec<Scenario> {
    Retail::open(&folder()).expect("the domain's files").scenarios()
}

// req: C-SIM-1
#[test]
fn the_oracle_reaches_every_end_state_and_every_run_repeats() {
    let scenarios = scenarios();
    let mut failed = Vec::new();
    for scenario in &scenarios {
        let [first, again] = [(); 2].map(|()| run(scenario, scenario.runs.seed, Options::default()));
        if first.verdict != Verdict::Pass {
            let broken: Vec<String> = first.violations.iter().map(ToString::to_string).collect();
            failed.push(format!("{}: {} {}", scenario.name, first.unmet.join("; "), broken.join("; ")));
        }
        assert_eq!(first.trace_hash, again.trace_hash, "{}", scenario.name);
    }
    println!("oracle: {}/{} tasks", scenarios.len() - failed.len(), scenarios.len());
    assert!(scenarios.len() >= 12 && failed.is_empty(), "{}", failed.join("\n"));
}

// req: C-SIM-1
#[test]
fn mistakes_of_the_oracle_are_noticed() {
    let score = score(&scenarios());
    for (operator, tally) in &score.by_operator {
        println!("{operator:<18} {:>4}/{:<4} by outcome alone {:>4}", tally.killed, tally.all, tally.by_outcome);
    }
    let total = score.total();
    println!(
        "mutation score: {:.4} ({} of {}; by outcome alone {})",
        score.killed(),
        total.killed,
        total.all,
        total.by_outcome
    );
    score.survivors.iter().for_each(|s| println!("not noticed: {s:?}"));
    assert_eq!(score.by_operator.len(), 10, "every kind of mistake was made: {:?}", score.by_operator.keys());
    assert!(score.killed() >= 0.95, "{:.4}", score.killed());
}

/// The expectation is a replay with the same tools that the agent has: whether they are right, others must say.
#[test]
fn the_tools_leave_what_the_authors_tools_leave() {
    let text = fs::read_to_string(part().join("end_states.json")).expect("the authors' end states");
    let states: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(&text).expect("tasks with their rows");
    let set = toolset::named("tau2-retail").expect("the set");
    let scenarios = Retail::open(&part()).expect("the domain's files").scenarios();
    assert_eq!(scenarios.len(), states.len());
    for scenario in &scenarios {
        let spec = scenario.toolset.as_ref().expect("a tool set");
        let (mut ours, mut theirs) = (spec.fresh(), spec.fresh());
        set.replay(&mut ours, &scenario.expect.tools.calls);
        for (place, row) in &states[scenario.name.trim_start_matches("tau2-retail-")] {
            let (table, key) = place.split_once('/').expect("table/key");
            theirs.put(table, key, row.clone());
        }
        assert_eq!(ours.unlike(&theirs, set.unordered), Vec::<String>::new(), "{}", scenario.name);
    }
}

#[test]
fn a_task_written_as_a_scenario_runs_as_the_task_does() {
    let scenario = scenarios().swap_remove(0);
    let target = tempfile::tempdir().expect("a folder");
    fs::copy(folder().join("db.json"), target.path().join("db.json")).expect("the database");
    let path = target.path().join("task.yaml");
    fs::write(&path, to_yaml(&scenario).expect("YAML")).expect("written");
    let read = from_file(&path).expect("a scenario");
    assert_eq!(read, scenario);
    let [a, b] = [&read, &scenario].map(|s| run(s, 7, Options::default()));
    assert_eq!((a.verdict, &a.trace_hash), (Verdict::Pass, &b.trace_hash));
    fs::remove_file(target.path().join("db.json")).expect("removed");
    let error = from_file(&path).expect_err("no database").to_string();
    assert!(error.starts_with("toolset.database: "), "{error}");
}

#[test]
fn an_agent_that_does_nothing_fails_wherever_something_was_to_be_done() {
    for mut scenario in scenarios() {
        let asked = !scenario.expect.tools.calls.is_empty() || !scenario.expect.texts.must_say.is_empty();
        scenario.model = ModelSpec::Echo;
        let verdict = run(&scenario, 1, Options::default()).verdict;
        assert_eq!(verdict, if asked { Verdict::FailAgent } else { Verdict::Pass }, "{}", scenario.name);
    }
}
