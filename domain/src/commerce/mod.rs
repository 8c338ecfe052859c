//! What an agent sells and books: reservations, a menu, orders; and the flows that carry them out at other services.
//!
//! [`flow`] is the machine that never does anything twice; everything else here are the things that it is about.

pub mod flow;
pub mod settings;

use crate::{
    ids::{ConversationId, FlowId, MenuItemId, OrderId, ReservationId, TenantId, TurnNo},
    names::names,
    time::Timestamp,
};
use flow::{End, Flow, FlowKind, Phase, Step};

/// What is wrong with a field, in a sentence.
pub type Wrong = (&'static str, String);

/// People at one table.
pub const LARGEST_PARTY: u32 = 500;
const LONGEST_NAME: usize = 200;
const LONGEST_NOTES: usize = 1_000;
/// Different things in one order, and of each.
const MOST_LINES: usize = 100;
const MOST_OF_ONE: u32 = 1_000;
/// In the currency's smallest unit: below what payment providers take (99 999 999).
pub const LARGEST_AMOUNT: i64 = 99_999_999;

names! {
    /// Where a reservation is.
    ReservationStatus {
        /// It is being entered.
        Pending = "PENDING",
        Confirmed = "CONFIRMED",
        Cancelled = "CANCELLED",
        /// The calendar refused it.
        Failed = "FAILED",
        /// Nobody knows whether the calendar has it (any more).
        Uncertain = "UNCERTAIN",
    }
}

names! {
    /// Where an order is.
    OrderStatus {
        /// Its payment is being prepared.
        Pending = "PENDING",
        /// Whoever ordered must agree and pay.
        RequiresConfirmation = "REQUIRES_CONFIRMATION",
        Paid = "PAID",
        /// What was paid is on its way back.
        Refunding = "REFUNDING",
        /// All that was paid went back.
        Refunded = "REFUNDED",
        Cancelled = "CANCELLED",
        /// Nobody knows whether it was paid (or cancelled, or refunded).
        Uncertain = "UNCERTAIN",
    }
}

/// A table for somebody at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub id: ReservationId,
    pub details: ReservationDetails,
    /// The zone that date and time are in.
    pub zone: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub conversation: Option<ConversationId>,
    pub status: ReservationStatus,
    /// The code of what went wrong, if something did.
    pub cause: Option<String>,
    /// Where the calendar shows it.
    pub calendar_link: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// As it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReservationDetails {
    pub name: String,
    pub phone: String,
    pub party: u32,
    /// `2026-05-01`.
    pub date: String,
    /// `19:30`.
    pub time: String,
    pub notes: String,
}

impl ReservationDetails {
    /// Everything that is wrong with it but date and time, which need a calendar.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        let mut wrong = person(&self.name, &self.phone);
        if !(1..=LARGEST_PARTY).contains(&self.party) {
            wrong.push(("partySize", format!("must be between 1 and {LARGEST_PARTY}")));
        }
        wrong.extend(notes(&self.notes));
        wrong
    }
}

fn person(name: &str, phone: &str) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if !(1..=LONGEST_NAME).contains(&name.trim().chars().count()) {
        wrong.push(("name", format!("must have 1 to {LONGEST_NAME} characters")));
    }
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let rest = phone.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')' | '/'));
    if !(5..=15).contains(&digits) || !rest {
        wrong.push(("phone", "must be a telephone number".to_owned()));
    }
    wrong
}

fn notes(text: &str) -> Option<Wrong> {
    (text.chars().count() > LONGEST_NOTES).then(|| ("notes", format!("must have at most {LONGEST_NOTES} characters")))
}

/// Something that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuItem {
    pub id: MenuItemId,
    pub details: MenuItemDetails,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MenuItemDetails {
    /// Unique in a tenant.
    pub name: String,
    pub description: String,
    pub category: String,
    /// In the currency's smallest unit.
    pub price: i64,
    /// Whether it can be ordered now.
    pub available: bool,
}

impl MenuItemDetails {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if !(1..=LONGEST_NAME).contains(&self.name.trim().chars().count()) {
            wrong.push(("name", format!("must have 1 to {LONGEST_NAME} characters")));
        }
        for (field, text) in [("description", &self.description), ("category", &self.category)] {
            if text.chars().count() > LONGEST_NOTES {
                wrong.push((field, format!("must have at most {LONGEST_NOTES} characters")));
            }
        }
        if !(0..=LARGEST_AMOUNT).contains(&self.price) {
            wrong.push(("priceCents", format!("must be between 0 and {LARGEST_AMOUNT}")));
        }
        wrong
    }
}

/// Something that was ordered, at the price of that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub item: MenuItemId,
    pub name: String,
    pub quantity: u32,
    /// Of one, in the currency's smallest unit.
    pub price: i64,
}

/// What somebody wants, by the names or ids of the menu.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderDetails {
    /// Id or name, and how many.
    pub lines: Vec<(String, u32)>,
    pub name: String,
    pub phone: String,
    pub notes: String,
}

