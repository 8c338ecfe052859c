//! Programs that the configuration names as servers of tools: `[mcp.<name>]`, in the file alone, because they are started.

use super::{Config, problems::Problems};
use colloquy_domain::{channel::Secret, tool_server::is_server_name};
use std::collections::BTreeMap;
use toml::de::DeValue;

/// The tables of programs.
pub(super) const MCP: &str = "mcp";

/// A program that offers tools over its standard input and output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServer {
    /// Begins the names of its tools.
    pub name: String,
    pub command: String,
    pub args: Vec<String>,
    /// Beside what every program is given.
    pub env: BTreeMap<String, Secret>,
    /// Whose agents can be given its tools, by the tenants' short names; `None` is everybody's.
    pub tenants: Option<Vec<String>>,
    /// Whether it is believed what it says of its tools' effects.
    pub trusted: bool,
}

/// One entry of a program's table, with the line that it stands in.
pub(super) type Entry<'a> = (&'a str, &'a DeValue<'a>, String);

/// Reads one table.
pub(super) fn read(config: &mut Config, name: &str, entries: &[Entry<'_>], at: &str, problems: &mut Problems) {
    let key = format!("{MCP}.{name}");
    if !is_server_name(name) {
        let must = "must be a name of lower-case letters, digits, `-` and single `_`, 24 characters at most";
        problems.add(&key, must, at);
    }
    let mut server = LocalServer {
        name: name.to_owned(),
        command: String::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        tenants: None,
        trusted: false,
    };
    for (entry, value, at) in entries {
        if let Err(must) = set(&mut server, entry, value) {
            problems.add(format!("{key}.{entry}"), must, at.clone());
        }
    }
    if server.command.is_empty() {
        problems.add(format!("{key}.command"), "is missing", at);
    }
    config.local_servers.push(server);
}

fn set(server: &mut LocalServer, entry: &str, value: &DeValue<'_>) -> Result<(), &'static str> {
    match entry {
        "command" => server.command = text(value).ok_or("must be the name or path of a program")?,
        "args" => server.args = texts(value).ok_or("must be a list of texts")?,
        "tenants" => server.tenants = Some(texts(value).ok_or("must be a list of tenants' short names")?),
        "trusted" => server.trusted = value.as_bool().ok_or("must be true or false")?,
        "env" => {
            let table = value.as_table().ok_or("must be a table of texts")?;
            for (name, value) in table {
                let value = text(value.get_ref()).ok_or("must be a table of texts")?;
                server.env.insert(name.get_ref().to_string(), Secret::new(value));
            }
        }
        _ => return Err("there is no such setting"),
    }
    Ok(())
}

fn text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned).filter(|t| !t.is_empty())
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|v| v.get_ref().as_str().map(str::to_owned)).collect()
}
