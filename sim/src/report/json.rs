//! JSON: everything that a run shows, for programs.

use super::{Run, Summary, coverage::Coverage, story::Story};
use crate::{check::Violation, fault::FaultSpec};
use serde_json::{Value, json};

/// The summary's fields, then `coverage` and `runs`.
///
/// # Errors
/// Never: all of it can be written.
pub fn json(summary: &Summary, runs: &[Run]) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(summary)?;
    value["coverage"] = serde_json::to_value(Coverage::of(runs))?;
    value["runs"] = runs.iter().map(run_json).collect::<serde_json::Result<Vec<Value>>>()?.into();
    Ok(value)
}

fn run_json(run: &Run) -> serde_json::Result<Value> {
    let report = &run.report;
    let story = Story::of(run);
    let millis: Vec<u128> = story.answers.iter().map(std::time::Duration::as_millis).collect();
    let trace: Vec<Value> = report
        .trace
        .iter()
        .map(|e| json!({"at": e.at.as_secs_f64(), "node": e.node, "what": e.what, "entity": e.entity, "detail": e.detail}))
        .collect();
    Ok(json!({
        "source": run.source,
        "scenario": run.scenario.name,
        "seed": report.seed,
        "verdict": report.verdict.name(),
        "violations": report.violations.iter().map(violation).collect::<Vec<_>>(),
        "unmet": report.unmet,
        "off_script": report.off_script,
        "doubts": report.doubts,
        "unchecked": report.unchecked,
        "trace_hash": report.trace_hash,
        "stats": serde_json::to_value(&report.stats)?,
        "lasted_seconds": report.lasted.as_secs_f64(),
        "wall_seconds": run.wall.as_secs_f64(),
        "answer_millis": millis,
        "reply_cost_micros": story.costs,
        "faults": report.fired.iter().map(|f| serde_json::to_value(FaultSpec::from(f))).collect::<Result<Vec<_>, _>>()?,
        "trace": trace,
    }))
}

fn violation(v: &Violation) -> Value {
    json!({"invariant": v.invariant, "at": v.at.as_secs_f64(), "entity": v.entity, "detail": v.detail})
}
