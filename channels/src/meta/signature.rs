use colloquy_domain::channel::{ChannelAccount, Handshake, WebhookRejection, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Answers `GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`.
pub(crate) fn handshake(account: &ChannelAccount, request: &WebhookRequest<'_>) -> Handshake {
    let query = |name: &str| request.query.get(name).map_or("", String::as_str);
    let expected = account.secret("verify_token").unwrap_or_default();
    let right: bool = query("hub.verify_token").as_bytes().ct_eq(expected.as_bytes()).into();
    if expected.is_empty() || !right || query("hub.mode") != "subscribe" || query("hub.challenge").is_empty() {
        return Handshake::Forbidden;
    }
    Handshake::Challenge(query("hub.challenge").to_owned())
}

/// Verifies `X-Hub-Signature-256` over the raw bytes, then reads them. An account without a secret accepts nothing.
pub(crate) fn verified(account: &ChannelAccount, request: &WebhookRequest<'_>) -> Result<Value, WebhookRejection> {
    if !is_signed(account, request) {
        return Err(WebhookRejection::Unauthenticated);
    }
    let value: Value =
        serde_json::from_slice(request.body).map_err(|e| WebhookRejection::Malformed(format!("not JSON: {e}")))?;
    if value.is_object() { Ok(value) } else { Err(WebhookRejection::Malformed("not a JSON object".to_owned())) }
}

fn is_signed(account: &ChannelAccount, request: &WebhookRequest<'_>) -> bool {
    let secret = account.secret("app_secret").unwrap_or_default();
    let header = request.headers.get("x-hub-signature-256").map_or("", String::as_str);
    let Some(Ok(signature)) = header.strip_prefix("sha256=").map(hex::decode) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(request.body);
    // In constant time, and false for a signature of another length.
    !secret.is_empty() && mac.verify_slice(&signature).is_ok()
}
