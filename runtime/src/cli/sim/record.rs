use crate::{
    client::with_server,
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use colloquy_sim::{
    record::{self, Line, Who},
    scenario::{ChannelKind, to_yaml},
};
use serde::Deserialize;

/// Make a scenario of a live conversation, with personal data masked
///
/// Reads the transcript from the server and prints a scenario in which the person writes the same words at the same
/// distances, and the model gives the recorded answers. Mail addresses, phone and card numbers, and the person's name are
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
        let (conversation, mut said): (Conversation, Vec<Said>) = with_server(config, "sim record", async |api| {
            let conversation = api.get(&path, &[]).await?;
            let said = api.list(&format!("{path}/messages"), "messages", &[]).await?;
            Ok((conversation, said))
        })
        .await?;
        // The first page is the transcript's end.
        said.sort_by_key(|s| s.position);
        let lines: Vec<Line> = said.iter().filter_map(line).collect();
        let names: Vec<String> = conversation.name.into_iter().collect();
        let made =
            record::scenario(&format!("recorded {}", self.id), kind(conversation.kind.as_deref()), &lines, &names);
        out::line(to_yaml(&made)?.trim_end());
        Ok(Outcome::Done)
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
