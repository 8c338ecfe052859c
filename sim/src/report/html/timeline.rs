//! A run's timeline: time goes down, each conversation has its lane, the world has the first one.

use super::put;
use crate::{
    check::Violation,
    report::{
        Run,
        story::{Scene, Story, Turn, WORLD},
        words::{age, escaped, length},
    },
};
use std::{fmt::Write, time::Duration};

/// A wait that is worth telling.
const LONG: Duration = Duration::from_secs(60);

/// Where an entry of a run's trace is on the page.
pub fn anchor(run: usize, entry: usize) -> String {
    format!("e-{run}-{entry}")
}

/// The entry that shows a violation.
pub fn place(run: &Run, v: &Violation) -> Option<usize> {
    let shows = |e: &crate::Entry| {
        e.what == "broken"
            && e.at == v.at
            && e.entity == v.entity
            && e.detail.strip_prefix(v.invariant).and_then(|d| d.strip_prefix(": ")) == Some(v.detail.as_str())
    };
    run.report.trace.iter().position(shows)
}

pub fn timeline(page: &mut String, run: usize, story: &Story<'_>) {
    filters(page, story);
    let single = if story.lanes.len() == 2 { " single" } else { "" };
    put!(page, "<div class=\"lanes{single}\" style=\"--lanes:{}\">\n", story.lanes.len().max(2) - 1);
    page.push_str("<div class=\"names\"><span>time</span>");
    for (n, name) in story.lanes.iter().enumerate() {
        put!(page, "<span data-lane=\"{n}\" style=\"grid-column:{}\">{}</span>", n + 2, escaped(name));
    }
    page.push_str("</div>\n");
    let numbers = numbers(story);
    let mut rows = Vec::with_capacity(story.scenes.len());
    let (mut row, mut before) = (1, Duration::ZERO);
    for (n, scene) in story.scenes.iter().enumerate() {
        let at = scene.entry.at;
        if at.saturating_sub(before) >= LONG {
            row += 1;
            put!(page, "<div class=\"gap\" style=\"grid-row:{row}\">{} later</div>\n", length(at - before));
        }
        before = at;
        row += 1;
        rows.push(row);
        let turn = story.turns.iter().position(|t| t.first == n).map(|t| numbers[t]);
        event(page, &anchor(run, n), row, &story.lanes, scene, turn);
    }
    turns(page, story, &rows, &numbers);
    page.push_str("</div>\n");
}

fn filters(page: &mut String, story: &Story<'_>) {
    page.push_str("<div class=\"filters\"><label>Conversation <select><option value=\"\">all</option>");
    for (n, name) in story.lanes.iter().enumerate().filter(|(n, _)| *n != WORLD) {
        put!(page, "<option value=\"{n}\">{}</option>", escaped(name));
    }
    page.push_str("</select></label> <label><input type=\"checkbox\"> webhooks and notices, too</label></div>\n");
}

/// `turn`: the number of the turn that begins here.
fn event(page: &mut String, anchor: &str, row: usize, lanes: &[String], scene: &Scene<'_>, turn: Option<u64>) {
    let Scene { entry, lane, sort } = scene;
    put!(
        page,
        "<div class=\"event {}\" id=\"{anchor}\" data-lane=\"{lane}\" style=\"grid-row:{row}\"><time>{}</time><div class=\"card\" style=\"grid-column:{}\">",
        sort.name(),
        age(entry.at),
        lane + 2
    );
    put!(page, "<small class=\"lane\">{}</small> ", escaped(lanes.get(*lane).map_or("", |l| l)));
    if !entry.node.is_empty() {
        put!(page, "<small class=\"on\">{}</small> ", escaped(&entry.node));
    }
    if let Some(turn) = turn {
        put!(page, "<small class=\"on\">turn {turn}</small> ");
    }
    put!(page, "<b>{}</b> {}</div></div>\n", label(scene), escaped(&told(scene)));
}

/// What happened, in a word or two.
fn label(scene: &Scene<'_>) -> &'static str {
    match scene.entry.what {
        "wrote" => "writes",
        "send.taken" => "provider takes",
        "replied" => "reply",
        "settled" => "delivery",
        "taken_in" => "in the inbox",
        "take_over" => "a person takes over",
        "give_back" => "back to the agent",
        "operator" => "the team writes",
        "fenced" => "refused by the fence",
        "at_rest" => "at rest",
        what => what,
    }
}

fn told(scene: &Scene<'_>) -> String {
    let entry = scene.entry;
    let detail = match (entry.what, entry.detail.as_str()) {
        ("fault", detail) => fault(detail),
        ("model", detail) => detail.trim_start_matches("\"\" ").to_owned(),
        ("settled", "again") => "put off: it is tried again".to_owned(),
        ("settled", "failed") => "failed for good: a dead letter".to_owned(),
        ("settled", "uncertain") => "uncertain: it may have arrived, so it is not repeated".to_owned(),
        ("settled", "released") => "not begun: left to another time".to_owned(),
        ("settled", "progress") => "a part is sent".to_owned(),
        (_, detail) => detail.to_owned(),
    };
    // In the world's lane it says whom it concerns.
    let whom = scene.lane == WORLD && !entry.entity.is_empty() && entry.entity != entry.node;
    if whom { format!("{}: {detail}", entry.entity) } else { detail }
}

/// Kinds that take the time that stands with them.
const TAKE_TIME: [&str; 10] =
    ["Slow", "Unknown", "Duplicate", "Late", "Throttled", "EarlyStatus", "Kill", "Pause", "Restart", "Skew"];

/// `Tool CrashAfter 2s` → `tool: crash after`.
fn fault(detail: &str) -> String {
    let mut words = detail.split(' ');
    let (Some(site), Some(kind), Some(lasts)) = (words.next(), words.next(), words.next()) else {
        return detail.to_owned();
    };
    let told = format!("{}: {}", apart(site), apart(kind));
    match seconds(lasts).filter(|_| TAKE_TIME.contains(&kind)) {
        Some(lasts) => format!("{told}, {}", length(lasts)),
        None => told,
    }
}

/// `CrashAfter` → `crash after`.
fn apart(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// As `Duration` writes itself.
fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// The number of each turn in its conversation.
fn numbers(story: &Story<'_>) -> Vec<u64> {
    let mut last = vec![0; story.lanes.len()];
    let number = |turn: &Turn| {
        last[turn.lane] += 1;
        last[turn.lane]
    };
    story.turns.iter().map(number).collect()
}

/// A bar behind each turn's events.
fn turns(page: &mut String, story: &Story<'_>, rows: &[usize], numbers: &[u64]) {
    for (turn, number) in story.turns.iter().zip(numbers) {
        let (first, last) = (rows[turn.first], rows[turn.last]);
        let begun = story.scenes[turn.first].entry.at;
        let took = story.scenes[turn.last].entry.at.saturating_sub(begun);
        put!(
            page,
            "<div class=\"turn\" data-lane=\"{}\" style=\"grid-row:{first}/{};grid-column:{}\" title=\"turn {number}: {} from the first completion to the commit\"></div>\n",
            turn.lane,
            last + 1,
            turn.lane + 2,
            length(took)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_words() {
        assert_eq!(fault("Tool CrashAfter 2s"), "tool: crash after");
        assert_eq!(fault("Send Throttled 90000s"), "send: throttled, 25 h");
        assert_eq!(fault("Commit Slow 250ms"), "commit: slow, 250 ms");
    }
}
