//! A scenario played to a running server: the same people, over its real HTTP channels and on the real clock, while this
//! command is the provider of its channels.

mod live;
mod phone;
mod provider;
mod transcript;

use super::servers;
use crate::{
    client::{Agent, Api, Channel},
    exit::{CommandResult, Stop},
    machine, out,
    signals::stop_signal,
};
use anyhow::anyhow;
use clap::Args;
use colloquy_domain::channel::Secret;
use colloquy_sim::{
    Connected, Report, Seed,
    against::{self, Seen},
    people::{self, Deck},
    scenario::{Action, ChannelSpec, Scenario, Span, TimelineEvent},
};
use futures::future::join_all;
use live::{Live, Way};
use phone::LivePhone;
use provider::Provider;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc};

#[derive(Debug, Args)]
pub struct Against {
    /// Play the scenarios to the server at this address instead of a simulated world, on the real clock
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// API key of that server
    #[arg(long, value_name = "KEY", env = "COLLOQUY_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Agent of that server that answers on all channels [default: the ones that the scenario names]
    #[arg(long, value_name = "NAME", requires = "against")]
    agent: Option<String>,
    /// Where this command listens as the provider of that server's channels
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0", requires = "against")]
    provider: SocketAddr,
    /// What the server calls that place, where it is on another machine [default: http://IP:PORT]
    #[arg(long, value_name = "URL", requires = "against")]
    provider_url: Option<String>,
    /// How long everything may take to come to rest after the last message [default: the scenario's, but at most 2m]
    #[arg(long, value_name = "TIME", requires = "against")]
    settle: Option<Span>,
}

/// The longest that anybody waits on the real clock without having said so.
const SETTLE: Span = Span(std::time::Duration::from_secs(120));

impl Against {
    /// The server that was named, if one was.
    ///
    /// # Errors
    /// It cannot be talked to, or has not the agents.
    pub async fn target(&self, scenarios: &[&Scenario]) -> CommandResult<Option<Target>> {
        let Some(url) = &self.against else { return Ok(None) };
        let mut channels = scenarios.iter().flat_map(|s| &s.world.channels);
        if let Some(twilio) = channels.find(|c| !c.kind.plays_outside()) {
            let why = "Twilio signs the address that the server has outside, which is not known here";
            return Err(Stop::wrong(format!(
                "the channel {:?} cannot be played to a running server: {why}",
                twilio.name
            )));
        }
        let key = self.key.as_ref().ok_or_else(|| Stop::wrong("--key: the server's API key is needed"))?;
        let api = Api::new(url.trim_end_matches('/'), Secret::new(key.clone()))?;
        let agents: Vec<Agent> = api.list("/api/agents", "agents", &[]).await?;
        let channels = scenarios.iter().flat_map(|s| &s.world.channels);
        let named: Vec<&str> = match &self.agent {
            Some(agent) => vec![agent],
            None => channels.map(|c| c.agent.as_str()).collect(),
        };
        if let Some(missing) = named.iter().find(|n| !agents.iter().any(|a| a.name == **n)) {
            let why = format!("the server has no agent {missing:?}: make it, or name another with --agent");
            return Err(Stop::wrong(why));
        }
        Ok(Some(Target {
            api,
            agent: self.agent.clone(),
            provider: self.provider,
            provider_url: self.provider_url.clone(),
            settle: self.settle,
        }))
    }
}

/// A running server, and how it is played to.
pub struct Target {
    api: Api,
    agent: Option<String>,
    provider: SocketAddr,
    provider_url: Option<String>,
    settle: Option<Span>,
}

impl Target {
    /// One run. The channels that it needs are made before and removed after it; the conversations stay.
    ///
    /// # Errors
    /// The server cannot be talked to, or refuses a channel.
    pub async fn run(&self, scenario: &Scenario, seed: u64, record: bool) -> CommandResult<Report> {
        let provider = Provider::listen(self.provider, self.provider_url.as_deref()).await?;
        // Letters and digits of a key: nobody else can post to the channels, and no run meets another one's people.
        let token = token_of_run()?;
        let mut live = Live::new(self.api.clone(), Seed(seed), token);
        let made = self.connect(&mut live, scenario, &provider.url).await;
        let live = Arc::new(live);
        let report = match made {
            Ok(()) => tokio::select! {
                report = self.play(&live, scenario, seed, record, &provider) => Ok(report),
                () = stop_signal() => Err(Stop::Failed(anyhow!("interrupted"))),
            },
            Err(e) => Err(e),
        };
        for id in live.connected_ids() {
            if let Err(e) = self.api.delete(&format!("/api/channels/{id}")).await {
                out::note(format_args!("the channel {id} was not removed: {e}"));
            }
        }
        report
    }

    async fn connect(&self, live: &mut Live, scenario: &Scenario, provider: &str) -> CommandResult<()> {
        for (n, spec) in scenario.world.channels.iter().enumerate() {
            let agent = self.agent.clone().unwrap_or_else(|| spec.agent.clone());
            let connected = Connected::new(spec, live.token(), &format!("{provider}/{n}")).map(Box::new);
            let way = match connected {
                None => Way::Webchat { agent },
                Some(connected) => Way::Provider { id: self.add(spec, &agent, live, &connected).await?, connected },
            };
            live.add(spec.name.clone(), way);
        }
        Ok(())
    }

    async fn add(&self, spec: &ChannelSpec, agent: &str, live: &Live, connected: &Connected) -> CommandResult<String> {
        let name = format!("simulated {} {}", spec.name, live.token().get(..6).unwrap_or_default());
        let body = json!({
            "kind": connected.kind(), "name": name, "agent": agent, "settings": connected.settings(),
        });
        let made: Channel = self.api.post("/api/channels", &body).await?;
        Ok(made.id)
    }

    async fn play(
        &self,
        live: &Arc<Live>,
        scenario: &Scenario,
        seed: u64,
        record: bool,
        provider: &Provider,
    ) -> Report {
        let deck = Arc::new(Deck::new(Some(servers::outside(record))));
        let serving = provider.serve(live);
        let people = scenario.conversations.iter().filter_map(|c| {
            let phone = LivePhone::of(live, c, &deck, Seed(seed))?;
            Some(async move { people::live(&phone, &c.user).await })
        });
        let events = scenario.timeline.iter().map(|event| happens(live, event));
        tokio::join!(join_all(people), join_all(events));
        let settle = self.settle.unwrap_or_else(|| scenario.world.settle.min(SETTLE)).0;
        transcript::comes_to_rest(live, scenario, settle).await;
        let seen = Seen {
            trace: live.trace(),
            conversations: live.conversations(scenario),
            off_script: live.off_script(),
            doubts: deck.doubts(),
            undone: live.undone(),
            takes: deck.takes(),
            lasted: live.age(),
        };
        serving.abort();
        against::report(scenario, seed, seen)
    }
}

/// What can be done to a running server; the rest of the timeline is named as not checked.
async fn happens(live: &Arc<Live>, event: &TimelineEvent) {
    let (channel, peer, mode) = match &event.action {
        Action::TakeOver { channel, peer } => (channel, peer, "operator"),
        Action::GiveBack { channel, peer } => (channel, peer, "agent"),
        _ => return,
    };
    live.until(event.at.0).await;
    transcript::set_mode(live, channel, peer, mode).await;
}

fn token_of_run() -> CommandResult<String> {
    Ok(machine::key_bytes()?[..12].iter().map(|b| format!("{b:02x}")).collect())
}
