//! What a running server was seen to do, held against the scenario that was played to it.
//!
//! From outside there is less to see than in a world: [`unseen`] names what a scenario asks for and nobody looked at.

use crate::{
    Entry, Report, Stats, Take, Told, Verdict,
    check::{self, Violation},
    provider::Delivered,
    report::answers,
    scenario::{Action, Scenario, UserSpec},
    trace::Trace,
};
use colloquy_domain::model::Speaker;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Expectations that can be seen from outside.
const VISIBLE: &[&str] = &["texts", "outcomes", "deliveries", "times", "pass_k"];

/// Everything that was seen of one run.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// `wrote`, `send.taken`, `replied`, `take_over` and `give_back`, in order.
    pub trace: Vec<Entry>,
    pub conversations: Vec<Conversation>,
    /// What people who are played did against their own rules.
    pub off_script: Vec<String>,
    /// Why nothing can be said of the agent.
    pub doubts: Vec<String>,
    /// What of the scenario could not be done.
    pub undone: Vec<String>,
    /// What the models of played people answered, for cassettes.
    pub takes: Vec<Take>,
    pub lasted: Duration,
}

/// One conversation of the scenario.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// `channel/peer`.
    pub who: String,
    /// What the server accepted of the person, in order.
    pub wrote: Vec<String>,
    /// What it refused or did not answer to, and how.
    pub refused: Vec<(String, String)>,
    /// The transcript, oldest line first.
    pub lines: Vec<Line>,
    /// What the provider took; empty in the web chat.
    pub taken: Vec<Delivered>,
}

/// A line of the server's transcript.
#[derive(Debug, Clone)]
pub struct Line {
    pub speaker: Speaker,
    pub text: String,
    pub turn: Option<u32>,
    /// Of a received message, by name, and the turn that answered it.
    pub outcome: Option<(String, Option<u32>)>,
    /// Of a reply, by name.
    pub status: Option<String>,
    pub abstained: bool,
}

/// What this scenario asks for and cannot be had of a running server.
#[must_use]
pub fn unseen(scenario: &Scenario) -> Vec<String> {
    let mut unseen = Vec::new();
    let expected = serde_json::to_value(&scenario.expect).unwrap_or_default();
    let names = expected.as_object().into_iter().flat_map(serde_json::Map::keys);
    unseen.extend(
        names.filter(|n| !VISIBLE.contains(&n.as_str())).map(|n| format!("expect.{n} cannot be seen from outside")),
    );
    for (n, conversation) in scenario.conversations.iter().enumerate() {
        let waits = match &conversation.user {
            UserSpec::Automaton(person) => person.until.is_some(),
            UserSpec::Model(person) => person.until.is_some(),
            UserSpec::Script { .. } | UserSpec::Replay(_) => false,
        };
        if waits {
            unseen.push(format!("conversations[{n}].user.until cannot be seen from outside"));
        }
    }
    if !scenario.faults.is_empty() {
        unseen.push("faults do not happen to a running server".to_owned());
    }
    let done = |a: &Action| matches!(a, Action::TakeOver { .. } | Action::GiveBack { .. });
    let events = scenario.timeline.iter().enumerate().filter(|(_, e)| !done(&e.action));
    unseen.extend(events.map(|(n, _)| format!("timeline[{n}] is not done to a running server")));
    unseen
}

/// What the run shows.
#[must_use]
pub fn report(scenario: &Scenario, seed: u64, seen: Seen) -> Report {
    let entries = told(seen.trace, &seen.conversations);
    let trace = Trace::new(true);
    entries.iter().cloned().for_each(|e| trace.add(e));
    let violations: Vec<Violation> = seen.conversations.iter().flat_map(|c| broken(c, seen.lasted)).collect();
    let unmet = unmet(scenario, &seen.conversations, &entries);
    let mut unchecked = unseen(scenario);
    unchecked.extend(seen.undone);
    let verdict = if !violations.is_empty() {
        Verdict::FailInfra
    } else if !seen.off_script.is_empty() {
        Verdict::FailUserSim
    } else if !seen.doubts.is_empty() {
        Verdict::Inconclusive
    } else if !unmet.is_empty() {
        Verdict::FailAgent
    } else {
        Verdict::Pass
    };
    Report {
        seed,
        verdict,
        violations,
        unmet,
        off_script: seen.off_script,
        doubts: seen.doubts,
        unchecked,
        takes: seen.takes,
        trace_hash: trace.hash(),
        trace: entries,
        fired: Vec::new(),
        stats: stats(&seen.conversations, trace.count()),
        told: seen.conversations.iter().map(summary).collect(),
        lasted: seen.lasted,
        saved: None,
    }
}

