//! Journeys: a model that books a table step by step, and one that would rather not.

use crate::support::{
    server::{Place, Server},
    services::Services,
};
use serde_json::{Value, json};

struct Scene {
    services: Services,
    server: Server,
    agent: String,
}

impl Scene {
    async fn open() -> Self {
        let services = Services::start().await;
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        server.api.put("/api/integrations/google", &services.google()).await.data();
        let agent = server.api.agent("Host", "openai", &[]).await;
        let fields = json!({ "tools": ["make_reservation", "hand_over"], "journeys": [table()], "max_steps": 10 });
        let saved = server.api.patch(&format!("/api/agents/{agent}"), &fields).await.data();
        assert_eq!(saved["journeys"], fields["journeys"], "as it was written");
        Self { services, server, agent }
    }

    async fn says(&self, calls: &[Value]) -> Value {
        let calls: String = calls.iter().map(|call| format!("<<{call}>>")).collect();
        let body = json!({ "agent": "Host", "session": "s", "message": format!("A table. {calls}") });
        self.server.api.chat(&body).await.data()
    }

    /// Where the conversation stands.
    async fn stands(&self, said: &Value) -> Value {
        let path = format!("/api/conversations/{}", said["conversation"].as_str().unwrap());
        self.server.api.get(&path).await.data()["journeys"].take()
    }

    /// The tools of the last completion that was asked for, and its instructions.
    fn offered(&self) -> (Vec<String>, String) {
        let prompt = self.services.prompts().pop().unwrap();
        let tools = prompt["tools"].as_array().cloned().unwrap_or_default();
        let names = tools.iter().map(|t| t["function"]["name"].as_str().unwrap().to_owned()).collect();
        (names, prompt["messages"][0]["content"].as_str().unwrap().to_owned())
    }

    async fn reservations(&self) -> Vec<Value> {
        self.server.api.list("/api/reservations", "reservations").await
    }
}

fn table() -> Value {
    json!({ "name": "table", "when": "somebody wants a table", "steps": [
        { "name": "when", "say": "Ask for the day, the time and the number of people.", "slots": [
            { "name": "date", "type": "date", "min": "today" },
            { "name": "time", "type": "text", "pattern": "##:##" },
            { "name": "people", "about": "how many", "type": "integer", "min": 1, "max": 12 }] },
        { "name": "who", "say": "Ask for the name and a number to call.", "slots": [
            { "name": "name", "type": "text", "max": 80 }, { "name": "phone", "type": "phone" }] },
        { "name": "wishes", "if": { "at_least": { "slot": "people", "value": 8 } }, "say": "Ask for allergies.",
          "slots": [{ "name": "notes", "type": "text", "required": false }] },
        { "name": "book", "tool": { "name": "make_reservation", "arguments": {
            "date": { "slot": "date" }, "time": { "slot": "time" }, "party_size": { "slot": "people" },
            "name": { "slot": "name" }, "phone": { "slot": "phone" }, "notes": { "slot": "notes" } } } },
        { "name": "done", "say": "Say that the table is booked." },
    ]})
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "name": name, "arguments": arguments })
}

#[tokio::test]
async fn a_table_is_booked_when_all_is_known_and_never_before() {
    let mut scene = Scene::open().await;
    let made_up =
        json!({ "date": "2099-05-01", "time": "19:30", "party_size": 4, "name": "Ada", "phone": "0612345678" });
    let early = call("make_reservation", &made_up);
    let begin = call("begin_journey", &json!({ "journey": "table" }));
    let wrong = call("fill", &json!({ "date": "2099-02-30", "people": 40, "time": "19:30" }));
    let said = scene.says(&[early.clone(), begin, early.clone(), wrong]).await;
    let text = said["reply"]["text"].as_str().unwrap();
    assert!(text.contains("date must be a date, written as 2026-03-01; people must be at most 12"), "{said}");
    assert_eq!(scene.reservations().await, Vec::<Value>::new(), "nothing is booked yet");
    let stands = scene.stands(&said).await;
    assert_eq!((&stands[0]["state"], &stands[0]["step"]), (&json!("under_way"), &json!("when")), "{stands}");
    assert_eq!((&stands[0]["slots"], &stands[0]["agent"]), (&json!({ "time": "19:30" }), &json!(scene.agent)));
    let (tools, instructions) = scene.offered();
    assert_eq!(tools, ["hand_over", "fill", "leave_journey"]);
    assert!(instructions.contains("Ask for the day, the time and the number of people."), "{instructions}");

    scene.server.kill().await;
    scene.server.restart().await;
    let fill = |values: Value| call("fill", &values);
    let said = scene.says(&[fill(json!({ "date": "2099-05-01", "people": 4, "name": "Ada" }))]).await;
    assert_eq!(scene.stands(&said).await[0]["step"], "who", "whatever happens to the program");
    let lied = call("make_reservation", &json!({ "party_size": 12, "date": "2099-12-31" }));
    let said = scene.says(&[early.clone(), fill(json!({ "phone": "+33 6 12 34 56 78" })), lied, early]).await;
    assert_eq!(said["outcome"], "answered", "{said}");
    let booked = scene.reservations().await;
    assert_eq!(booked.len(), 1, "{booked:?}");
    let is = [&booked[0]["name"], &booked[0]["partySize"], &booked[0]["date"]];
    assert_eq!(is, [&json!("Ada"), &json!(4), &json!("2099-05-01")], "what the slots hold: {booked:?}");
    let stands = scene.stands(&said).await;
    assert_eq!((&stands[0]["state"], &stands[0]["step"]), (&json!("over"), &Value::Null), "{stands}");
    let (tools, instructions) = scene.offered();
    assert_eq!(tools, ["hand_over", "begin_journey"]);
    assert!(instructions.contains("Tell the person with your next answer: Say that the table is booked."));
}

