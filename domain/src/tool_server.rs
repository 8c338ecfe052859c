//! Servers of tools that a tenant connects: what they offer, and what of it agents may be given.

use crate::{
    channel::Secret,
    http_tool::Operation,
    ids::{TenantId, ToolServerId},
    time::Timestamp,
    tool::{EffectClass, ToolLimits, ToolSpec, UndoneBy},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Stands between a server's name and its tool's.
pub const BETWEEN: &str = "__";
/// Characters that models' providers allow in the name of a tool.
pub const LONGEST_NAME: usize = 64;
/// Characters of a server's name.
pub const LONGEST_SERVER: usize = 24;
/// Tools of one server: more would not fit into what a model reads.
pub const MOST_TOOLS: usize = 200;
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolServer {
    pub tenant: TenantId,
    pub id: ToolServerId,
    pub settings: ToolServerSettings,
    /// What it offered when it was asked last, or what was declared.
    pub tools: Vec<OfferedTool>,
    /// When it was asked.
    pub asked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a person says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolServerSettings {
    /// Begins the names of its tools.
    pub name: String,
    pub url: String,
    pub speaks: Speaks,
    /// Sent with each request; names in lower case.
    pub headers: BTreeMap<String, Secret>,
    /// Sent with each request in its query; only where HTTP alone is spoken.
    pub query: BTreeMap<String, Secret>,
    pub enabled: bool,
    /// Whether it is believed what it says of its tools' effects.
    pub trusted: bool,
    /// What was decided of single tools, by the names that the server gives them.
    pub rules: BTreeMap<String, ToolRule>,
}

/// How a server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    /// The Model Context Protocol: it says itself what it offers.
    Mcp,
    /// HTTP alone: these requests are made to it.
    Http(Vec<Operation>),
}

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedTool {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments, as JSON text.
    pub parameters: String,
    /// What the server says that it does.
    pub effect: EffectClass,
}

/// What a tenant decided of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRule {
    pub enabled: bool,
    /// Decides instead of the server's word.
    pub effect: Option<EffectClass>,
    #[serde(default)]
    pub limits: ToolLimits,
    /// Which tool of the same server undoes what a call of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoneBy>,
}

/// Whether text can be the name of a server: lower-case letters, digits and single `_` and `-` between them.
#[must_use]
pub fn is_server_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= LONGEST_SERVER
        && text.chars().all(fits)
        && edge(text.chars().next())
        && edge(text.chars().last())
        && !text.contains(BETWEEN)
}

/// What an agent and its model call a server's tool: both names, without what providers refuse in names, and not longer
/// than they allow. Two tools whose names differ only in that are one; the first counts.
#[must_use]
pub fn agents_name(server: &str, tool: &str) -> String {
    let fitting = tool.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    format!("{server}{BETWEEN}").chars().chain(fitting).take(LONGEST_NAME).collect()
}

/// The server that a tool's name begins with.
#[must_use]
pub fn server_of(name: &str) -> Option<&str> {
    name.split_once(BETWEEN).map(|(server, _)| server)
}

impl ToolServer {
    /// What agents can be given: the names under which the server knows them, and what models are told.
    #[must_use]
    pub fn given(&self) -> Vec<(String, ToolSpec)> {
        let settings = &self.settings;
        if !settings.enabled {
            return Vec::new();
        }
        // What the tenant declared by itself is its own word.
        let trusted = settings.trusted || matches!(settings.speaks, Speaks::Http(_));
        let mut given = given(&settings.name, &self.tools, |tool| {
            let rule = settings.rules.get(&tool.name);
            if rule.is_some_and(|r| !r.enabled) {
                return None;
            }
            let said = if trusted { tool.effect } else { EffectClass::Unsafe };
            Some(rule.and_then(|r| r.effect).unwrap_or(said))
        });
        for (own, spec) in &mut given {
            let seconds = self.limits(own).timeout_seconds;
            spec.timeout = seconds.map_or(spec.timeout, |s| Duration::from_secs(s.into()));
        }
        given
    }

    /// What was decided of its tool of this name.
    #[must_use]
    pub fn limits(&self, name: &str) -> ToolLimits {
        self.settings.rules.get(name).map(|rule| rule.limits).unwrap_or_default()
    }

