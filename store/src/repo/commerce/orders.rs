//! Orders. What the payer's browser needs lies sealed.

use super::flows::{Begun, NewFlow};
use crate::{
    cipher::Cipher,
    db,
    error::{store_error, unreadable},
    records,
    repo::{Page, PageRequest, TenantStore},
    sql::commerce as sql,
};
use colloquy_domain::{
    channel::Secret,
    commerce::{
        Order, OrderLine, OrderStatus,
        flow::{Flow, FlowKind},
    },
    ids::{ConversationId, MenuItemId, OrderId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// An order that is about to be made.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Asking again with it is asking once.
    pub key: Option<String>,
    pub conversation: Option<ConversationId>,
    pub turn: Option<u32>,
    pub lines: Vec<OrderLine>,
    pub amount: i64,
    pub currency: String,
    pub name: String,
    pub phone: String,
    pub notes: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    conversation_id: Option<Uuid>,
    turn: Option<i64>,
    items: String,
    amount: i64,
    currency: String,
    name: String,
    phone: String,
    notes: String,
    status: String,
    cause: Option<String>,
    payment_id: Option<String>,
    payment_secret: Option<Vec<u8>>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn order(self, cipher: &Cipher) -> Result<Order, StoreError> {
        let secret = |sealed: Vec<u8>| {
            let plain = cipher.open(self.id.as_bytes(), &sealed)?;
            String::from_utf8(plain).map(Secret::new).map_err(|_| unreadable("secret"))
        };
        let lines: records::OrderRecord = records::read("items of an order", &self.items)?;
        Ok(Order {
            id: OrderId::new(self.id),
            lines: lines.into_lines(),
            amount: self.amount,
            currency: self.currency,
            name: self.name,
            phone: self.phone,
            notes: self.notes,
            conversation: self.conversation_id.map(ConversationId::new),
            turn: self.turn.and_then(|t| u32::try_from(t).ok()),
            status: OrderStatus::named(&self.status).ok_or_else(|| unreadable("status of an order"))?,
            cause: self.cause,
            payment: self.payment_id,
            payment_secret: self.payment_secret.map(secret).transpose()?,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// The order and the flow that prepares its payment, which is the caller's for `lease`; the flow is none if it was asked
    /// for before.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_order(&self, new: NewOrder, lease: Duration) -> Result<(Order, Option<Begun>), StoreError> {
        let (id, tenant, now, key) = (self.store.uuid(), self.key(), self.store.now(), new.key.clone());
        let conversation = new.conversation.map(ConversationId::uuid);
        let items = records::write(&records::OrderRecord::of(&new.lines))?;
        let flow = NewFlow {
            id: self.store.uuid(),
            subject: id,
            conversation,
            payment_method: None,
            flow: Flow::new(FlowKind::CreateOrder, now),
            until: now + lease,
            now,
        };
        let begun = self
            .tell(move |conn| {
                let flow = flow.clone();
                let query = db::query(sql::ADD_ORDER).bind(id).bind(tenant).bind(new.key.clone()).bind(conversation);
                let query = query.bind(new.turn.map(i64::from)).bind(&items).bind(new.amount).bind(&new.currency);
                let query = query.bind(new.name.trim()).bind(new.phone.trim()).bind(new.notes.trim());
                let query = query.bind(now.millis());
                async move {
                    let added = query.execute(conn).await.map_err(store_error)?.rows_affected() > 0;
                    if added { flow.add(conn, tenant).await.map(Some) } else { Ok(None) }
                }
                .boxed()
            })
            .await?;
        if begun.is_none()
            && let Some(key) = key
        {
            return Ok((self.order_row(sql::ORDER_BY_KEY, key).await?, None));
        }
        Ok((self.order(OrderId::new(id)).await?, begun))
    }

    async fn order_row(&self, statement: &'static str, key: impl Into<db::Value>) -> Result<Order, StoreError> {
        let row: Option<Row> = self.one(statement, key).await?;
        row.ok_or(StoreError::NotFound("order"))?.order(self.store.cipher())
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn order(&self, id: OrderId) -> Result<Order, StoreError> {
        self.order_row(sql::ORDER, id.uuid()).await
    }

    /// The last one that was made in a conversation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn last_order(&self, of: ConversationId) -> Result<Order, StoreError> {
        self.order_row(sql::LAST_ORDER, of.uuid()).await
    }

    /// By the id that the provider gave its payment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn order_by_payment(&self, payment: &str) -> Result<Order, StoreError> {
        self.order_row(sql::ORDER_BY_PAYMENT, payment).await
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn orders(&self, request: PageRequest) -> Result<Page<Order>, StoreError> {
        let page: Page<Row> = self.page(sql::ORDERS, sql::COUNT_ORDERS, request).await?;
        page.try_map(|row| row.order(self.store.cipher()))
    }

    /// Whether this event of the payment provider comes for the first time.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_payment_event(&self, event: &str) -> Result<bool, StoreError> {
        let (tenant, now, event) = (self.key(), self.store.now().millis(), event.to_owned());
        self.tell(move |conn| {
            let query = db::query(sql::NOTE_PAYMENT_EVENT).bind(tenant).bind(&event).bind(now);
            async move { Ok(query.execute(conn).await.map_err(store_error)?.rows_affected() > 0) }.boxed()
        })
        .await
    }
}

/// As records keep them.
impl records::OrderRecord {
    fn of(lines: &[OrderLine]) -> Self {
        Self::new(lines.iter().map(|l| (l.item.uuid(), l.name.clone(), l.quantity, l.price)))
    }

    fn into_lines(self) -> Vec<OrderLine> {
        let line = |(item, name, quantity, price)| OrderLine { item: MenuItemId::new(item), name, quantity, price };
        self.parts().map(line).collect()
    }
}
