//! One connected account: drains its outbox and, where the channel polls, brings its messages in.

use crate::{
    delivery::{self, Begin},
    node::Shared,
    poll,
    supervision::Backoff,
};
use colloquy_domain::{
    channel::ChannelAccount, failure::Failure, pacing::Pacer, ports::ChannelDriver, standing::Standing, time::Timestamp,
};
use futures::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef, async_trait};
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinHandle},
};

/// Pause of an account that its provider refuses altogether.
const DOWN: Backoff = Backoff { first: Duration::from_secs(15), max: Duration::from_secs(900) };
/// Wait after a store failure.
const RETRY: Duration = Duration::from_millis(500);
/// What is due but held back (behind an earlier reply to the same peer) is not asked for without a breath.
const SHORTEST_REST: Duration = Duration::from_millis(50);

/// How long an actor that stops waits for the answers to what it has sent.
const LAST_ANSWERS: Duration = Duration::from_secs(8);

pub struct Channel;

pub enum Msg {
    /// There is something to send.
    Wake,
    /// There may be something to send.
    Look,
    /// The deliveries under way are settled.
    Drained(Drained),
    /// A rest or a pause is over.
    TimeUp,
    /// A task of the account panicked: the account begins anew.
    Panicked,
}

/// How a round of deliveries ended.
pub enum Drained {
    /// Nothing is due now: look when this is, or when woken.
    Until(Option<Timestamp>),
    StoreTrouble,
    /// The provider refuses the account.
    AccountDown(Failure),
}

pub struct Args {
    pub shared: Arc<Shared>,
    pub account: Arc<ChannelAccount>,
    pub driver: Arc<dyn ChannelDriver>,
}

/// What the tasks of an account share.
pub struct Desk {
    pub shared: Arc<Shared>,
    pub account: Arc<ChannelAccount>,
    pub driver: Arc<dyn ChannelDriver>,
    pub pacer: Arc<Mutex<Pacer>>,
    /// Tells the round under way that there is something to send.
    pub woken: Notify,
    /// True when nothing new is to be begun.
    pub stopping: watch::Sender<bool>,
    /// The provider has taken something since this was looked at.
    pub served: AtomicBool,
}

pub struct State {
    desk: Arc<Desk>,
    phase: Phase,
    /// Refusals of the account in a row.
    downs: usize,
    /// Whether the store knows that the provider serves the account.
    known_to_be_served: bool,
    poller: Option<AbortHandle>,
}

enum Phase {
    /// Nothing waits: a wake starts a round.
    Idle,
    /// A round is under way.
    Draining(JoinHandle<()>),
    /// Something is due later; a wake starts a round now.
    Resting(AbortHandle),
    /// The provider refuses the account: only time starts a round.
    Paused(AbortHandle),
}

impl Drop for State {
    fn drop(&mut self) {
        match &self.phase {
            Phase::Idle => {}
            Phase::Resting(timer) | Phase::Paused(timer) => timer.abort(),
            // Of an actor that failed: never two rounds of one account side by side.
            Phase::Draining(round) => round.abort(),
        }
        if let Some(poller) = &self.poller {
            poller.abort();
        }
    }
}

