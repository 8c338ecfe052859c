//! What runs touched of what there is.

use super::Run;
use std::collections::{BTreeMap, BTreeSet};

/// Each with how often; what could have been and was not has 0.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Coverage {
    /// Messages by kind of channel.
    pub channels: BTreeMap<String, u64>,
    /// Starts by tool.
    pub tools: BTreeMap<String, u64>,
    /// `site kind`: those that struck, and those that a scenario names.
    pub faults: BTreeMap<String, u64>,
    pub outcomes: BTreeMap<String, u64>,
    pub deliveries: BTreeMap<String, u64>,
    /// Faults that a scenario asked for outright and that never struck, with their scenario: it shows less than it says.
    pub missed: BTreeSet<String>,
}

impl Coverage {
    #[must_use]
    pub fn of(runs: &[Run]) -> Self {
        let mut coverage = Self::default();
        for run in runs {
            coverage.add(run);
        }
        coverage
    }

    fn add(&mut self, run: &Run) {
        let (scenario, report) = (&run.scenario, &run.report);
        let mut kinds = BTreeMap::new();
        for channel in &scenario.world.channels {
            let kind = named(&channel.kind);
            self.channels.entry(kind.clone()).or_default();
            kinds.insert(channel.name.as_str(), kind);
        }
        for tool in &scenario.tools {
            self.tools.entry(tool.name.clone()).or_default();
        }
        for entry in &report.trace {
            let first = entry.detail.split(' ').next().unwrap_or_default();
            let channel = entry.entity.split('/').next().unwrap_or_default();
            match (entry.what, kinds.get(channel)) {
                ("tool", _) => *self.tools.entry(first.to_owned()).or_default() += 1,
                ("wrote", Some(kind)) => *self.channels.entry(kind.clone()).or_default() += 1,
                _ => {}
            }
        }
        let fault = |site: &_, kind: &_| format!("{} {}", named(site), named(kind));
        for spec in &scenario.faults {
            self.faults.entry(fault(&spec.site, &spec.kind)).or_default();
        }
        for fired in &report.fired {
            *self.faults.entry(fault(&fired.site, &fired.kind)).or_default() += 1;
        }
        self.missed.extend(missed(run));
        for (name, count) in &report.stats.outcomes {
            *self.outcomes.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &report.stats.deliveries {
            *self.deliveries.entry(name.clone()).or_default() += count;
        }
    }
}

fn missed(run: &Run) -> Vec<String> {
    let struck = |spec: &crate::fault::FaultSpec| {
        let here = |f: &crate::fault::Fired| {
            f.site == spec.site && f.kind == spec.kind && spec.entity.as_ref().is_none_or(|e| *e == f.entity)
        };
        run.report.fired.iter().any(here)
    };
    let outright = run.scenario.faults.iter().enumerate().filter(|(_, f)| f.chance.is_none() && !struck(f));
    outright
        .map(|(n, f)| format!("{}: faults[{n}] ({} {})", run.scenario.name, named(&f.site), named(&f.kind)))
        .collect()
}

/// As scenarios write it.
fn named(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => format!("{other:?}"),
    }
}
