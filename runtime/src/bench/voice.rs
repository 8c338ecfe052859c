//! The silence that Colloquy adds to a call: from what the caller said until the first words of the answer, beyond the
//! time that the model itself takes. The whole application over HTTP and WebSockets, with a model that thinks for a known
//! time.

use super::{
    figures::Percentiles,
    report::{Target, at_most, times},
    rig::{Base, Rig, account, profile},
    speaker,
};
use crate::{machine::MachineIds, out};
use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{
    agent::AgentProfile,
    channel::{ChannelAccount, Secret},
    ids::{AgentId, ChannelId},
    model::ModelChoice,
    ports::Ids,
};
use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha1::Sha1;
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// Idle time that nothing reaches.
const LONG: Duration = Duration::from_secs(3600);
/// What signs Twilio's requests.
const TOKEN: &str = "benchmark";
/// Turns of one call.
const TURNS: u32 = 10;
/// Milliseconds that may be added to 99 of 100 turns.
const BOUND: f64 = 50.0;
/// How long a caller at least listens to an answer.
const LISTENS: Duration = Duration::from_millis(250);
const WORDS: &str = "When do you open on Saturdays, please?";

#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Of each way to carry calls.
    pub turns: u32,
    /// Calls at the same time.
    pub calls: u32,
    /// What the model takes for an answer.
    pub thinks: Duration,
}

/// What `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub turns: u32,
    pub calls: u32,
    pub model_ms: u64,
    /// Until the whole document with the answer.
    pub gather: Percentiles,
    /// Until the first words of it.
    pub relay: Percentiles,
    pub targets: Vec<Target>,
}

/// # Errors
/// The application's, or a call did not go as it should.
pub async fn run(dir: &Path, work: Work) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("colloquy-bench-").tempdir_in(dir)?;
    let mut base = Base::start(scratch.path()).await?;
    base.model = Some(speaker::start(work.thinks).await?);
    let rig = Rig::start(&base, "voice", LONG).await?;
    let measured = measure(&rig, work).await;
    rig.stop().await;
    measured
}

async fn measure(rig: &Rig, work: Work) -> anyhow::Result<Report> {
    let mut all = Vec::new();
    for (mode, number) in [("gather", "+33100000001"), ("relay", "+33100000002")] {
        out::note(format_args!("{} turns of calls with {mode} …", work.turns));
        connect(rig, mode, number).await?;
        let url = rig.app.url.clone();
        // Connections are made, statements prepared.
        talk(&url, number, work, work.calls * TURNS, "warm").await?;
        let took = talk(&url, number, work, work.turns, "call").await?;
        all.push(Percentiles::of(took.into_iter().map(|t| t.saturating_sub(work.thinks)).collect()));
    }
    let [gather, relay] = all[..] else { bail!("two ways were measured") };
    let targets = vec![
        at_most("added to a turn of a call with gather, p99 in ms", BOUND, Some(gather.p99)),
        at_most("added to a turn of a call with relay, p99 in ms", BOUND, Some(relay.p99)),
    ];
    let model_ms = u64::try_from(work.thinks.as_millis())?;
    Ok(Report { turns: work.turns, calls: work.calls, model_ms, gather, relay, targets })
}

/// A telephone whose agent asks the model that stands in.
async fn connect(rig: &Rig, mode: &str, number: &str) -> anyhow::Result<()> {
    let (agent, channel) = (AgentId::new(MachineIds.uuid()), ChannelId::new(MachineIds.uuid()));
    let rows = rig.app.store().tenant(rig.tenant);
    let usual = profile(rig.tenant, agent);
    let model = ModelChoice { provider: "openai".to_owned(), model: "stand-in".to_owned(), ..usual.model };
    let speaker = AgentProfile { name: format!("Voice {mode}"), model, tools: Vec::new(), ..usual };
    rows.create_agent(speaker, colloquy_store::Actor::System).await?;
    let settings = [("provider", "twilio"), ("language", "en-US"), ("voice_mode", mode)];
    let telephone = ChannelAccount {
        external_id: Some(number.to_owned()),
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        secrets: BTreeMap::from([("auth_token".to_owned(), Secret::new(TOKEN.to_owned()))]),
        ..account(rig.tenant, channel, "voice", agent)
    };
    rows.create_channel(telephone, true).await?;
    rig.app.node().channel_changed(channel);
    Ok(())
}

