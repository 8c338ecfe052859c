//! The process that runs one world, or two, and ends.

use super::{Answered, Asked, about, usable};
use crate::out;
use colloquy_api::simulations::{Compared, ComparedAnswer, ComparedSide, SimulatedConversation, SimulatedRun};
use colloquy_rag::extract::{ExtractLimits, limit_this_process};
use colloquy_sim::{
    Options, Report,
    compare::{Change, Side, compare},
    report::{self, Totals},
    run,
    scenario::Scenario,
};
use std::{io::Read, process::ExitCode, sync::Arc, time::Duration};

/// Processor time that a run may take, in seconds.
const CPU_SECONDS: u64 = 60;
const MEMORY_BYTES: u64 = 1 << 30;
/// Conversations that are told of, and problems.
const MOST_TOLD: usize = 50;

/// The child's whole life. Its exit code only says whether it answered.
#[must_use]
pub fn be_the_child() -> ExitCode {
    let limits = ExtractLimits { cpu_seconds: CPU_SECONDS, memory_bytes: MEMORY_BYTES, ..ExtractLimits::default() };
    if limit_this_process(&limits).is_err() {
        return ExitCode::FAILURE;
    }
    let mut text = String::new();
    let asked = std::io::stdin().read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
    let Some(asked) = asked else { return ExitCode::FAILURE };
    match serde_json::to_string(&answer(asked).unwrap_or_else(Answered::Wrong)) {
        Ok(json) => {
            out::line(json);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(asked: Asked) -> Result<Answered, String> {
    match asked {
        // Even reading one can take all memory: a few lines may stand for millions of people.
        Asked::About { scenario } => Ok(Answered::About(about(&scenario)?)),
        Asked::Run { scenario, seed } => Ok(Answered::Run(showed(run(&usable(&scenario)?, seed, Options::default())))),
        Asked::Page { scenario, seed } => Ok(Answered::Page(page(usable(&scenario)?, seed))),
        Asked::Compare { a, b, seed } => {
            let (a, b) = (usable(&a)?, usable(&b)?);
            if a.conversations != b.conversations {
                return Err("conversations: both must have the same ones".to_owned());
            }
            let [a, b] = [a, b].map(|s| run(&s, seed, Options::default()));
            let found = compare(&a, &b);
            let changed = found.changed.into_iter().map(changed).collect();
            let (a, b) = (side(found.a), side(found.b));
            Ok(Answered::Compared(Compared { conversations: found.conversations, a, b, changed }))
        }
    }
}

fn page(scenario: Scenario, seed: u64) -> String {
    let options = Options { trace: true, ..Options::default() };
    let report = run(&scenario, seed, options);
    let mut totals = Totals::default();
    totals.add(&report);
    // How long it took in the world of people says nothing here.
    let (source, scenario, wall) = (scenario.name.clone(), Arc::new(scenario), Duration::ZERO);
    report::page(&totals.summary(wall), &[report::Run { source, scenario, report, wall }])
}

fn showed(report: Report) -> SimulatedRun {
    let broken = report.violations.iter().map(ToString::to_string);
    let problems = broken.chain(report.off_script).chain(report.unmet).chain(report.doubts);
    let told = || report.told.iter();
    SimulatedRun {
        v: 1,
        seed: report.seed,
        verdict: report.verdict.name().to_owned(),
        problems: problems.take(MOST_TOLD).collect(),
        trace_hash: report.trace_hash,
        virtual_seconds: report.lasted.as_secs_f64(),
        faults: report.fired.len() as u64,
        replies: told().map(|t| t.replies.len() as u64).sum(),
        abstentions: told().map(|t| t.abstentions).sum(),
        tool_calls: told().map(|t| t.tools.len() as u64).sum(),
        cost_usd: usd(told().map(|t| t.cost_micros).sum()),
        conversations: told()
            .take(MOST_TOLD)
            .map(|t| SimulatedConversation { who: t.who.clone(), replies: t.replies.clone() })
            .collect(),
    }
}

fn side(side: Side) -> ComparedSide {
    let Side { verdict, replies, abstentions, tools, cost_micros } = side;
    let (verdict, tool_calls) = (verdict.name().to_owned(), tools.values().sum());
    ComparedSide { verdict, replies, abstentions, tool_calls, cost_usd: usd(cost_micros) }
}

fn changed(Change { who, answer, a, b }: Change) -> ComparedAnswer {
    ComparedAnswer { who, answer, a, b }
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}
