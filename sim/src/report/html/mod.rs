//! One page that needs nothing from anywhere: what failed on top, what was touched, how long and how dear, then every run's
//! timeline. Everything that people, models or files say is escaped, and no script but the page's own may run.

mod charts;
mod timeline;

use super::{
    Reliability, Run, Summary,
    coverage::Coverage,
    story::Story,
    words::{escaped, length},
};
use crate::{Verdict, check::INVARIANTS};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Runs that are open when the page opens, if nothing failed.
const OPEN: usize = 3;

/// The page of these runs.
#[must_use]
pub fn page(summary: &Summary, runs: &[Run]) -> String {
    let stories: Vec<Story<'_>> = runs.iter().map(Story::of).collect();
    let mut page = String::new();
    head(&mut page, summary);
    page.push_str("<main>\n");
    tiles(&mut page, summary);
    failures(&mut page, runs);
    reliabilities(&mut page, &summary.reliability);
    covered(&mut page, &Coverage::of(runs));
    charts::histograms(&mut page, &stories);
    page.push_str("<section><h2>Runs</h2>\n");
    let failed = runs.iter().any(|r| r.report.verdict != Verdict::Pass);
    for (n, (run, story)) in runs.iter().zip(&stories).enumerate() {
        let open = if failed { run.report.verdict != Verdict::Pass } else { n < OPEN };
        one(&mut page, n, run, story, open);
    }
    page.push_str("</section>\n</main>\n<script>");
    page.push_str(SCRIPT);
    page.push_str("</script>\n</body>\n</html>\n");
    page
}

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($page:expr, $($part:tt)*) => { let _ = write!($page, $($part)*); };
}
pub(super) use put;

fn head(page: &mut String, summary: &Summary) {
    // The text between the tags, as the browser hashes it.
    let script = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let verdict = if summary.is_fine { "passed" } else { "failed" };
    put!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{script}'\">\n\
         <title>Simulation {verdict}: {} of {} runs</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>Simulation</h1><span class=\"verdict {verdict}\">{verdict}</span></header>\n",
        summary.passed,
        summary.trials
    );
}

fn tiles(page: &mut String, summary: &Summary) {
    page.push_str("<section class=\"tiles\">");
    let hash = summary.trace_hash.get(..10).unwrap_or_default();
    let hours = summary.conversation_hours;
    let speed = if summary.wall_seconds > 0.0 { hours / summary.wall_seconds } else { 0.0 };
    let tiles = [
        ("runs", summary.trials.to_string(), format!("of {}", counted(summary.scenarios, "scenario"))),
        ("passed", summary.passed.to_string(), String::new()),
        ("failed", summary.failed.to_string(), String::new()),
        ("conversation-hours", format!("{hours:.1}"), format!("{speed:.0} a second")),
        ("machine time", format!("{:.2} s", summary.wall_seconds), String::new()),
        ("trace hash", hash.to_owned(), "the same seeds give the same hash".to_owned()),
    ];
    for (name, value, note) in tiles {
        put!(page, "<div><b>{}</b><span>{name}</span><small>{}</small></div>", escaped(&value), escaped(&note));
    }
    page.push_str("</section>\n");
}

fn failures(page: &mut String, runs: &[Run]) {
    let failed: Vec<(usize, &Run)> =
        runs.iter().enumerate().filter(|(_, r)| r.report.verdict != Verdict::Pass).collect();
    if failed.is_empty() {
        return;
    }
    page.push_str("<section class=\"failures\"><h2>What is wrong</h2>\n<ul>\n");
    for (n, run) in failed {
        let title = format!("{}, seed {}", run.scenario.name, run.report.seed);
        for v in &run.report.violations {
            let place = timeline::place(run, v).map_or_else(|| format!("run-{n}"), |e| timeline::anchor(n, e));
            let promise = INVARIANTS.iter().find(|(name, _)| *name == v.invariant).map_or("", |(_, says)| says);
            put!(
                page,
                "<li><a href=\"#{place}\"><b>{}</b> {} <span class=\"where\">{}</span></a><small>Promised: {}. {}</small></li>\n",
                escaped(v.invariant),
                escaped(&v.detail),
                escaped(&v.entity),
                escaped(promise),
                escaped(&title)
            );
        }
        let report = &run.report;
        for (what, all) in [("person", &report.off_script), ("expected", &report.unmet), ("doubt", &report.doubts)] {
            for why in all {
                put!(
                    page,
                    "<li><a href=\"#run-{n}\"><b>{what}</b> {}</a><small>{}</small></li>\n",
                    escaped(why),
                    escaped(&title)
                );
            }
        }
    }
    page.push_str("</ul></section>\n");
}

