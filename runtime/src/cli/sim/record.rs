use crate::{
    client::{Api, ApiError, Channel, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use colloquy_sim::{
    record::{self, Line, Who},
    scenario::{ChannelKind, DuringTurn, Span, to_yaml},
};
use serde::Deserialize;

/// Make a scenario of a live conversation, with personal data masked
///
/// Reads the transcript from the server and prints a scenario in which the person writes the same words at the same
/// distances, the agent waits for more words as it does now, and the model gives the recorded answers. Mail addresses, phone and card numbers, and the person's name are
/// masked; read it before you share it: what else says who somebody is, a machine does not know.
///
/// Example:
///   colloquy sim record 0197a000-0000-7000-8000-000000000001 > recorded.yaml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Record {
    /// Id of the conversation, as `GET /api/conversations` shows it
    #[arg(value_name = "CONVERSATION")]
    id: String,
}

#[derive(Deserialize)]
struct Conversation {
    name: Option<String>,
    kind: Option<String>,
    channel: String,
}

/// How the agent takes messages in.
#[derive(Deserialize)]
struct Agent {
    gather_quiet_ms: u64,
    gather_cap_ms: u64,
    during_turn: DuringTurn,
}

#[derive(Deserialize)]
struct Said {
    position: u64,
    speaker: String,
    text: String,
    at: String,
}

impl Record {
    pub async fn run(self, config: &Config) -> CommandResult {
        if uuid::Uuid::parse_str(&self.id).is_err() {
            return Err(Stop::wrong(format!("{:?} is no id of a conversation", self.id)));
        }
        let path = format!("/api/conversations/{}", self.id);
        let (conversation, agent, mut said) = with_server(config, "sim record", async |api| {
            let conversation: Conversation = api.get(&path, &[]).await?;
            let agent = agent(api, &conversation.channel).await?;
            let said: Vec<Said> = api.list(&format!("{path}/messages"), "messages", &[]).await?;
            Ok((conversation, agent, said))
        })
        .await?;
        // The first page is the transcript's end.
        said.sort_by_key(|s| s.position);
        let lines: Vec<Line> = said.iter().filter_map(line).collect();
        let names: Vec<String> = conversation.name.into_iter().collect();
        let mut made =
            record::scenario(&format!("recorded {}", self.id), kind(conversation.kind.as_deref()), &lines, &names);
        if let (Some(agent), Some(spec)) = (agent, made.world.agents.first_mut()) {
            spec.quiet = Span::millis(agent.gather_quiet_ms);
            spec.cap = Span::millis(agent.gather_cap_ms);
            spec.during_turn = agent.during_turn;
        }
        out::line(to_yaml(&made)?.trim_end());
        Ok(Outcome::Done)
    }
}

/// The agent of a channel; `None` if the channel was removed meanwhile.
async fn agent(api: &Api, channel: &str) -> CommandResult<Option<Agent>> {
    let found: Result<Channel, ApiError> = api.get(&format!("/api/channels/{channel}"), &[]).await;
    match found {
        Ok(channel) => Ok(Some(api.get(&format!("/api/agents/{}", channel.agent), &[]).await?)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Lines of our own people are not the model's to repeat.
fn line(said: &Said) -> Option<Line> {
    let who = match said.speaker.as_str() {
        "person" => Who::Person,
        "agent" => Who::Agent,
        _ => return None,
    };
    let at = said.at.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    Some(Line { at, who, text: said.text.clone() })
}

fn kind(name: Option<&str>) -> ChannelKind {
    match name {
        Some("whatsapp") => ChannelKind::Whatsapp,
        Some("messenger") => ChannelKind::Messenger,
        Some("telegram") => ChannelKind::TelegramPoll,
        _ => ChannelKind::Webchat,
    }
}
