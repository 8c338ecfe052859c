//! What an endpoint is to be told of an event, with what the event names.

use super::Call;
use crate::records;
use colloquy_domain::{
    ids::{
        ApprovalId, BroadcastId, ChannelId, ConversationId, DocumentId, EventId, KnowledgeBaseId, MessageId, OrderId,
        PlannedId, ReservationId, VideoSessionId, WebhookDeliveryId,
    },
    time::Timestamp,
};
use uuid::Uuid;

/// Something that happened, with what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub kind: String,
    pub at: Timestamp,
    pub conversation: Option<ConversationId>,
    pub channel: Option<ChannelId>,
    /// `whatsapp`, `webchat`, …
    pub channel_kind: Option<String>,
    pub peer: Option<String>,
    pub message: Option<MessageId>,
    pub speaker: Option<String>,
    pub text: Option<String>,
    pub document: Option<DocumentId>,
    pub document_name: Option<String>,
    pub call: Option<Call>,
    /// A tool call that waits, or waited, for a person's word.
    pub approval: Option<ApprovalId>,
    pub planned: Option<PlannedId>,
    pub broadcast: Option<BroadcastId>,
    pub base: Option<KnowledgeBaseId>,
    /// A status, or the code of a failure.
    pub detail: Option<String>,
    pub reservation: Option<ToldReservation>,
    pub order: Option<ToldOrder>,
    /// Why somebody wants to go on on WhatsApp, and where they can be reached.
    pub fallback: Option<(String, Option<String>)>,
    pub video: Option<ToldVideo>,
}

/// What is told of a session with an avatar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldVideo {
    pub id: VideoSessionId,
    pub provider: String,
    pub status: String,
    /// Why it ends, or ended.
    pub reason: Option<String>,
}

/// What is told of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldReservation {
    pub id: ReservationId,
    pub name: String,
    pub phone: String,
    pub party: i64,
    pub date: String,
    pub time: String,
    pub zone: String,
    pub status: String,
    pub calendar_link: Option<String>,
}

/// What is told of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldOrder {
    pub id: OrderId,
    pub name: String,
    pub phone: String,
    pub amount: i64,
    pub currency: String,
    /// Item, name, quantity, price of one.
    pub items: Vec<(Uuid, String, u32, i64)>,
    pub status: String,
    pub payment: Option<String>,
}

/// An event that an endpoint is to be told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    pub id: WebhookDeliveryId,
    /// Since it was queued.
    pub failures: u32,
    pub event: Event,
}

#[derive(sqlx::FromRow)]
pub(super) struct DueRow {
    delivery_id: Uuid,
    failures: i64,
    event_id: Uuid,
    kind: String,
    created_at: i64,
    conversation_id: Option<Uuid>,
    message_id: Option<Uuid>,
    document_id: Option<Uuid>,
    detail: Option<String>,
    channel_id: Option<Uuid>,
    peer: Option<String>,
    channel: Option<String>,
    speaker: Option<String>,
    text: Option<String>,
    document: Option<String>,
    knowledge_base_id: Option<Uuid>,
    reservation_id: Option<Uuid>,
    order_id: Option<Uuid>,
    guest: Option<String>,
    guest_phone: Option<String>,
    party: Option<i64>,
    date: Option<String>,
    time: Option<String>,
    zone: Option<String>,
    reservation_status: Option<String>,
    calendar_link: Option<String>,
    customer: Option<String>,
    customer_phone: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    items: Option<String>,
    order_status: Option<String>,
    payment_id: Option<String>,
    fallback_phone: Option<String>,
    reason: Option<String>,
    pub(super) call_id: Option<Uuid>,
    approval_id: Option<Uuid>,
    planned_id: Option<Uuid>,
    broadcast_id: Option<Uuid>,
    video_id: Option<Uuid>,
    video_provider: Option<String>,
    video_state: Option<String>,
    video_reason: Option<String>,
}

impl DueRow {
    /// Unless it was erased.
    fn reservation(&self) -> Option<ToldReservation> {
        Some(ToldReservation {
            id: ReservationId::new(self.reservation_id?),
            name: self.guest.clone()?,
            phone: self.guest_phone.clone()?,
            party: self.party?,
            date: self.date.clone()?,
            time: self.time.clone()?,
            zone: self.zone.clone()?,
            status: self.reservation_status.clone()?,
            calendar_link: self.calendar_link.clone(),
        })
    }

    fn video(&self) -> Option<ToldVideo> {
        Some(ToldVideo {
            id: VideoSessionId::new(self.video_id?),
            provider: self.video_provider.clone()?,
            status: self.video_state.clone()?,
            reason: self.video_reason.clone(),
        })
    }

    fn order(&self) -> Option<ToldOrder> {
        let items: records::OrderRecord = records::read("items of an order", self.items.as_deref()?).ok()?;
        Some(ToldOrder {
            id: OrderId::new(self.order_id?),
            name: self.customer.clone()?,
            phone: self.customer_phone.clone()?,
            amount: self.amount?,
            currency: self.currency.clone()?,
            items: items.parts().collect(),
            status: self.order_status.clone()?,
            payment: self.payment_id.clone(),
        })
    }
}

impl From<DueRow> for DueDelivery {
    fn from(row: DueRow) -> Self {
        let (reservation, order, video) = (row.reservation(), row.order(), row.video());
        let event = Event {
            id: EventId::new(row.event_id),
            kind: row.kind,
            at: Timestamp(row.created_at),
            conversation: row.conversation_id.map(ConversationId::new),
            channel: row.channel_id.map(ChannelId::new),
            channel_kind: row.channel,
            peer: row.peer,
            message: row.message_id.map(MessageId::new),
            speaker: row.speaker,
            text: row.text,
            document: row.document_id.map(DocumentId::new),
            document_name: row.document,
            call: None,
            approval: row.approval_id.map(ApprovalId::new),
            planned: row.planned_id.map(PlannedId::new),
            broadcast: row.broadcast_id.map(BroadcastId::new),
            base: row.knowledge_base_id.map(KnowledgeBaseId::new),
            detail: row.detail,
            reservation,
            order,
            fallback: row.reason.map(|reason| (reason, row.fallback_phone)),
            video,
        };
        let failures = u32::try_from(row.failures).unwrap_or(u32::MAX);
        Self { id: WebhookDeliveryId::new(row.delivery_id), failures, event }
    }
}