#[async_trait]
impl Actor for Channel {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { shared, account, driver } = args;
        let pacer = shared.paces.open(account.id, driver.pacing(&account));
        let stopping = watch::Sender::new(false);
        let woken = Notify::new();
        let served = AtomicBool::new(false);
        let desk = Arc::new(Desk { shared, account, driver, pacer, woken, stopping, served });
        myself.send_message(Msg::Look)?;
        Ok(State { desk, phase: Phase::Idle, downs: 0, known_to_be_served: false, poller: None })
    }

    async fn post_start(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        let desk = &state.desk;
        if !desk.driver.pull() {
            // What was on its way when the last actor of this account ended may have arrived.
            let ports = &desk.shared.ports;
            let found = ports.outbox.recover(desk.account.tenant, desk.account.id, ports.clock.now()).await?;
            if found > 0 {
                tracing::warn!(channel.id = %desk.account.id, replies = found, "replies of unknown outcome");
            }
        }
        if desk.driver.polls(&desk.account) {
            let polling = guarded(myself, poll::run(Arc::clone(desk)));
            state.poller = Some(tokio::spawn(polling).abort_handle());
        }
        Ok(())
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let begin = if matches!(msg, Msg::Look) { Begin::Look } else { Begin::Claim };
        match (msg, &mut state.phase) {
            (Msg::Wake, Phase::Draining(_)) => state.desk.woken.notify_one(),
            (Msg::Wake | Msg::Look, Phase::Resting(timer)) => {
                timer.abort();
                drain(&myself, state, begin);
            }
            (Msg::Wake | Msg::Look, Phase::Idle) | (Msg::TimeUp, Phase::Resting(_) | Phase::Paused(_)) => {
                drain(&myself, state, begin);
            }
            // A round looks by itself before it ends.
            (Msg::Look, Phase::Draining(_) | Phase::Paused(_)) => {}
            (Msg::Wake, Phase::Paused(_)) | (Msg::TimeUp, Phase::Idle | Phase::Draining(_)) => {}
            (Msg::Drained(result), _) => drained(&myself, state, result),
            (Msg::Panicked, _) => return Err("a task of the account panicked".into()),
        }
        Ok(())
    }

    /// An answer that nobody waits for would leave its reply of unknown outcome.
    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.desk.stopping.send_replace(true);
        if let Phase::Draining(round) = &mut state.phase
            && tokio::time::timeout(LAST_ANSWERS, &mut *round).await.is_err()
        {
            round.abort();
        }
        Ok(())
    }
}

/// An end that nobody is told of would leave the account waiting for ever.
async fn guarded(myself: ActorRef<Msg>, work: impl Future<Output = ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        // Gone meanwhile: it begins anew all the same.
        let _ = myself.send_message(Msg::Panicked);
    }
}

fn drain(myself: &ActorRef<Msg>, state: &mut State, begin: Begin) {
    if state.desk.driver.pull() {
        return;
    }
    let (desk, myself) = (Arc::clone(&state.desk), myself.clone());
    let told = myself.clone();
    let round = tokio::spawn(guarded(myself, async move {
        let result = delivery::round(&desk, begin).await;
        // Gone meanwhile: its successor recovers.
        let _ = told.send_message(Msg::Drained(result));
    }));
    state.phase = Phase::Draining(round);
}

fn drained(myself: &ActorRef<Msg>, state: &mut State, result: Drained) {
    let time_up = |wait: Duration| myself.send_after(wait, || Msg::TimeUp).abort_handle();
    let served = state.desk.served.swap(false, Ordering::Relaxed);
    if served {
        // Only a call that was served ends a row of refusals: after a pause, what was refused is often not due yet, and a round
        // without anything to send says nothing of the account.
        state.downs = 0;
    }
    if let Drained::AccountDown(failure) = &result {
        state.known_to_be_served = false;
        note(state, Standing::Refused(failure.clone()));
    } else if served && !state.known_to_be_served {
        state.known_to_be_served = true;
        note(state, Standing::Served);
    }
    state.phase = match result {
        // Woken after the round had looked for the last time.
        Drained::Until(_) if state.desk.woken.notified().now_or_never().is_some() => {
            return drain(myself, state, Begin::Claim);
        }
        Drained::Until(None) => Phase::Idle,
        Drained::Until(Some(due)) => {
            let wait = due.since(state.desk.shared.ports.clock.now());
            Phase::Resting(time_up(wait.max(SHORTEST_REST)))
        }
        Drained::StoreTrouble => Phase::Resting(time_up(RETRY)),
        Drained::AccountDown(failure) => {
            state.downs += 1;
            let wait = DOWN.wait(state.downs);
            tracing::error!(
                tenant.id = %state.desk.account.tenant, channel.id = %state.desk.account.id, error = %failure,
                pause.seconds = wait.as_secs(), "the provider refuses the account"
            );
            Phase::Paused(time_up(wait))
        }
    };
}

/// Told to the store beside everything else: nothing waits for it, and a loss of it is mended by the next word.
fn note(state: &State, standing: Standing) {
    let desk = Arc::clone(&state.desk);
    tokio::spawn(async move {
        let (tenant, channel) = (desk.account.tenant, desk.account.id);
        let ports = &desk.shared.ports;
        if let Err(e) = ports.outbox.stands(tenant, channel, standing, ports.clock.now()).await {
            tracing::warn!(tenant.id = %tenant, channel.id = %channel, error = %e, "how the account stands is not kept");
        }
    });
}
