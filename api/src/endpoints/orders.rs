//! `POST /api/orders/create`, `POST /api/orders/confirm`, `GET /api/orders`, `GET /api/orders/{id}`, `POST …/cancel`,
//! `POST …/refund`, `POST …/reconcile`.

use super::reservations::asked;
use crate::{
    answer::{Accepted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, accepted, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use colloquy_domain::{
    commerce::{Order, OrderDetails, OrderLine, OrderStatus},
    ids::OrderId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    status: &'static str,
    items: Vec<LineOut>,
    amount_cents: i64,
    currency: String,
    name: String,
    phone: String,
    notes: String,
    conversation_id: Option<String>,
    /// The code of what went wrong, if something did.
    cause: Option<String>,
    payment_id: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineOut {
    item_id: String,
    name: String,
    quantity: u32,
    price_cents: i64,
}

impl From<OrderLine> for LineOut {
    fn from(l: OrderLine) -> Self {
        Self { item_id: l.item.to_string(), name: l.name, quantity: l.quantity, price_cents: l.price }
    }
}

impl From<Order> for Out {
    fn from(o: Order) -> Self {
        Self {
            id: o.id.to_string(),
            status: o.status.name(),
            items: o.lines.into_iter().map(LineOut::from).collect(),
            amount_cents: o.amount,
            currency: o.currency,
            name: o.name,
            phone: o.phone,
            notes: o.notes,
            conversation_id: o.conversation.map(|c| c.to_string()),
            cause: o.cause,
            payment_id: o.payment,
            created_at: rfc3339(o.created_at),
            updated_at: rfc3339(o.updated_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct New {
    items: Vec<Wanted>,
    name: String,
    phone: String,
    #[serde(default)]
    notes: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its id or its name.
    #[serde(alias = "id", alias = "name")]
    item: String,
    #[serde(default = "one")]
    quantity: u32,
}

const fn one() -> u32 {
    1
}

/// The only answer that shows what the payer's browser needs.
pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    headers: HeaderMap,
    Body(new): Body<New>,
) -> ApiResult {
    let lines = new.items.into_iter().map(|w| (w.item, w.quantity)).collect();
    let details = OrderDetails { lines, name: new.name, phone: new.phone, notes: new.notes };
    let made = api.commerce.make_order(tenant.id, asked(&headers)?, details).await?;
    if made.status == OrderStatus::Cancelled {
        return Err(refused(&made, StatusCode::BAD_GATEWAY, "PAYMENT_REFUSED"));
    }
    let stripe = tenant.store.connections().await?.stripe;
    let (on_its_way, secret) = (made.status == OrderStatus::Pending, made.payment_secret.clone());
    let mut data = json!(Out::from(made));
    data["payment"] = json!({
        "id": data["paymentId"],
        "clientSecret": secret.as_ref().map(|s| s.expose()),
        "publishableKey": stripe.and_then(|s| s.publishable_key),
    });
    if on_its_way { accepted(data) } else { created(data) }
}

fn refused(order: &Order, status: StatusCode, code: &'static str) -> ApiError {
    let cause = order.cause.as_deref().unwrap_or("no cause was told");
    ApiError::new(status, code, format!("the payment provider refused it: {cause}"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Confirm {
    order_id: String,
    /// As the payer's browser got it; none if the payer confirms there.
    #[serde(alias = "paymentMethodId")]
    payment_method: Option<String>,
}

pub async fn confirm(State(api): State<Arc<Api>>, tenant: Tenant, Body(asked): Body<Confirm>) -> ApiResult {
    let id: OrderId = asked.order_id.parse().map_err(|_| ApiError::invalid("orderId", "must be an order's id"))?;
    let fits = |m: &String| (1..=255).contains(&m.len()) && m.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if asked.payment_method.as_ref().is_some_and(|m| !fits(m)) {
        return Err(ApiError::invalid("paymentMethod", "must be the id of a payment method"));
    }
    let order = api.commerce.pay(tenant.id, id, asked.payment_method).await?;
    match order.status {
        OrderStatus::Paid => ok(Out::from(order)),
        OrderStatus::RequiresConfirmation if order.cause.is_some() => {
            Err(refused(&order, StatusCode::PAYMENT_REQUIRED, "PAYMENT_DECLINED"))
        }
        _ => accepted(Out::from(order)),
    }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("orders", tenant.store.orders(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.order(id.parse::<OrderId>()?).await?))
}

pub async fn cancel(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let order = api.commerce.undo_order(tenant.id, id.parse::<OrderId>()?).await?;
    match order.status {
        OrderStatus::Cancelled => ok(Out::from(order)),
        OrderStatus::RequiresConfirmation if order.cause.is_some() => {
            Err(refused(&order, StatusCode::BAD_GATEWAY, "PAYMENT_REFUSED"))
        }
        _ => accepted(Out::from(order)),
    }
}

/// All that was paid goes back to whoever paid. Asked again, it is refunded once.
pub async fn refund(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let id = id.parse::<OrderId>()?;
    let order = api.commerce.refund(tenant.id, id).await?;
    tenant.note("order.refund_asked", id, order.status.name()).await?;
    match order.status {
        OrderStatus::Refunded => ok(Out::from(order)),
        OrderStatus::Paid if order.cause.is_some() => Err(refused(&order, StatusCode::BAD_GATEWAY, "REFUND_REFUSED")),
        _ => accepted(Out::from(order)),
    }
}

/// What is uncertain is looked at again.
pub async fn reconcile(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
) -> ApiResult<Accepted<Out>> {
    let id = id.parse::<OrderId>()?;
    let found = tenant.store.order(id).await?;
    api.commerce.look_again(tenant.id, id.uuid()).await?;
    tenant.note("order.reconciled", id, found.status.name()).await?;
    accepted(Out::from(found))
}
