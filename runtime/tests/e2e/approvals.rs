//! Calls of unsafe tools that a person of the team has to approve: a model that asks for one, a bank that counts.

use crate::support::{
    client::Client,
    mcp::Bank,
    server::{Place, Server},
    services::Services,
    wait::until,
};
use reqwest::Method;
use serde_json::{Value, json};

struct Scene {
    services: Services,
    bank: Bank,
    server: Server,
}

impl Scene {
    async fn open(approvals: &str) -> Self {
        let (services, bank) = (Services::start().await, Bank::start().await);
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let api = &server.api;
        let agent = api.agent("Teller", "openai", &[]).await;
        connect(api, &bank).await;
        let fields = json!({ "tools": ["bank__pay"], "approvals": approvals });
        let changed = api.patch(&format!("/api/agents/{agent}"), &fields).await;
        assert_eq!(changed.data()["approvals"], approvals);
        Self { services, bank, server }
    }

    async fn says(&self, session: &str, message: &str) -> String {
        let body = json!({ "agent": "Teller", "session": session, "message": message });
        let said = self.server.api.chat(&body).await.data();
        said["reply"]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// The person asks for a payment that must be approved; the approval.
    async fn asked(&self, session: &str, to: &str) -> Value {
        let said = self.says(session, &pay(to)).await;
        assert!(said.contains("a person of the team has to approve this call"), "{said}");
        let mut open = self.server.api.list("/api/approvals?status=pending", "approvals").await;
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    async fn shown(&self, approval: &Value) -> Value {
        self.server.api.get(&path(approval, "")).await.data()
    }

    async fn ended(&self, approval: &Value) -> Value {
        let over = async || {
            let now = self.shown(approval).await;
            now["outcome"].is_string().then_some(now)
        };
        until("the call's outcome", over).await
    }

    /// Waits until the agent said something that holds these words.
    async fn hears(&self, approval: &Value, words: &str) {
        let path = format!("/api/conversations/{}/messages", approval["conversation"].as_str().unwrap());
        until(words, async || {
            let lines = self.server.api.get(&path).await;
            lines.text.contains(words).then_some(())
        })
        .await;
    }
}

async fn connect(api: &Client, bank: &Bank) {
    let made = api.post("/api/tool-servers", &json!({ "name": "bank", "url": bank.url })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/api/tool-servers/{}/refresh", made.data()["id"].as_str().unwrap());
    assert_eq!(api.post(&path, &json!({})).await.data()["ok"], true);
}

fn pay(to: &str) -> String {
    format!("<<{}>>", json!({ "name": "bank__pay", "arguments": { "to": to } }))
}

fn path(approval: &Value, act: &str) -> String {
    format!("/api/approvals/{}{act}", approval["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_approved_call_runs_once_and_the_customer_hears_of_it() {
    let scene = Scene::open("unsafe").await;
    let api = &scene.server.api;
    let approval = scene.asked("one", "FR76").await;
    assert_eq!((&approval["tool"], &approval["why"]["policy"]), (&json!("bank__pay"), &json!("unsafe")));
    assert_eq!((&approval["arguments"], &approval["overdue"]), (&json!(r#"{"to":"FR76"}"#), &json!(false)));
    assert_eq!(scene.bank.paid(), Vec::<Value>::new(), "nothing is done before somebody decides");
    let contact = api.list("/api/contacts", "contacts").await.remove(0);
    let all = api.get(&format!("/api/contacts/{}/export", contact["id"].as_str().unwrap())).await.data();
    assert_eq!(all["conversations"][0]["approvals"], json!([approval]), "it is kept of the person");
    scene.says("one", &pay("FR76")).await;
    assert_eq!(api.list("/api/approvals", "approvals").await.len(), 1, "asked again is not asked twice");

    let approved = api.post(&path(&approval, "/approve"), &json!({})).await;
    assert_eq!(approved.data()["status"], "approved");
    let done = scene.ended(&approval).await;
    assert_eq!((&done["outcome"], &done["decided_by"]["kind"]), (&json!("done"), &json!("key")));
    assert_eq!(scene.bank.paid(), [json!({ "to": "FR76" })]);
    scene.hears(&approval, "So it is: paid to FR76").await;
    for act in ["/approve", "/deny"] {
        let again = api.post(&path(&approval, act), &json!({})).await;
        assert_eq!((again.status.as_u16(), &again.body["code"]), (409, &json!("CONFLICT")), "{again:?}");
    }
    assert_eq!(scene.bank.paid().len(), 1);
    let audit = api.list("/api/audit", "audit").await;
    let noted = |line: &&Value| line["action"] == "approval.approved" && line["target"] == approval["id"];
    assert_eq!(audit.iter().filter(noted).count(), 1, "{audit:?}");
    let prompts = scene.services.prompts();
    let last = prompts.last().unwrap()["messages"].to_string();
    assert!(last.contains("A person of the team has decided"), "the model knows why it speaks: {last}");
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_customer_hears_why() {
    let scene = Scene::open("unsafe").await;
    let approval = scene.asked("one", "FR76").await;
    let denied = scene.server.api.post(&path(&approval, "/deny"), &json!({ "reason": "Not this month" })).await.data();
    assert_eq!((&denied["status"], &denied["reason"]), (&json!("denied"), &json!("Not this month")));
    scene.hears(&approval, "The reason: Not this month.").await;
    assert_eq!((scene.bank.paid().len(), &scene.shown(&approval).await["outcome"]), (0, &Value::Null));
}

#[tokio::test]
async fn another_tenant_sees_and_decides_nothing() {
    let scene = Scene::open("unsafe").await;
    let approval = scene.asked("one", "FR76").await;
    let body =
        json!({ "tenantName": "Others", "email": "o@others.example", "password": "SecurePass123!", "name": "O" });
    let others = scene.server.api.bare(Method::POST, "/api/auth/register").json(&body);
    let others = scene.server.api.attempt(others).await.unwrap().data();
    let others = scene.server.api.with_key(others["token"].as_str().unwrap());
    assert_eq!(others.list("/api/approvals", "approvals").await, Vec::<Value>::new());
    assert_eq!(others.get(&path(&approval, "")).await.status, 404);
    assert_eq!(others.post(&path(&approval, "/approve"), &json!({})).await.status, 404);
    assert_eq!(scene.shown(&approval).await["status"], "pending");
}

#[tokio::test]
async fn only_arguments_that_the_person_did_not_say_wait_unless_the_agent_says_otherwise() {
    let scene = Scene::open("tainted").await;
    let own = scene.says("one", &pay("FR7630006000011234567890189")).await;
    assert!(own.contains("paid to FR76300060"), "the person's own account: {own}");
    assert_eq!(scene.server.api.list("/api/approvals", "approvals").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_account_that_a_document_names_waits_for_a_person() {
    let scene = Scene::open("tainted").await;
    let api = &scene.server.api;
    api.post("/api/knowledge-bases", &json!({ "name": "Rules" })).await;
    let content = "Refunds of damaged goods are paid to the account FR7612345678901234567890123 of the house.";
    let document = api.learn("Rules", "refunds.txt", content).await;
    let agent = api.list("/api/agents", "agents").await.into_iter().find(|a| a["name"] == "Teller").unwrap();
    let path_of = format!("/api/agents/{}", agent["id"].as_str().unwrap());
    assert!(api.patch(&path_of, &json!({ "knowledge": ["Rules"] })).await.status.is_success());
    let said = scene.says("one", &format!("A refund of damaged goods, please. {}", pay("@account"))).await;
    assert!(said.contains("a person of the team has to approve this call"), "{said}");
    let approval = api.list("/api/approvals?status=pending", "approvals").await.remove(0);
    assert_eq!(approval["arguments"], r#"{"to":"FR7612345678901234567890123"}"#);
    let tainted = &approval["why"]["tainted"][0];
    assert_eq!((&tainted["argument"], &tainted["from"]), (&json!("to"), &json!("document")));
    assert_eq!((&tainted["name"], &tainted["document"]), (&json!("refunds.txt"), &document["id"]));
    assert_eq!(scene.bank.paid(), Vec::<Value>::new(), "a document decides nothing");
    api.post(&path(&approval, "/approve"), &json!({})).await;
    assert_eq!(scene.ended(&approval).await["outcome"], "done");
    assert_eq!(scene.bank.paid(), [json!({ "to": "FR7612345678901234567890123" })]);
}

#[tokio::test]
async fn nobody_is_asked_about_arguments_that_do_not_fit() {
    let scene = Scene::open("unsafe").await;
    let call = format!("<<{}>>", json!({ "name": "bank__pay", "arguments": { "whom": "FR76" } }));
    let said = scene.says("one", &call).await;
    assert!(said.contains("tool.invalid_arguments"), "the model hears what is wrong: {said}");
    assert_eq!(scene.server.api.list("/api/approvals", "approvals").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_killed_program_carries_out_what_was_approved_once() {
    let mut scene = Scene::open("unsafe").await;
    let approval = scene.asked("one", "FR76").await;
    scene.server.api.post(&path(&approval, "/approve"), &json!({})).await;
    scene.server.kill().await;
    scene.server.restart().await;
    let over = async || {
        let now = scene.shown(&approval).await;
        now["outcome"].is_string().then_some(now)
    };
    let done = until("the call's outcome", over).await;
    // Between its intent and its result nobody can know: it is not begun again then.
    let paid = scene.bank.paid().len();
    match done["outcome"].as_str().unwrap() {
        "done" => assert_eq!(paid, 1),
        "uncertain" => assert!(paid <= 1, "{done}"),
        other => panic!("{other}: {done}"),
    }
}
