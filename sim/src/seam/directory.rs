//! Accounts, their real drivers over the simulated network, and agents.

use super::Seam;
use crate::planted::Planted;
use async_trait::async_trait;
use colloquy_channels::Registry;
use colloquy_domain::{
    agent::{AgentProfile, Approvals},
    channel::{ChannelAccount, ChannelKind},
    ids::{AgentId, ChannelId, TenantId},
    ports::{AgentDirectory, ChannelDirectory, ChannelDriver, StoreError},
};
use std::sync::Arc;

pub struct Directory {
    pub seam: Seam,
    pub drivers: Registry,
}

#[async_trait]
impl ChannelDirectory for Directory {
    async fn account(&self, channel: ChannelId) -> Result<Option<Arc<ChannelAccount>>, StoreError> {
        self.seam.gate.pass().await;
        Ok(self.seam.core.account(channel))
    }

    async fn enabled(&self) -> Result<Vec<Arc<ChannelAccount>>, StoreError> {
        self.seam.gate.pass().await;
        Ok(self.seam.core.accounts())
    }

    fn driver(&self, kind: &ChannelKind) -> Option<Arc<dyn ChannelDriver>> {
        self.drivers.get(kind)
    }

    fn changed(&self, _: ChannelId) {}
}

#[async_trait]
impl AgentDirectory for Directory {
    async fn profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<AgentProfile>, StoreError> {
        self.seam.gate.pass().await;
        let mut profile = self.seam.core.store.agent(tenant, agent);
        if self.seam.core.has(Planted::AskNobody) {
            profile.iter_mut().for_each(|p| p.approvals = Approvals::Never);
        }
        if self.seam.core.has(Planted::SkipSteps) {
            let steps = profile.iter_mut().flat_map(|p| &mut p.journeys).flat_map(|j| &mut j.steps);
            steps.flat_map(|s| &mut s.slots).for_each(|s| s.required = false);
        }
        Ok(profile)
    }
}
