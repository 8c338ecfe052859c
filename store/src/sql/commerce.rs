//! Reservations, the menu, orders, and the flows that carry them out. Their events are written by triggers of the schema.

use crate::db::Sql;

macro_rules! reservation {
    ($($rest:literal),*) => {
        concat!(
            "SELECT id, conversation_id, name, phone, party, date, time, zone, starts_at, ends_at, notes, status, cause, \
             calendar_link, created_at, updated_at FROM reservations WHERE tenant_id = $1",
            $($rest),*
        )
    };
}

pub(crate) const RESERVATION: &str = reservation!(" AND id = $2");
pub(crate) const RESERVATION_BY_KEY: &str = reservation!(" AND request_key = $2");
pub(crate) const LAST_RESERVATION: &str = reservation!(" AND conversation_id = $2 ORDER BY id DESC LIMIT 1");
pub(crate) const RESERVATIONS: &str = reservation!(" ORDER BY id DESC LIMIT $2 OFFSET $3");
pub(crate) const COUNT_RESERVATIONS: &str = "SELECT COUNT(*) FROM reservations WHERE tenant_id = $1";
pub(crate) const RESERVATIONS_BETWEEN: &str =
    reservation!(" AND starts_at >= $4 AND starts_at < $5 ORDER BY starts_at, id LIMIT $2 OFFSET $3");
pub(crate) const COUNT_RESERVATIONS_BETWEEN: &str =
    "SELECT COUNT(*) FROM reservations WHERE tenant_id = $1 AND starts_at >= $2 AND starts_at < $3";

/// One that was asked for before is there already.
pub(crate) const ADD_RESERVATION: &str = "INSERT INTO reservations (id, tenant_id, request_key, conversation_id, name, \
     phone, party, date, time, zone, starts_at, ends_at, notes, status, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'PENDING', $14, $14) ON CONFLICT DO NOTHING";

pub(crate) const SET_RESERVATION: &str = "UPDATE reservations SET status = $3, cause = $4, \
     calendar_link = COALESCE($5, calendar_link), updated_at = $6 WHERE tenant_id = $1 AND id = $2";

macro_rules! item {
    ($($rest:literal),*) => {
        concat!(
            "SELECT id, name, description, category, price, available, created_at, updated_at FROM menu_items \
             WHERE tenant_id = $1",
            $($rest),*
        )
    };
}

pub(crate) const ITEM: &str = item!(" AND id = $2");
pub(crate) const ITEMS: &str = item!(" ORDER BY id LIMIT $2 OFFSET $3");
pub(crate) const COUNT_ITEMS: &str = "SELECT COUNT(*) FROM menu_items WHERE tenant_id = $1";
pub(crate) const ADD_ITEM: &str = "INSERT INTO menu_items \
     (id, tenant_id, name, description, category, price, available, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
pub(crate) const SET_ITEM: &str = "UPDATE menu_items SET name = $3, description = $4, category = $5, price = $6, \
     available = $7, updated_at = $8 WHERE tenant_id = $1 AND id = $2";
/// Orders keep what was ordered.
pub(crate) const DELETE_ITEM: &str = "DELETE FROM menu_items WHERE tenant_id = $1 AND id = $2";

macro_rules! order {
    ($($rest:literal),*) => {
        concat!(
            "SELECT id, conversation_id, turn, items, amount, currency, name, phone, notes, status, cause, payment_id, \
             payment_secret, created_at, updated_at FROM orders WHERE tenant_id = $1",
            $($rest),*
        )
    };
}

pub(crate) const ORDER: &str = order!(" AND id = $2");
pub(crate) const ORDER_BY_KEY: &str = order!(" AND request_key = $2");
pub(crate) const ORDER_BY_PAYMENT: &str = order!(" AND payment_id = $2");
pub(crate) const LAST_ORDER: &str = order!(" AND conversation_id = $2 ORDER BY id DESC LIMIT 1");
pub(crate) const ORDERS: &str = order!(" ORDER BY id DESC LIMIT $2 OFFSET $3");
pub(crate) const COUNT_ORDERS: &str = "SELECT COUNT(*) FROM orders WHERE tenant_id = $1";

pub(crate) const ADD_ORDER: &str = "INSERT INTO orders (id, tenant_id, request_key, conversation_id, turn, items, amount, \
     currency, name, phone, notes, status, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'PENDING', $12, $12) ON CONFLICT DO NOTHING";

pub(crate) const SET_ORDER: &str = "UPDATE orders SET status = $3, cause = $4, payment_id = COALESCE($5, payment_id), \
     payment_secret = COALESCE($6, payment_secret), updated_at = $7 WHERE tenant_id = $1 AND id = $2";

/// Whoever may begin something holds the row: what another one is about to write is waited for.
pub(crate) const RESERVATION_STATUS: Sql =
    both!("SELECT status FROM reservations WHERE tenant_id = $1 AND id = $2", { "" | " FOR UPDATE" });
pub(crate) const ORDER_STATUS: Sql =
    both!("SELECT status FROM orders WHERE tenant_id = $1 AND id = $2", { "" | " FOR UPDATE" });

pub(crate) const ADD_FLOW: &str = "INSERT INTO commerce_flows (id, tenant_id, kind, subject_id, conversation_id, state, \
     past, phase, tries, skipped, payment_method, version, due_at, leased_until, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, 'running', 0, $6, 0, '[]', $7, 1, $8, $9, $10, $10)";

pub(crate) const OPEN_FLOW: &str = "SELECT tenant_id, id, kind, subject_id, state, past, phase, tries, code, skipped, \
     payment_method, version, due_at FROM commerce_flows \
     WHERE tenant_id = $1 AND subject_id = $2 AND state IN ('running', 'uncertain')";

pub(crate) const SET_FLOW: &str = "UPDATE commerce_flows SET state = $4, past = $5, phase = $6, tries = $7, code = $8, \
     skipped = $9, due_at = $10, leased_until = $11, updated_at = $12, version = version + 1 \
     WHERE tenant_id = $1 AND id = $2 AND version = $3";

/// Mostly nothing is: looked up before it is written.
pub(crate) const DUE: &str = "SELECT CAST(1 AS BIGINT) FROM commerce_flows \
     WHERE state = 'running' AND due_at <= $1 AND leased_until <= $1 LIMIT 1";

/// The one that waits longest. Whoever gets it carries it out alone for a while, and whoever had it writes nothing more.
pub(crate) const LEASE: &str = "UPDATE commerce_flows SET leased_until = $2, version = version + 1 WHERE id = \
     (SELECT id FROM commerce_flows WHERE state = 'running' AND due_at <= $1 AND leased_until <= $1 \
     ORDER BY due_at, id LIMIT 1) AND state = 'running' AND leased_until <= $1 \
     RETURNING tenant_id, id, kind, subject_id, state, past, phase, tries, code, skipped, payment_method, version, due_at";

pub(crate) const NOTE_PAYMENT_EVENT: &str = "INSERT INTO payment_events (tenant_id, event_id, created_at) \
     VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

pub(crate) const ADD_FALLBACK: &str = "INSERT INTO whatsapp_fallbacks \
     (id, tenant_id, request_key, conversation_id, phone, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT DO NOTHING";
