//! People who wait for the world, who wrote before, and who are played by a model; and models behind servers.

use colloquy_domain::{
    failure::Failure,
    model::{Completion, CompletionRequest, CompletionResult, Usage},
};
use colloquy_sim::{
    Options, Outside, Report, Servers, Tape, Verdict, run, run_with,
    scenario::{ModelSpec, Scenario, ServerSpec, from_file, from_yaml},
};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn told(report: &Report) -> &[String] {
    report.told.first().map_or(&[], |t| t.replies.as_slice())
}

fn details<'a>(report: &'a Report, what: &str) -> Vec<&'a str> {
    report.trace.iter().filter(|e| e.what == what).map(|e| e.detail.as_str()).collect()
}

fn traced(scenario: &Scenario) -> Report {
    run(scenario, scenario.runs.seed, Options { trace: true, ..Options::default() })
}

const ORDERS: &str = r##"{"orders": {"#W1": {"order_id": "#W1", "user_id": "u", "status": "pending", "items": [],
    "payment_history": [], "fulfillments": [], "address": {"address1": "1 rue A", "address2": "", "city": "Lyon", "state": "",
    "country": "FR", "zip": "69001"}}}, "users": {"u": {"user_id": "u", "name": {"first_name": "Zoé", "last_name": "M"},
    "email": "z@example.com", "address": {"address1": "1 rue A", "address2": "", "city": "Lyon", "state": "", "country": "FR",
    "zip": "69001"}, "payment_methods": {}, "orders": ["#W1"]}}}"##;

// req: C-SIM-1
#[test]
fn a_person_stops_when_the_world_is_as_they_want_it() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("db.json"), ORDERS).expect("written");
    let yaml = r##"
format: convsim/1
name: until
world: {agents: [{name: desk, tools: [tau2-retail]}]}
toolset: {name: tau2-retail, database: db.json}
model:
  kind: scripted
  rules:
    - {when: [cancel], calls: [{tool: cancel_pending_order, arguments: {order_id: "#W1", reason: ordered by mistake}}], say: Cancelled.}
    - {say: What can I do?}
conversations:
  - channel: wa
    peer: '33600000001'
    user:
      kind: automaton
      says: [Hello, "Please cancel #W1", Are you sure?]
      until: {called: [cancel_pending_order], data: [{at: "orders/#W1/status", equals: cancelled}]}
"##;
    let file = folder.path().join("until.yaml");
    let of = |yaml: &str| {
        fs::write(&file, yaml).expect("written");
        traced(&from_file(&file).expect("a scenario"))
    };
    let report = of(yaml);
    assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.violations);
    assert_eq!(details(&report, "wrote"), ["Hello", "Please cancel #W1"]);
    let other = of(&yaml.replace("equals: cancelled", "equals: delivered"));
    assert_eq!(details(&other, "wrote").len(), 3, "it never becomes so");
    let wrong = from_yaml(&yaml.replace("toolset: {name: tau2-retail, database: db.json}\n", "")).expect_err("no data");
    assert_eq!(wrong.to_string(), "conversations[0].user.until.data: there is no tool set");
}

const PLAYED: &str = "
format: convsim/1
name: refund
runs: {seed: 4, trials: 1}
model:
  kind: scripted
  rules:
    - {when: ['4711'], say: Your money is on its way.}
    - {when: [refund], say: What is your order number?}
    - {say: How can I help?}
conversations:
  - channel: wa
    peer: '33600000001'
    user:
      kind: model
      model:
        kind: scripted
        rules:
          - {when: [open the chat], say: 'Good morning. I want a refund, please!'}
          - {when: [order number], say: It is 4711}
          - {when: [on its way], say: 'Thank you [[done]]'}
          - {say: Hello?}
      persona: In a hurry.
      goal: A refund of their order.
      facts: {order number: {is: '4711', like: '\\b[0-9]{4}\\b'}}
expect: {texts: {must_say: [on its way]}}
";