    /// What undoes a call of its tool of this name, as agents call that tool.
    #[must_use]
    pub fn undone_by(&self, name: &str) -> Option<UndoneBy> {
        let declared = self.settings.rules.get(name)?.undo.clone()?;
        Some(UndoneBy { tool: agents_name(&self.settings.name, &declared.tool), ..declared })
    }

    /// The request that is its tool of this name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        match &self.settings.speaks {
            Speaks::Mcp => None,
            Speaks::Http(operations) => operations.iter().find(|o| o.name == name),
        }
    }
}

/// What a server's tools are to models; `effect` says what a tool does, or that nobody is given it.
pub fn given(
    server: &str,
    tools: &[OfferedTool],
    effect: impl Fn(&OfferedTool) -> Option<EffectClass>,
) -> Vec<(String, ToolSpec)> {
    let mut given: Vec<(String, ToolSpec)> = Vec::new();
    for tool in tools {
        let name = agents_name(server, &tool.name);
        let Some(effect) = effect(tool).filter(|_| given.iter().all(|(_, known)| known.name != name)) else { continue };
        let (description, parameters) = (tool.description.clone(), tool.parameters.clone());
        given.push((tool.name.clone(), ToolSpec { name, description, parameters, effect, timeout: TIMEOUT }));
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn offered(name: &str, effect: EffectClass) -> OfferedTool {
        OfferedTool { name: name.into(), description: String::new(), parameters: "{}".into(), effect }
    }

    fn server(tools: Vec<OfferedTool>) -> ToolServer {
        ToolServer {
            tenant: TenantId::new(Uuid::from_u128(1)),
            id: ToolServerId::new(Uuid::from_u128(2)),
            settings: ToolServerSettings {
                name: "shop".into(),
                url: "https://shop.example/mcp".into(),
                speaks: Speaks::Mcp,
                headers: BTreeMap::new(),
                query: BTreeMap::new(),
                enabled: true,
                trusted: false,
                rules: BTreeMap::new(),
            },
            tools,
            asked_at: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    fn effects(server: &ToolServer) -> Vec<(String, EffectClass)> {
        server.given().into_iter().map(|(_, spec)| (spec.name, spec.effect)).collect()
    }

    #[test]
    fn a_servers_word_on_effects_counts_only_if_it_is_trusted_and_a_rule_before_it() {
        let mut shop = server(vec![offered("find", EffectClass::Read), offered("pay", EffectClass::Read)]);
        let unsafe_ones = [("shop__find", EffectClass::Unsafe), ("shop__pay", EffectClass::Unsafe)];
        assert_eq!(effects(&shop), unsafe_ones.map(|(n, e)| (n.to_owned(), e)));
        shop.settings.trusted = true;
        shop.settings.rules.insert(
            "pay".into(),
            ToolRule { enabled: true, effect: Some(EffectClass::Unsafe), limits: ToolLimits::default(), undo: None },
        );
        let told = [("shop__find", EffectClass::Read), ("shop__pay", EffectClass::Unsafe)];
        assert_eq!(effects(&shop), told.map(|(n, e)| (n.to_owned(), e)));
        shop.settings.rules.insert(
            "find".into(),
            ToolRule { enabled: false, effect: None, limits: ToolLimits::default(), undo: None },
        );
        assert_eq!(effects(&shop), [("shop__pay".to_owned(), EffectClass::Unsafe)]);
        shop.settings.enabled = false;
        assert!(effects(&shop).is_empty());
    }

    #[test]
    fn of_tools_whose_names_become_the_same_the_first_counts() {
        let shop = server(vec![offered("a.b", EffectClass::Read), offered("a/b", EffectClass::Read)]);
        assert_eq!(
            shop.given().iter().map(|(own, s)| (own.as_str(), s.name.as_str())).collect::<Vec<_>>(),
            [("a.b", "shop__a_b")]
        );
    }

    #[test]
    fn names_of_servers() {
        for good in ["a", "shop-2", "my_shop"] {
            assert!(is_server_name(good), "{good}");
        }
        for bad in ["", "-a", "a_", "a__b", "Shop", "a.b", "é", &"a".repeat(25)] {
            assert!(!is_server_name(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn names_for_agents_fit_every_provider_and_lead_to_the_server(tool in ".{0,90}") {
            let name = agents_name("shop-2", &tool);
            prop_assert!(name.len() <= LONGEST_NAME);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
            prop_assert_eq!(server_of(&name), Some("shop-2"));
        }
    }
}
