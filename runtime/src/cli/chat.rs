use super::sources;
use crate::{
    client::{Api, ChatAnswer, with_server},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    install,
    machine::MachineIds,
    out,
};
use anyhow::anyhow;
use clap::Args;
use colloquy_domain::ports::Ids;
use serde_json::{Value, json};
use std::io::IsTerminal;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Talk to an agent in the terminal
///
/// A conversation over the web chat channel, exactly as a visitor has it; the reply is shown as it is written. Ends at
/// Ctrl-D or Ctrl-C. Lines from a pipe are sent one after the other, and only the replies are printed.
///
/// Example:
///   colloquy chat --agent "Hotel guide"
///   printf 'Do you have parking?\nIs it free?\n' | colloquy chat
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Chat {
    /// Name or id of the agent [default: that of the first web chat channel]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Continue an earlier conversation
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

impl Chat {
    pub async fn run(self, config: &Config) -> CommandResult {
        install::warn_if_missing(config);
        with_server(config, "chat", async |api| self.talk(api).await).await
    }

    async fn talk(&self, api: &Api) -> CommandResult {
        let by_hand = std::io::stdin().is_terminal();
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut session = self.session.clone();
        let mut outcome = Outcome::Done;
        loop {
            if by_hand {
                out::prompt("> ");
            }
            let Some(line) = lines.next_line().await? else { break };
            let message = line.trim();
            if message.is_empty() {
                continue;
            }
            match self.say(api, message, &mut session).await {
                Ok(Outcome::Failed) => outcome = Outcome::Failed,
                Ok(Outcome::Done) => {}
                // At the terminal the next message may do better.
                Err(Stop::Failed(e)) if by_hand => out::note(format_args!("{e:#}")),
                Err(stop) => return Err(stop),
            }
        }
        if by_hand && let Some(session) = session {
            out::note(format_args!("\nContinue with --session {session}"));
        }
        Ok(outcome)
    }

    /// One message and its reply.
    async fn say(&self, api: &Api, message: &str, session: &mut Option<String>) -> CommandResult {
        let id = MachineIds.uuid().to_string();
        let body = json!({
            "message": message, "session": session, "message_id": id, "agent": self.agent, "stream": true,
        });
        let mut events = api.stream("/api/chat", &body).await?;
        let mut screen = Screen { live: out::is_terminal(), shown: String::new() };
        while let Some(event) = events.next().await? {
            let data: Value = serde_json::from_str(&event.data)?;
            match event.name.as_str() {
                "session" => *session = data["session"].as_str().map(str::to_owned),
                "delta" => screen.delta(data["text"].as_str().unwrap_or_default()),
                "reset" => screen.reset(),
                "reply" => {
                    let answer: ChatAnswer = serde_json::from_value(data)?;
                    *session = Some(answer.session.clone());
                    return Ok(screen.reply(&answer));
                }
                "error" => {
                    screen.reset();
                    return Err(anyhow!("{}", data["message"].as_str().unwrap_or("the server could not answer")).into());
                }
                _ => {}
            }
        }
        Err(anyhow!("the server ended the connection before its reply; the message is kept").into())
    }
}

/// What of a reply is on the terminal already.
struct Screen {
    /// A person watches.
    live: bool,
    shown: String,
}

impl Screen {
    fn delta(&mut self, text: &str) {
        if self.live {
            out::piece(text);
            self.shown.push_str(text);
        }
    }

    /// What was shown is void.
    fn reset(&mut self) {
        if !self.shown.is_empty() {
            out::line(" …");
            self.shown.clear();
        }
    }

    fn reply(&mut self, answer: &ChatAnswer) -> Outcome {
        let Some(reply) = &answer.reply else {
            self.reset();
            out::note(format_args!("(no reply: {})", answer.outcome));
            return if answer.outcome == "dead_lettered" { Outcome::Failed } else { Outcome::Done };
        };
        if self.shown == reply.text {
            out::line("");
        } else {
            // The final text is the truth: citations are renumbered, and what is not covered is dropped.
            self.reset();
            out::line(&reply.text);
        }
        sources::print(&reply.citations);
        out::line("");
        Outcome::Done
    }
}