// req: C-SIM-1
#[test]
fn a_played_person_talks_until_they_have_what_they_want() {
    let report = traced(&from_yaml(PLAYED).expect("a scenario"));
    assert_eq!(report.verdict, Verdict::Pass, "{:?} {:?}", report.violations, report.off_script);
    assert_eq!(details(&report, "wrote"), ["Good morning. I want a refund, please!", "It is 4711", "Thank you"]);
    assert_eq!(told(&report), ["What is your order number?", "Your money is on its way.", "How can I help?"]);
    let burst = PLAYED.replace("persona:", "burst: 1.0\n      typing: 1000\n      persona:");
    let burst = traced(&from_yaml(&burst).expect("a scenario"));
    assert_eq!(details(&burst, "wrote")[..2], ["Good morning.", "I want a refund, please!"]);
    assert_eq!(told(&burst)[0], "What is your order number?", "two messages, one turn");
    // Nobody answers: they ask once more, and leave.
    let alone =
        PLAYED.replace("conversations:", "timeline: [{at: 0s, do: {kill: {node: n0, lasts: 30m}}}]\nconversations:");
    let alone = traced(&from_yaml(&alone).expect("a scenario"));
    assert_eq!(details(&alone, "wrote").len(), 2, "{:?}", details(&alone, "wrote"));
}

#[test]
fn who_breaks_their_own_rules_is_to_blame_and_not_the_agent() {
    for (from, to, why) in [
        ("say: It is 4711", "say: It is 4712", "contradicts what they know: order number"),
        ("'Thank you [[done]]'", "'[[done]] And another thing'", "goes on after"),
        ("say: It is 4711", "say: 'Agent: your order number?'", "does not speak as a person"),
        ("say: It is 4711", "say: ' '", "writes nothing"),
        ("persona:", "budget_micros: 150\n      persona:", "costs 200 micros"),
        ("persona:", "honesty: reserved\n      persona:", "tells order number before"),
    ] {
        let mut yaml = PLAYED.replace(from, to);
        if to.contains("reserved") {
            yaml = yaml.replace("I want a refund", "I want a refund for 4711");
        }
        let report = traced(&from_yaml(&yaml).expect("a scenario"));
        assert_eq!(report.verdict, Verdict::FailUserSim, "{to}: {:?}", report.unmet);
        assert!(
            report.off_script[0].starts_with("wa/33600000001 ") && report.off_script[0].contains(why),
            "{report:?}"
        );
    }
    let liar = PLAYED
        .replace("say: It is 4711", "say: It is 4712")
        .replace("persona:", "honesty: liar\n      max_messages: 3\n      persona:");
    let report = traced(&from_yaml(&liar).expect("a scenario"));
    assert_eq!(report.verdict, Verdict::FailAgent, "a liar may say so: {:?}", report.off_script);
}

#[test]
fn answers_must_come_in_time_where_a_scenario_says_so() {
    let of = |times: &str| {
        let yaml = format!(
            "format: convsim/1\nname: times\nconversations:\n  - {{channel: wa, peer: '33600000001', user: {{kind: script, messages: \
             [{{at: 1s, text: Hi}}, {{at: 60s, text: Hi again}}]}}}}\nexpect: {{times: {times}}}\n"
        );
        run(&from_yaml(&yaml).expect("a scenario"), 1, Options::default())
    };
    let fine = of("{slowest: 10s, median: 10s, p95: 10s}");
    assert_eq!((fine.verdict, fine.trace.len()), (Verdict::Pass, 0), "{:?}", fine.unmet);
    let late = of("{slowest: 100ms, median: 10s}");
    assert_eq!((late.verdict, late.unmet.len()), (Verdict::FailAgent, 1), "{:?}", late.unmet);
    assert!(late.unmet[0].starts_with("times.slowest: "), "{:?}", late.unmet);
}

/// A server that counts, and fails where it is asked to.
#[derive(Default)]
struct Server(AtomicUsize);

