//! A node's way to the providers.

use super::Seam;
use crate::{fault::Kind, planted::Planted};
use async_trait::async_trait;
use colloquy_channels::{Answer, NoAnswer, Request, Transport};
use tokio::time::Instant;

pub struct NodeTransport(pub Seam);

#[async_trait]
impl Transport for NodeTransport {
    async fn exchange(&self, request: Request) -> Result<Answer, NoAnswer> {
        let seam = &self.0;
        let asked = Instant::now();
        seam.gate.pass().await;
        if request.leaves_within.is_some_and(|within| asked.elapsed() > within) {
            return Err(NoAnswer::NotSent("too late".into()));
        }
        let Some(call) = seam.core.network.understand(&request) else {
            return Ok(Answer { status: 404, retry_after: None, body: None });
        };
        let fault = call.faulty().and_then(|(site, who)| seam.fault(site, who));
        if let Some(fault) = fault.filter(|f| matches!(f.kind, Kind::CrashBefore | Kind::Panic)) {
            seam.before(fault).await;
        }
        let answer = seam.core.network.answer(&seam.core, call, &request, fault).await;
        if fault.is_some_and(|f| f.kind == Kind::CrashAfter) {
            return seam.die().await;
        }
        seam.gate.pass().await;
        match answer {
            Err(NoAnswer::Lost(why)) if seam.core.has(Planted::RepeatUncertain) => Err(NoAnswer::NotSent(why)),
            answer => answer,
        }
    }
}