fn said_by(lines: &[Line], speaker: Speaker) -> impl Iterator<Item = &Line> {
    lines.iter().filter(move |l| l.speaker == speaker)
}

/// The promises that can be seen from outside.
fn broken(conversation: &Conversation, at: Duration) -> Vec<Violation> {
    let mut broken = Vec::new();
    let mut say = |invariant, detail: &str| {
        broken.push(Violation { invariant, at, entity: conversation.who.clone(), detail: detail.to_owned() });
    };
    for (text, how) in &conversation.refused {
        say("liveness", &format!("{text:?} was not accepted: {how}"));
    }
    let mut found: BTreeMap<&str, i64> = BTreeMap::new();
    for line in said_by(&conversation.lines, Speaker::Person) {
        *found.entry(&line.text).or_default() += 1;
        if line.outcome.is_none() {
            say("outcome.missing", &line.text);
        }
    }
    for text in &conversation.wrote {
        *found.entry(text).or_default() -= 1;
    }
    for (text, more) in found {
        match more {
            0 => {}
            1.. => say("message.twice", text),
            _ => say("message.lost", text),
        }
    }
    let mut seen = BTreeSet::new();
    for taken in conversation.taken.iter().filter(|t| t.tag.is_some()) {
        if !seen.insert((&taken.tag, &taken.text)) {
            say("reply.twice", &taken.text);
        }
    }
    broken
}

fn unmet(scenario: &Scenario, conversations: &[Conversation], trace: &[Entry]) -> Vec<String> {
    let expect = &scenario.expect;
    let lines = conversations.iter().flat_map(|c| said_by(&c.lines, Speaker::Agent));
    let said: String = lines.map(|l| format!("{}\n", l.text)).collect();
    let stats = stats(conversations, 0);
    let mut unmet = check::texts(&expect.texts, &said);
    unmet.extend(expect.outcomes.as_ref().and_then(|w| check::counts("outcomes", &stats.outcomes, w)));
    unmet.extend(expect.deliveries.as_ref().and_then(|w| check::counts("deliveries", &stats.deliveries, w)));
    if let Some(times) = &expect.times {
        unmet.extend(check::times::unmet(times, &answers(scenario, trace)));
    }
    unmet
}

fn stats(conversations: &[Conversation], events: u64) -> Stats {
    let mut stats = Stats { events, ..Stats::default() };
    for conversation in conversations {
        stats.conversations += 1;
        for line in &conversation.lines {
            match line.speaker {
                Speaker::Person => {
                    stats.messages += 1;
                    let name = line.outcome.as_ref().map_or("none", |(name, _)| name);
                    *stats.outcomes.entry(name.to_owned()).or_default() += 1;
                }
                Speaker::Agent => {
                    stats.replies += 1;
                    let status = line.status.as_deref().unwrap_or("none");
                    *stats.deliveries.entry(status.to_owned()).or_default() += 1;
                }
                Speaker::Operator => {}
            }
        }
    }
    stats
}

fn summary(conversation: &Conversation) -> Told {
    let replies = || said_by(&conversation.lines, Speaker::Agent);
    Told {
        who: conversation.who.clone(),
        replies: replies().map(|l| l.text.clone()).collect(),
        abstentions: replies().filter(|l| l.abstained).count() as u64,
        ..Told::default()
    }
}

