//! Scenarios of teams, run in a process of their own: they are strangers' words, and a world's actors must share neither
//! memory nor log with those that serve.

mod child;
mod parent;

pub use child::be_the_child;
pub use parent::Simulations;

use colloquy_api::simulations::{About, Compared, Example, SimulatedRun};
use colloquy_sim::scenario::{Scenario, from_yaml, leads_outside};
use serde::{Deserialize, Serialize};

/// What the child is asked, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
enum Asked {
    About { scenario: String },
    Run { scenario: String, seed: u64 },
    Page { scenario: String, seed: u64 },
    Compare { a: String, b: String, seed: u64 },
}

/// What it answers, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
enum Answered {
    About(About),
    Run(SimulatedRun),
    Page(String),
    Compared(Compared),
    /// Why a scenario cannot be used.
    Wrong(String),
}

/// Scenarios of the repository that need nothing but themselves.
const EXAMPLES: &[Example] = &[
    example("burst", include_str!("../../../sim/scenarios/burst.yaml")),
    example("crash-after-tool", include_str!("../../../sim/scenarios/crash-after-tool.yaml")),
    example("take-over", include_str!("../../../sim/scenarios/take-over.yaml")),
    example("silence-25h", include_str!("../../../sim/scenarios/silence-25h.yaml")),
    example("knowledge-answer", include_str!("../../../sim/scenarios/knowledge-answer.yaml")),
    example("knowledge-unknown", include_str!("../../../sim/scenarios/knowledge-unknown.yaml")),
    example("injected-refund", include_str!("../../../sim/scenarios/injected-refund.yaml")),
    example("node-killed", include_str!("../../../sim/scenarios/node-killed.yaml")),
    example("windows", include_str!("../../../sim/scenarios/windows.yaml")),
    example("outside-window", include_str!("../../../sim/scenarios/outside-window.yaml")),
    example("opt-out", include_str!("../../../sim/scenarios/opt-out.yaml")),
    example("handed-round", include_str!("../../../sim/scenarios/handed-round.yaml")),
    example("journey-kept", include_str!("../../../sim/scenarios/journey-kept.yaml")),
    example("servers-fail", include_str!("../../../sim/scenarios/servers-fail.yaml")),
    example("person-blocked", include_str!("../../../sim/scenarios/person-blocked.yaml")),
];

const fn example(name: &'static str, scenario: &'static str) -> Example {
    Example { name, scenario }
}

/// The scenario, if it is one and leads nowhere.
fn usable(text: &str) -> Result<Scenario, String> {
    let scenario = from_yaml(text).map_err(|e| e.to_string())?;
    match leads_outside(&scenario).as_slice() {
        [] => Ok(scenario),
        fields => Err(format!(
            "{}: names a file or a server, which a simulation of the server cannot have",
            fields.join(", ")
        )),
    }
}

fn about(text: &str) -> Result<About, String> {
    let scenario = usable(text)?;
    Ok(About { name: scenario.name, seed: scenario.runs.seed, trials: scenario.runs.trials })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_lead_nowhere_and_what_does_is_refused_by_its_field() {
        for example in EXAMPLES {
            assert!(usable(example.scenario).is_ok(), "{}: {:?}", example.name, usable(example.scenario).err());
        }
        let plain = "format: convsim/1\nname: a\nconversations: []\nworld:\n  knowledge:\n    - name: house\n      \
                     documents:\n        - {name: p.md, file: /etc/passwd}\n";
        assert!(
            usable(plain).unwrap_err().contains("world.knowledge[0].documents[0].file"),
            "{:?}",
            usable(plain).err()
        );
        let asking = "format: convsim/1\nname: a\nconversations: []\nmodel: {kind: openai, base_url: 'http://10.0.0.1', \
                      model: m}\n";
        assert!(usable(asking).unwrap_err().starts_with("model: "));
    }
}