impl OrderDetails {
    /// Everything that is wrong with it but the items themselves.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        let mut wrong = person(&self.name, &self.phone);
        if !(1..=MOST_LINES).contains(&self.lines.len()) {
            wrong.push(("items", format!("must be 1 to {MOST_LINES} items")));
        }
        if self.lines.iter().any(|(_, n)| !(1..=MOST_OF_ONE).contains(n)) {
            wrong.push(("items", format!("a quantity must be between 1 and {MOST_OF_ONE}")));
        }
        wrong.extend(notes(&self.notes));
        wrong
    }
}

/// The price of all lines; none if it is nothing or more than can be paid.
#[must_use]
pub fn amount(lines: &[OrderLine]) -> Option<i64> {
    let total = lines.iter().try_fold(0_i64, |sum, l| sum.checked_add(l.price.checked_mul(i64::from(l.quantity))?))?;
    (1..=LARGEST_AMOUNT).contains(&total).then_some(total)
}

/// An order and its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub lines: Vec<OrderLine>,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    pub name: String,
    pub phone: String,
    pub notes: String,
    pub conversation: Option<ConversationId>,
    /// The turn of the conversation in which it was made.
    pub turn: Option<TurnNo>,
    pub status: OrderStatus,
    /// The code of what went wrong, if something did.
    pub cause: Option<String>,
    /// The payment's id at its provider.
    pub payment: Option<String>,
    /// What the payer's browser needs to pay; theirs alone.
    pub payment_secret: Option<crate::channel::Secret>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whom a flow is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Reservation(Reservation),
    Order(Order),
}

impl Subject {
    #[must_use]
    pub const fn uuid(&self) -> uuid::Uuid {
        match self {
            Self::Reservation(r) => r.id.uuid(),
            Self::Order(o) => o.id.uuid(),
        }
    }
}

/// A flow as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRecord {
    pub tenant: TenantId,
    pub id: FlowId,
    /// Of its reservation or order.
    pub subject: uuid::Uuid,
    pub flow: Flow,
    /// How the payer wants to pay, if they said it.
    pub payment_method: Option<String>,
    /// Each change counts it up: a runner whose lease ran out writes nothing any more.
    pub version: i64,
}

/// What a flow makes of its reservation.
#[must_use]
pub const fn reservation_status(flow: &Flow) -> ReservationStatus {
    use ReservationStatus::{Cancelled, Confirmed, Failed, Pending, Uncertain};
    let cancels = matches!(flow.kind, FlowKind::CancelReservation);
    match (flow.end, flow.phase, flow.step()) {
        (Some(End::Done), ..) if cancels => Cancelled,
        (Some(End::Done), ..) => Confirmed,
        (Some(End::Failed), ..) if cancels => Confirmed,
        (Some(End::Failed), ..) => Failed,
        (Some(End::Uncertain), ..) => Uncertain,
        // The row of a sheet is no matter of the reservation itself.
        (None, Phase::Doubt, Some(Step::AddToCalendar | Step::RemoveFromCalendar)) => Uncertain,
        (None, ..) if cancels => Confirmed,
        (None, ..) => Pending,
    }
}

/// What a flow makes of its order.
#[must_use]
pub const fn order_status(flow: &Flow) -> OrderStatus {
    use OrderStatus::{Cancelled, Paid, Pending, RequiresConfirmation, Uncertain};
    match (flow.kind, flow.end, flow.phase) {
        (_, Some(End::Uncertain), _) => Uncertain,
        (FlowKind::CreateOrder, Some(End::Done), _) => RequiresConfirmation,
        // Nothing was charged, and nothing ever will be.
        (FlowKind::CreateOrder, Some(End::Failed), _) | (FlowKind::CancelOrder, Some(End::Done), _) => Cancelled,
        (FlowKind::CreateOrder, None, _) => Pending,
        (FlowKind::Pay, ..) if flow.is_past(Step::ConfirmPayment) => Paid,
        (FlowKind::Refund | FlowKind::RefundSeen | FlowKind::RefundChecked, ..) => refund_status(flow),
        (_, None, Phase::Doubt) => Uncertain,
        _ => RequiresConfirmation,
    }
}

/// What a flow that is about a refund, and that is not uncertain, makes of its order.
const fn refund_status(flow: &Flow) -> OrderStatus {
    use OrderStatus::{Paid, Refunded, Refunding, Uncertain};
    if flow.is_past(Step::RefundPayment) || flow.is_past(Step::FindRefund) {
        return Refunded;
    }
    match (flow.kind, flow.end, flow.phase) {
        (_, Some(_), _) | (FlowKind::RefundSeen, ..) => Paid,
        // Until it is known, it is what it was.
        (FlowKind::RefundChecked, ..) => Refunded,
        (_, None, Phase::Doubt) => Uncertain,
        (_, None, _) => Refunding,
    }
}
