//! For agents: a conversation reaches only what was made in it.

use super::{
    Commerce, Refusal,
    ask::{Asked, whole_menu},
};
use crate::{endpoints::chat::WEBCHAT, video::Videos};
use async_trait::async_trait;
use colloquy_domain::{
    commerce::{MenuItem, Order, OrderDetails, Reservation, ReservationDetails, settings::USUAL_CURRENCY},
    failure::Failure,
    ids::{ConversationId, OrderId, ReservationId, TenantId, TurnNo},
    ports::{Concierge, StoreError},
    video::VideoSession,
};
use std::sync::Arc;

/// Commerce, and what else is done for those who write, as agents reach it.
pub struct AtService {
    pub commerce: Arc<Commerce>,
    pub videos: Arc<Videos>,
}

impl AtService {
    async fn own_reservation(
        &self,
        tenant: TenantId,
        of: ConversationId,
        id: Option<ReservationId>,
    ) -> Result<ReservationId, Refusal> {
        let rows = self.commerce.store.tenant(tenant);
        let found = match id {
            Some(id) => rows.reservation(id).await?,
            None => rows.last_reservation(of).await?,
        };
        // Nobody learns that others' exist.
        if found.conversation == Some(of) { Ok(found.id) } else { Err(StoreError::NotFound("reservation").into()) }
    }

    async fn own_order(&self, tenant: TenantId, of: ConversationId, id: Option<OrderId>) -> Result<Order, Refusal> {
        let rows = self.commerce.store.tenant(tenant);
        let found = match id {
            Some(id) => rows.order(id).await?,
            None => rows.last_order(of).await?,
        };
        if found.conversation == Some(of) { Ok(found) } else { Err(StoreError::NotFound("order").into()) }
    }
}

#[async_trait]
impl Concierge for AtService {
    async fn is_free(&self, tenant: TenantId, date: &str, time: &str) -> Result<bool, Failure> {
        Ok(self.commerce.free(tenant, date, time).await?)
    }

    async fn reserve(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
        details: ReservationDetails,
    ) -> Result<Reservation, Failure> {
        let asked = Asked { key: Some(key.to_owned()), conversation: Some(conversation), turn: None };
        Ok(self.commerce.make_reservation(tenant, asked, details).await?)
    }

    async fn cancel_reservation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<ReservationId>,
    ) -> Result<Reservation, Failure> {
        let id = self.own_reservation(tenant, conversation, id).await?;
        Ok(self.commerce.undo_reservation(tenant, id).await?)
    }

    async fn menu(&self, tenant: TenantId) -> Result<(Vec<MenuItem>, String), Failure> {
        let rows = self.commerce.store.tenant(tenant);
        let mut items = whole_menu(&rows).await.map_err(Refusal::from)?;
        items.retain(|i| i.details.available);
        let stripe = rows.connections().await.map_err(Refusal::from)?.stripe;
        Ok((items, stripe.map_or_else(|| USUAL_CURRENCY.to_owned(), |s| s.currency)))
    }

    async fn order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        key: &str,
        details: OrderDetails,
    ) -> Result<Order, Failure> {
        let asked = Asked { key: Some(key.to_owned()), conversation: Some(conversation), turn: Some(turn) };
        Ok(self.commerce.make_order(tenant, asked, details).await?)
    }

    async fn price_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<(i64, String), Failure> {
        let found = self.own_order(tenant, conversation, id).await?;
        Ok((found.amount, found.currency))
    }

    async fn confirm_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        id: Option<OrderId>,
    ) -> Result<Order, Failure> {
        let found = self.own_order(tenant, conversation, id).await?;
        if found.turn.is_none_or(|made| turn <= made) {
            let why = "the person has not read yet what it costs: ask them, and confirm when they agreed";
            return Err(Failure::reject("commerce.not_agreed", why));
        }
        Ok(self.commerce.pay(tenant, found.id, None).await?)
    }

    async fn cancel_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<Order, Failure> {
        let found = self.own_order(tenant, conversation, id).await?;
        Ok(self.commerce.undo_order(tenant, found.id).await?)
    }

    async fn refund_order(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: Option<OrderId>,
    ) -> Result<Order, Failure> {
        let found = self.own_order(tenant, conversation, id).await?;
        Ok(self.commerce.refund(tenant, found.id).await?)
    }

    async fn go_on_on_whatsapp(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
        phone: Option<&str>,
        reason: &str,
    ) -> Result<(), Failure> {
        let rows = self.commerce.store.tenant(tenant);
        Ok(rows.ask_for_whatsapp(key, conversation, phone, reason).await.map_err(Refusal::from)?)
    }

    async fn start_video(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<VideoSession, Failure> {
        let of = self.commerce.store.tenant(tenant).conversation(conversation).await.map_err(Refusal::from)?;
        if of.kind != WEBCHAT {
            return Err(Failure::reject("video.web_chat_only", "only who chats on a page can see an avatar"));
        }
        let opened = self.videos.open(tenant, of.channel, &of.peer.address, Some(key.to_owned())).await?;
        Ok(opened.0)
    }
}
