//! Wakes conversations whose durable timer is due: their time with a person is over.

use crate::{
    node::Shared,
    router::{self, Command},
};
use colloquy_domain::ports::InboxHint;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, async_trait};
use std::sync::Arc;

/// Conversations woken at one tick.
const BATCH: usize = 256;

struct Timers;

enum Msg {
    Tick,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let (actor, _) = Actor::spawn_linked(None, Timers, shared, parent).await?;
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Timers {
    type Msg = Msg;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<Arc<Shared>, ActorProcessingErr> {
        myself.send_interval(shared.settings.timer_tick, || Msg::Tick);
        Ok(shared)
    }

    async fn handle(&self, _: ActorRef<Msg>, Msg::Tick: Msg, s: &mut Arc<Shared>) -> Result<(), ActorProcessingErr> {
        match s.ports.conversations.due_timers(s.ports.clock.now(), BATCH).await {
            Ok(due) => {
                for t in due {
                    let hint = InboxHint { tenant: t.tenant, conversation: t.conversation };
                    // Others' are theirs to wake: they look themselves.
                    if s.ports.ownership.owns(t.conversation) {
                        s.router.tell(router::Msg::Command(hint, Command::GiveBack));
                    }
                }
            }
            Err(e) => tracing::warn!(error = %e, "due timers not read"),
        }
        Ok(())
    }
}
