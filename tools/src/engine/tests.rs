use super::*;
use colloquy_domain::{
    ids::{AgentId, ConversationId, DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{KnowledgeQuery, Narrow, Passage, Scores, Stretch},
    language::Language,
    ports::ToolPlace,
    testkit::injections::{FORBIDDEN, INJECTIONS},
    tool::{Exceeded, ToolCall, Undo, UndoneBy},
    tool_limits::{AgentLimits, Amount, MoneyLimit, OfAgent},
    tool_server::{OfferedTool, ToolServer},
};
use serde_json::json;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn invocation(tool: &str, arguments: &str) -> ToolInvocation {
    ToolInvocation {
        tenant: TenantId::new(uuid(1)),
        conversation: ConversationId::new(uuid(2)),
        turn: 1,
        step: 0,
        index: 0,
        call: ToolCall { id: "call_0".into(), name: tool.into(), arguments: arguments.into() },
        key: "key-1".into(),
        resumed: false,
        as_unsafe: true,
        bases: vec![KnowledgeBaseId::new(uuid(3))],
        allowed: ["search_knowledge", "hand_over", "probe"].map(String::from).to_vec(),
        limits: None,
        team: Vec::new(),
        language: Language::En,
    }
}

fn code(result: &ToolResult) -> (&'static str, &str) {
    match &result.status {
        ToolStatus::Done => ("done", ""),
        ToolStatus::Failed { failure } => ("failed", &failure.code),
        ToolStatus::Uncertain { failure } => ("uncertain", &failure.code),
    }
}

const LIMITS: ToolLimits = ToolLimits { timeout_seconds: None, per_minute: Some(2), per_day: None };

/// Counts in memory.
#[derive(Default)]
struct Counter(Mutex<Vec<String>>);

#[async_trait]
impl ToolMeter for Counter {
    async fn count(&self, used: ToolUse) -> Result<Option<Exceeded>, colloquy_domain::ports::StoreError> {
        let mut keys = self.0.lock().unwrap();
        let most = used.limits.per_minute.unwrap();
        if let Some(money) = used.of_agent.and_then(|o| o.limits.money).map(|m| m.per_day_micros)
            && used.amount_micros > money
        {
            return Ok(Some(Exceeded::Money { most: money, moved: 0 }));
        }
        if !keys.contains(&used.key) {
            if keys.len() >= most as usize {
                return Ok(Some(Exceeded::PerMinute(most)));
            }
            keys.push(used.key);
        }
        Ok(None)
    }
}

/// Remembers what it was asked and finds one passage in the bases it is given.
#[derive(Default)]
struct FakeKnowledge {
    asked: Mutex<Vec<KnowledgeQuery>>,
    fails: bool,
}

#[async_trait]
impl Knowledge for FakeKnowledge {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        self.asked.lock().unwrap().push(query.clone());
        if self.fails {
            return Err(Failure::retry("knowledge.unavailable", "the store is closed"));
        }
        let passage = Passage {
            document: DocumentId::new(uuid(9)),
            version: "v1".into(),
            name: "Prices.pdf".into(),
            headings: vec!["Delivery".into()],
            page: Some(2),
            offset: 40,
            text: "Delivery costs 4.90 €.".into(),
            scores: Scores { cosine: None, bm25: 3.0, shown: 0.7 },
        };
        Ok(if query.bases.is_empty() { Vec::new() } else { vec![passage] })
    }

    async fn passages(&self, _: Stretch) -> Result<Vec<Passage>, Failure> {
        Ok(Vec::new())
    }
}

/// What the probe does when it runs.
#[derive(Clone, Copy)]
enum Does {
    Succeed,
    Hang,
    Panic,
}

struct Probe {
    effect: EffectClass,
    does: Does,
    runs: AtomicUsize,
    keys: Mutex<Vec<String>>,
}

impl Probe {
    fn new(effect: EffectClass, does: Does) -> Arc<Self> {
        Arc::new(Self { effect, does, runs: AtomicUsize::new(0), keys: Mutex::default() })
    }
}

#[async_trait]
impl Tool for Probe {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "probe".into(),
            description: "test".into(),
            parameters: json!({"type": "object", "properties": {"n": {"type": "integer"}}}).to_string(),
            effect: self.effect,
            timeout: Duration::from_secs(3),
        }
    }

    async fn run(&self, _: Value, inv: &ToolInvocation) -> ToolResult {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.keys.lock().unwrap().push(inv.key.clone());
        match self.does {
            Does::Succeed => ToolResult::done("ok"),
            Does::Hang => std::future::pending().await,
            Does::Panic => panic!("a bug in a tool"),
        }
    }
}

