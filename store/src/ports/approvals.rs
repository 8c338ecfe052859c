//! What conversations write and read of held calls.

use super::small;
use crate::{
    Actor,
    db::{self, Conn, Reads},
    error::{conflict_on, store_error, unreadable},
    records::WhyRecord,
    sql::approvals as sql,
};
use colloquy_domain::{
    agent::Approvals,
    approval::{ApprovalChange, CallPlace, NewApproval, NewUndo, Ruling, Undoing, Verdict, Why},
    ports::StoreError,
    time::Timestamp,
    tool::ToolCall,
};
use uuid::Uuid;

/// Whose conversation, and when.
pub(super) type At = (Uuid, Uuid, i64);

/// Writes one change. These are rare: they are no part of the merged statements.
pub(super) async fn write(conn: &mut Conn, at: At, change: &ApprovalChange) -> Result<(), StoreError> {
    match change {
        ApprovalChange::Asked(asked) => add(conn, at, asked).await,
        ApprovalChange::Ordered(undo) => {
            let query = order(sql::ORDER, at, undo, Actor::System)?;
            query.execute(conn).await.map(|_| ()).map_err(store_error)
        }
        ApprovalChange::Taken { place, turn } => {
            let query = placed(sql::TAKE, at, *place).bind(at.2).bind(turn.map(i64::from));
            once(conn, query).await
        }
        ApprovalChange::Settled { place, outcome } => {
            let query = placed(sql::SETTLE, at, *place).bind(outcome.name()).bind(outcome.code().map(str::to_owned));
            once(conn, query.bind(at.2)).await
        }
        ApprovalChange::Ended { place } => once(conn, placed(sql::END, at, *place).bind(at.2)).await,
    }
}

async fn add(conn: &mut Conn, (tenant, conversation, now): At, asked: &NewApproval) -> Result<(), StoreError> {
    let NewApproval { id, place, key, call, why } = asked;
    let query = db::query(sql::ADD).bind(id.uuid()).bind(tenant).bind(conversation);
    let query = query.bind(i64::from(place.turn)).bind(i64::from(place.step)).bind(i64::from(place.index));
    let query = query.bind(call.id.clone()).bind(call.name.clone()).bind(call.arguments.clone());
    let query = query.bind(key.clone()).bind(WhyRecord::json(why)?).bind(now);
    query.execute(conn).await.map(|_| ()).map_err(conflict_on("approval"))
}

/// Decided by whoever orders it.
pub(crate) fn order(
    text: &'static str,
    (tenant, conversation, now): At,
    NewUndo { id, undoing: Undoing { place, key, call }, reason }: &NewUndo,
    by: Actor,
) -> Result<db::Query, StoreError> {
    let (kind, who) = by.parts();
    let why = WhyRecord::json(&Why { policy: Approvals::Never, taints: Vec::new() })?;
    let query = db::query(text).bind(id.uuid()).bind(tenant).bind(conversation);
    let query = query.bind(i64::from(place.turn)).bind(i64::from(place.step)).bind(i64::from(place.index));
    let query = query.bind(call.id.clone()).bind(call.name.clone()).bind(call.arguments.clone());
    Ok(query.bind(key.clone()).bind(why).bind(now).bind(kind).bind(who).bind(reason.clone()))
}

fn placed(text: &'static str, (tenant, conversation, _): At, place: CallPlace) -> db::Query {
    let query = db::query(text).bind(tenant).bind(conversation).bind(i64::from(place.turn));
    query.bind(i64::from(place.step)).bind(i64::from(place.index))
}

async fn once(conn: &mut Conn, query: db::Query) -> Result<(), StoreError> {
    match query.execute(conn).await.map_err(store_error)?.rows_affected() {
        0 => Err(StoreError::Conflict("approval")),
        _ => Ok(()),
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    turn: i64,
    step: i64,
    place: i64,
    call_id: String,
    tool: String,
    arguments: String,
    key: String,
    status: String,
    reason: Option<String>,
    last_inbound_at: i64,
}

pub(super) async fn rulings(reads: Reads<'_>, tenant: Uuid, conversation: Uuid) -> Result<Vec<Ruling>, StoreError> {
    let query = db::query_as(sql::RULINGS).bind(tenant).bind(conversation);
    let rows: Vec<Row> = query.fetch_all(reads).await.map_err(store_error)?;
    rows.into_iter().map(ruling).collect()
}

fn ruling(row: Row) -> Result<Ruling, StoreError> {
    Ok(Ruling {
        place: read_place((row.turn, row.step, row.place)),
        key: row.key,
        call: read_call((row.call_id, row.tool, row.arguments)),
        verdict: match row.status.as_str() {
            "approved" => Verdict::Approved,
            "denied" => Verdict::Denied { reason: row.reason },
            _ => return Err(unreadable("status of an approval")),
        },
        last_inbound_at: Timestamp(row.last_inbound_at),
    })
}

pub(crate) fn read_place((turn, step, place): (i64, i64, i64)) -> CallPlace {
    CallPlace { turn: small(turn), step: small(step), index: small(place) }
}

pub(crate) fn read_call((id, name, arguments): (String, String, String)) -> ToolCall {
    ToolCall { id, name, arguments }
}
