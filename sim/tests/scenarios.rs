//! The committed scenarios: each passes, shows what it says, and is the same run every time.

use colloquy_sim::{
    Options, Verdict,
    report::{Run, Totals, json, page},
    run,
    scenario::from_yaml,
};
use std::{fs, path::PathBuf, sync::Arc, time::Duration};

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("scenarios").flatten().map(|e| e.path()).collect();
    files.sort();
    files
}

fn runs() -> Vec<Run> {
    let of = |file: PathBuf| {
        let source = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(&file).expect("readable");
        let scenario = Arc::new(from_yaml(&text).unwrap_or_else(|e| panic!("{source}: {e}")));
        let runs = scenario.runs;
        (0..u64::from(runs.trials)).map(move |n| {
            let report = run(&scenario, runs.seed + n, Options { trace: true, ..Options::default() });
            Run { source: source.clone(), scenario: Arc::clone(&scenario), report, wall: Duration::ZERO }
        })
    };
    files().into_iter().flat_map(of).collect()
}

// req: C-SIM-1
#[test]
fn every_scenario_passes_and_shows_what_it_says() {
    let runs = runs();
    assert!(runs.len() >= 8);
    for run in &runs {
        let report = &run.report;
        let wrong = format!("{} with seed {}: {:?} {:?}", run.source, report.seed, report.violations, report.unmet);
        assert_eq!(report.verdict, Verdict::Pass, "{wrong}");
        let again = colloquy_sim::run(&run.scenario, report.seed, Options::default());
        assert_eq!(again.trace_hash, report.trace_hash, "{}", run.source);
    }
    let mut totals = Totals::default();
    runs.iter().for_each(|r| totals.add(&r.report));
    let summary = totals.summary(Duration::ZERO);
    let shown = json(&summary, &runs).expect("json");
    assert_eq!(
        shown["coverage"]["missed"],
        serde_json::json!([]),
        "a scenario whose fault never strikes shows nothing"
    );
    assert_eq!(page(&summary, &runs).matches("class=\"run\"").count(), runs.len());
    stories(&runs);
}

/// What each of them is about, seen in its events.
fn stories(runs: &[Run]) {
    let of = |file: &str| runs.iter().find(|r| r.source == file).unwrap_or_else(|| panic!("{file}"));
    let told = |file: &str, what: &str| -> Vec<&str> {
        of(file).report.trace.iter().filter(|e| e.what == what).map(|e| e.detail.as_str()).collect()
    };
    assert_eq!(told("burst.yaml", "model").len(), 2, "four messages and one message: two turns");
    assert_eq!(told("silence-25h.yaml", "send.taken"), ["re: Hello? Anybody there?"]);
    assert!(of("silence-25h.yaml").report.lasted > Duration::from_secs(25 * 3600));
    let charges = told("crash-after-tool.yaml", "tool");
    assert_eq!(charges.iter().filter(|c| c.starts_with("charge_card")).count(), 1, "money moves once");
    assert_eq!(told("take-over.yaml", "send.taken"), ["Breakfast is from seven to ten."]);
    let refunds = told("injected-refund.yaml", "tool");
    assert_eq!(refunds.len(), 1, "what the document asked for was not done");
    assert!(refunds[0].contains("DE89370400440532013000"), "{refunds:?}");
    let payments = told("approved-after-crash.yaml", "tool");
    assert_eq!(payments.len(), 2, "each once");
    let answers = told("knowledge-answer.yaml", "send.taken");
    assert!(answers[0].contains("12 euros") && answers[2].contains("15 euros"), "{answers:?}");
    let unknown = told("knowledge-unknown.yaml", "send.taken");
    assert!(unknown[0].contains("until nine") && unknown[1] == unknown[2], "{unknown:?}");
    let bookings = told("lease-expired.yaml", "tool");
    assert_eq!(bookings.len(), 1, "nobody books twice");
    let movers: std::collections::BTreeSet<&str> =
        of("node-killed.yaml").report.trace.iter().filter(|e| e.what == "taken_in").map(|e| e.node.as_str()).collect();
    assert_eq!(movers.len(), 3, "the lanes went from node to node");
}
