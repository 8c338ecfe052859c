//! Tools of a scenario, run by the real engine.

use super::Seam;
use crate::{
    fault::{Kind, Site},
    scenario::{Effect, ToolSpec},
    toolset::{InUse, SetTool},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec as Spec, UndoneBy},
};
use colloquy_tools::{Tool, Tools};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long the engine waits for a tool.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The engine with the scenario's tools, on this node: those that it writes out, then those of its set.
#[must_use]
pub fn toolbox(seam: &Seam, tools: &[ToolSpec]) -> Tools {
    let written =
        tools.iter().map(|tool| (written(tool), undone_by(tool), tool.takes.0, Work::Says(tool.result.clone())));
    let (set, takes) = seam.core.toolset.as_ref().map_or((&[][..], Duration::ZERO), |t| (t.set.tools, t.takes));
    let of_set = set.iter().map(|tool| (of_set(tool), None, takes, Work::OfSet(tool.name)));
    let simulated = |(spec, undone_by, takes, work)| {
        Arc::new(SimTool { seam: seam.clone(), spec, undone_by, takes, work }) as Arc<dyn Tool>
    };
    Tools::of(written.chain(of_set).map(simulated).collect())
}

struct SimTool {
    seam: Seam,
    spec: Spec,
    undone_by: Option<UndoneBy>,
    takes: Duration,
    work: Work,
}

enum Work {
    Says(String),
    /// The tool of this name in the world's set.
    OfSet(&'static str),
}

const fn class(effect: Effect) -> EffectClass {
    match effect {
        Effect::Read => EffectClass::Read,
        Effect::Idempotent => EffectClass::Idempotent,
        Effect::Unsafe => EffectClass::Unsafe,
    }
}

fn written(tool: &ToolSpec) -> Spec {
    Spec {
        name: tool.name.clone(),
        description: format!("{} (simulated)", tool.name),
        parameters: r#"{"type": "object"}"#.to_owned(),
        effect: class(tool.effect),
        timeout: TIMEOUT,
    }
}

fn undone_by(tool: &ToolSpec) -> Option<UndoneBy> {
    let arguments = [("undone".to_owned(), "/arguments".to_owned())].into();
    tool.undone_by.as_ref().map(|by| UndoneBy { tool: by.clone(), arguments, automatic: true })
}

fn of_set(tool: &SetTool) -> Spec {
    Spec {
        name: tool.name.to_owned(),
        description: tool.about.to_owned(),
        parameters: tool.schema().to_string(),
        effect: class(tool.effect),
        timeout: TIMEOUT,
    }
}

#[async_trait]
impl Tool for SimTool {
    fn spec(&self) -> Spec {
        self.spec.clone()
    }

    fn undone_by(&self) -> Option<UndoneBy> {
        self.undone_by.clone()
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let seam = &self.seam;
        seam.gate.pass().await;
        let (who, name) = (seam.called(inv.conversation), &self.spec.name);
        let fault = seam.fault(Site::Tool, &format!("{who}/{name}"));
        if let Some(fault) = fault {
            if fault.kind == Kind::Fail {
                return ToolResult::failed(Failure::retry("tool.simulated", "the other side is away"));
            }
            seam.before(fault).await;
        }
        seam.note("tool", &who, format!("{name} {args}"));
        seam.core.watch.tool_started(&seam.core, &who, self.spec.effect, inv);
        // Whatever becomes of the node now: the other side does its work.
        let result = self.work.done(seam, &who, &args);
        if let Some(fault) = fault.filter(|f| f.kind == Kind::Pause) {
            seam.stand_still(fault.lasts);
        }
        tokio::time::sleep(self.takes).await;
        if fault.is_some_and(|f| f.kind == Kind::CrashAfter) {
            return seam.die().await;
        }
        seam.gate.pass().await;
        result
    }
}

impl Work {
    fn done(&self, seam: &Seam, who: &str, args: &Value) -> ToolResult {
        let tool = match self {
            Self::Says(result) => return ToolResult::done(result.clone()),
            Self::OfSet(tool) => *tool,
        };
        // Tools of a set are only there where the world has one.
        let answer = seam.core.toolset.as_ref().map(|t: &InUse| t.call(tool, args));
        match answer {
            Some(Ok(answer)) => ToolResult { hand_over: answer.hand_over, ..ToolResult::done(answer.content) },
            Some(Err(refused)) => {
                seam.note("refused", who, format!("{tool}: {}", refused.0));
                ToolResult::failed(Failure::reject("tool.refused", refused.0))
            }
            None => ToolResult::failed(Failure::reject("tool.unknown", "the world has no such tool")),
        }
    }
}
