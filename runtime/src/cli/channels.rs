use crate::{
    client::{Agent, Api, Channel, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::{Args, Subcommand};
use colloquy_channels::{ChannelOptions, Registry};
use colloquy_domain::channel::{ChannelKind, SettingField};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Connect channels and see them
///
/// A channel is one account on Telegram, WhatsApp, Messenger or web chat, and the agent that answers on it.
#[derive(Debug, Args)]
pub struct Channels {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    /// List the channels with their agent and webhook address
    List {
        /// Print the channels as the API shows them
        #[arg(long)]
        json: bool,
    },
    /// Disconnect a channel; its conversations stay
    Remove {
        /// Id or name, as `list` shows them
        channel: String,
    },
    /// List the kinds of channels and the settings that each takes
    Kinds,
}

/// Connect an account
///
/// Secrets can be kept out of the shell's history: @env:NAME takes a value from the environment, @file:PATH from a
/// file. They are stored encrypted and never shown again. `colloquy channels kinds` lists the settings.
///
/// Example:
///   colloquy channels add telegram --name "Front desk" --agent "Hotel guide" --set bot_token=@env:BOT_TOKEN
///   colloquy channels add webchat --name Website --agent "Hotel guide" --set public=true
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct Add {
    /// telegram, whatsapp, messenger or webchat
    kind: String,
    /// What you call it
    #[arg(long)]
    name: String,
    /// Name or id of the agent that answers [default: the only agent]
    #[arg(long)]
    agent: Option<String>,
    /// The provider's id of the account (phone number id, page id)
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// A setting or secret; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the channel as the API shows it
    #[arg(long)]
    json: bool,
}

impl Channels {
    pub async fn run(self, config: &Config) -> CommandResult {
        match self.what {
            What::Kinds => kinds(),
            What::Add(add) => add.run(config).await,
            What::List { json } => with_server(config, "channels", async |api| list(api, json).await).await,
            What::Remove { channel } => with_server(config, "channels", async |api| remove(api, &channel).await).await,
        }
    }
}

fn registry() -> CommandResult<Registry> {
    // Only asked for the names of settings: no request is ever made with it.
    let options = ChannelOptions::new(Duration::from_secs(1), Duration::from_secs(1))?;
    Ok(Registry::new(&options))
}

fn fields_of(kind: &str) -> CommandResult<&'static [SettingField]> {
    let registry = registry()?;
    match registry.get(&ChannelKind::named(kind)) {
        Some(driver) => Ok(driver.fields()),
        None => {
            let kinds: Vec<&str> = registry.kinds().map(ChannelKind::as_str).collect();
            Err(Stop::wrong(format!("there is no channel kind {kind:?}; there are: {}", kinds.join(", "))))
        }
    }
}

fn kinds() -> CommandResult {
    let registry = registry()?;
    for kind in registry.kinds() {
        out::line(kind);
        for field in registry.get(kind).map(|d| d.fields()).unwrap_or_default() {
            let about = match (field.required, field.secret) {
                (true, true) => "required, secret",
                (true, false) => "required",
                (false, true) => "secret",
                (false, false) => "optional",
            };
            out::line(format_args!("  {:<22} {about:<16} {}", field.name, field.help));
        }
    }
    Ok(Outcome::Done)
}

impl Add {
    async fn run(self, config: &Config) -> CommandResult {
        let fields = fields_of(&self.kind)?;
        let (settings, secrets) = sort(&self.set, fields, &read)?;
        let answer = with_server(config, "channels", async |api| {
            let agent = match &self.agent {
                Some(agent) => agent.clone(),
                None => only_agent(api).await?,
            };
            let body = json!({
                "kind": self.kind, "name": self.name, "agent": agent, "external_id": self.external_id,
                "settings": settings, "secrets": secrets, "enabled": true,
            });
            Ok(api.post::<Value>("/api/channels", &body).await?)
        })
        .await?;
        if self.json {
            out::json(&answer)?;
            return Ok(Outcome::Done);
        }
        let channel: Channel = serde_json::from_value(answer)?;
        out::line(format_args!("Connected {} “{}”: {}", channel.kind, channel.name, channel.id));
        if let Some(url) = channel.webhook_url {
            out::line(format_args!("Webhook: {url}"));
        }
        Ok(Outcome::Done)
    }
}

async fn only_agent(api: &Api) -> CommandResult<String> {
    let agents = agents(api).await?;
    match agents.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(Stop::wrong("there is no agent yet: make one with POST /api/agents, or start with `colloquy demo`")),
        more => {
            let names: Vec<&str> = more.iter().map(|a| a.name.as_str()).collect();
            Err(Stop::wrong(format!("--agent is needed; there are: {}", names.join(", "))))
        }
    }
}

