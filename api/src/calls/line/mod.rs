//! A call on an open line: words go both ways as they are spoken, and who calls can speak over the agent.
//!
//! What is said goes the way of all messages, as in a dialogue of requests; the line only hears and reads out. It keeps
//! nothing that a new one could not find: the steps of the call say how far it came, so that a line that broke off (a
//! node that stopped, too) is followed by another one, which says what its caller has not heard yet.

mod answer;
mod between;

use super::{
    LANGUAGE, Telephone,
    dialogue::{FIRST_WAIT, NEXT_WAIT},
    driver, is_meant, rejected, speaking, tag,
};
use crate::{
    error::{ApiError, ApiResult},
    exchange::{Exchange, Step},
    state::Api,
    websocket::{Gone, Opened, Socket, Upgrade},
};
use answer::{Asked, Said};
use colloquy_domain::{
    agent::{AgentProfile, NoAnswer, Unsupported},
    call::{
        CallChange, CallEvent, CallNews, CallRequest, CallStep, LineEvent, LineWord, Next, Opening, PATIENCE, Parting,
        Place, Sentence, next,
    },
    channel::{ChannelAccount, WebhookRejection},
    ids::TurnNo,
    language::Language,
    ports::{CallDriver, ChannelDriver},
};
use std::{
    future::pending,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

/// For the provider to say which call it is.
const OPENING: Duration = Duration::from_secs(10);
/// For the provider to close a line that we ended.
const CLOSING: Duration = Duration::from_secs(5);
/// Silence after which the caller is asked whether they are there.
const SILENCE: Duration = Duration::from_secs(12);
/// What a voice says in a second, in characters.
const VOICE: u32 = 14;
/// How long the next key is waited for.
const NEXT_KEY: Duration = Duration::from_secs(2);

/// Lets a provider open a line.
///
/// # Errors
/// 403 for a request that is not signed, 404 for a channel without lines.
pub async fn open(
    api: Arc<Api>,
    account: Arc<ChannelAccount>,
    request: CallRequest<'_>,
    upgrade: Upgrade,
) -> ApiResult<Opened> {
    let driver = driver(&api, &account)?;
    let provider = driver.calls(&account).ok_or_else(|| ApiError::not_found("channel"))?;
    provider.admit(&account, &request).map_err(|r| rejected(&api, &account, &r))?;
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    let account = speaking(&api, account).await?;
    let agent = api.store.tenant(account.tenant).agent(account.agent).await?;
    let whole = is_said_whole(&agent.profile);
    upgrade.open(move |socket| talk(api, account, driver, whole, socket))
}

/// Whether what the agent's model writes can still be taken back when all of it is there.
fn is_said_whole(agent: &AgentProfile) -> bool {
    let grounding = agent.grounding;
    let judged = grounding.unsupported == Unsupported::Withhold || grounding.no_answer == NoAnswer::HandOver;
    judged && !agent.knowledge.is_empty()
}

/// From the first word to the last.
async fn talk(
    api: Arc<Api>,
    account: Arc<ChannelAccount>,
    driver: Arc<dyn ChannelDriver>,
    whole: bool,
    mut socket: Socket,
) {
    let (tenant, channel) = (account.tenant, account.id);
    let Some(opening) = introduced(&api, &account, driver.as_ref(), &mut socket).await else {
        return socket.close(false).await;
    };
    let mut line = Line::new(api, account, driver, whole, opening, socket);
    let end = line.run().await;
    if let Err(End::Failed(error)) = &end {
        tracing::error!(tenant.id = %tenant, channel.id = %channel, %error, "a call's line failed");
    }
    if let Err(End::Parted(parting)) = &end
        && line.word(&LineWord::Close(*parting)).await.is_ok()
    {
        // The provider closes it, and tells that it is closed.
        let _ = timeout(CLOSING, async { while line.socket.hear().await.is_ok() {} }).await;
    }
    line.socket.close(matches!(end, Err(End::Stopping))).await;
}

/// Which call it is. Nothing is believed before.
async fn introduced(
    api: &Api,
    account: &ChannelAccount,
    driver: &dyn ChannelDriver,
    socket: &mut Socket,
) -> Option<Opening> {
    let provider = driver.calls(account)?;
    let first = timeout(OPENING, socket.hear()).await.ok()?.ok()?;
    match provider.hear(account, &first) {
        Ok(LineEvent::Opened(opening)) => Some(opening),
        Ok(_) => None,
        Err(rejection) => {
            rejected(api, account, &rejection);
            None
        }
    }
}

/// Why a line ends.
enum End {
    /// The provider closed it, or it broke.
    Gone,
    Parted(Parting),
    /// The node stops.
    Stopping,
    Failed(ApiError),
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

struct Line {
    api: Arc<Api>,
    account: Arc<ChannelAccount>,
    driver: Arc<dyn ChannelDriver>,
    news: CallNews,
    number: u32,
    whole: bool,
    socket: Socket,
    closing: watch::Receiver<bool>,
    at: Place,
    asked: Option<Asked>,
    said: Option<Said>,
    /// The last turn of which something was said.
    turn: TurnNo,
    keys: String,
    /// When keys are taken as what the caller wants to say.
    keyed: Option<Instant>,
    /// When nobody seems to be there.
    silence: Instant,
}

enum Happened {
    Came(Result<String, Gone>),
    Stepped(ApiResult<Step>),
    Stopping,
    Waited,
}

async fn stepped(asked: &mut Option<Asked>) -> ApiResult<Step> {
    match asked {
        Some(asked) => asked.exchange.step().await,
        None => pending().await,
    }
}

impl Line {
    fn new(
        api: Arc<Api>,
        account: Arc<ChannelAccount>,
        driver: Arc<dyn ChannelDriver>,
        whole: bool,
        opening: Opening,
        socket: Socket,
    ) -> Self {
        let Opening { external_id, direction, from, to, number } = opening;
        let event = CallEvent::Ignored { kind: "line".to_owned() };
        Self {
            news: CallNews { external_id, direction, from, to, event },
            closing: api.realtime.closing(),
            api,
            account,
            driver,
            number,
            whole,
            socket,
            at: Place::first(),
            asked: None,
            said: None,
            turn: 0,
            keys: String::new(),
            keyed: None,
            silence: Instant::now() + SILENCE + SILENCE,
        }
    }

    fn telephone(&self) -> Result<Telephone<'_>, End> {
        Ok(Telephone {
            api: Arc::clone(&self.api),
            account: &self.account,
            driver: self.driver.as_ref(),
            provider: self.provider()?,
            news: &self.news,
            path: "",
        })
    }

    fn provider(&self) -> Result<&dyn CallDriver, End> {
        self.driver.calls(&self.account).ok_or_else(|| ApiError::not_found("channel").into())
    }

    async fn run(&mut self) -> Result<(), End> {
        self.begin().await?;
        loop {
            let due = self.due();
            let happened = tokio::select! {
                frame = self.socket.hear() => Happened::Came(frame),
                step = stepped(&mut self.asked) => Happened::Stepped(step),
                // An error: the sender is gone, as everything is.
                _ = self.closing.wait_for(|closing| *closing) => Happened::Stopping,
                () = sleep_until(due) => Happened::Waited,
            };
            match happened {
                Happened::Came(frame) => self.came(&frame?).await?,
                Happened::Stepped(step) => self.step(step?).await?,
                Happened::Stopping => return Err(End::Stopping),
                Happened::Waited => self.waited().await?,
            }
        }
    }

    fn due(&self) -> Instant {
        self.keyed.or(self.asked.as_ref().map(|a| a.wait)).unwrap_or(self.silence)
    }

    /// Each line is opened once. One that follows another goes on where that broke off.
    async fn begin(&mut self) -> Result<(), End> {
        if !is_meant(&self.account, &self.news) {
            return Err(ApiError::not_found("number").into());
        }
        let telephone = self.telephone()?;
        let step = CallStep::new(format!("line:{}", self.number), "line", "");
        let (call, fresh) = telephone.change(CallChange::new(step)).await?;
        if !fresh || call.facts.ended_at.is_some() {
            return Err(End::Gone);
        }
        if self.number > 1 {
            let far = telephone.how_far(&call).await?;
            self.at = Place { turn: far.turns + 1, ..self.at };
            if let Some(turn) = far.unanswered {
                let (session, id) = (self.news.external_id.clone(), turn.to_string());
                let exchange = Exchange::of(Arc::clone(&self.api), &self.account, session, id);
                self.asked = Some(Asked::new(exchange, Place { turn, ..Place::first() }, 0));
            }
        }
        Ok(())
    }

    async fn came(&mut self, frame: &str) -> Result<(), End> {
        match self.provider()?.hear(&self.account, frame) {
            Ok(LineEvent::Heard { words, whole: true }) => self.heard(words).await,
            Ok(LineEvent::Heard { whole: false, .. }) => {
                self.listen("");
                Ok(())
            }
            Ok(LineEvent::Interrupted { utterance }) => self.interrupted(&utterance).await,
            Ok(LineEvent::Pressed(key)) => self.pressed(key).await,
            Ok(LineEvent::Trouble) => {
                let step = CallStep::new(format!("trouble:{}", self.at.turn), "trouble", "");
                self.telephone()?.note(CallChange::new(step)).await?;
                Ok(())
            }
            // A second introduction changes nothing.
            Ok(LineEvent::Opened(_) | LineEvent::Ignored) => Ok(()),
            Err(rejection) => {
                let WebhookRejection::Malformed(what) = &rejection else { return Err(End::Gone) };
                tracing::warn!(tenant.id = %self.account.tenant, channel.id = %self.account.id, what, "not understood");
                Ok(())
            }
        }
    }

    /// The caller is to speak next, once these words were read out.
    fn listen(&mut self, after: &str) {
        let length = u32::try_from(after.chars().count()).unwrap_or(u32::MAX);
        self.silence = Instant::now() + SILENCE + Duration::from_secs((length / VOICE).into());
    }

    async fn word(&mut self, word: &LineWord) -> Result<(), End> {
        let frame = self.provider()?.speak(&self.account, word);
        Ok(self.socket.say(frame).await?)
    }

    async fn say(&mut self, words: String, last: bool) -> Result<(), End> {
        self.word(&LineWord::Say { words, last }).await
    }

    async fn say_sentence(&mut self, which: Sentence, last: bool) -> Result<(), End> {
        let words = self.telephone()?.sentence(which);
        self.listen(&words);
        self.say(if last { words } else { format!("{words} ") }, last).await
    }

    /// What was said before cannot be interrupted any more.
    async fn heard(&mut self, words: String) -> Result<(), End> {
        (self.keyed, self.said) = (None, None);
        self.keys.clear();
        let at = self.at;
        let parting = match next(at, Some(&words)) {
            Next::Answer => None,
            Next::AskAgain(_) => return Ok(()),
            Next::Farewell => Some(Parting::Farewell),
            Next::GiveUp => Some(Parting::GiveUp),
            Next::TooLong => Some(Parting::TooLong),
        };
        if let Some(parting) = parting {
            let step = CallStep::new(format!("heard:{}", at.turn), "heard", words.clone());
            let said = vec![format!("Caller: {words}")];
            self.telephone()?.note(CallChange { said, ..CallChange::new(step) }).await?;
            return Err(End::Parted(parting));
        }
        self.follow_language(&words).await?;
        // Whoever speaks before they are answered is answered once: the turn under way takes up both.
        let exchange = self.telephone()?.begin(at, words).await?;
        self.asked = Some(Asked::new(exchange, at, self.turn));
        self.at = at.after();
        Ok(())
    }

    /// The agent answers in the language that is spoken, by the same rule; so the voice must be one of it.
    async fn follow_language(&mut self, words: &str) -> Result<(), End> {
        let Some(language) = Language::detect(words).filter(|l| self.telephone().is_ok_and(|t| t.language() != *l))
        else {
            return Ok(());
        };
        let own = self.account.setting("other_language").filter(|t| Language::from_tag(t) == Some(language));
        let language = own.unwrap_or_else(|| tag(language)).to_owned();
        Arc::make_mut(&mut self.account).settings.insert(LANGUAGE.to_owned(), language.clone());
        self.word(&LineWord::Speak { language }).await
    }

    /// Keys are words once no other follows; `#` ends them.
    async fn pressed(&mut self, key: char) -> Result<(), End> {
        if key != '#' {
            self.keys.push(key);
            self.keyed = Some(Instant::now() + NEXT_KEY);
            return Ok(());
        }
        self.keys_over().await
    }

    async fn keys_over(&mut self) -> Result<(), End> {
        self.keyed = None;
        let keys = std::mem::take(&mut self.keys);
        if keys.is_empty() { Ok(()) } else { self.heard(keys).await }
    }

    async fn waited(&mut self) -> Result<(), End> {
        if self.keyed.is_some() {
            return self.keys_over().await;
        }
        if let Some(asked) = &mut self.asked {
            asked.waited += 1;
            asked.wait = Instant::now() + NEXT_WAIT;
            let (waited, begun) = (asked.waited, !asked.told.is_empty());
            if waited > PATIENCE {
                self.asked = None;
                return self.say_sentence(Sentence::TooSlow, true).await;
            }
            return if waited == 1 && !begun { self.say_sentence(Sentence::Moment, false).await } else { Ok(()) };
        }
        let turn = self.at.turn;
        match next(self.at, None) {
            Next::AskAgain(place) => {
                self.at = place;
                let step = CallStep::new(format!("silence:{turn}"), "silence", "");
                self.telephone()?.note(CallChange::new(step)).await?;
                self.say_sentence(Sentence::SayAgain, true).await
            }
            _ => Err(End::Parted(Parting::GiveUp)),
        }
    }
}