#[tokio::test]
async fn who_leaves_a_journey_can_take_it_up_again() {
    let scene = Scene::open().await;
    let begin = call("begin_journey", &json!({ "journey": "table" }));
    let fill = call("fill", &json!({ "people": 10 }));
    let said = scene.says(&[begin.clone(), fill, call("leave_journey", &json!({ "reason": "only asking" }))]).await;
    let stands = scene.stands(&said).await;
    assert_eq!((&stands[0]["state"], &stands[0]["reason"]), (&json!("left"), &json!("only asking")), "{stands}");
    let said = scene.says(&[begin]).await;
    assert!(said["reply"]["text"].as_str().unwrap().contains("Known from before: people = 10."), "{said}");
    assert_eq!(scene.stands(&said).await[0]["state"], "under_way");
}

#[tokio::test]
async fn what_is_wrong_with_a_journey_is_told_with_its_field() {
    let scene = Scene::open().await;
    let path = format!("/api/agents/{}", scene.agent);
    let wrong = async |change: &dyn Fn(&mut Value)| {
        let mut journey = table();
        change(&mut journey);
        let answer = scene.server.api.patch(&path, &json!({ "journeys": [journey] })).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.fields()
    };
    assert_eq!(wrong(&|j| j["steps"][1]["name"] = json!("when")).await, ["journeys[0].steps[1].name"]);
    assert_eq!(
        wrong(&|j| j["steps"][0]["slots"][2]["max"] = json!("many")).await,
        ["journeys[0].steps[0].slots[2].max"]
    );
    assert_eq!(
        wrong(&|j| j["steps"][0]["slots"][2]["type"] = json!("crowd")).await,
        ["journeys[0].steps[0].slots[2].type"]
    );
    assert_eq!(wrong(&|j| j["steps"][2]["if"] = json!({ "filled": "notes" })).await, ["journeys[0].steps[2].if"]);
    assert_eq!(wrong(&|j| j["steps"][0]["next"] = json!("when")).await, ["journeys[0].steps[0].next"]);
    let tool = "journeys[0].steps[3].tool";
    let arguments = format!("{tool}.arguments");
    assert_eq!(wrong(&|j| j["steps"][3]["tool"]["name"] = json!("search_knowledge")).await, [format!("{tool}.name")]);
    let unknown = |j: &mut Value| j["steps"][3]["tool"]["arguments"]["colour"] = json!({ "value": "red" });
    assert_eq!(wrong(&unknown).await, std::slice::from_ref(&arguments));
    let missing = |j: &mut Value| _ = j["steps"][3]["tool"]["arguments"].as_object_mut().unwrap().remove("date");
    assert_eq!(wrong(&missing).await, [arguments]);
    let mute = scene.server.api.patch(&path, &json!({ "model": { "provider": "extractive" } })).await;
    assert_eq!((mute.status.as_u16(), mute.fields()), (400, vec!["journeys".to_owned()]), "{mute:?}");
    let without = scene.server.api.patch(&path, &json!({ "tools": [] })).await;
    assert_eq!(without.fields(), [format!("{tool}.name")], "a tool that a journey needs is not taken away");
}

#[tokio::test]
async fn versions_and_drafts_of_an_agent_have_its_journeys() {
    let scene = Scene::open().await;
    let path = format!("/api/agents/{}", scene.agent);
    let api = &scene.server.api;
    api.patch(&path, &json!({ "journeys": [] })).await.data();
    let last = api.get(&path).await.data()["version"].as_u64().unwrap();
    let changed = api.get(&format!("{path}/versions/{last}")).await.data();
    assert_eq!(changed["changes"][0]["field"], "journeys", "{changed}");
    let back = api.post(&format!("{path}/versions/{}/restore", last - 1), &json!({})).await.data();
    assert_eq!(back["journeys"], json!([table()]));
}
