//! People: they register, sign in, come back, forget their passwords, invite others, and see nothing of other tenants.

use crate::support::{client::Client, server::Server, wait::within};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const PASSWORD: &str = "SecurePass123!";

async fn register(api: &Client, team: &str, email: &str) -> Value {
    let body = json!({ "tenantName": team, "email": email, "password": PASSWORD, "name": "Admin User" });
    let answer = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.body
}

async fn login(api: &Client, email: &str, password: &str) -> crate::support::client::Answer {
    let body = json!({ "email": email, "password": password });
    api.attempt(api.bare(Method::POST, "/api/auth/login").json(&body)).await.unwrap()
}

async fn refresh(api: &Client, token: &Value) -> crate::support::client::Answer {
    let body = json!({ "refreshToken": token });
    api.attempt(api.bare(Method::POST, "/api/auth/refresh").json(&body)).await.unwrap()
}

fn token(signed: &Value) -> &str {
    signed["data"]["token"].as_str().expect("a token")
}

/// The secret of the link in the newest letter to `to`.
async fn link(data: &Path, to: &str) -> String {
    within(Duration::from_secs(10), "a letter", async || {
        let letters = std::fs::read_dir(data.join("mail")).ok()?.flatten();
        let mut letters: Vec<_> = letters
            .filter_map(|l| Some((l.metadata().ok()?.modified().ok()?, std::fs::read_to_string(l.path()).ok()?)))
            .filter(|(_, text)| text.contains(&format!("To: {to}")))
            .collect();
        letters.sort();
        let (_, text) = letters.pop()?;
        // Quoted-printable breaks long lines and writes `=` as `=3D`.
        let text = text.replace("=\r\n", "").replace("=3D", "=");
        let secret = text.split("/reset?token=").nth(1)?;
        Some(secret.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    })
    .await
}

// req: S3-AUTH-1
// req: S1-AUTH-5
// req: S4-USR-1
#[tokio::test]
async fn people_register_sign_in_and_are_known() {
    let server = Server::start().await;
    let api = &server.api;
    let made = register(api, "Hôtel du Lac", "Owner@Lac.example").await;
    let data = &made["data"];
    assert_eq!((&data["user"]["email"], &data["user"]["role"]), (&json!("owner@lac.example"), &json!("owner")));
    assert_eq!(data["tenant"]["slug"], "hotel-du-lac");
    assert_eq!((&made["user"], &made["token"]), (&data["user"], &data["token"]), "at the top, too");
    assert!(!made.to_string().contains("argon2"), "no hash in it");

    let owner = api.with_key(token(&made));
    let me = owner.get("/api/auth/me").await.data();
    assert_eq!((&me["user"]["id"], &me["tenant"]["id"]), (&data["user"]["id"], &data["tenant"]["id"]));
    let again = register_again(api).await;
    assert_eq!((again.status, &again.body["code"]), (StatusCode::BAD_REQUEST, &json!("EMAIL_TAKEN")));
    assert_eq!(again.body["message"], "Email déjà utilisé", "in French, as it was asked for");

    for path in ["/api/auth/login", "/auth/login"] {
        let body = json!({ "email": "owner@lac.example", "password": PASSWORD });
        let signed = api.attempt(api.bare(Method::POST, path).json(&body)).await.unwrap();
        assert_eq!((signed.status, &signed.body["user"]["id"]), (StatusCode::OK, &data["user"]["id"]), "{path}");
        assert_eq!(signed.headers["cache-control"], "no-store");
    }
    let wrong = login(api, "owner@lac.example", "another password").await;
    let nobody = login(api, "nobody@lac.example", "another password").await;
    for refused in [wrong, nobody] {
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::UNAUTHORIZED, &json!("BAD_CREDENTIALS")));
    }
}

async fn register_again(api: &Client) -> crate::support::client::Answer {
    let body = json!({ "tenantName": "Other", "email": "owner@lac.example", "password": PASSWORD, "name": "X" });
    let request = api.bare(Method::POST, "/api/auth/register").header("accept-language", "fr-FR").json(&body);
    api.attempt(request).await.unwrap()
}