const CLASSES: [EffectClass; 3] = [EffectClass::Read, EffectClass::Idempotent, EffectClass::Unsafe];

// req: C-ACT-3
#[tokio::test]
async fn knowledge_is_searched_in_the_bases_and_tenant_of_the_call_and_its_passages_can_be_cited() {
    let knowledge = Arc::new(FakeKnowledge::default());
    let tools = Tools::new(knowledge.clone());
    let result = tools.run(invocation("search_knowledge", r#"{"query":"delivery price","limit":3}"#)).await;
    assert_eq!(code(&result), ("done", ""));
    assert_eq!(result.passages.len(), 1);
    insta::assert_snapshot!(result.content, @r#"{"found":[{"document":"Prices.pdf","page":2,"section":"Delivery"}]}"#);
    let asked = knowledge.asked.lock().unwrap().clone();
    let want = KnowledgeQuery {
        tenant: TenantId::new(uuid(1)),
        bases: vec![KnowledgeBaseId::new(uuid(3))],
        without: Vec::new(),
        text: "delivery price".into(),
        previous: Vec::new(),
        rewritten: None,
        language: Some(Language::En),
        limit: 3,
        narrow: Narrow::default(),
    };
    assert_eq!(asked, [want]);
}

#[tokio::test]
async fn an_empty_search_and_a_broken_store_are_results() {
    let tools = Tools::new(Arc::new(FakeKnowledge::default()));
    let without_bases = ToolInvocation { bases: Vec::new(), ..invocation("search_knowledge", r#"{"query":"x"}"#) };
    let result = tools.run(without_bases).await;
    assert_eq!((code(&result).0, result.content.as_str()), ("done", r#"{"found":[]}"#));

    let tools = Tools::new(Arc::new(FakeKnowledge { fails: true, ..FakeKnowledge::default() }));
    let result = tools.run(invocation("search_knowledge", r#"{"query":"x"}"#)).await;
    assert_eq!(code(&result), ("failed", "knowledge.unavailable"));
}

// req: S0-FLOW-1
#[tokio::test]
async fn handing_over_carries_the_reason() {
    let tools = Tools::new(Arc::new(FakeKnowledge::default()));
    let result = tools.run(invocation("hand_over", r#"{"reason":" wants a person "}"#)).await;
    assert_eq!(code(&result), ("done", ""));
    assert_eq!(result.hand_over.as_deref(), Some("wants a person"));
}

#[tokio::test]
async fn refused_calls_never_start_the_tool() {
    let probe = Probe::new(EffectClass::Read, Does::Succeed);
    let tools = Tools::of(vec![probe.clone()]);
    let result = tools.run(invocation("probe", r#"{"n":"seven"}"#)).await;
    assert_eq!(code(&result), ("failed", "tool.invalid_arguments"));
    assert!(result.content.contains("n: "), "{}", result.content);

    let result = tools.run(ToolInvocation { allowed: Vec::new(), ..invocation("probe", "{}") }).await;
    assert_eq!(code(&result), ("failed", "tool.not_allowed"));

    let result = tools.run(invocation("rm_rf", "{}")).await;
    assert_eq!(code(&result), ("failed", "tool.unknown"));
    assert_eq!(probe.runs.load(Ordering::SeqCst), 0);
}

// req: C-ACT-3
#[tokio::test]
async fn a_model_that_obeys_an_injection_is_refused() {
    let probe = Probe::new(EffectClass::Unsafe, Does::Succeed);
    let tools = Tools::of(vec![probe.clone()]);
    for injection in INJECTIONS {
        let result = tools.run(invocation(FORBIDDEN, injection.text)).await;
        assert_eq!(code(&result), ("failed", "tool.unknown"), "{}", injection.name);
        let not_given = ToolInvocation { allowed: vec!["hand_over".into()], ..invocation("probe", injection.text) };
        assert_eq!(code(&tools.run(not_given).await), ("failed", "tool.not_allowed"), "{}", injection.name);
    }
    assert_eq!(probe.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure_only_when_nothing_can_have_changed() {
    for (effect, want) in CLASSES.into_iter().zip(["failed", "uncertain", "uncertain"]) {
        let result = Tools::of(vec![Probe::new(effect, Does::Hang)]).run(invocation("probe", "{}")).await;
        assert_eq!(code(&result), (want, "tool.timeout"), "{effect:?}");
    }
}

#[tokio::test]
async fn a_panic_ends_as_a_result_and_the_engine_lives_on() {
    for (effect, want) in CLASSES.into_iter().zip(["failed", "uncertain", "uncertain"]) {
        let tools = Tools::of(vec![Probe::new(effect, Does::Panic)]);
        for _ in 0..2 {
            assert_eq!(code(&tools.run(invocation("probe", "{}")).await), (want, "tool.panicked"), "{effect:?}");
        }
    }
}

#[tokio::test]
async fn a_resumed_call_starts_again_only_if_its_class_allows_it() {
    for (effect, runs, want) in [
        (EffectClass::Read, 1, ("done", "")),
        (EffectClass::Idempotent, 1, ("done", "")),
        (EffectClass::Unsafe, 0, ("uncertain", "tool.maybe_started")),
    ] {
        let probe = Probe::new(effect, Does::Succeed);
        let tools = Tools::of(vec![probe.clone()]);
        let result = tools.run(ToolInvocation { resumed: true, ..invocation("probe", "{}") }).await;
        assert_eq!(code(&result), want, "{effect:?}");
        assert_eq!(probe.runs.load(Ordering::SeqCst), runs, "{effect:?}");
        assert!(probe.keys.lock().unwrap().iter().all(|k| k == "key-1"));
    }
}

#[tokio::test]
async fn a_resumed_unsafe_call_is_uncertain_even_if_it_would_be_refused_today() {
    let tools = Tools::of(vec![Probe::new(EffectClass::Unsafe, Does::Succeed)]);
    let inv = ToolInvocation { resumed: true, allowed: Vec::new(), ..invocation("probe", "not json") };
    assert_eq!(code(&tools.run(inv).await), ("uncertain", "tool.maybe_started"));
}

fn names(specs: Vec<ToolSpec>) -> Vec<String> {
    specs.into_iter().map(|s| s.name).collect()
}

#[tokio::test]
async fn specs_keep_the_order_asked_for_and_leave_unknown_names_out() {
    let tools = Tools::new(Arc::new(FakeKnowledge::default()));
    let tenant = TenantId::new(uuid(1));
    let asked = ["hand_over", "nope", "search_knowledge"].map(String::from);
    assert_eq!(names(tools.specs(tenant, &asked).await.unwrap()), ["hand_over", "search_knowledge"]);
    assert_eq!(names(tools.all(tenant).await.unwrap()), ["search_knowledge", "hand_over"]);
}

#[tokio::test]
async fn saving_an_agent_with_an_unknown_tool_names_it() {
    let tools = Tools::new(Arc::new(FakeKnowledge::default()));
    let tenant = TenantId::new(uuid(1));
    assert_eq!(tools.check(tenant, &["hand_over".into()]).await, Ok(()));
    let failure = tools.check(tenant, &["hand_over".into(), "teleport".into()]).await.unwrap_err();
    insta::assert_snapshot!(failure.to_string(), @"tool.unknown: no such tool: teleport; there are: search_knowledge, hand_over");
}

/// One server of one tenant, whose tool remembers what it was called with.
struct OneServer {
    effect: EffectClass,
    parameters: &'static str,
    called: Mutex<Vec<String>>,
}

impl OneServer {
    fn new(effect: EffectClass) -> Arc<Self> {
        let parameters = r#"{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}"#;
        Arc::new(Self { effect, parameters, called: Mutex::default() })
    }
}

#[async_trait]
impl RemoteTools for OneServer {
    async fn given(&self, tenant: TenantId, _: Option<&str>) -> Result<Vec<RemoteTool>, Failure> {
        let spec = ToolSpec {
            name: "shop__find".into(),
            description: String::new(),
            parameters: self.parameters.into(),
            effect: self.effect,
            timeout: Duration::from_secs(5),
        };
        let undone_by = UndoneBy {
            tool: "shop__forget".into(),
            arguments: [("id".to_owned(), "/arguments/id".to_owned())].into(),
            automatic: false,
        };
        let (place, name) = (ToolPlace::Installed("shop".into()), "find".into());
        let tool = RemoteTool { place, name, spec, limits: LIMITS, undone_by: Some(undone_by) };
        Ok(if tenant == TenantId::new(uuid(1)) { vec![tool] } else { Vec::new() })
    }

    async fn look(&self, _: &ToolServer) -> Result<Vec<OfferedTool>, Failure> {
        unreachable!("nobody asks")
    }

    async fn call(&self, tool: &RemoteTool, arguments: &str, _: &ToolInvocation) -> ToolResult {
        self.called.lock().unwrap().push(format!("{} {arguments}", tool.name));
        ToolResult::done("found")
    }

    async fn look_up(&self, _: &RemoteTool, arguments: &str, _: &ToolInvocation) -> Option<ToolResult> {
        (arguments == r#"{"id":1}"#).then(|| ToolResult::done("it was"))
    }
}

#[tokio::test]
async fn what_was_judged_as_harmless_does_not_run_once_it_is_not() {
    let shop = OneServer::new(EffectClass::Unsafe);
    let tools = Tools::of(Vec::new()).and_remote(shop.clone());
    let judged = ToolInvocation { as_unsafe: false, ..at_shop(r#"{"id": 7}"#) };
    assert_eq!(code(&tools.run(judged.clone()).await), ("failed", BECAME_UNSAFE));
    let wrong = ToolInvocation { call: ToolCall { arguments: "{}".into(), ..judged.call.clone() }, ..judged };
    assert_eq!(code(&tools.run(wrong).await), ("failed", "tool.invalid_arguments"), "which no person is asked about");
    assert_eq!(*shop.called.lock().unwrap(), Vec::<String>::new());
    let spec = tools.specs(TenantId::new(uuid(1)), &["shop__find".to_owned()]).await.unwrap().remove(0);
    let call = |arguments: &str| at_shop(arguments).call;
    assert!(tools.fits(&spec, &call(r#"{"id": 7}"#)) && !tools.fits(&spec, &call("{}")));
}

#[tokio::test]
async fn a_tool_may_be_used_only_so_often_and_a_call_that_runs_again_counts_once() {
    let shop = OneServer::new(EffectClass::Idempotent);
    let tools = Tools::of(Vec::new()).and_remote(shop.clone()).metered_by(Arc::new(Counter::default()));
    let call = |key: &str, resumed| ToolInvocation { key: key.into(), resumed, ..at_shop(r#"{"id": 7}"#) };
    for (key, resumed) in [("a", false), ("a", true), ("b", false), ("b", true)] {
        assert_eq!(code(&tools.run(call(key, resumed)).await), ("done", ""), "{key}");
    }
    let refused = tools.run(call("c", false)).await;
    assert_eq!(code(&refused), ("failed", "tool.rate"));
    assert!(refused.content.contains("2 times a minute"), "the model is told: {}", refused.content);
    assert_eq!(
        code(&tools.run(at_shop("{}")).await),
        ("failed", "tool.invalid_arguments"),
        "what does not run is not counted"
    );
    assert_eq!(shop.called.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn what_an_agent_may_move_is_held_against_what_the_call_says() {
    let shop = OneServer::new(EffectClass::Unsafe);
    let tools = Tools::of(Vec::new()).and_remote(shop.clone()).metered_by(Arc::new(Counter::default()));
    let call = |amount: Amount, arguments: &str| {
        let money = Some(MoneyLimit { per_day_micros: 7_000_000, amount });
        let limits = AgentLimits { money, ..AgentLimits::default() };
        ToolInvocation { limits: Some(OfAgent { agent: AgentId::new(uuid(8)), limits }), ..at_shop(arguments) }
    };
    let at = || Amount::At("/id".into());
    assert_eq!(code(&tools.run(call(at(), r#"{"id": 7}"#)).await), ("done", ""));
    assert_eq!(code(&tools.run(call(at(), r#"{"id": 8}"#)).await), ("failed", "tool.money"));
    assert_eq!(code(&tools.run(call(at(), r#"{"id": -8}"#)).await), ("failed", "tool.amount"));
    assert_eq!(code(&tools.run(call(Amount::At("/price".into()), r#"{"id": 7}"#)).await), ("failed", "tool.amount"));
    assert_eq!(code(&tools.run(call(Amount::Own, r#"{"id": 7}"#)).await), ("failed", "tool.amount"));
    assert_eq!(code(&tools.run(call(Amount::Each(7_000_001), r#"{"id": 7}"#)).await), ("failed", "tool.money"));
    assert_eq!(*shop.called.lock().unwrap(), [r#"find {"id":7}"#], "what is too much is not done");
}

#[tokio::test]
async fn what_may_have_been_started_is_looked_up_where_that_can_be_known() {
    let shop = OneServer::new(EffectClass::Unsafe);
    let tools = Tools::of(Vec::new()).and_remote(shop.clone());
    let resumed = |arguments: &str| ToolInvocation { resumed: true, ..at_shop(arguments) };
    assert_eq!(tools.run(resumed(r#"{"id": 1}"#)).await.content, "it was");
    assert_eq!(code(&tools.run(resumed(r#"{"id": 8}"#)).await), ("uncertain", "tool.maybe_started"));
    assert_eq!(*shop.called.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_done_says_what_undoes_it_and_what_was_not_done_does_not() {
    let tools = Tools::of(Vec::new()).and_remote(OneServer::new(EffectClass::Unsafe));
    let undo = Undo { tool: "shop__forget".into(), arguments: r#"{"id":7}"#.into(), automatic: false };
    assert_eq!(tools.run(at_shop(r#"{"id": 7}"#)).await.undo, Some(undo));
    assert_eq!(tools.run(at_shop("{}")).await.undo, None);
    let found = ToolInvocation { resumed: true, ..at_shop(r#"{"id": 1}"#) };
    assert_eq!(tools.run(found).await.undo.map(|u| u.arguments), Some(r#"{"id":1}"#.to_owned()));
    let lost = ToolInvocation { resumed: true, ..at_shop(r#"{"id": 8}"#) };
    assert_eq!(tools.run(lost).await.undo, None, "nobody knows whether there is anything to undo");
}

fn at_shop(arguments: &str) -> ToolInvocation {
    ToolInvocation { allowed: vec!["shop__find".into()], ..invocation("shop__find", arguments) }
}

#[tokio::test]
async fn a_servers_tool_goes_through_the_same_gates() {
    let shop = OneServer::new(EffectClass::Unsafe);
    let tools = Tools::of(vec![Probe::new(EffectClass::Read, Does::Succeed)]).and_remote(shop.clone());
    assert_eq!(code(&tools.run(at_shop(r#"{"id": 7}"#)).await), ("done", ""));
    assert_eq!(code(&tools.run(at_shop("{}")).await), ("failed", "tool.invalid_arguments"));
    let refused = ToolInvocation { allowed: vec!["probe".into()], ..at_shop(r#"{"id": 7}"#) };
    assert_eq!(code(&tools.run(refused).await), ("failed", "tool.not_allowed"));
    let again = ToolInvocation { resumed: true, ..at_shop(r#"{"id": 7}"#) };
    assert_eq!(code(&tools.run(again).await), ("uncertain", "tool.maybe_started"));
    assert_eq!(*shop.called.lock().unwrap(), [r#"find {"id":7}"#]);
}

#[tokio::test]
async fn a_servers_tools_are_its_tenants_alone() {
    let tools = Tools::of(Vec::new()).and_remote(OneServer::new(EffectClass::Read));
    let (owner, other, asked) = (TenantId::new(uuid(1)), TenantId::new(uuid(9)), ["shop__find".to_owned()]);
    assert_eq!(names(tools.specs(owner, &asked).await.unwrap()), asked);
    assert!(tools.specs(other, &asked).await.unwrap().is_empty());
    assert_eq!(tools.check(other, &asked).await.unwrap_err().code, "tool.unknown");
    let theirs = ToolInvocation { tenant: other, ..at_shop(r#"{"id": 7}"#) };
    assert_eq!(code(&tools.run(theirs).await), ("failed", "tool.unknown"));
}

#[tokio::test]
async fn a_call_on_a_server_that_is_gone_may_have_happened() {
    let tools = Tools::of(Vec::new());
    let again = ToolInvocation { resumed: true, ..at_shop("{}") };
    assert_eq!(code(&tools.run(again).await), ("uncertain", "tool.maybe_started"));
}

#[tokio::test]
async fn a_schema_that_is_none_refuses_the_call() {
    let shop = OneServer { parameters: r#"{"type": 7}"#, effect: EffectClass::Read, called: Mutex::default() };
    let tools = Tools::of(Vec::new()).and_remote(Arc::new(shop));
    assert_eq!(code(&tools.run(at_shop("{}")).await), ("failed", "tool.schema"));
}
