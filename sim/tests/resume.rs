//! A world that goes on from another one.

use colloquy_sim::{
    Options, Report, Verdict, run,
    saved::Saved,
    scenario::{Scenario, from_file},
};
use std::{fs, path::Path};

const WORLD: &str = r#"
world:
  RESUME
  agents:
    - {name: desk, knowledge: [house], daily_budget_micros: 10000}
  channels:
    - {name: wa, agent: desk, kind: whatsapp}
    - {name: chat, agent: desk, kind: webchat}
    - {name: bot, agent: desk, kind: telegram_poll}
  knowledge:
    - name: house
DOCUMENTS
model: {kind: quotes}
conversations:
  - {channel: wa, peer: "33600000001", user: {kind: script, messages: [{at: 1m, text: FIRST}]}}
  - {channel: chat, peer: visitor, user: {kind: script, messages: [{at: 1m, text: FIRST}]}}
  - {channel: bot, peer: "33600000002", user: {kind: script, messages: [{at: 1m, text: FIRST}]}}
"#;

const DOCUMENTS: &str = "      documents: [{name: pool.md, text: 'The pool closes at nine.'}]";

fn file(folder: &Path, name: &str, world: &str, rest: &str) -> Scenario {
    let path = folder.join(name);
    fs::write(&path, format!("format: convsim/1\nname: {name}\n{world}{rest}")).expect("written");
    from_file(&path).unwrap_or_else(|e| panic!("{e}"))
}

fn first(folder: &Path) -> Scenario {
    let world = WORLD.replace("RESUME", "lanes: 2").replace("DOCUMENTS", DOCUMENTS);
    let timeline = "timeline: [{at: 3m, do: {take_over: {channel: chat, peer: visitor}}}]\n";
    file(folder, "first.yaml", &world.replace("FIRST", "When does the pool close?"), timeline)
}

fn save(scenario: &Scenario, to: &Path) -> Report {
    let report = run(scenario, 7, Options { save: true, ..Options::default() });
    assert_eq!(report.verdict, Verdict::Pass, "{:?} {:?}", report.violations, report.unmet);
    let saved = report.saved.as_ref().expect("asked for").as_ref().expect("at rest");
    fs::write(to, serde_json::to_string_pretty(saved).expect("json")).expect("written");
    report
}

// req: C-SIM-1
#[test]
fn a_world_goes_on_where_another_one_ended() {
    let folder = tempfile::tempdir().expect("temp dir");
    let saved = folder.path().join("world.json");
    save(&first(folder.path()), &saved);
    // No documents of its own: what it knows it has from before.
    let world = WORLD.replace("RESUME", "resume_from: world.json").replace("DOCUMENTS", "");
    let expect = "expect:\n  outcomes: {answered: 2, handed_over: 1}\n  citations: {required: [pool.md]}\n";
    let second =
        file(folder.path(), "second.yaml", &world.replace("FIRST", "And when does the pool close today?"), expect);
    let reports = [7, 7].map(|seed| run(&second, seed, Options { trace: true, save: true, ..Options::default() }));
    for report in &reports {
        assert_eq!(report.verdict, Verdict::Pass, "{:?} {:?}", report.violations, report.unmet);
        assert_eq!(report.trace_hash, reports[0].trace_hash, "the same world each time");
        assert_eq!(report.stats.messages, 3, "only what is new is counted");
        assert!(report.trace.iter().all(|e| e.what != "document"), "nothing is ingested again");
    }
    let kept = reports[0].saved.as_ref().expect("asked for").as_ref().expect("at rest");
    let told = serde_json::to_value(kept).expect("json");
    let of = |n: usize| told["conversations"][n]["messages"].as_array().map_or(0, Vec::len);
    assert_eq!([of(0), of(1), of(2)], [2, 2, 2], "one before and one now, in the same conversations");
    assert!(
        kept.ended()
            > serde_json::from_str::<Saved>(&fs::read_to_string(&saved).expect("readable")).expect("a world").ended()
    );
}

#[test]
fn what_does_not_fit_is_told() {
    let folder = tempfile::tempdir().expect("temp dir");
    let saved = folder.path().join("world.json");
    save(&first(folder.path()), &saved);
    let refused = |name: &str, change: (&str, &str)| {
        let world =
            WORLD.replace("RESUME", "resume_from: world.json").replace("DOCUMENTS", "").replace("FIRST", "Hello");
        assert!(world.contains(change.0), "{}", change.0);
        let path = folder.path().join(name);
        fs::write(&path, format!("format: convsim/1\nname: x\n{}", world.replace(change.0, change.1)))
            .expect("written");
        from_file(&path).expect_err("refused").to_string()
    };
    let error = refused("a.yaml", ("resume_from: world.json", "resume_from: nowhere.json"));
    assert!(error.starts_with("world.resume_from: ") && error.contains("nowhere.json"), "{error}");
    let error = refused("b.yaml", ("chat,", "talk,"));
    assert!(error.contains("\"chat\""), "{error}");
    let text = fs::read_to_string(&saved).expect("readable");
    fs::write(&saved, text.replace("colloquy-world/1", "colloquy-world/9")).expect("written");
    assert!(refused("c.yaml", ("agents", "agents")).contains("colloquy-world/9"));
}
