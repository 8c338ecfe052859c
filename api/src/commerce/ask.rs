//! What may be asked for, by whoever asks: programs and agents alike.

use super::{Commerce, Refusal, run::LEASE, when};
use colloquy_domain::{
    commerce::{
        LARGEST_AMOUNT, MenuItem, Order, OrderDetails, OrderLine, OrderStatus, Reservation, ReservationDetails,
        ReservationStatus, amount,
        flow::{Flow, FlowKind},
        settings::{Google, USUAL_SLOT, USUAL_ZONE},
    },
    failure::Failure,
    ids::{ConversationId, OrderId, ReservationId, TenantId, TurnNo},
    ports::StoreError,
    time::Timestamp,
};
use colloquy_store::{NewOrder, NewReservation, PageRequest, TenantStore};
use std::{sync::Arc, time::Duration};

/// Who asks, and where.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Asking again with it is asking once.
    pub key: Option<String>,
    pub conversation: Option<ConversationId>,
    pub turn: Option<TurnNo>,
}

fn not_now(what: &'static str) -> Refusal {
    Refusal::NotNow(what, "this cannot be done in its present state")
}

impl Commerce {
    /// From when to when a table is taken, and the zone that this is told in.
    ///
    /// # Errors
    /// What is wrong with date or time.
    pub async fn slot(
        &self,
        tenant: TenantId,
        date: &str,
        time: &str,
    ) -> Result<(Timestamp, Timestamp, String), Refusal> {
        let google = self.store.tenant(tenant).connections().await?.google;
        let zone = google.as_ref().map_or(USUAL_ZONE, |g| &g.zone);
        let minutes = google.as_ref().map_or(USUAL_SLOT, |g: &Google| g.slot_minutes);
        let from = when::moment(date, time, &when::zone(zone)?)?;
        Ok((from, from + Duration::from_secs(60 * u64::from(minutes)), zone.to_owned()))
    }

    /// Whether nothing is in the calendar then.
    ///
    /// # Errors
    /// What is wrong with date or time, or the calendar's.
    pub async fn free(&self, tenant: TenantId, date: &str, time: &str) -> Result<bool, Refusal> {
        let (from, to, _) = self.slot(tenant, date, time).await?;
        let connections = self.store.tenant(tenant).connections().await?;
        let busy = self.services.busy(&connections, from, to).await?;
        Ok(!busy.iter().any(|(begins, ends)| *begins < to && *ends > from))
    }

