//! Agents that hand a conversation to each other: a model that asks for it, and what its requests say.

use crate::support::{
    server::{Place, Server},
    services::Services,
    stream::Stream,
};
use serde_json::{Value, json};

struct Scene {
    services: Services,
    server: Server,
    billing: String,
}

impl Scene {
    /// A desk and Billing, each of which may hand to the other.
    async fn open() -> Self {
        let services = Services::start().await;
        let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", services.url));
        let place = place.with("OPENAI_API_KEY", "sk-model").with("OPENAI_MODEL", "stand-in");
        let server = Server::start_on(place).await;
        let api = &server.api;
        let desk = api.agent("Desk", "openai", &[]).await;
        let billing = api.agent("Billing", "openai", &[]).await;
        for (agent, mate, when) in [(&desk, "Billing", "invoices"), (&billing, "Desk", "anything else")] {
            let fields = json!({ "team": [{ "agent": mate, "when": when }], "instructions": "Be brief." });
            let saved = api.patch(&format!("/api/agents/{agent}"), &fields).await.data();
            assert_eq!(saved["team"], fields["team"]);
        }
        Self { services, server, billing }
    }

    async fn says(&self, message: &str) -> Value {
        let body = json!({ "agent": "Desk", "session": "s", "message": message });
        self.server.api.chat(&body).await.data()
    }

    /// Who answered last, as its own instructions call it, and all that it was told.
    fn asked(&self) -> (String, String) {
        let prompt = self.services.prompts().pop().unwrap();
        let system = prompt["messages"][0]["content"].as_str().unwrap().to_owned();
        let name = system.strip_prefix("You are ").and_then(|s| s.split('.').next()).unwrap().to_owned();
        (name, prompt.to_string())
    }

    async fn has(&self, conversation: &str) -> Value {
        let shown = self.server.api.get(&format!("/api/conversations/{conversation}")).await.data();
        shown["agent_name"].clone()
    }
}

fn hand_off(to: &str) -> String {
    let arguments = json!({ "agent": to, "reason": "an invoice", "summary": "Invoice 7 is wrong" });
    format!("<<{}>>", json!({ "name": "hand_off", "arguments": arguments }))
}

#[tokio::test]
async fn another_agent_answers_the_same_message_and_keeps_the_conversation() {
    let mut scene = Scene::open().await;
    let mut stream = Stream::open(&scene.server.api, "", None).await;
    let said = scene.says(&format!("My invoice is wrong {}", hand_off("billing"))).await;
    let conversation = said["conversation"].as_str().unwrap().to_owned();
    assert_eq!(said["outcome"], "answered", "{said}");
    let (name, prompt) = scene.asked();
    assert_eq!(name, "Billing");
    assert!(prompt.contains("Invoice 7 is wrong") && prompt.contains("Desk: anything else"), "{prompt}");
    assert_eq!(scene.has(&conversation).await, "Billing");
    let lines = scene.server.api.transcript(&conversation).await;
    assert_eq!(lines.iter().filter(|l| l["speaker"] == "agent").count(), 1, "one reply: {lines:?}");
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        reasons.push(stream.until("conversation:updated").await.data["reason"].clone());
    }
    assert_eq!(reasons, ["started", "handed_off"]);

    let trail = scene.server.api.list(&format!("/api/conversations/{conversation}/trail"), "turns").await;
    let steps = trail[0]["steps"].as_array().unwrap();
    let agents: Vec<&Value> = steps.iter().map(|s| &s["agent_name"]).collect();
    assert_eq!(agents, [&Value::Null, &json!("Billing")], "{trail:?}");
    assert_eq!((&steps[0]["calls"][0]["tool"], &steps[1]["agent"]), (&json!("hand_off"), &json!(scene.billing)));

    scene.server.kill().await;
    scene.server.restart().await;
    scene.says("And now?").await;
    assert_eq!(scene.asked().0, "Billing", "whatever happens to the program");
    let path = format!("/api/conversations/{conversation}");
    let back = scene.server.api.patch(&path, &json!({ "agent": null })).await.data();
    assert_eq!(back["agent_name"], "Desk");
    scene.says("Who are you?").await;
    assert_eq!(scene.asked().0, "Desk");
}

#[tokio::test]
async fn nobody_gets_back_what_they_handed_off() {
    let scene = Scene::open().await;
    let said = scene.says(&format!("{}{}", hand_off("Billing"), hand_off("Desk"))).await;
    let text = said["reply"]["text"].as_str().unwrap();
    assert!(text.contains("Not handed off: Desk had it already and handed it off"), "{said}");
    assert_eq!(scene.asked().0, "Billing", "who was refused answers");
    let nobody = scene.says(&hand_off("Nobody")).await;
    let text = nobody["reply"]["text"].as_str().unwrap();
    assert!(text.contains("there is no such colleague; there are: Desk"), "{nobody}");
}

#[tokio::test]
async fn an_agent_that_is_switched_off_leaves_its_conversations_to_the_channels_own() {
    let scene = Scene::open().await;
    let said = scene.says(&hand_off("Billing")).await;
    let api = &scene.server.api;
    api.patch(&format!("/api/agents/{}", scene.billing), &json!({ "enabled": false })).await.data();
    let next = scene.says("Still there?").await;
    assert_eq!((&next["outcome"], scene.asked().0.as_str()), (&json!("answered"), "Desk"), "{next}");
    let prompt = scene.services.prompts().pop().unwrap();
    assert!(!prompt["tools"].to_string().contains("hand_off"), "there is nobody to hand to: {prompt}");
    assert_eq!(scene.has(said["conversation"].as_str().unwrap()).await, "Desk");
    let path = format!("/api/conversations/{}", said["conversation"].as_str().unwrap());
    for agent in ["Billing", "Nobody"] {
        let wrong = api.patch(&path, &json!({ "agent": agent })).await;
        assert_eq!((wrong.status.as_u16(), wrong.fields()), (400, vec!["agent".to_owned()]), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_team_is_of_other_agents_that_there_are() {
    let scene = Scene::open().await;
    let team = json!([
        { "agent": "Nobody", "when": "always" },
        { "agent": "Billing", "when": "always" },
        { "agent": "Desk", "when": "" },
        { "agent": "Desk", "when": "always" },
    ]);
    let wrong = scene.server.api.patch(&format!("/api/agents/{}", scene.billing), &json!({ "team": team })).await;
    let fields = ["team[0].agent", "team[1].agent", "team[2].when", "team[3].agent"];
    assert_eq!((wrong.status.as_u16(), wrong.fields()), (400, fields.map(str::to_owned).into()), "{wrong:?}");
    let path = format!("/api/agents/{}", scene.billing);
    let listed = scene.server.api.patch(&path, &json!({ "tools": ["hand_off"] })).await;
    assert_eq!(listed.fields(), ["tools"], "it comes with the team");
}