/// So many turns, by callers who each speak again once they have heard their answer; how long each waited for it.
async fn talk(url: &str, number: &'static str, work: Work, turns: u32, name: &str) -> anyhow::Result<Vec<Duration>> {
    let mut callers = JoinSet::new();
    for caller in 0..work.calls {
        let mine = turns / work.calls + u32::from(caller < turns % work.calls);
        let (url, name) = (url.to_owned(), format!("CA-{number}-{name}-{caller}"));
        callers.spawn(async move {
            let mut took = Vec::new();
            for (call, begun) in (0..mine).step_by(TURNS as usize).enumerate() {
                let twilio = Twilio::new(&url, number, format!("{name}-{call}"))?;
                took.extend(twilio.call((mine - begun).min(TURNS)).await?);
            }
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = callers.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

/// Twilio's side of one call.
struct Twilio {
    http: reqwest::Client,
    url: String,
    number: &'static str,
    call: String,
}

impl Twilio {
    fn new(url: &str, number: &'static str, call: String) -> anyhow::Result<Self> {
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, url: url.to_owned(), number, call })
    }

    async fn call(&self, turns: u32) -> anyhow::Result<Vec<Duration>> {
        let greeted = self.post("/api/calls/incoming", &[("CallStatus", "ringing")]).await?;
        if greeted.contains("<ConversationRelay ") {
            self.relay(&greeted, turns).await
        } else {
            self.gather(greeted, turns).await
        }
    }

    async fn post(&self, path: &str, more: &[(&str, &str)]) -> anyhow::Result<String> {
        let usual =
            [("CallSid", self.call.as_str()), ("From", "+33600000000"), ("To", self.number), ("Direction", "inbound")];
        let form: BTreeMap<&str, &str> = usual.into_iter().chain(more.iter().copied()).collect();
        let url = format!("{}{path}", self.url);
        let request = self.http.post(&url).header("x-twilio-signature", signature(&url, &form));
        let body = form.iter().fold(String::new(), |body, (name, value)| {
            format!("{body}{}{name}={}", if body.is_empty() { "" } else { "&" }, escaped(value))
        });
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.text().await?)
    }

    async fn gather(&self, mut document: String, turns: u32) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for _ in 0..turns {
            let path = between(&document, "action=\"", "\"")?;
            let begun = Instant::now();
            document = self.post(&path, &[("CallStatus", "in-progress"), ("SpeechResult", WORDS)]).await?;
            took.push(begun.elapsed());
            ensure!(document.contains("at nine."), "no answer: {document}");
        }
        Ok(took)
    }

    async fn relay(&self, document: &str, turns: u32) -> anyhow::Result<Vec<Duration>> {
        let url = between(document, "ConversationRelay url=\"", "\"")?;
        let mut request = url.as_str().into_client_request()?;
        request.headers_mut().insert("x-twilio-signature", signature(&url, &BTreeMap::new()).parse()?);
        let host = url.strip_prefix("ws://").and_then(|u| u.split('/').next()).context("the address of the line")?;
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (mut line, _) = client_async(request, stream).await?;
        let given = |name: &str| between(document, &format!("<Parameter name=\"{name}\" value=\""), "\"");
        let parameters = json!({ "line": given("line")?, "seal": given("seal")? });
        let setup = json!({ "type": "setup", "callSid": self.call, "from": "+33600000000", "to": self.number,
            "direction": "inbound", "customParameters": parameters });
        line.send(Message::text(setup.to_string())).await?;
        let mut took = Vec::new();
        for _ in 0..turns {
            let begun = Instant::now();
            let prompt = json!({ "type": "prompt", "voicePrompt": WORDS, "lang": "en-US", "last": true });
            line.send(Message::text(prompt.to_string())).await?;
            let mut word = heard(&mut line).await?;
            took.push(begun.elapsed());
            ensure!(word["token"] == "We ", "no answer: {word}");
            while word["last"] != true {
                word = heard(&mut line).await?;
            }
            // It takes longer to be read out; whoever spoke before it is kept would interrupt it.
            sleep(LISTENS).await;
        }
        line.close(None).await?;
        Ok(took)
    }
}

async fn heard(line: &mut WebSocketStream<TcpStream>) -> anyhow::Result<Value> {
    loop {
        match line.next().await.context("the line was closed")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(_) => bail!("the line was closed"),
            _ => {}
        }
    }
}

fn signature(url: &str, form: &BTreeMap<&str, &str>) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()) else { return String::new() };
    mac.update(url.as_bytes());
    form.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
    STANDARD.encode(mac.finalize().into_bytes())
}

fn escaped(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// What stands in a document between the first of these and what follows.
fn between(document: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let found = document.split_once(from).and_then(|(_, rest)| rest.split_once(to));
    Ok(found.with_context(|| format!("no {from} in {document}"))?.0.replace("&amp;", "&"))
}

impl Report {
    pub fn print(&self) {
        out::line(format_args!(
            "{} turns each, {} calls at a time, beyond the {} ms of the model:",
            self.turns, self.calls, self.model_ms
        ));
        out::line(format_args!("gather, until the answer's document: {}", times(self.gather)));
        out::line(format_args!("relay, until the answer's first words: {}", times(self.relay)));
        for target in &self.targets {
            let met = if target.met == Some(true) { "met" } else { "NOT MET" };
            let measured = target.measured.unwrap_or_default();
            out::line(format_args!("{}: {measured:.1}, {}, {met}", target.name, target.bound));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_few_turns_of_both_kinds_are_measured() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a folder");
        let work = Work { turns: 12, calls: 2, thinks: Duration::from_millis(30) };
        let report = run(dir.path(), work).await.expect("measured");
        assert!(report.gather.p50 > 0.0 && report.relay.p50 > 0.0, "{report:?}");
        assert_eq!(report.targets.len(), 2);
    }
}
