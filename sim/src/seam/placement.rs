//! A node's way to where nodes meet.

use super::Seam;
use crate::fault::Site;
use async_trait::async_trait;
use colloquy_domain::{
    placement::{Beat, Epoch, NodeId, Partition},
    ports::{PlacementStore, StoreError},
};

pub struct Way(pub Seam);

#[async_trait]
impl PlacementStore for Way {
    async fn beat(&self, node: NodeId, name: &str, draining: bool) -> Result<Beat, StoreError> {
        self.0.call(Site::Beat, name, self.0.core.placement.beat(node, name, draining)).await
    }

    async fn claim(
        &self,
        node: NodeId,
        partitions: Vec<(Partition, Epoch)>,
    ) -> Result<Vec<(Partition, Epoch)>, StoreError> {
        let work = async {
            let claimed = self.0.core.placement.claim(node, partitions).await?;
            self.0.note("claimed", &self.0.name, claimed.len().to_string());
            Ok(claimed)
        };
        self.0.call(Site::Claim, &self.0.name, work).await
    }

    async fn release(&self, node: NodeId, partitions: Vec<Partition>) -> Result<(), StoreError> {
        self.0.gate.pass().await;
        self.0.core.placement.release(node, partitions).await
    }

    async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.0.gate.pass().await;
        self.0.core.placement.leave(node).await
    }
}
