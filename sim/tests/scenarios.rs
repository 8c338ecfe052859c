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
    let mut wrong = Vec::new();
    for run in &runs {
        let report = &run.report;
        if report.verdict != Verdict::Pass {
            let doubts = &report.doubts;
            wrong.push(format!(
                "{} with seed {}: {:?} {:?} {doubts:?}",
                run.source, report.seed, report.violations, report.unmet
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for run in &runs {
        let again = colloquy_sim::run(&run.scenario, run.report.seed, Options::default());
        assert_eq!(again.trace_hash, run.report.trace_hash, "{}", run.source);
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
    rates(&runs);
    refusals(&runs);
    rules(&runs);
}

fn first_of<'a>(runs: &'a [Run], file: &str) -> &'a Run {
    runs.iter().find(|r| r.source == file).unwrap_or_else(|| panic!("{file}"))
}

/// The age of the world whenever `what` happened to somebody whose name begins so.
fn when(run: &Run, what: &str, who: &str) -> Vec<Duration> {
    run.report.trace.iter().filter(|e| e.what == what && e.entity.starts_with(who)).map(|e| e.at).collect()
}

/// From the first to the last.
fn span(times: &[Duration]) -> Duration {
    times.last().zip(times.first()).map_or(Duration::ZERO, |(last, first)| *last - *first)
}

/// What each of them is about, seen in its events.
fn stories(runs: &[Run]) {
    let of = |file: &str| first_of(runs, file);
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

/// That nobody is refused is a promise; that there was more to send than the rates allow is seen here.
fn rates(runs: &[Run]) {
    let secs = Duration::from_secs;
    let crowd = first_of(runs, "crowd-within-rates.yaml");
    for (channel, people, rate) in
        [("wa", 240, 80), ("tg", 120, 30), ("fb", 600, 300), ("ig", 300, 100), ("sms", 5, 1), ("twa", 160, 80)]
    {
        let taken = when(crowd, "send.taken", channel);
        assert_eq!(taken.len(), people, "{channel}");
        assert!(span(&taken) > secs(people as u64 / rate - 1), "{channel}: {:?}", span(&taken));
    }
    let pair = first_of(runs, "one-person-too-fast.yaml");
    for (who, beside, most) in
        [("wa/33600000001", "wa/33600000002", secs((60 - 45) * 6)), ("tg/70001", "tg/70002", secs(10 - 3))]
    {
        let taken = when(pair, "send.taken", who);
        assert!(span(&taken) > most && span(&taken) < most * 11 / 10, "{who}: {:?}", span(&taken));
        let (asked, answered) = (when(pair, "wrote", beside), when(pair, "send.taken", beside));
        assert!(answered[0] - asked[0] < secs(5), "{beside} waits");
        assert!(taken[0] < answered[0] && answered[0] < taken[taken.len() - 1], "{beside} is answered in between");
    }
}

/// Of each channel the person to whom something happens.
const FIRST: [&str; 7] = [
    "wa/33600000001",
    "tg/70001",
    "fb/90001",
    "ig/80001",
    "line/U1001",
    "sms/+33600000001",
    "twa/whatsapp:+33600000001",
];

/// Windows, templates, consent and sizes.
fn rules(runs: &[Run]) {
    let told = |file: &str, what: &str, who: &str| -> Vec<String> {
        let trace = first_of(runs, file).report.trace.iter();
        trace.filter(|e| e.what == what && e.entity.starts_with(who)).map(|e| e.detail.clone()).collect()
    };
    for (channel, pieces) in [("fb", 1), ("ig", 1), ("twa", 1), ("tg", 2), ("sms", 2), ("line", 2)] {
        assert_eq!(told("windows.yaml", "send.taken", channel).len(), pieces, "{channel}");
    }
    assert_eq!(told("outside-window.yaml", "send.taken", "wa/33600000001")[0], "ready");
    assert_eq!(told("outside-window.yaml", "send.taken", "wa/33600000002")[1..], ["offer"]);
    assert_eq!(told("outside-window.yaml", "send.refused", "wa/33600000002"), ["400", "404"]);
    for channel in ["fb", "ig"] {
        assert_eq!(told("outside-window.yaml", "send.taken", channel)[1..], ["I tried to call you."], "{channel}");
        assert!(told("outside-window.yaml", "send.refused", channel).is_empty(), "it was not even asked");
    }
    for who in ["sms/+33600000001", "sms/+33600000002", "twa", "tg"] {
        assert_eq!(told("opt-out.yaml", "send.refused", who).len(), 1, "{who}");
    }
    assert_eq!(told("opt-out.yaml", "send.unseen", "line"), ["re: Where is my order?"]);
    assert_eq!(told("opt-out.yaml", "send.taken", "line"), ["re: Where is it now?"]);
    for (channel, pieces) in [("wa", 2), ("fb", 4), ("tg", 2), ("ig", 7), ("line", 2), ("sms", 10), ("twa", 4)] {
        let taken = told("long-replies.yaml", "send.taken", channel);
        assert!(taken.len() >= pieces && taken.len() < pieces * 2, "{channel}: {}", taken.len());
    }
}

/// What providers refuse, and when it is tried again.
fn refusals(runs: &[Run]) {
    let secs = Duration::from_secs;
    let blocked = first_of(runs, "person-blocked.yaml");
    for who in FIRST {
        assert_eq!(when(blocked, "send.refused", who).len(), 1, "{who} is not tried again");
    }
    let expired = first_of(runs, "token-expired.yaml");
    assert!(when(expired, "send.taken", "fb")[0] < secs(10), "another account goes on");
    for channel in ["wa", "tg", "ig", "line", "sms", "twa"] {
        let renewed = when(expired, "fault", channel)[0] + secs(600);
        let (tried, taken) = (when(expired, "send.refused", channel), when(expired, "send.taken", channel));
        assert!(tried.len() < 15, "{channel} is tried {} times in ten minutes", tried.len());
        assert!(taken[0] > renewed && taken[0] < renewed + secs(900), "{channel}: {:?}", taken[0]);
    }
    let failing = first_of(runs, "servers-fail.yaml");
    for (who, tries) in FIRST.map(|who| (who, if who == "tg/70001" { 1 } else { 3 })) {
        let refused = when(failing, "send.refused", who);
        assert_eq!(refused.len(), tries, "{who}");
        assert!(refused.windows(3).all(|w| w[2] - w[1] > (w[1] - w[0]) * 3 / 2), "{who}: {refused:?}");
    }
    let lost = first_of(runs, "answer-lost.yaml").report.trace.iter();
    let uncertain = lost.filter(|e| e.what == "settled" && e.detail == "uncertain").count();
    assert_eq!(uncertain, 7, "statuses and an echo settle three of them later");
    let known = when(first_of(runs, "answer-lost.yaml"), "send.known", "line");
    assert_eq!(known.len(), 1, "LINE is asked again, and knows the key");
    let window = first_of(runs, "windows.yaml");
    for channel in ["tg", "line", "sms"] {
        assert!(when(window, "send.taken", channel)[0] > secs(25 * 3600), "{channel}");
    }
    let waiting = first_of(runs, "retry-after.yaml");
    for who in FIRST {
        let (refused, taken) = (when(waiting, "send.refused", who), when(waiting, "send.taken", who));
        let [first, second] = refused[..] else { panic!("{who}: {refused:?}") };
        assert!(second - first >= secs(420) && second - first < secs(422), "{who}: {refused:?}");
        assert!(taken[0] - second >= secs(180) && taken[0] - second < secs(182), "{who}: {taken:?}");
    }
}