/// The trace with the turns that the transcripts tell of: what a turn settled, just before its reply arrived.
fn told(mut trace: Vec<Entry>, conversations: &[Conversation]) -> Vec<Entry> {
    for conversation in conversations {
        let arrived: Vec<Duration> = trace
            .iter()
            .filter(|e| matches!(e.what, "send.taken" | "replied") && e.entity == conversation.who)
            .map(|e| e.at)
            .collect();
        let mut arrived = arrived.into_iter();
        for reply in said_by(&conversation.lines, Speaker::Agent) {
            let Some(at) = arrived.next() else { break };
            let settled = (1..).zip(said_by(&conversation.lines, Speaker::Person)).filter_map(|(n, l)| {
                let (name, turn) = l.outcome.as_ref()?;
                (*turn == reply.turn && turn.is_some()).then(|| format!(" #{n} {name}"))
            });
            let settled: String = settled.collect();
            let detail = format!("v0{settled} says {:?}", reply.text);
            trace.push(Entry { at, node: String::new(), what: "commit", entity: conversation.who.clone(), detail });
        }
    }
    // A commit comes before what follows from it.
    trace.sort_by_key(|e| (e.at, e.what != "commit"));
    trace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::from_yaml;

    const SCENARIO: &str = "format: convsim/1\nname: s\nworld: {channels: [{name: wa, agent: desk}]}\n\
        conversations:\n  - {channel: wa, peer: '1', user: {kind: script, messages: [{at: 1s, text: Hi}]}}\n\
        faults: [{site: send, kind: throttled, chance: 0.5}]\n\
        timeline: [{at: 1s, do: {take_over: {channel: wa, peer: '1'}}}, {at: 2s, do: {kill: {node: n0, lasts: 1s}}}]\n\
        expect:\n  tools: {required: [look]}\n  texts: {must_say: [hello]}\n  outcomes: {answered: 1}\n  times: {slowest: 2s}\n";

    fn entry(ms: u64, what: &'static str, detail: &str) -> Entry {
        let at = Duration::from_millis(ms);
        Entry { at, node: String::new(), what, entity: "wa/1".to_owned(), detail: detail.to_owned() }
    }

    fn line(speaker: Speaker, text: &str, turn: Option<u32>) -> Line {
        let person = speaker == Speaker::Person;
        Line {
            speaker,
            text: text.to_owned(),
            turn,
            outcome: person.then(|| ("answered".to_owned(), Some(1))),
            status: (!person).then(|| "delivered".to_owned()),
            abstained: false,
        }
    }

    fn seen() -> Seen {
        let taken = Delivered {
            peer: "1".to_owned(),
            text: "Hello!".to_owned(),
            tag: Some("t".to_owned()),
            number: "1".to_owned(),
        };
        let conversation = Conversation {
            who: "wa/1".to_owned(),
            wrote: vec!["Hi".to_owned()],
            lines: vec![line(Speaker::Person, "Hi", None), line(Speaker::Agent, "Hello!", Some(1))],
            taken: vec![taken],
            ..Conversation::default()
        };
        Seen {
            trace: vec![entry(1_000, "wrote", "Hi"), entry(2_500, "send.taken", "Hello!")],
            conversations: vec![conversation],
            lasted: Duration::from_secs(3),
            ..Seen::default()
        }
    }

    #[test]
    fn what_can_be_seen_is_checked_and_the_rest_is_named() {
        let scenario = from_yaml(SCENARIO).expect("a scenario");
        let found = report(&scenario, 1, seen());
        assert_eq!((found.verdict, &found.unmet), (Verdict::Pass, &Vec::new()), "{:?}", found.violations);
        assert_eq!(
            found.unchecked,
            [
                "expect.tools cannot be seen from outside",
                "faults do not happen to a running server",
                "timeline[1] is not done to a running server",
            ]
        );
        assert_eq!(answers(&scenario, &found.trace), [Duration::from_millis(1_500)]);
        let mut late = seen();
        late.trace[1].at = Duration::from_secs(9);
        late.conversations[0].lines[1].text = "Go away".to_owned();
        late.trace[1].detail = "Go away".to_owned();
        let found = report(&scenario, 1, late);
        assert_eq!((found.verdict, found.unmet.len()), (Verdict::FailAgent, 2), "{:?}", found.unmet);
    }

    #[test]
    fn broken_promises_are_seen() {
        let scenario = from_yaml(SCENARIO).expect("a scenario");
        let broken = |change: fn(&mut Conversation)| {
            let mut seen = seen();
            change(&mut seen.conversations[0]);
            let found = report(&scenario, 1, seen);
            assert_eq!(found.verdict, Verdict::FailInfra);
            found.violations.iter().map(|v| v.invariant).collect::<Vec<_>>()
        };
        assert_eq!(broken(|c| c.wrote.push("Hello?".to_owned())), ["message.lost"]);
        assert_eq!(broken(|c| c.lines.push(line(Speaker::Person, "Hi", None))), ["message.twice"]);
        assert_eq!(broken(|c| c.lines[0].outcome = None), ["outcome.missing"]);
        assert_eq!(broken(|c| c.taken.push(c.taken[0].clone())), ["reply.twice"]);
        assert_eq!(broken(|c| c.refused.push(("Hi".to_owned(), "HTTP 503".to_owned()))), ["liveness"]);
    }
}