// req: S0-VAL-1
// req: S4-VAL-1
#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let server = Server::start().await;
    let api = &server.api;
    let body = json!({ "tenantName": " ", "email": "nobody", "password": "short", "name": "" });
    let refused = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    let mut fields = refused.fields();
    fields.sort();
    assert_eq!(
        (refused.status, fields),
        (StatusCode::BAD_REQUEST, ["email", "name", "password", "tenantName"].map(str::to_owned).to_vec())
    );
    assert!(refused.body["message"].as_str().unwrap().starts_with("Validation failed"));
}

// req: S4-AUTH-1
#[tokio::test]
async fn who_has_no_token_is_told_so_in_their_language() {
    let server = Server::start().await;
    let api = &server.api;
    let ask = |authorization: Option<&str>, language: &str| {
        let request = api.bare(Method::GET, "/api/agents").header("accept-language", language);
        authorization
            .map_or_else(|| request.try_clone().unwrap(), |a| request.try_clone().unwrap().header("authorization", a))
    };
    for (authorization, language, message) in [
        (None, "fr", "Token manquant"),
        (Some("Bearer a.b.c"), "fr-CA, en;q=0.5", "Token invalide"),
        (Some("Bearer a.b.c"), "en", "the token is invalid, or too old"),
    ] {
        let refused = api.attempt(ask(authorization, language)).await.unwrap();
        assert_eq!((refused.status, &refused.body["message"]), (StatusCode::UNAUTHORIZED, &json!(message)));
        assert_eq!(refused.body["message"], refused.body["error"]);
    }
}

// req: S1-AUTH-1
#[tokio::test]
async fn refresh_tokens_rotate_and_a_used_one_ends_its_session() {
    let server = Server::start().await;
    let api = &server.api;
    let made = register(api, "Team", "a@team.example").await;
    let first = &made["data"]["refreshToken"];
    let second = refresh(api, first).await.data();
    let owner = api.with_key(second["token"].as_str().unwrap());
    assert_eq!(owner.get("/api/auth/me").await.status, StatusCode::OK);
    assert_eq!(refresh(api, first).await.status, StatusCode::UNAUTHORIZED, "used before");
    assert_eq!(
        refresh(api, &second["refreshToken"]).await.status,
        StatusCode::UNAUTHORIZED,
        "so nobody has it any more"
    );
    let ended = owner.get("/api/auth/me").await;
    assert_eq!((ended.status, &ended.body["code"]), (StatusCode::UNAUTHORIZED, &json!("TOKEN_INVALID")));
    assert_eq!(refresh(api, &json!("invented")).await.status, StatusCode::UNAUTHORIZED);

    let signed = login(api, "a@team.example", PASSWORD).await.data();
    let again = api.with_key(signed["token"].as_str().unwrap());
    assert_eq!(again.get("/api/auth/sessions").await.data()["sessions"].as_array().unwrap().len(), 1);
    again.post("/api/auth/logout", &json!({})).await.data();
    assert_eq!(again.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(api, &signed["refreshToken"]).await.status, StatusCode::UNAUTHORIZED);
}

// req: S4-RL-1
// req: S1-RL-1
#[tokio::test]
async fn the_sixth_sign_in_has_to_wait() {
    let server = Server::start().await;
    let api = &server.api;
    register(api, "Team", "a@team.example").await;
    for _ in 0..5 {
        assert_eq!(login(api, "a@team.example", "a wrong one").await.status, StatusCode::UNAUTHORIZED);
    }
    let late = login(api, "A@team.example", PASSWORD).await;
    assert_eq!((late.status, &late.body["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("TOO_MANY_REQUESTS")));
    let wait: u64 = late.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((800..=900).contains(&wait), "{wait}");
    assert_eq!(login(api, "b@team.example", PASSWORD).await.status, StatusCode::UNAUTHORIZED, "others need not wait");
}

// req: S1-TEN-1
#[tokio::test]
async fn an_invitation_and_a_forgotten_password_travel_as_letters() {
    let server = Server::start().await;
    let api = &server.api;
    let made = register(api, "Team", "a@team.example").await;
    let owner = api.with_key(token(&made));
    let tenant = made["data"]["tenant"]["id"].as_str().unwrap();
    let guest = json!({ "email": "b@team.example", "firstName": "Bea", "lastName": "Doe", "role": "TENANT_USER" });
    let invited = owner.post(&format!("/api/tenants/{tenant}/users"), &guest).await.data();
    assert_eq!((&invited["status"], &invited["role"]), (&json!("invited"), &json!("operator")));
    assert_eq!(login(api, "b@team.example", PASSWORD).await.status, StatusCode::UNAUTHORIZED, "no password yet");
    let secret = link(&server.place.data_dir(), "b@team.example").await;
    let reset = |secret: String, password: &'static str| async move {
        let body = json!({ "token": secret, "password": password });
        api.attempt(api.bare(Method::POST, "/api/auth/reset").json(&body)).await.unwrap()
    };
    reset(secret.clone(), PASSWORD).await.data();
    assert_eq!(reset(secret, "Another123!").await.body["code"], "LINK_INVALID", "it opens once");
    let signed = login(api, "b@team.example", PASSWORD).await.data();
    let guest = api.with_key(signed["token"].as_str().unwrap());
    assert_eq!(guest.get("/api/agents").await.status, StatusCode::OK);

    let forgot = |email: &'static str| async move {
        let body = json!({ "email": email });
        api.attempt(api.bare(Method::POST, "/api/auth/forgot").json(&body)).await.unwrap()
    };
    let (known, unknown) = (forgot("b@team.example").await, forgot("nobody@team.example").await);
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body), "nothing shows who exists");
    let again = within(Duration::from_secs(10), "another letter", async || {
        let secret = link(&server.place.data_dir(), "b@team.example").await;
        let done = reset(secret, "Different123!").await;
        done.status.is_success().then_some(())
    });
    again.await;
    assert_eq!(guest.get("/api/agents").await.status, StatusCode::UNAUTHORIZED, "all sessions ended");
    assert_eq!(login(api, "b@team.example", "Different123!").await.status, StatusCode::OK);
}

