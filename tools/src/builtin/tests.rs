use crate::Tools;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::{
        MenuItem, MenuItemDetails, Order, OrderDetails, OrderLine, OrderStatus, Reservation, ReservationDetails,
        ReservationStatus,
    },
    failure::Failure,
    ids::{AgentId, ChannelId, ConversationId, MenuItemId, OrderId, ReservationId, TenantId, TurnNo, VideoSessionId},
    knowledge::{KnowledgeQuery, Passage},
    language::Language,
    ports::{Concierge, Knowledge, StoreError, ToolMeter, Toolbox},
    testkit::FakeKnowledge,
    time::Timestamp,
    tool::{EffectClass, Exceeded, ToolCall, ToolInvocation, ToolResult, ToolStatus},
    tool_limits::{AgentLimits, Amount, MoneyLimit, OfAgent, ToolUse},
    video::{AvatarProvider, Video, VideoAccess, VideoSession, VideoStatus},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

/// Remembers what it was asked; the order is in the state that the test wants.
struct Fake {
    asked: Mutex<Vec<String>>,
    order: OrderStatus,
    video: VideoStatus,
    cause: Option<String>,
}

impl Fake {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn order(&self) -> Order {
        Order {
            id: OrderId::new(Uuid::from_u128(7)),
            lines: vec![OrderLine {
                item: MenuItemId::new(Uuid::from_u128(8)),
                name: "Soup".into(),
                quantity: 2,
                price: 650,
            }],
            amount: 1_300,
            currency: "eur".into(),
            name: "Ada".into(),
            phone: "+33612345678".into(),
            notes: String::new(),
            conversation: None,
            turn: None,
            status: self.order,
            cause: self.cause.clone(),
            payment: None,
            payment_secret: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }
}

fn reservation(details: ReservationDetails, status: ReservationStatus) -> Reservation {
    Reservation {
        id: ReservationId::new(Uuid::from_u128(9)),
        details,
        zone: "UTC".into(),
        starts_at: Timestamp(0),
        ends_at: Timestamp(1),
        conversation: None,
        status,
        cause: None,
        calendar_link: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

#[async_trait]
impl Concierge for Fake {
    async fn is_free(&self, _: TenantId, date: &str, time: &str) -> Result<bool, Failure> {
        self.note(format!("free {date} {time}"));
        Ok(true)
    }

    async fn reserve(
        &self,
        _: TenantId,
        _: ConversationId,
        key: &str,
        details: ReservationDetails,
    ) -> Result<Reservation, Failure> {
        self.note(format!("reserve {key} {} for {}", details.name, details.party));
        Ok(reservation(details, ReservationStatus::Confirmed))
    }

    async fn cancel_reservation(
        &self,
        _: TenantId,
        _: ConversationId,
        id: Option<ReservationId>,
    ) -> Result<Reservation, Failure> {
        self.note(format!("cancel {id:?}"));
        Ok(reservation(ReservationDetails::default(), ReservationStatus::Cancelled))
    }

    async fn menu(&self, _: TenantId) -> Result<(Vec<MenuItem>, String), Failure> {
        let details =
            MenuItemDetails { name: "Soup".into(), price: 650, available: true, ..MenuItemDetails::default() };
        let id = MenuItemId::new(Uuid::from_u128(8));
        Ok((vec![MenuItem { id, details, created_at: Timestamp(0), updated_at: Timestamp(0) }], "eur".into()))
    }

    async fn order(
        &self,
        _: TenantId,
        _: ConversationId,
        turn: TurnNo,
        key: &str,
        details: OrderDetails,
    ) -> Result<Order, Failure> {
        self.note(format!("order {key} in turn {turn}: {:?}", details.lines));
        Ok(self.order())
    }

    async fn price_of(&self, _: TenantId, _: ConversationId, _: Option<OrderId>) -> Result<(i64, String), Failure> {
        let order = self.order();
        Ok((order.amount, order.currency))
    }

    async fn confirm_order(
        &self,
        _: TenantId,
        _: ConversationId,
        turn: TurnNo,
        id: Option<OrderId>,
    ) -> Result<Order, Failure> {
        self.note(format!("confirm {id:?} in turn {turn}"));
        Ok(self.order())
    }

    async fn cancel_order(&self, _: TenantId, _: ConversationId, id: Option<OrderId>) -> Result<Order, Failure> {
        self.note(format!("cancel {id:?}"));
        Ok(self.order())
    }

    async fn refund_order(&self, _: TenantId, _: ConversationId, id: Option<OrderId>) -> Result<Order, Failure> {
        self.note(format!("refund {id:?}"));
        Ok(self.order())
    }

    async fn go_on_on_whatsapp(
        &self,
        _: TenantId,
        _: ConversationId,
        key: &str,
        phone: Option<&str>,
        reason: &str,
    ) -> Result<(), Failure> {
        self.note(format!("whatsapp {key} {phone:?} {reason}"));
        Ok(())
    }

    async fn start_video(&self, tenant: TenantId, _: ConversationId, key: &str) -> Result<VideoSession, Failure> {
        self.note(format!("video {key}"));
        let new = Video::new(AvatarProvider::HeyGen, Duration::from_secs(600), Duration::from_secs(180), Timestamp(0));
        Ok(VideoSession {
            id: VideoSessionId::new(Uuid::from_u128(5)),
            tenant,
            channel: ChannelId::new(Uuid::from_u128(4)),
            chat: "s".into(),
            video: Video { status: self.video, code: self.cause.clone(), ..new },
            access: VideoAccess::default(),
            version: 1,
            created_at: Timestamp(0),
        })
    }
}

fn knowledge() -> Arc<dyn Knowledge> {
    Arc::new(FakeKnowledge(|_: KnowledgeQuery| -> Result<Vec<Passage>, Failure> { Ok(Vec::new()) }))
}

async fn run(fake: &Arc<Fake>, tool: &str, arguments: Value) -> ToolResult {
    run_within(fake, (tool, arguments), None).await
}

/// The meter lets through what is not more than the limit by itself.
struct Each;

#[async_trait]
impl ToolMeter for Each {
    async fn count(&self, used: ToolUse) -> Result<Option<Exceeded>, StoreError> {
        let most = used.of_agent.and_then(|o| o.limits.money).map_or(u64::MAX, |m| m.per_day_micros);
        Ok((used.amount_micros > most).then_some(Exceeded::Money { most, moved: 0 }))
    }
}

async fn run_within(fake: &Arc<Fake>, (tool, arguments): (&str, Value), most: Option<u64>) -> ToolResult {
    let money = most.map(|per_day_micros| MoneyLimit { per_day_micros, amount: Amount::Own });
    let limits = AgentLimits { money, ..AgentLimits::default() };
    let limits = Some(OfAgent { agent: AgentId::new(Uuid::from_u128(6)), limits });
    let tools = Tools::with_concierge(knowledge(), fake.clone()).metered_by(Arc::new(Each));
    let tenant = TenantId::new(Uuid::from_u128(1));
    let allowed = tools.all(tenant).await.unwrap().into_iter().map(|spec| spec.name).collect();
    tools
        .run(ToolInvocation {
            tenant,
            conversation: ConversationId::new(Uuid::from_u128(2)),
            turn: 3,
            step: 0,
            index: 0,
            call: ToolCall { id: "call_0".into(), name: tool.into(), arguments: arguments.to_string() },
            key: "key-1".into(),
            resumed: false,
            as_unsafe: true,
            bases: Vec::new(),
            allowed,
            limits,
            team: Vec::new(),
            language: Language::En,
        })
        .await
}

fn fake(order: OrderStatus, cause: Option<&str>) -> Arc<Fake> {
    Arc::new(Fake { asked: Mutex::default(), order, video: VideoStatus::Live, cause: cause.map(str::to_owned) })
}

// req: S0-TOOL-1
#[tokio::test]
async fn each_tool_asks_the_concierge_under_the_calls_own_key() {
    let fake = fake(OrderStatus::RequiresConfirmation, None);
    let id = Uuid::from_u128(7).to_string();
    let table =
        json!({ "name": "Ada", "phone": "+33612345678", "party_size": 4, "date": "2026-05-01", "time": "19:30" });
    let booked = run(&fake, "make_reservation", table).await;
    assert!(booked.status == ToolStatus::Done && booked.content.contains("CONFIRMED"), "{booked:?}");
    run(&fake, "check_availability", json!({ "date": "2026-05-01", "time": "19:30" })).await;
    let menu = run(&fake, "show_menu", json!({})).await;
    assert!(menu.content.contains("6.50 EUR"), "{menu:?}");
    let order = json!({ "items": [{ "name": "Soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" });
    let made = run(&fake, "create_order", order).await;
    assert!(made.content.contains("13.00 EUR") && made.content.contains(&id), "{made:?}");
    run(&fake, "confirm_order", json!({ "order_id": id })).await;
    run(&fake, "cancel_order", json!({})).await;
    let whatsapp = run(&fake, "continue_on_whatsapp", json!({ "reason": "wants a person" })).await;
    assert_eq!(whatsapp.hand_over.as_deref(), Some("wants a person"));
    let video = run(&fake, "start_video", json!({})).await;
    assert!(video.status == ToolStatus::Done && video.content.contains("live"), "{video:?}");
    insta::assert_snapshot!(fake.asked.lock().unwrap().join("\n"), @r#"
    reserve key-1 Ada for 4
    free 2026-05-01 19:30
    order key-1 in turn 3: [("Soup", 2)]
    confirm Some(order:00000000-0000-0000-0000-000000000007) in turn 3
    cancel None
    whatsapp key-1 None wants a person
    video key-1
    "#);
}

// req: S0-TOOL-1
#[tokio::test]
async fn a_payment_in_doubt_is_told_as_such_and_a_declined_one_as_failed() {
    let id = json!({ "order_id": Uuid::from_u128(7).to_string() });
    let result = run(&fake(OrderStatus::Uncertain, Some("stripe.no_answer")), "confirm_order", id.clone()).await;
    assert!(matches!(result.status, ToolStatus::Uncertain { .. }), "{result:?}");
    let declined = fake(OrderStatus::RequiresConfirmation, Some("stripe.card_declined"));
    let result = run(&declined, "confirm_order", id).await;
    assert!(
        matches!(&result.status, ToolStatus::Failed { failure } if failure.code == "payment.declined"),
        "{result:?}"
    );
    let unknown = run(&declined, "confirm_order", json!({ "order_id": "x".repeat(36) })).await;
    assert!(matches!(unknown.status, ToolStatus::Failed { .. }));
    assert_eq!(declined.asked.lock().unwrap().len(), 1, "what is no id is not asked for");
}

// req: S0-TOOL-1
#[tokio::test]
async fn a_video_session_that_failed_is_told_as_such_and_one_in_doubt_is_not_called_open() {
    let with = |video| {
        let mut fake = Arc::into_inner(fake(OrderStatus::Paid, Some("heygen.unauthorized"))).unwrap();
        fake.video = video;
        Arc::new(fake)
    };
    let failed = run(&with(VideoStatus::Failed), "start_video", json!({})).await;
    assert!(matches!(&failed.status, ToolStatus::Failed { failure } if failure.detail == "heygen.unauthorized"));
    let doubted = run(&with(VideoStatus::Uncertain), "start_video", json!({})).await;
    assert!(matches!(doubted.status, ToolStatus::Uncertain { .. }), "{doubted:?}");
}

#[tokio::test]
async fn what_changes_something_is_never_called_reading() {
    let fake = fake(OrderStatus::Paid, None);
    let tools = Tools::with_concierge(knowledge(), fake);
    let all = tools.all(TenantId::new(Uuid::from_u128(1))).await.unwrap();
    let reads: Vec<String> = all.into_iter().filter(|s| s.effect == EffectClass::Read).map(|s| s.name).collect();
    assert_eq!(reads, ["search_knowledge", "check_availability", "show_menu"]);
}

#[tokio::test]
async fn an_order_that_costs_more_than_the_agent_may_move_is_not_charged() {
    let fake = fake(OrderStatus::Paid, None);
    let confirm = ("confirm_order", json!({}));
    let refused = run_within(&fake, confirm.clone(), Some(12_990_000)).await;
    assert_eq!(refused.content, "error: tool.money: with this tool 12.99 may be moved a day, of which 12.99 is left");
    assert!(!fake.asked.lock().unwrap().iter().any(|a| a.starts_with("confirm")), "{:?}", fake.asked);
    assert_eq!(run_within(&fake, confirm, Some(13_000_000)).await.status, ToolStatus::Done);
}

#[tokio::test]
async fn what_was_reserved_or_ordered_says_what_gives_it_back() {
    let fake = fake(OrderStatus::RequiresConfirmation, None);
    let order = json!({ "items": [{ "name": "Soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" });
    let undo = run(&fake, "create_order", order).await.undo.expect("an order can be called off");
    let id = OrderId::new(Uuid::from_u128(7));
    assert_eq!(
        (undo.tool.as_str(), undo.arguments),
        ("cancel_order", json!({ "order_id": id.to_string() }).to_string())
    );
    let table =
        json!({ "name": "Ada", "phone": "+33612345678", "party_size": 2, "date": "2026-05-01", "time": "19:30" });
    let undo = run(&fake, "make_reservation", table).await.undo.expect("a table can be given back");
    assert_eq!((undo.tool.as_str(), undo.automatic), ("cancel_reservation", true));
    let undo = run(&fake, "confirm_order", json!({})).await.undo.expect("money can go back");
    assert_eq!((undo.tool.as_str(), undo.automatic), ("refund_order", false), "never without anybody asking");
}

#[tokio::test]
async fn a_refund_waits_for_a_person_and_what_came_of_it_is_told_as_it_is() {
    let tools = Tools::with_concierge(knowledge(), fake(OrderStatus::Paid, None));
    let all = tools.all(TenantId::new(Uuid::from_u128(1))).await.unwrap();
    let refund = all.iter().find(|s| s.name == "refund_order").expect("offered");
    assert_eq!(refund.effect, EffectClass::Unsafe);
    let id = json!({ "order_id": Uuid::from_u128(7).to_string() });
    let done = run(&fake(OrderStatus::Refunded, None), "refund_order", id.clone()).await;
    assert!(done.status == ToolStatus::Done && done.content.contains("REFUNDED"), "{done:?}");
    let doubted = run(&fake(OrderStatus::Uncertain, Some("stripe.no_answer")), "refund_order", id.clone()).await;
    assert!(matches!(doubted.status, ToolStatus::Uncertain { .. }), "{doubted:?}");
    let refused = run(&fake(OrderStatus::Paid, Some("stripe.refund_failed")), "refund_order", id).await;
    assert!(matches!(&refused.status, ToolStatus::Failed { failure } if failure.code == "refund.refused"));
    let dear = run_within(&fake(OrderStatus::Paid, None), ("refund_order", json!({})), Some(12_990_000)).await;
    assert!(dear.content.contains("tool.money"), "{dear:?}");
}
