//! Rows of what an installation may have beside conversations.

use super::common::NOW;
use colloquy_domain::{
    access::Role,
    approval::{ApprovalChange, CallPlace, Verdict},
    call::{CallChange, CallStep, Direction},
    channel::{AddressTie, Secret},
    commerce::{
        MenuItemDetails, OrderLine, ReservationDetails,
        settings::{Entered, Provider},
    },
    conversation::{NewHeard, NewUnanswered},
    ids::{MenuItemId, UnansweredId},
    knowledge::IngestReport,
    message::{Content, Heard, MediaKind},
    outbound::Citation,
    outreach::{Audience, Prices, Purpose as Agreed, Words},
    plan::Limits,
    ports::{ConversationStore, DocumentQueue, Ids, IngressLog, OutboxStore, ToolMeter},
    proposal::Change,
    standing::{AccountNotice, Gravity, Standing},
    template::{Category, Component, Template},
    testkit::{Fixture, answer, held, receive},
    time::Timestamp,
    tool::ToolLimits,
    tool_limits::{AgentLimits, OfAgent, ToolUse},
    tool_server::{Speaks, ToolServerSettings},
    video::{AvatarAccount, AvatarProvider, Video},
};
use colloquy_store::{
    Act, Actor, Answer, DeliveryState, Integration, IntegrationKind, JobKind, NewBroadcast, NewCall, NewConsent,
    NewOrder, NewPlanned, NewReservation, NewSimulation, NewUser, NewVideo, PageRequest, ProposedAnswer, Purpose,
    Recipient, Retention, SecretHash, SettledDelivery, SimulationRun, Store, TopicState, WebhookAttempt,
};
use std::{collections::BTreeMap, time::Duration};

pub async fn add(store: &Store, f: &Fixture) {
    with_knowledge(store, f).await;
    with_people(store, f).await;
    with_a_file(store, f).await;
    with_a_tie(store, f).await;
    with_the_team(store, f).await;
    with_a_held_call(store, f).await;
    with_a_beginning(store, f).await;
    with_a_call(store, f).await;
    with_webhooks(store, f).await;
    with_settings(store, f).await;
    with_outreach(store, f).await;
    // What comes after it is noted, and not yet added up.
    while store.installation().add_up().await.expect("added up") {}
    with_commerce(store, f).await;
}

/// A document with a version, a reply that cites it, a question without an answer, a job and a reviewed proposal.
async fn with_knowledge(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let job = store.take(1).await.expect("taken").remove(0);
    let report = IngestReport {
        pages: Vec::new(),
        chunks: 1,
        characters: 5,
        language: None,
        generation: "g1".into(),
        embedded: true,
    };
    store.finish(job.tenant, job.document, Ok(report)).await.expect("ready");
    let loaded = receive(store, &f.home, "asking", &[("q1", "is there a pool?")], NOW).await;
    let mut commit = answer(&loaded, "I do not know [1].", &f.ids, NOW);
    commit.messages[0].checks.dropped_citations = 1;
    commit.messages[0].citations = vec![Citation {
        number: 1,
        document: job.document,
        version: "g1".into(),
        name: job.name,
        page: None,
        offset: 3,
        quote: "naïve".into(),
        score: 0.5,
    }];
    commit.unanswered = vec![NewUnanswered {
        id: UnansweredId::new(f.ids.uuid()),
        base: job.base,
        turn: 1,
        text: "is there a pool?".into(),
        language: None,
    }];
    store.commit(commit).await.expect("commit");
    view.unanswered(job.base, TopicState::Open, PageRequest::default()).await.expect("sorted");
    view.create_job(JobKind::Train, "{}").await.expect("job");
    let proposal = view.propose(job.base, 3).await.expect("proposal");
    let said = Answer { text: "No.".into(), citations: Vec::new(), abstained: true, calls: Vec::new() };
    let answer = ProposedAnswer {
        place: 0,
        conversation: loaded.key.id,
        turn: 1,
        question: "is there a pool?".into(),
        before: said.clone(),
        after: said,
        change: Change::Same,
    };
    view.add_proposed_answer(proposal.id, &answer).await.expect("kept");
    let what = NewSimulation { name: "s".into(), scenario: "format: convsim/1".into(), seed: 1, trials: 2 };
    let simulation = view.add_simulation(what, Actor::System).await.expect("added");
    let run = SimulationRun { place: 0, verdict: "pass".into(), run: "{}".into() };
    view.add_simulation_run(simulation.id, run).await.expect("kept");
    view.draft_agent(f.home.profile(), 5, Actor::System).await.expect("drafted");
}