    /// A reservation, entered as far as it could be by now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn make_reservation(
        self: &Arc<Self>,
        tenant: TenantId,
        asked: Asked,
        details: ReservationDetails,
    ) -> Result<Reservation, Refusal> {
        let mut wrong = details.wrong();
        let slot = match self.slot(tenant, &details.date, &details.time).await {
            Ok((from, ..)) if from <= self.clock.now() => {
                wrong.push(("date", "must lie ahead".to_owned()));
                None
            }
            Ok(slot) => Some(slot),
            Err(Refusal::Wrong(more)) => {
                wrong.extend(more);
                None
            }
            Err(e) => return Err(e),
        };
        let Some((starts_at, ends_at, zone)) = slot.filter(|_| wrong.is_empty()) else {
            return Err(Refusal::Wrong(wrong));
        };
        let rows = self.store.tenant(tenant);
        let new =
            NewReservation { key: asked.key, conversation: asked.conversation, details, zone, starts_at, ends_at };
        let (made, begun) = rows.create_reservation(new, LEASE).await?;
        if let Some(begun) = begun {
            self.finish(begun).await;
        }
        Ok(rows.reservation(made.id).await?)
    }

    /// # Errors
    /// [`Refusal`].
    pub async fn undo_reservation(
        self: &Arc<Self>,
        tenant: TenantId,
        id: ReservationId,
    ) -> Result<Reservation, Refusal> {
        let rows = self.store.tenant(tenant);
        let found = rows.reservation(id).await?;
        if found.status != ReservationStatus::Cancelled {
            let flow = Flow::new(FlowKind::CancelReservation, self.clock.now());
            let begun = rows.begin_flow(id.uuid(), found.conversation, None, flow, LEASE).await;
            self.finish(begun.map_err(|e| busy(e, "RESERVATION_NOT_CANCELLABLE"))?).await;
        }
        Ok(rows.reservation(id).await?)
    }

    /// An order, with its payment prepared as far as it could be by now. Nothing is charged.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn make_order(
        self: &Arc<Self>,
        tenant: TenantId,
        asked: Asked,
        details: OrderDetails,
    ) -> Result<Order, Refusal> {
        let rows = self.store.tenant(tenant);
        let stripe = rows.connections().await?.stripe;
        let stripe = stripe.ok_or(Refusal::NotNow("STRIPE_NOT_CONFIGURED", "no payments are set up"))?;
        let mut wrong = details.wrong();
        let lines = lines(&whole_menu(&rows).await?, &details).unwrap_or_else(|more| {
            wrong.extend(more);
            Vec::new()
        });
        let total = amount(&lines);
        if wrong.is_empty() && total.is_none() {
            wrong.push(("items", format!("must cost between 1 and {LARGEST_AMOUNT} cents together")));
        }
        let Some(amount) = total.filter(|_| wrong.is_empty()) else { return Err(Refusal::Wrong(wrong)) };
        let new = NewOrder {
            key: asked.key,
            conversation: asked.conversation,
            turn: asked.turn,
            lines,
            amount,
            currency: stripe.currency,
            name: details.name,
            phone: details.phone,
            notes: details.notes,
        };
        let (made, begun) = rows.create_order(new, LEASE).await?;
        if let Some(begun) = begun {
            self.finish(begun).await;
        }
        Ok(rows.order(made.id).await?)
    }

    /// The order, charged as far as it could be by now. One that is paid stays as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn pay(
        self: &Arc<Self>,
        tenant: TenantId,
        id: OrderId,
        payment_method: Option<String>,
    ) -> Result<Order, Refusal> {
        let rows = self.store.tenant(tenant);
        let found = rows.order(id).await?;
        if found.status == OrderStatus::Paid {
            return Ok(found);
        }
        let flow = Flow::new(FlowKind::Pay, self.clock.now());
        match rows.begin_flow(id.uuid(), found.conversation, payment_method, flow, LEASE).await {
            Ok(begun) => self.finish(begun).await,
            // It was asked for before, and is on its way.
            Err(StoreError::Conflict(_)) if self.is_open(&rows, id, FlowKind::Pay).await? => {}
            Err(e) => return Err(busy(e, "ORDER_NOT_CONFIRMABLE")),
        }
        Ok(rows.order(id).await?)
    }

    async fn is_open(&self, rows: &TenantStore, id: OrderId, kind: FlowKind) -> Result<bool, StoreError> {
        Ok(rows.open_flow(id.uuid()).await?.is_some_and(|r| r.flow.kind == kind))
    }

    /// # Errors
    /// [`Refusal`].
    pub async fn undo_order(self: &Arc<Self>, tenant: TenantId, id: OrderId) -> Result<Order, Refusal> {
        let rows = self.store.tenant(tenant);
        let found = rows.order(id).await?;
        if found.status != OrderStatus::Cancelled {
            let flow = Flow::new(FlowKind::CancelOrder, self.clock.now());
            let begun = rows.begin_flow(id.uuid(), found.conversation, None, flow, LEASE).await;
            self.finish(begun.map_err(|e| busy(e, "ORDER_NOT_CANCELLABLE"))?).await;
        }
        Ok(rows.order(id).await?)
    }

    /// All that was paid for an order goes back, as far as it could by now. One that was refunded stays as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn refund(self: &Arc<Self>, tenant: TenantId, id: OrderId) -> Result<Order, Refusal> {
        let rows = self.store.tenant(tenant);
        let found = rows.order(id).await?;
        if found.status == OrderStatus::Refunded {
            return Ok(found);
        }
        let flow = Flow::new(FlowKind::Refund, self.clock.now());
        match rows.begin_flow(id.uuid(), found.conversation, None, flow, LEASE).await {
            Ok(begun) => self.finish(begun).await,
            // It was asked for before, and is on its way.
            Err(StoreError::Conflict(_)) if self.is_open(&rows, id, FlowKind::Refund).await? => {}
            Err(e) => return Err(busy(e, "ORDER_NOT_REFUNDABLE")),
        }
        Ok(rows.order(id).await?)
    }

    /// The provider told of a refund of a paid order, and whether it failed: whatever it is, the provider is asked itself.
    ///
    /// # Errors
    /// The store's; or that something else is being done with the order, so that this must be told again.
    pub async fn refund_ended(&self, tenant: TenantId, order: &Order, failed: bool) -> Result<(), Refusal> {
        let kind = match order.status {
            OrderStatus::Refunded if failed => FlowKind::RefundChecked,
            OrderStatus::Refunded => return Ok(()),
            _ => FlowKind::RefundSeen,
        };
        self.payment_ended(tenant, order, kind).await?;
        if self.is_open(&self.store.tenant(tenant), order.id, FlowKind::Pay).await? {
            return Err(Failure::retry("order.busy", "something else is being done with this order").into());
        }
        Ok(())
    }

    /// The provider told how a payment ended: whatever it is, the provider is asked itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn payment_ended(&self, tenant: TenantId, order: &Order, kind: FlowKind) -> Result<(), Refusal> {
        self.look_again(tenant, order.id.uuid()).await?;
        let flow = Flow::in_doubt(kind, self.clock.now());
        let rows = self.store.tenant(tenant);
        match rows.begin_flow(order.id.uuid(), order.conversation, None, flow, Duration::ZERO).await {
            // It is being paid, cancelled or refunded, or was.
            Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

fn busy(e: StoreError, code: &'static str) -> Refusal {
    if matches!(e, StoreError::Conflict(_)) { not_now(code) } else { e.into() }
}

/// Everything that is on the menu.
pub(super) async fn whole_menu(rows: &TenantStore) -> Result<Vec<MenuItem>, StoreError> {
    let mut items = Vec::new();
    for page in 1.. {
        let found = rows.menu_items(PageRequest::new(page, PageRequest::MOST)).await?;
        let last = found.items.len() < PageRequest::MOST as usize;
        items.extend(found.items);
        if last {
            break;
        }
    }
    Ok(items)
}

/// What the menu says of what is wanted, by id or by name.
fn lines(menu: &[MenuItem], wanted: &OrderDetails) -> Result<Vec<OrderLine>, Vec<(&'static str, String)>> {
    let line = |(place, (named, quantity)): (usize, &(String, u32))| {
        let named = named.trim();
        let is = |m: &&MenuItem| {
            m.id.to_string() == named.to_ascii_lowercase() || m.details.name.to_lowercase() == named.to_lowercase()
        };
        let item = menu.iter().find(is).filter(|m| m.details.available);
        let item = item.ok_or_else(|| ("items", format!("number {} is not on the menu now", place + 1)))?;
        Ok(OrderLine { item: item.id, name: item.details.name.clone(), quantity: *quantity, price: item.details.price })
    };
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for done in wanted.lines.iter().enumerate().map(line) {
        match done {
            Ok(line) => lines.push(line),
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() { Ok(lines) } else { Err(wrong) }
}
