//! `cancel_reservation`: gives a table back.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::ReservationStatus,
    ids::ReservationId,
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct CancelReservation(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for CancelReservation {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "cancel_reservation".into(),
            description: "Cancel a reservation that was made in this conversation.".into(),
            parameters: shown::by_id("reservation_id"),
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let id: Option<ReservationId> = match shown::id(&args, "reservation_id") {
            Ok(id) => id,
            Err(failure) => return ToolResult::failed(failure),
        };
        match self.0.cancel_reservation(inv.tenant, inv.conversation, id).await {
            Ok(r) if r.status == ReservationStatus::Confirmed && r.cause.is_some() => {
                shown::refused("calendar.refused", r.cause)
            }
            Ok(r) => ToolResult::done(shown::reservation(&r)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