/// A person with a session and a link, and an act of theirs.
async fn with_people(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let person = NewUser { email: "zoé@example.com".into(), name: "Zoé".into(), role: Role::Owner, password: None };
    let user = view.create_user(person).await.expect("made");
    let later = Timestamp(NOW.millis() + 3_600_000);
    view.begin_session(user.id, SecretHash::of("token"), later).await.expect("signed in");
    view.add_link(user.id, Purpose::Reset, SecretHash::of("link"), later).await.expect("sent");
    let act = Act { actor: Actor::User(user.id), action: "test".into(), target: String::new(), detail: String::new() };
    view.note(act).await.expect("noted");
}

/// Somebody with two addresses.
async fn with_a_tie(store: &Store, f: &Fixture) {
    let tie = AddressTie { address: "33611111111".into(), alias: "FR.1".into(), at: NOW };
    store.tenant(f.home.tenant).tie_address(f.home.channel, &tie).await.expect("tied");
}

/// A file that a person sent.
async fn with_a_file(store: &Store, f: &Fixture) {
    let mut entry = f.home.text("files", "f1", "", NOW);
    let (reference, mime) = (Some("a file".to_owned()), Some("image/png".to_owned()));
    entry.inbound.content = Content::Media { media: MediaKind::Image, caption: None, reference, mime, name: None };
    store.append(vec![entry]).await.expect("append");
    let loaded = receive(store, &f.home, "files", &[("f2", "look")], NOW).await;
    let mut commit = answer(&loaded, "a picture", &f.ids, NOW);
    commit.heard = vec![NewHeard { seq: 1, heard: Heard::Words { text: "où ?".into() } }];
    store.commit(commit).await.expect("commit");
}

/// Somebody who read a conversation and wrote a note.
async fn with_the_team(store: &Store, f: &Fixture) {
    let conversation = receive(store, &f.home, "noted", &[("n1", "hello")], NOW).await.key.id;
    let view = store.tenant(f.home.tenant);
    view.mark_read(conversation, f.ids.uuid()).await.expect("read");
    view.add_note(conversation, None, "calls again".into()).await.expect("noted");
}

/// A tool call that a person decided about.
async fn with_a_held_call(store: &Store, f: &Fixture) {
    let loaded = receive(store, &f.home, "held", &[("h1", "pay me")], NOW).await;
    let mut commit = answer(&loaded, "a colleague looks at it", &f.ids, NOW);
    let asked = held(CallPlace { turn: 1, step: 0, index: 0 }, &f.ids);
    commit.approvals = vec![ApprovalChange::Asked(asked.clone())];
    store.commit(commit).await.expect("commit");
    let verdict = Verdict::Denied { reason: Some("trop".into()) };
    store.tenant(f.home.tenant).decide_approval(asked.id, Actor::System, verdict).await.expect("decided");
}

/// An answer that was being shown while it was written.
async fn with_a_beginning(store: &Store, f: &Fixture) {
    let conversation = receive(store, &f.home, "begun", &[("b1", "how much?")], NOW).await.key.id;
    assert_eq!(store.begin(f.home.tenant, conversation, 1, NOW).await, Ok(None));
    let stands = Some("-7:1".to_owned());
    store.amended(f.home.tenant, conversation, 1, stands).await.expect("written down");
    assert_eq!(store.amend(f.home.tenant, conversation, 1, NOW).await, Ok(true));
}

/// A telephone call that ended.
async fn with_a_call(store: &Store, f: &Fixture) {
    let new = NewCall {
        channel: f.home.channel,
        provider: "twilio",
        external_id: "CA1".into(),
        direction: Direction::Inbound,
        from: Some("+33612345678".into()),
        to: None,
    };
    let end = CallChange {
        said: vec!["Caller: naïve".into()],
        ends: true,
        ..CallChange::new(CallStep::new("end", "end", ""))
    };
    store.tenant(f.home.tenant).change_call(new, end).await.expect("ended");
}

/// An endpoint that was told of a message.
async fn with_webhooks(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let every = ["*".to_owned()];
    let secret = Secret::new("whsec_c2VjcmV0");
    let endpoint = view.create_webhook_endpoint("https://example.com", &every, true, secret).await.expect("made").id;
    receive(store, &f.home, "telling", &[("t1", "tell them")], NOW).await;
    let told = view.due_deliveries(endpoint, 1).await.expect("due").remove(0);
    let attempt = WebhookAttempt { number: 1, at: NOW, took: Duration::from_millis(5), status: Some(200), cause: None };
    let settled = SettledDelivery {
        leased_until: NOW,
        endpoint,
        id: told.id,
        attempt,
        state: DeliveryState::Delivered,
        failures: 0,
        due_at: NOW,
        endpoint_failures: 0,
        rests_until: NOW,
    };
    view.settle_delivery(settled).await.expect("settled");
}

