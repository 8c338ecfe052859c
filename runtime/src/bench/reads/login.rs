//! Signing in: what a password costs.

use super::client::Client;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const PASSWORD: &str = "a long enough password";
/// Sign-ins of one person, each from another place: what the limits of sign-ins allow.
const EACH: usize = 25;

/// One after the other.
///
/// # Errors
/// The server's.
pub async fn measure(client: &mut Client, lasting: Duration) -> anyhow::Result<Vec<Duration>> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    for person in 0..=u16::MAX {
        let [high, low] = person.to_be_bytes();
        let email = format!("person-{person}@bench.example");
        let new = json!({
            "tenantName": format!("Team {person}"), "name": "Somebody", "email": email, "password": PASSWORD,
        });
        client.post("/api/auth/register", &format!("10.{high}.{low}.0"), &new).await?;
        for place in 1..=EACH {
            if begun.elapsed() >= lasting && times.len() >= 10 {
                return Ok(times);
            }
            let from = format!("10.{high}.{low}.{place}");
            let credentials = json!({ "email": email, "password": PASSWORD });
            times.push(client.post("/api/auth/login", &from, &credentials).await?.0);
        }
    }
    Ok(times)
}
