//! Specialists that an agent asks, and an agent at the door that finds out who should answer.

use crate::support::{
    documents::BIKES_TXT,
    server::{Place, Server},
    services::Services,
};
use serde_json::{Value, json};

struct Scene {
    services: Services,
    server: Server,
    desk: String,
}

impl Scene {
    async fn open() -> Self {
        let services = Services::start().await;
        let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", services.url));
        let place = place.with("OPENAI_API_KEY", "sk-model").with("OPENAI_MODEL", "stand-in");
        let server = Server::start_on(place).await;
        let desk = server.api.agent("Desk", "openai", &[]).await;
        Self { services, server, desk }
    }

    async fn desk_is(&self, fields: &Value) -> Value {
        let saved = self.server.api.patch(&format!("/api/agents/{}", self.desk), fields).await;
        assert!(saved.status.is_success(), "{saved:?}");
        saved.data()
    }

    async fn says(&self, session: &str, message: &str) -> Value {
        let body = json!({ "agent": "Desk", "session": session, "message": message });
        self.server.api.chat(&body).await.data()
    }

    async fn has(&self, said: &Value) -> Value {
        let path = format!("/api/conversations/{}", said["conversation"].as_str().unwrap());
        self.server.api.get(&path).await.data()["agent_name"].take()
    }

    /// How often a model was asked whose a message is.
    fn asked_whose(&self) -> usize {
        let system = |p: &Value| p["messages"][0]["content"].as_str().unwrap().contains("Which of these is the person");
        self.services.prompts().iter().filter(|p| system(p)).count()
    }
}

#[tokio::test]
async fn a_specialist_answers_from_its_own_knowledge_and_is_cited() {
    let scene = Scene::open().await;
    let api = &scene.server.api;
    api.learn("bikes", "bikes.txt", BIKES_TXT).await;
    api.learn("garden", "garden.md", "# Garden\n\nEvery city bicycle is parked in the garden of the house.\n").await;
    api.agent("Bicycles & Co.", "extractive", &["bikes"]).await;
    let asked = json!([{ "agent": "Bicycles & Co.", "when": "What bicycles cost." }]);
    let saved = scene.desk_is(&json!({ "specialists": asked, "knowledge": ["garden"], "unsupported": "off" })).await;
    assert_eq!(saved["specialists"], asked);

    let call = json!({ "name": "ask_bicycles_co", "arguments": { "question": "How much is a city bicycle per day?" } });
    let said = scene.says("s", &format!("Where is the city bicycle, and what does it cost? <<{call}>>")).await;
    let text = said["reply"]["text"].as_str().unwrap();
    assert!(text.starts_with("So it is: Bicycles & Co. says: "), "{said}");
    let cited: Vec<&Value> = said["reply"]["citations"].as_array().unwrap().iter().map(|c| &c["document"]).collect();
    assert_eq!(cited.first(), Some(&&json!("bikes.txt")), "its marks are numbered anew: {said}");
    let prompt = scene.services.prompts().pop().unwrap();
    assert!(prompt["messages"].to_string().contains("garden.md"), "the desk has passages of its own: {prompt}");
    assert_eq!(scene.has(&said).await, "Desk", "who asks keeps the conversation");

    let empty = json!({ "name": "ask_bicycles_co", "arguments": {} });
    let said = scene.says("s", &format!("<<{empty}>>")).await;
    assert!(said["reply"]["text"].as_str().unwrap().contains("`question` must have"), "{said}");
    let nobody = json!({ "name": "ask_nobody", "arguments": { "question": "Who?" } });
    let said = scene.says("s", &format!("<<{nobody}>>")).await;
    assert!(said["reply"]["text"].as_str().unwrap().contains("tool.unknown"), "{said}");
}

#[tokio::test]
async fn an_agent_at_the_door_finds_out_who_should_answer() {
    let mut scene = Scene::open().await;
    for name in ["Billing", "Repairs"] {
        scene.server.api.agent(name, "openai", &[]).await;
    }
    let routes = json!([
        { "to": "Billing", "when": "invoices", "examples": ["my invoice", "the bill"] },
        { "to": "Repairs", "when": "something is broken", "examples": [] },
    ]);
    let saved = scene.desk_is(&json!({ "routes": routes })).await;
    assert_eq!(saved["routes"], routes);
    let said = scene.says("a", "There is a mistake in my invoice").await;
    assert_eq!((scene.has(&said).await, scene.asked_whose()), (json!("Billing"), 1), "{said}");
    let path = format!("/api/conversations/{}/trail", said["conversation"].as_str().unwrap());
    let steps = scene.server.api.list(&path, "turns").await[0]["steps"].take();
    assert_eq!(
        (&steps[0]["calls"][0]["tool"], &steps[1]["agent_name"]),
        (&json!("route"), &json!("Billing")),
        "{steps}"
    );
    let other = scene.says("b", "Good morning").await;
    assert_eq!((scene.has(&other).await, scene.asked_whose()), (json!("Desk"), 2), "it is for nobody else");

    scene.server.kill().await;
    scene.server.restart().await;
    scene.says("a", "And now?").await;
    assert_eq!(scene.asked_whose(), 2, "who has it answers");
    let other = scene.says("b", "Look at the bill").await;
    assert_eq!(
        (scene.has(&other).await, scene.asked_whose()),
        (json!("Billing"), 3),
        "at the door each message may be"
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_field() {
    let scene = Scene::open().await;
    scene.server.api.agent("Billing", "openai", &[]).await;
    let fields = json!({
        "specialists": [{ "agent": "Desk", "when": "always" }, { "agent": "Billing", "when": " " }],
        "routes": [{ "to": "Nobody", "when": "always" }, { "to": "Billing", "when": "", "examples": [""] }],
    });
    let path = format!("/api/agents/{}", scene.desk);
    let wrong = scene.server.api.patch(&path, &fields).await;
    let told =
        ["specialists[0].agent", "specialists[1].when", "routes[0].to", "routes[1].when", "routes[1].examples[0]"];
    assert_eq!((wrong.status.as_u16(), wrong.fields()), (400, told.map(str::to_owned).into()), "{wrong:?}");
    scene.desk_is(&json!({ "routes": [{ "to": "Billing", "when": "invoices" }] })).await;
    let mute = scene.server.api.patch(&path, &json!({ "model": { "provider": "extractive" } })).await;
    assert_eq!(mute.data()["route_by"], "meaning", "it compares then");
    let without = scene.server.api.patch(&path, &json!({ "routes": [] })).await.data();
    let version = without["version"].as_u64().unwrap();
    let back = scene.server.api.post(&format!("{path}/versions/{}/restore", version - 1), &json!({})).await.data();
    assert_eq!(back["routes"][0]["to"], "Billing", "versions have it");
}
