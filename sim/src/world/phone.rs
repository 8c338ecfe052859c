//! A person's way to the agents of a simulated world.

use super::Core;
use crate::{
    people::{Ear, Phone, Player},
    provider::{Said, write},
    scenario::{ConversationSpec, Until},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::ChannelAccount,
    failure::Failure,
    model::{CompletionRequest, CompletionResult},
};
use std::{sync::Arc, time::Duration};

pub struct WorldPhone {
    core: Arc<Core>,
    account: Arc<ChannelAccount>,
    peer: String,
    /// `channel/peer`.
    who: String,
    ear: Arc<Ear>,
    /// Messages that they wrote in the world that this one goes on from.
    before: u64,
    player: Option<Player>,
}

impl WorldPhone {
    /// `None` if there is no such channel.
    pub fn of(core: &Arc<Core>, conversation: &ConversationSpec) -> Option<Self> {
        let account = core.account_named(&conversation.channel)?;
        let peer = conversation.peer.clone();
        let who = core.peer(account.id, &peer);
        let player = Player::of(&conversation.user, &core.deck, core.seed);
        let (ear, before) = (core.heard.ear(&who), core.before(&who).inbox as u64);
        Some(Self { core: Arc::clone(core), account, peer, who, ear, before, player })
    }
}

#[async_trait]
impl Phone for WorldPhone {
    async fn until(&self, age: Duration) {
        self.core.clock.until(age).await;
    }

    fn age(&self) -> Duration {
        self.core.clock.elapsed()
    }

    async fn write(&self, number: u64, text: &str) {
        write(&self.core, &self.account, &self.peer, self.before + number, &Said::Text(text));
    }

    fn ear(&self) -> &Ear {
        &self.ear
    }

    fn chance(&self, of: &str, number: u64) -> f64 {
        self.core.seed.unit(of, &self.who, number)
    }

    fn holds(&self, until: &Until) -> bool {
        let runs = self.core.watch.tools();
        let called: Vec<String> = runs.into_iter().filter(|t| t.who == self.who).map(|t| t.tool).collect();
        let rows = self.core.toolset.as_ref().map(crate::toolset::InUse::snapshot);
        until.holds(&called, rows.as_ref())
    }

    async fn think(&self, nth: u64, request: CompletionRequest) -> CompletionResult {
        let Some(player) = &self.player else {
            return Err(Failure::fatal("model.none", "nobody plays this person"));
        };
        let (answer, takes) = player.complete(&self.who, nth, &request);
        tokio::time::sleep(takes).await;
        answer
    }

    fn off_script(&self, why: String) {
        self.core.note("", "off_script", &self.who, why.as_str());
        self.core.watch.off_script(&self.who, &why);
    }
}
