//! From YAML and back. What is not understood is an error with its place.

use super::{AgentSpec, FORMAT, ModelSpec, Scenario, channel, knowledge};
use crate::saved::Saved;
use colloquy_domain::journey;
use std::{fs, path::Path, sync::Arc};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// With line and column.
    #[error("{0}")]
    Yaml(String),
    /// Why the file cannot be read; whoever named it knows its name.
    #[error("{0}")]
    File(String),
    #[error("format: {0:?} is not {FORMAT:?}")]
    Format(String),
    /// Names the field.
    #[error("{0}: {1}")]
    Field(String, String),
}

/// # Errors
/// Where it is no scenario: with line and column, or with the field.
pub fn from_yaml(text: &str) -> Result<Scenario, LoadError> {
    let mut scenario: Scenario = serde_saphyr::from_str(text).map_err(|e| LoadError::Yaml(e.to_string()))?;
    if scenario.format != FORMAT {
        return Err(LoadError::Format(scenario.format));
    }
    check(&scenario)?;
    let mut each = Vec::new();
    for (n, conversation) in scenario.conversations.into_iter().enumerate() {
        let wrong = |(field, why)| LoadError::Field(format!("conversations[{n}].{field}"), why);
        each.extend(conversation.each().map_err(wrong)?);
    }
    scenario.conversations = each;
    Ok(scenario)
}