// req: S1-AUTH-3
// req: S2-TEN-1
// req: S3-TEN-1
#[tokio::test]
async fn roles_and_scopes_hold_and_tenants_never_meet() {
    let server = Server::start().await;
    let api = &server.api;
    let (one, two) = (register(api, "One", "a@one.example").await, register(api, "Two", "a@two.example").await);
    let (one_id, one) = (one["data"]["tenant"]["id"].as_str().unwrap(), api.with_key(token(&one)));
    let two = api.with_key(token(&two));
    let agent = one.agent("Echo", "scripted", &[]).await;
    assert_eq!(two.get(&format!("/api/agents/{agent}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(two.get("/api/agents").await.data()["pagination"]["total"], 0);
    assert_eq!(two.get(&format!("/api/tenants/{one_id}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(two.get(&format!("/api/tenants/{one_id}/users")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(two.get("/api/tenants").await.status, StatusCode::FORBIDDEN, "the platform administrator's");

    let operator = json!({ "email": "o@one.example", "name": "Op", "password": PASSWORD });
    let made = one.post("/api/users", &operator).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let operator = api.with_key(made.body["token"].as_str().unwrap());
    assert_eq!(operator.get("/api/agents").await.status, StatusCode::OK);
    let refused = operator.post("/api/agents", &json!({ "name": "X" })).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::FORBIDDEN, &json!("FORBIDDEN")));
    assert_eq!(
        operator.post("/api/users", &json!({ "email": "x@one.example", "name": "X" })).await.status,
        StatusCode::FORBIDDEN
    );
    let admin = json!({ "email": "p@one.example", "name": "P", "password": PASSWORD, "role": "platform_admin" });
    assert_eq!(
        one.post("/api/users", &admin).await.status,
        StatusCode::FORBIDDEN,
        "nobody raises anybody above themselves"
    );

    let key = one.post("/api/api-keys", &json!({ "name": "reader", "scopes": ["agents:read"] })).await.data();
    let reader = api.with_key(key["key"].as_str().unwrap());
    assert_eq!(reader.get("/api/agents").await.status, StatusCode::OK);
    let lacking = reader.get("/api/channels").await;
    assert_eq!(lacking.status, StatusCode::FORBIDDEN);
    assert!(lacking.body["message"].as_str().unwrap().contains("channels:read"));
    let listed = one.get("/api/api-keys").await;
    assert!(!listed.text.contains(key["key"].as_str().unwrap()), "shown once");
    one.delete(&format!("/api/api-keys/{}", key["id"].as_str().unwrap())).await.data();
    assert_eq!(reader.get("/api/agents").await.status, StatusCode::UNAUTHORIZED);

    let acts = one.list("/api/audit", "audit").await;
    let acts: Vec<_> = acts.iter().map(|a| a["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["api_key.revoked", "api_key.created", "user.created"], "the newest first");
}