/// What a tenant sets up, and a request that was answered.
async fn with_settings(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let components = vec![Component::Footer { text: "naïve".into() }];
    let template = Template { name: "a".into(), category: Category::Utility, language: "fr".into(), components };
    view.create_template(template, None).await.expect("made");
    let mut twilio = Integration { updated_at: NOW, ..Integration::default() };
    twilio.secrets.insert("auth_token".into(), Secret::new("secret"));
    view.set_integration(IntegrationKind::Twilio, &twilio).await.expect("set");
    let server = ToolServerSettings {
        name: "shop".into(),
        url: "https://shop.example/mcp".into(),
        speaks: Speaks::Http(Vec::new()),
        headers: [("authorization".to_owned(), Secret::new("secret"))].into(),
        query: BTreeMap::new(),
        enabled: true,
        trusted: true,
        rules: BTreeMap::new(),
    };
    view.create_tool_server(&server).await.expect("made");
    let often = ToolLimits { per_day: Some(9), ..ToolLimits::default() };
    let limits = AgentLimits { per_day: Some(9), ..AgentLimits::default() };
    let used = ToolUse {
        tenant: f.home.tenant,
        tool: "shop__find".to_owned(),
        key: "k1".to_owned(),
        limits: often,
        of_agent: Some(OfAgent { agent: f.home.agent, limits }),
        amount_micros: 2_500_000,
    };
    assert_eq!(store.count(used).await, Ok(None));
    let notice = AccountNotice { what: "BAN".into(), gravity: Gravity::Stop, detail: String::new(), at: NOW };
    view.channel_stands(f.home.channel, Standing::Told(notice)).await.expect("told");
    view.claim_key([1; 32], [2; 32]).await.expect("claimed");
    view.set_retention(Retention { messages: Some(30), agent_versions: Some(7), ..Retention::default() })
        .await
        .expect("set");
    view.set_subscription("small", Limits::default()).await.expect("given");
    view.set_budget(Some(100)).await.expect("set");
}

/// What somebody agreed to and what is planned for them, and what it costs.
async fn with_outreach(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let person = receive(store, &f.home, "planned", &[("p1", "hello")], NOW).await.key.id;
    let contact = view.conversation(person).await.expect("shown").contact;
    let consent =
        NewConsent {
            kind: None, purpose: Agreed::Marketing, source: "formulaire à l’entrée".into(), given_at: NOW
        };
    view.add_consent(contact, consent).await.expect("kept");
    let words = Words::Text { text: "à bientôt".into() };
    let channel = Some(f.home.channel);
    view.plan_message(NewPlanned { contact, channel, words: words.clone(), due_at: NOW }).await.expect("planned");
    let audience = Audience::Listed;
    let new = NewBroadcast { channel: f.home.channel, name: "été".into(), words, audience, per_minute: 60 };
    view.create_broadcast(new, vec![Recipient { contact, words: None }]).await.expect("made");
    let prices = Prices { currency: "EUR".into(), micros: BTreeMap::from([("service".to_owned(), 7)]) };
    view.set_prices(f.home.channel, prices).await.expect("set");
}

/// Something to sell, bought and booked.
async fn with_commerce(store: &Store, f: &Fixture) {
    let view = store.tenant(f.home.tenant);
    let lease = Duration::from_secs(30);
    let soup = MenuItemDetails { name: "Soup".into(), price: 650, available: true, ..MenuItemDetails::default() };
    let item: MenuItemId = view.create_menu_item(soup).await.expect("made").id;
    let order = NewOrder {
        key: Some("k".into()),
        conversation: None,
        turn: Some(3),
        lines: vec![OrderLine { item, name: "Soup".into(), quantity: 2, price: 650 }],
        amount: 1_300,
        currency: "eur".into(),
        name: "Zoé".into(),
        phone: "+33612345678".into(),
        notes: String::new(),
    };
    view.create_order(order, lease).await.expect("made");
    let table = NewReservation {
        key: None,
        conversation: None,
        details: ReservationDetails {
            name: "Zoé".into(),
            phone: "+33612345678".into(),
            party: 4,
            date: "2026-05-01".into(),
            time: "19:30".into(),
            notes: String::new(),
        },
        zone: "UTC".into(),
        starts_at: NOW,
        ends_at: NOW + lease,
    };
    view.create_reservation(table, lease).await.expect("made");
    let secrets = BTreeMap::from([("secretKey".to_owned(), Secret::new("sk_1"))]);
    let entered = Entered { settings: BTreeMap::new(), secrets };
    view.set_commerce_settings(Provider::Stripe, &entered).await.expect("set");
    view.note_payment_event("evt_1").await.expect("noted");
    let conversation = receive(store, &f.home, "elsewhere", &[("w1", "WhatsApp?")], NOW).await.key.id;
    let account = AvatarAccount { provider: AvatarProvider::HeyGen, key: Secret::new("key-1"), base_url: None };
    let video = Video::new(account.provider, lease, lease, NOW);
    let channel = f.home.channel;
    let new = NewVideo { key: Some("k".into()), channel, chat: "v1".into(), account, video, most: 3 };
    view.open_video(new, lease).await.expect("opened");
    view.ask_for_whatsapp("k", conversation, Some("+33612345678"), "wants a person").await.expect("asked");
}