/// Reads a scenario and the files that it names.
///
/// # Errors
/// As [`from_yaml`]; and where a file cannot be read.
pub fn from_file(path: &Path) -> Result<Scenario, LoadError> {
    let text = fs::read_to_string(path).map_err(|e| LoadError::File(e.to_string()))?;
    let mut scenario = from_yaml(&text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if let Some(toolset) = &mut scenario.toolset {
        toolset.load(folder)?;
    }
    scenario.model.load(folder, "model")?;
    for (n, conversation) in scenario.conversations.iter_mut().enumerate() {
        conversation.user.load(folder, &format!("conversations[{n}].user"))?;
    }
    knowledge::load(&mut scenario.world.knowledge, folder)?;
    if let Some(file) = &scenario.world.resume_from {
        let saved = Saved::load(&folder.join(file), &scenario.world)?;
        if let (Some(toolset), Some(database)) = (&mut scenario.toolset, &saved.database) {
            toolset.base = Arc::new(database.clone());
        }
        scenario.world.resumed = Some(Arc::new(saved));
    }
    Ok(scenario)
}

/// The fields that name files or servers. Whoever was given only the text must not follow them: it may be a stranger's.
#[must_use]
pub fn leads_outside(scenario: &Scenario) -> Vec<String> {
    let mut fields = Vec::new();
    if scenario.toolset.is_some() {
        fields.push("toolset.database".to_owned());
    }
    if matches!(scenario.model, ModelSpec::Openai(_)) {
        fields.push("model".to_owned());
    }
    for (n, conversation) in scenario.conversations.iter().enumerate() {
        fields.extend(conversation.user.leads_outside().map(|field| format!("conversations[{n}].user.{field}")));
    }
    for (b, base) in scenario.world.knowledge.iter().enumerate() {
        let named = base.documents.iter().enumerate().filter(|(_, d)| d.file.is_some());
        fields.extend(named.map(|(d, _)| format!("world.knowledge[{b}].documents[{d}].file")));
    }
    if scenario.world.resume_from.is_some() {
        fields.push("world.resume_from".to_owned());
    }
    fields
}

/// # Errors
/// Never for what [`from_yaml`] read.
pub fn to_yaml(scenario: &Scenario) -> Result<String, LoadError> {
    serde_saphyr::to_string(scenario).map_err(|e| LoadError::Yaml(e.to_string()))
}

/// The JSON Schema of scenarios.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}

/// Names that must fit together.
fn check(scenario: &Scenario) -> Result<(), LoadError> {
    let wrong = |field: String, why: String| Err(LoadError::Field(field, why));
    let world = &scenario.world;
    if !(1..=9).contains(&world.nodes) {
        return wrong("world.nodes".into(), "1 to 9".into());
    }
    if !(1..=64).contains(&world.lanes) {
        return wrong("world.lanes".into(), "1 to 64".into());
    }
    knowledge::check(world)?;
    if world.start.parse::<jiff::Timestamp>().is_err() {
        return wrong("world.start".into(), format!("{:?} is no RFC 3339 time", world.start));
    }
    for (n, agent) in world.agents.iter().enumerate() {
        let there = |name: &str| world.agents.iter().any(|a| a.name == name && a.tenant == agent.tenant);
        if let Some((field, name)) = others(agent).into_iter().find(|(_, name)| !there(name)) {
            return wrong(format!("world.agents[{n}].{field}"), format!("its tenant has no agent {name:?}"));
        }
    }
    for (n, agent) in world.agents.iter().enumerate() {
        if let Some((field, why)) = journey::check(&agent.journeys, &agent.tools).into_iter().next() {
            return wrong(format!("world.agents[{n}].{field}"), why);
        }
    }
    for (n, channel) in world.channels.iter().enumerate() {
        if !world.agents.iter().any(|a| a.name == channel.agent) {
            return wrong(format!("world.channels[{n}].agent"), format!("there is no agent {:?}", channel.agent));
        }
        if world.channels[..n].iter().any(|c| c.name == channel.name) {
            return wrong(format!("world.channels[{n}].name"), "taken by an earlier one".into());
        }
    }
    channel::check(scenario)?;
    for (n, conversation) in scenario.conversations.iter().enumerate() {
        if !world.channels.iter().any(|c| c.name == conversation.channel) {
            let why = format!("there is no channel {:?}", conversation.channel);
            return wrong(format!("conversations[{n}].channel"), why);
        }
        if let Some((field, why)) = conversation.user.wrong(scenario.toolset.is_some()) {
            return wrong(format!("conversations[{n}].user{field}"), why);
        }
    }
    for (n, event) in scenario.timeline.iter().enumerate() {
        if let Some(base) = event.action.base()
            && !world.knowledge.iter().any(|b| b.name == *base)
        {
            return wrong(format!("timeline[{n}].do"), format!("there is no knowledge base {base:?}"));
        }
    }
    match &scenario.toolset {
        Some(toolset) => {
            toolset.set()?;
        }
        None if scenario.expect.database.is_some() => {
            return wrong("expect.database".into(), "there is no tool set".into());
        }
        None => {}
    }
    if let Some((field, why)) = scenario.expect.wrong(scenario.runs.trials) {
        return wrong(format!("expect.{field}"), why);
    }
    if scenario.expect.as_without_crashes && scenario.asks_a_server() {
        return wrong("expect.as_without_crashes".into(), "a real model need not say the same twice".into());
    }
    for (n, fault) in scenario.faults.iter().enumerate() {
        if !fault.site.kinds().contains(&fault.kind) {
            let kinds: Vec<String> = fault.site.kinds().iter().map(|k| format!("{k:?}")).collect();
            let why = format!("{:?} cannot happen at {:?}; there can be: {}", fault.kind, fault.site, kinds.join(", "));
            return wrong(format!("faults[{n}].kind"), why);
        }
        if fault.chance.is_some_and(|c| !(0.0..=1.0).contains(&c)) {
            return wrong(format!("faults[{n}].chance"), "0 to 1".into());
        }
    }
    Ok(())
}

/// The other agents that an agent names, each with its field.
fn others(agent: &AgentSpec) -> Vec<(String, &str)> {
    let team = agent.team.iter().enumerate().map(|(k, m)| (format!("team[{k}].agent"), m.agent.as_str()));
    let asked = agent.specialists.iter().enumerate();
    let asked = asked.map(|(k, m)| (format!("specialists[{k}].agent"), m.agent.as_str()));
    let routes = agent.routes.iter().enumerate().map(|(k, r)| (format!("routes[{k}].to"), r.to.as_str()));
    team.chain(asked).chain(routes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "format: convsim/1\nname: small\nconversations:\n  - channel: wa\n    peer: '33600000001'\n    user:\n      kind: script\n      messages:\n        - {at: 1s, text: Hello}\n";

    #[test]
    fn what_is_written_is_read_again() {
        let scenario = from_yaml(SMALL).expect("valid");
        assert_eq!(from_yaml(&to_yaml(&scenario).expect("yaml")).expect("valid"), scenario);
    }

    #[test]
    fn a_crowd_is_as_many_conversations() {
        let of = |peer: &str, people: u32| {
            from_yaml(&SMALL.replace("'33600000001'", &format!("'{peer}'\n    people: {people}")))
        };
        let crowd = of("99", 3).expect("valid");
        let peers: Vec<&str> = crowd.conversations.iter().map(|c| c.peer.as_str()).collect();
        assert_eq!(peers, ["99", "100", "101"]);
        assert!(!to_yaml(&crowd).expect("yaml").contains("people"), "each stands there alone");
        let wrong = |peer, people| of(peer, people).expect_err("wrong").to_string();
        assert_eq!(wrong("99", 0), "conversations[0].people: 1 to 10000");
        assert!(wrong("ann", 2).starts_with("conversations[0].peer: no number"));
        assert_eq!(of("ann", 1).expect("valid").conversations[0].peer, "ann");
        let crowd = of("whatsapp:+99", 2).expect("valid");
        assert_eq!(crowd.conversations[1].peer, "whatsapp:+100");
    }

    #[test]
    fn unknown_keys_are_told_with_their_place() {
        let error = from_yaml(&SMALL.replace("peer:", "pear:")).expect_err("unknown").to_string();
        assert!(error.contains("pear") && error.contains("line 5"), "{error}");
        let error = from_yaml(&SMALL.replace("channel: wa", "channel: fax")).expect_err("unknown").to_string();
        assert_eq!(error, "conversations[0].channel: there is no channel \"fax\"");
        let team = format!("{SMALL}world: {{agents: [{{team: [{{agent: billing, when: invoices}}]}}]}}\n");
        let error = from_yaml(&team).expect_err("unknown").to_string();
        assert_eq!(error, "world.agents[0].team[0].agent: its tenant has no agent \"billing\"");
        let error = from_yaml(&SMALL.replace("convsim/1", "convsim/9")).expect_err("unknown").to_string();
        assert!(error.contains("convsim/9"), "{error}");
        let toolset = format!("{SMALL}toolset: {{name: fleet, database: db.json}}\n");
        let error = from_yaml(&toolset).expect_err("unknown").to_string();
        assert!(error.starts_with("toolset.name: \"fleet\"") && error.contains("tau2-retail"), "{error}");
        let error =
            from_yaml(&format!("{SMALL}expect: {{database: {{replay: []}}}}\n")).expect_err("no set").to_string();
        assert_eq!(error, "expect.database: there is no tool set");
    }
}