type Values = BTreeMap<String, String>;

/// `KEY=VALUE`s into settings and secrets, by what the channel's fields say.
fn sort(
    set: &[String],
    fields: &[SettingField],
    read: &dyn Fn(&str) -> Result<String, String>,
) -> CommandResult<(Values, Values)> {
    let (mut settings, mut secrets) = (Values::new(), Values::new());
    for pair in set {
        let Some((key, value)) = pair.split_once('=').filter(|(k, _)| !k.is_empty()) else {
            // Not repeated: a misplaced secret would be shown.
            return Err(Stop::wrong("--set must look like key=value"));
        };
        let value = read(value).map_err(|e| Stop::wrong(format!("--set {key}: {e}")))?;
        let secret = fields.iter().any(|f| f.name == key && f.secret);
        let place = if secret { &mut secrets } else { &mut settings };
        place.insert(key.to_owned(), value);
    }
    Ok((settings, secrets))
}

/// A value, or where it is.
fn read(value: &str) -> Result<String, String> {
    if let Some(name) = value.strip_prefix("@env:") {
        return std::env::var(name).map_err(|_| format!("{name} is not set in the environment"));
    }
    if let Some(path) = value.strip_prefix("@file:") {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
        return Ok(text.trim().to_owned());
    }
    Ok(value.to_owned())
}

async fn all(api: &Api) -> CommandResult<Vec<Channel>> {
    Ok(api.list("/api/channels", "channels", &[]).await?)
}

async fn agents(api: &Api) -> CommandResult<Vec<Agent>> {
    Ok(api.list("/api/agents", "agents", &[]).await?)
}

async fn list(api: &Api, json: bool) -> CommandResult {
    if json {
        out::json(&api.list::<Value>("/api/channels", "channels", &[]).await?)?;
        return Ok(Outcome::Done);
    }
    let mut rows = vec![["NAME", "KIND", "AGENT", "STATE", "WEBHOOK", "ID"].map(str::to_owned).to_vec()];
    let agents = agents(api).await?;
    for c in all(api).await? {
        let state = if c.enabled { "on" } else { "off" };
        let agent = agents.iter().find(|a| a.id == c.agent).map_or(c.agent, |a| a.name.clone());
        rows.push(vec![c.name, c.kind, agent, state.to_owned(), c.webhook_url.unwrap_or("-".to_owned()), c.id]);
    }
    out::table(&rows);
    Ok(Outcome::Done)
}

async fn remove(api: &Api, named: &str) -> CommandResult {
    let matching: Vec<Channel> = all(api).await?.into_iter().filter(|c| c.id == named || c.name == named).collect();
    match matching.as_slice() {
        [channel] => {
            api.delete(&format!("/api/channels/{}", channel.id)).await?;
            out::line(format_args!("Disconnected {} “{}”.", channel.kind, channel.name));
            Ok(Outcome::Done)
        }
        [] => Err(Stop::wrong(format!("there is no channel {named:?}"))),
        _ => Err(Stop::wrong(format!("several channels are called {named:?}: use the id"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[SettingField] = &[
        SettingField { name: "token", required: true, secret: true, help: "the token" },
        SettingField { name: "mode", required: false, secret: false, help: "the mode" },
    ];

    #[test]
    fn secrets_are_told_from_settings_and_read_from_where_they_are() {
        let from = |v: &str| if v == "@env:T" { Ok("t0ken".to_owned()) } else { Ok(v.to_owned()) };
        let set = ["token=@env:T", "mode=poll", "other=a=b"].map(str::to_owned);
        let (settings, secrets) = sort(&set, FIELDS, &from).expect("sorted");
        assert_eq!(secrets, Values::from([("token".to_owned(), "t0ken".to_owned())]));
        let expected = [("mode", "poll"), ("other", "a=b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(settings, Values::from(expected));
    }

    #[test]
    fn what_cannot_be_read_is_wrong_use_and_not_repeated() {
        let Err(Stop::Wrong(message)) = sort(&["123:secret".to_owned()], FIELDS, &read) else { panic!("wrong use") };
        assert!(!message.contains("secret"), "{message}");
        let missing = ["token=@env:COLLOQUY_NO_SUCH_VARIABLE".to_owned()];
        let Err(Stop::Wrong(message)) = sort(&missing, FIELDS, &read) else { panic!("wrong use") };
        assert!(message.starts_with("--set token: COLLOQUY_NO_SUCH_VARIABLE is not set"), "{message}");
    }
}
