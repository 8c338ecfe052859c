use super::*;
use crate::{
    Stats, Verdict,
    check::Violation,
    fault::{Fired, Kind, Site},
    scenario::from_yaml,
    trace::Entry,
};

const SCENARIO: &str = "
format: convsim/1
name: <b>hostile</b> & co
about: Shows nothing.
world:
  agents: [{name: desk, tools: [look, pay]}]
  channels: [{name: wa, agent: desk}, {name: web, agent: desk, kind: webchat}]
tools: [{name: look}, {name: pay, effect: unsafe}]
conversations:
  - {channel: wa, peer: '1', user: {kind: script, messages: [{at: 1s, text: x}]}}
  - {channel: web, peer: v, user: {kind: script, messages: [{at: 1s, text: x}]}}
faults:
  - {site: tool, kind: crash_after, occurrence: 0}
  - {site: send, kind: throttled, occurrence: 3}
";

/// Node, what, entity and detail at these milliseconds.
const TRACE: [(u64, &str, &str, &str, &str); 16] = [
    (0, "n0", "node", "", "starts"),
    (1_000, "", "wrote", "wa/1", "</script><script>alert('\u{7}')</script>"),
    (1_010, "n0", "webhook", "wa/1", "200"),
    (1_200, "", "wrote", "wa/1", "please"),
    (3_000, "n0", "model", "wa/1", "\"\" look({})"),
    (3_001, "n0", "tool", "wa/1", "look {}"),
    (3_100, "n0", "fault", "wa/1/look", "Tool CrashAfter 2s"),
    (3_100, "n0", "node", "", "is gone"),
    (5_000, "n0", "model", "wa/1", "\"fine\" "),
    (5_001, "n0", "commit", "wa/1", "v1 #1 merged #2 answered says \"fine <3\\n\""),
    (6_200, "", "send.taken", "wa/1", "fine <3\n"),
    (90_000, "", "wrote", "web/v", "hello"),
    (91_000, "n0", "model", "web/v", "\"re\" "),
    (91_000, "n0", "commit", "web/v", "v1 #1 answered says \"re\""),
    (91_000, "", "replied", "web/v", "re"),
    (95_000, "", "broken", "wa/1", "reply.twice: <fine>"),
];

fn run() -> Run {
    let entry = |(at, node, what, entity, detail): (u64, &str, &'static str, &str, &str)| Entry {
        at: Duration::from_millis(at),
        node: node.to_owned(),
        what,
        entity: entity.to_owned(),
        detail: detail.to_owned(),
    };
    let at = Duration::from_millis(95_000);
    let violation = Violation { invariant: "reply.twice", at, entity: "wa/1".to_owned(), detail: "<fine>".to_owned() };
    let fired = Fired {
        site: Site::Tool,
        kind: Kind::CrashAfter,
        entity: "wa/1/look".to_owned(),
        occurrence: 0,
        lasts: Duration::from_secs(2),
    };
    let counts = |counts: &[(&str, u64)]| counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    let stats = Stats {
        conversations: 2,
        messages: 3,
        outcomes: counts(&[("answered", 2), ("merged", 1)]),
        replies: 2,
        deliveries: counts(&[("sent", 1)]),
        tool_calls: 1,
        faults: 1,
        events: 16,
    };
    let scenario = Arc::new(from_yaml(SCENARIO).expect("a scenario"));
    let report = Report {
        seed: 7,
        verdict: Verdict::FailInfra,
        violations: vec![violation],
        unmet: vec!["texts.must_say: \"<x>\" was not said".to_owned()],
        trace_hash: "ab".repeat(32),
        trace: TRACE.map(entry).into(),
        fired: vec![fired],
        stats,
        lasted: Duration::from_secs(1800),
        ..crate::run(&scenario, 7, crate::Options::default())
    };
    Run { source: "hostile.yaml".to_owned(), scenario, report, wall: Duration::from_millis(40) }
}

fn summary(runs: &[Run]) -> Summary {
    let mut totals = Totals::default();
    for run in runs {
        totals.scenario();
        totals.add(&run.report);
    }
    totals.summary(Duration::from_millis(40 * runs.len() as u64))
}

#[test]
fn answers_are_measured_from_the_message_to_the_provider() {
    let run = run();
    let story = story::Story::of(&run);
    assert_eq!(story.lanes, ["world", "wa/1", "web/v"]);
    assert_eq!(story.answers, [5_200, 5_000, 1_000].map(Duration::from_millis));
    assert_eq!(story.costs, [200, 100]);
    let turns: Vec<(usize, usize, usize)> = story.turns.iter().map(|t| (t.lane, t.first, t.last)).collect();
    assert_eq!(turns, [(1, 4, 9), (2, 12, 13)]);
}

#[test]
fn a_summary_names_every_verdict() {
    let summary = serde_json::to_value(summary(&[run(), run()])).expect("json");
    let hash = summary["trace_hash"].as_str().unwrap_or_default();
    assert_eq!(hash.len(), 64);
    assert_eq!(
        summary["verdicts"],
        serde_json::json!({"pass": 0, "fail_agent": 0, "fail_user_sim": 0, "fail_infra": 2, "inconclusive": 0})
    );
    assert_eq!((&summary["failed"], &summary["seed"]), (&2.into(), &7.into()));
    assert_eq!(summary["conversation_hours"], 2.0);
    let keys: Vec<&str> = summary.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut wanted = [
        "scenarios",
        "trials",
        "passed",
        "failed",
        "verdicts",
        "trace_hash",
        "seed",
        "conversation_hours",
        "wall_seconds",
    ];
    wanted.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, wanted);
}

#[test]
fn junit_has_a_suite_for_each_scenario_and_a_case_for_each_seed() {
    let runs = [run()];
    let xml = junit(&summary(&runs), &runs).expect("memory");
    insta::assert_snapshot!("junit", xml);
    // Another parser than its writer's own tests takes it for what it is.
    let mut reader = quick_xml::Reader::from_str(&xml);
    while !matches!(reader.read_event().expect("well-formed"), quick_xml::events::Event::Eof) {}
}

#[test]
fn json_shows_everything() {
    let runs = [run()];
    let shown = json(&summary(&runs), &runs).expect("json");
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!("json", shown);
    });
}

#[test]
fn the_page_holds_untrusted_text_and_nothing_from_elsewhere() {
    let runs = [run()];
    let page = page(&summary(&runs), &runs);
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert!(!page.contains("<b>hostile") && !page.contains("alert('"));
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The violation leads to its place.
    assert!(page.contains("href=\"#e-0-15\"") && page.contains("id=\"e-0-15\""));
    assert!(page.contains("Never happened: &lt;b&gt;hostile&lt;/b&gt; &amp; co: faults[1] (send throttled)"));
    let (_, body) = page.split_once("<main>").expect("a body");
    insta::assert_snapshot!("page", body.split_once("<script>").expect("a script").0);
}