fn reliabilities(page: &mut String, all: &[Reliability]) {
    if all.is_empty() {
        return;
    }
    page.push_str("<section><h2>Reliability</h2>\n");
    for one in all {
        let class = if one.met == Some(false) { " class=\"warn\"" } else { "" };
        put!(page, "<p{class}>{}</p>\n", escaped(&one.to_string()));
    }
    page.push_str("</section>\n");
}

fn covered(page: &mut String, coverage: &Coverage) {
    page.push_str("<section><h2>Coverage</h2>\n<dl class=\"coverage\">");
    let mut row = |name: &str, counts: &BTreeMap<String, u64>| {
        if counts.is_empty() {
            return;
        }
        put!(page, "<dt>{name}</dt><dd>");
        for (what, count) in counts {
            let class = if *count == 0 { " class=\"none\"" } else { "" };
            put!(page, "<span{class}>{} <b>{count}</b></span>", escaped(&what.replace('_', " ")));
        }
        page.push_str("</dd>");
    };
    row("messages by channel", &coverage.channels);
    row("tools started", &coverage.tools);
    row("faults that struck", &coverage.faults);
    row("outcomes", &coverage.outcomes);
    row("deliveries", &coverage.deliveries);
    page.push_str("</dl>\n");
    for missed in &coverage.missed {
        put!(
            page,
            "<p class=\"warn\">Never happened: {}. The scenario shows less than it says.</p>\n",
            escaped(missed)
        );
    }
    page.push_str("</section>\n");
}

fn one(page: &mut String, n: usize, run: &Run, story: &Story<'_>, open: bool) {
    let report = &run.report;
    let open = if open { " open" } else { "" };
    put!(
        page,
        "<details class=\"run\" id=\"run-{n}\"{open}><summary><span class=\"verdict {}\">{}</span> <b>{}</b> <small>seed {} · {} · {}</small></summary>\n",
        if report.verdict == Verdict::Pass { "passed" } else { "failed" },
        report.verdict.name().replace('_', " "),
        escaped(&run.scenario.name),
        report.seed,
        length(report.lasted),
        escaped(&run.source)
    );
    if !run.scenario.about.is_empty() {
        put!(page, "<p>{}</p>\n", escaped(run.scenario.about.trim()));
    }
    facts(page, run, story);
    for what in &report.unchecked {
        put!(page, "<p class=\"warn\">Not checked: {}.</p>\n", escaped(what));
    }
    if report.trace.is_empty() {
        page.push_str("<p class=\"warn\">This run was made without a trace.</p>\n");
    } else {
        timeline::timeline(page, n, story);
    }
    page.push_str("</details>\n");
}

fn facts(page: &mut String, run: &Run, story: &Story<'_>) {
    let stats = &run.report.stats;
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let slowest = story.answers.iter().max().copied().unwrap_or(Duration::ZERO);
    let mut facts = vec![
        counted(stats.conversations, "conversation"),
        counted(stats.messages, "message"),
        counted(count(story.turns.len()), "turn"),
        counted(stats.tool_calls, "tool call"),
        counted(stats.faults, "fault"),
    ];
    if !story.answers.is_empty() {
        facts.push(format!("slowest answer {}", length(slowest)));
    }
    put!(page, "<p class=\"facts\">{}</p>\n", facts.join(" · "));
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
