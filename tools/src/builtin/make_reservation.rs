//! `make_reservation`: books a table.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::{ReservationDetails, ReservationStatus},
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec, UndoneBy},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct MakeReservation(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for MakeReservation {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "make_reservation".into(),
            description: "Book a table. Ask for everything that is missing first, and let the person agree to it.".into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "name": { "type": "string", "minLength": 1, "maxLength": 200, "description": "For whom." },
                    "phone": { "type": "string", "minLength": 5, "maxLength": 30 },
                    "party_size": { "type": "integer", "minimum": 1, "maximum": 500, "description": "How many people." },
                    "date": { "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "Such as 2026-05-01." },
                    "time": { "type": "string", "pattern": r"^\d{2}:\d{2}$", "description": "24 hours, such as 19:30." },
                    "notes": { "type": "string", "maxLength": 1000, "description": "Wishes and allergies." }
                },
                "required": ["name", "phone", "party_size", "date", "time"],
                "additionalProperties": false
            })
            .to_string(),
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    fn undone_by(&self) -> Option<UndoneBy> {
        Some(shown::undone_by("cancel_reservation", "reservation_id"))
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let details = ReservationDetails {
            name: shown::text(&args, "name"),
            phone: shown::text(&args, "phone"),
            party: args["party_size"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
            date: shown::text(&args, "date"),
            time: shown::text(&args, "time"),
            notes: shown::text(&args, "notes"),
        };
        match self.0.reserve(inv.tenant, inv.conversation, &inv.key, details).await {
            Ok(r) if r.status == ReservationStatus::Failed => shown::refused("calendar.refused", r.cause),
            Ok(r) => ToolResult::done(shown::reservation(&r)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
