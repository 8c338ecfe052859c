//! What flows are carried out with, and what agents may ask for.

use crate::{
    channel::Secret,
    commerce::{
        MenuItem, Order, OrderDetails, Reservation, ReservationDetails, Subject,
        flow::{Answer, FlowKind, Step},
        settings::{Connections, Provider},
    },
    failure::Failure,
    ids::{ConversationId, OrderId, ReservationId, TenantId, TurnNo},
    time::Timestamp,
    video::VideoSession,
};
use async_trait::async_trait;

/// One step of a flow for one reservation or order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub kind: FlowKind,
    pub step: Step,
    /// The same for every call of this step: what the other side knows it by.
    pub key: String,
    pub subject: Subject,
    pub payment_method: Option<String>,
}

/// What the other side calls what it made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// A link, or an id.
    pub reference: Option<String>,
    pub secret: Option<Secret>,
}

/// An answer, with its proof where something was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub answer: Answer,
    pub proof: Proof,
}

impl From<Answer> for Told {
    fn from(answer: Answer) -> Self {
        Self { answer, proof: Proof::default() }
    }
}

/// The services of others: calendars, sheets, payments.
#[async_trait]
pub trait Services: Send + Sync {
    /// Does it. Never fails otherwise than by its answer.
    async fn act(&self, with: &Connections, work: &Work) -> Told;

    /// Finds out whether it happened, and changes nothing.
    async fn look(&self, with: &Connections, work: &Work) -> Told;

    /// What is taken in the calendar between two times.
    ///
    /// # Errors
    /// The calendar's; `google.not_configured` if there is none.
    async fn busy(
        &self,
        with: &Connections,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Timestamp)>, Failure>;

    /// A live check of a provider's settings; says what was found.
    ///
    /// # Errors
    /// Why it cannot be used.
    async fn test(&self, with: &Connections, provider: Provider) -> Result<String, Failure>;
}

/// What agents do for those who write. A conversation reaches only what was made in it; the last one, unless an id is
/// given.
#[async_trait]
pub trait Concierge: Send + Sync {
    /// Whether a table is free then.
    ///
    /// # Errors
    /// What is wrong with the date, or the calendar's.
    async fn is_free(&self, tenant: TenantId, date: &str, time: &str) -> Result<bool, Failure>;

    /// Makes a reservation; the same `key` makes one.
    ///
    /// # Errors
    /// Reject: what is wrong with it.
    async fn reserve(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
        details: ReservationDetails,
    ) -> Result<Reservation, Failure>;

    /// # Errors
    /// Reject: there is no such reservation, or it cannot be cancelled now.
    async fn cancel_reservation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<ReservationId>,
    ) -> Result<Reservation, Failure>;

    /// What can be ordered now, and in which currency.
    ///
    /// # Errors
    /// The store's.
    async fn menu(&self, tenant: TenantId) -> Result<(Vec<MenuItem>, String), Failure>;

    /// Makes an order; the same `key` makes one. Nothing is charged.
    ///
    /// # Errors
    /// Reject: what is wrong with it.
    async fn order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        key: &str,
        details: OrderDetails,
    ) -> Result<Order, Failure>;

    /// What it costs, in its currency's smallest unit.
    ///
    /// # Errors
    /// Reject: there is no such order.
    async fn price_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<(i64, String), Failure>;

    /// Charges it: only in a later turn than the one that made it, so that the person has read what it costs.
    ///
    /// # Errors
    /// Reject: there is no such order, or it cannot be confirmed (now).
    async fn confirm_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        id: Option<OrderId>,
    ) -> Result<Order, Failure>;

    /// # Errors
    /// Reject: there is no such order, or it cannot be cancelled now.
    async fn cancel_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<Order, Failure>;

    /// Gives back all that was paid.
    ///
    /// # Errors
    /// Reject: there is no such order, or it cannot be refunded now.
    async fn refund_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<Order, Failure>;

    /// Writes down that the person wants to go on on WhatsApp; the same `key` does it once.
    ///
    /// # Errors
    /// The store's.
    async fn go_on_on_whatsapp(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
        phone: Option<&str>,
        reason: &str,
    ) -> Result<(), Failure>;

    /// Opens a session with an avatar in a web chat; the same `key` opens one.
    ///
    /// # Errors
    /// Reject: the conversation is no web chat, no avatar is set up, or as many as may run do.
    async fn start_video(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<VideoSession, Failure>;
}
