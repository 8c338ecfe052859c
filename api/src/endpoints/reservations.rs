//! `GET/POST /api/reservations`, `GET /api/reservations/{id}`, `POST …/cancel`, `POST …/reconcile`,
//! `GET /api/reservations/availability`.

use crate::{
    answer::{Accepted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    commerce::{Asked, when},
    error::{ApiError, ApiResult, accepted, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use colloquy_domain::{
    commerce::{Reservation, ReservationDetails, ReservationStatus},
    ids::ReservationId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    status: &'static str,
    name: String,
    phone: String,
    party_size: u32,
    date: String,
    time: String,
    time_zone: String,
    starts_at: String,
    ends_at: String,
    notes: String,
    conversation_id: Option<String>,
    /// The code of what went wrong, if something did.
    cause: Option<String>,
    calendar_link: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Reservation> for Out {
    fn from(r: Reservation) -> Self {
        Self {
            id: r.id.to_string(),
            status: r.status.name(),
            name: r.details.name,
            phone: r.details.phone,
            party_size: r.details.party,
            date: r.details.date,
            time: r.details.time,
            time_zone: r.zone,
            starts_at: rfc3339(r.starts_at),
            ends_at: rfc3339(r.ends_at),
            notes: r.details.notes,
            conversation_id: r.conversation.map(|c| c.to_string()),
            cause: r.cause,
            calendar_link: r.calendar_link,
            created_at: rfc3339(r.created_at),
            updated_at: rfc3339(r.updated_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct New {
    name: String,
    phone: String,
    #[serde(alias = "party", alias = "people", alias = "party_size", alias = "guests")]
    party_size: u32,
    date: String,
    time: String,
    #[serde(default)]
    notes: String,
}

/// What makes a repetition of a request one request.
///
/// # Errors
/// 400 for a key that cannot be one.
pub(super) fn asked(headers: &HeaderMap) -> ApiResult<Asked> {
    let Some(given) = headers.get("idempotency-key") else { return Ok(Asked::default()) };
    let text = given.to_str().ok().map(str::trim).filter(|t| (1..=200).contains(&t.len()));
    let text = text.ok_or_else(|| ApiError::invalid("Idempotency-Key", "must have 1 to 200 visible characters"))?;
    Ok(Asked { key: Some(format!("http:{text}")), ..Asked::default() })
}

/// 202 for what is on its way.
fn shown(r: Reservation, answer: fn(Out) -> ApiResult) -> ApiResult {
    match r.status {
        ReservationStatus::Pending | ReservationStatus::Uncertain => accepted(Out::from(r)),
        ReservationStatus::Failed => {
            let cause = r.cause.unwrap_or_default();
            Err(ApiError::new(StatusCode::BAD_GATEWAY, "CALENDAR_REFUSED", format!("the calendar refused it: {cause}")))
        }
        ReservationStatus::Confirmed | ReservationStatus::Cancelled => answer(Out::from(r)),
    }
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    headers: HeaderMap,
    Body(new): Body<New>,
) -> ApiResult {
    let details = ReservationDetails {
        name: new.name,
        phone: new.phone,
        party: new.party_size,
        date: new.date,
        time: new.time,
        notes: new.notes,
    };
    let made = api.commerce.make_reservation(tenant.id, asked(&headers)?, details).await?;
    shown(made, created)
}

/// `?date=2026-05-01`: those of that day only.
#[derive(Deserialize, JsonSchema)]
pub struct Day {
    date: Option<String>,
}

pub async fn list(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Query(day): Query<Day>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let between = match &day.date {
        None => None,
        Some(date) => {
            let (from, _, zone) = api.commerce.slot(tenant.id, date, "00:00").await?;
            Some((from, when::moment(date, "23:59", &when::zone(&zone)?)? + std::time::Duration::from_secs(60)))
        }
    };
    page("reservations", tenant.store.reservations(between, at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.reservation(id.parse::<ReservationId>()?).await?))
}

pub async fn cancel(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let cancelled = api.commerce.undo_reservation(tenant.id, id.parse::<ReservationId>()?).await?;
    match cancelled.status {
        ReservationStatus::Cancelled => ok(Out::from(cancelled)),
        ReservationStatus::Confirmed if cancelled.cause.is_some() => {
            let cause = cancelled.cause.unwrap_or_default();
            Err(ApiError::new(StatusCode::BAD_GATEWAY, "CALENDAR_REFUSED", format!("the calendar refused it: {cause}")))
        }
        _ => accepted(Out::from(cancelled)),
    }
}

/// What is uncertain is looked at again.
pub async fn reconcile(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
) -> ApiResult<Accepted<Out>> {
    let id = id.parse::<ReservationId>()?;
    let found = tenant.store.reservation(id).await?;
    api.commerce.look_again(tenant.id, id.uuid()).await?;
    tenant.note("reservation.reconciled", id, found.status.name()).await?;
    accepted(Out::from(found))
}

#[derive(Deserialize, JsonSchema)]
pub struct At {
    #[serde(default)]
    date: String,
    #[serde(default)]
    time: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Available {
    date: String,
    time: String,
    available: bool,
}

pub async fn availability(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Query(at): Query<At>,
) -> ApiResult<Of<Available>> {
    let available = api.commerce.free(tenant.id, &at.date, &at.time).await?;
    ok(Available { date: at.date, time: at.time, available })
}
