//! The root supervisor: starts the table's children, restarts them, and gives up when one fails too often.

use crate::{
    agents, channels, ingestion, intake,
    node::Shared,
    placement, router,
    supervision::{Child, ChildSpec, Failures, TABLE, Verdict},
    timers,
};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};
use std::{collections::BTreeMap, sync::Arc};

pub struct Root;

pub enum Msg {
    Start(usize),
    Stop(tokio::sync::oneshot::Sender<()>),
}

pub struct State {
    shared: Arc<Shared>,
    running: BTreeMap<usize, ActorCell>,
    failures: Vec<Failures>,
    stopping: bool,
}

#[async_trait]
impl Actor for Root {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        let failures = vec![Failures::default(); TABLE.len()];
        let mut state = State { shared, running: BTreeMap::new(), failures, stopping: false };
        for row in 0..TABLE.len() {
            start(&myself, &mut state, row).await?;
        }
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Start(_) if state.stopping => {}
            Msg::Start(row) => start(&myself, state, row).await?,
            Msg::Stop(done) => {
                state.stopping = true;
                for (row, cell) in std::mem::take(&mut state.running).into_iter().rev() {
                    let wait = TABLE[row].shutdown;
                    if cell.stop_and_wait(None, Some(wait)).await.is_err() {
                        cell.kill();
                    }
                }
                // Nobody may be waiting any more.
                let _ = done.send(());
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, cause) = match event {
            SupervisionEvent::ActorFailed(cell, cause) => (cell, cause.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, why) => (cell, why.unwrap_or_else(|| "ended".to_owned())),
            _ => return Ok(()),
        };
        let Some((&row, _)) = state.running.iter().find(|(_, c)| c.get_id() == cell.get_id()) else {
            return Ok(());
        };
        state.running.remove(&row);
        let ChildSpec { child, intensity, backoff, .. } = TABLE[row];
        match state.failures[row].record(state.shared.ports.clock.now(), intensity, backoff) {
            Verdict::Restart { after } => {
                tracing::error!(actor = ?child, error = %cause, restart.after_ms = after.as_millis(), "actor failed");
                myself.send_after(after, move || Msg::Start(row));
                Ok(())
            }
            Verdict::Escalate => {
                tracing::error!(actor = ?child, error = %cause, "actor keeps failing: the node stops");
                Err(format!("{child:?} keeps failing: {cause}").into())
            }
        }
    }
}

async fn start(myself: &ActorRef<Msg>, state: &mut State, row: usize) -> Result<(), ActorProcessingErr> {
    let shared = Arc::clone(&state.shared);
    let parent = myself.get_cell();
    let cell = match TABLE[row].child {
        Child::Agents => agents::start(shared, parent).await?,
        Child::Channels => channels::start(shared, parent).await?,
        Child::Router => router::start(shared, parent).await?,
        Child::Intake => intake::start(shared, parent).await?,
        Child::Ingestion => ingestion::start(shared, parent).await?,
        Child::Timers => timers::start(shared, parent).await?,
        Child::Placement => placement::start(shared, parent).await?,
    };
    state.running.insert(row, cell);
    Ok(())
}