impl Servers for Server {
    fn complete(&self, server: &ServerSpec, request: CompletionRequest) -> (CompletionResult, Duration) {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!((server.model.as_str(), request.choice.model.as_str()), ("m", "m"));
        if request.messages.iter().any(|m| m.contains("break")) {
            return (Err(Failure::reject("model.refused", "no")), Duration::from_millis(5));
        }
        let usage = Usage { prompt_tokens: 10, completion_tokens: 3, cost_micros: 700 };
        let text = format!("answer {n} to {}", request.messages.join(" + "));
        (Ok(Completion { text, usage, ..Completion::default() }), Duration::from_millis(1_234))
    }
}

const SERVED: &str = "
format: convsim/1
name: served
model: {kind: openai, base_url: 'http://127.0.0.1:9/v1', model: m, temperature: 0.5, cassette: answers.jsonl}
conversations:
  - {channel: wa, peer: '33600000001', user: {kind: script, messages: [{at: 1s, text: Hello}, {at: 60s, text: Hello}]}}
  - {channel: wa, peer: '33600000002', user: {kind: script, messages: [{at: 1s, text: Hi}]}}
expect: {texts: {must_say: [answer]}}
";

fn with_tape(folder: &Path, yaml: &str) -> Scenario {
    let file = folder.join("served.yaml");
    fs::write(&file, yaml).expect("written");
    from_file(&file).expect("a scenario")
}

// req: C-SIM-1
#[test]
fn a_run_with_a_real_model_is_made_again_from_its_cassette() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Arc::new(Server::default());
    let outside = Outside { servers: server.clone(), record: true };
    let options = Options { trace: true, ..Options::default() };
    let live = run_with(&with_tape(folder.path(), SERVED), 7, options, Some(&outside));
    assert_eq!(live.verdict, Verdict::Pass, "{:?} {:?}", live.violations, live.doubts);
    assert_eq!((live.takes.len(), server.0.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(live.told[0].cost_micros, 1_400, "{:?}", live.told);
    let tape = Tape(live.takes.iter().map(|t| t.recorded.clone()).collect());
    fs::write(folder.path().join("answers.jsonl"), tape.to_string()).expect("written");

    let scenario = with_tape(folder.path(), SERVED);
    let again = run(&scenario, 7, options);
    assert_eq!((again.verdict, &again.trace_hash), (Verdict::Pass, &live.trace_hash));
    assert_eq!(again.told, live.told);
    let playing = Outside { servers: server.clone(), record: false };
    let again = run_with(&scenario, 7, options, Some(&playing));
    assert_eq!((&again.trace_hash, server.0.load(Ordering::Relaxed)), (&live.trace_hash, 3), "nobody was asked");

    // What was not recorded is no failure of the agent.
    let other_seed = run(&scenario, 8, options);
    let other_words = run(&with_tape(folder.path(), &SERVED.replace("text: Hi}", "text: Hi there}")), 7, options);
    for (run, who) in [(other_seed, "wa/3360000000"), (other_words, "wa/33600000002")] {
        assert_eq!(run.verdict, Verdict::Inconclusive, "{:?}", run.unmet);
        assert!(run.doubts[0].contains(&format!("no answer for {who}")), "{:?}", run.doubts);
    }
}

#[test]
fn a_model_that_cannot_be_asked_says_nothing_of_the_agent() {
    let scenario = from_yaml(&SERVED.replace(", cassette: answers.jsonl", "")).expect("a scenario");
    let nobody = run(&scenario, 1, Options::default());
    assert_eq!(nobody.verdict, Verdict::Inconclusive);
    assert!(nobody.doubts.iter().any(|d| d.contains("no server may be asked")), "{:?}", nobody.doubts);
    let breaks = from_yaml(&SERVED.replace(", cassette: answers.jsonl", "").replace("text: Hi}", "text: break}"));
    let outside = Outside { servers: Arc::new(Server::default()), record: false };
    let report = run_with(&breaks.expect("a scenario"), 1, Options::default(), Some(&outside));
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.doubts[0].contains("wa/33600000002") && report.takes.is_empty(), "{:?}", report.doubts);
    assert!(matches!(scenario.model, ModelSpec::Openai(_)));
}
