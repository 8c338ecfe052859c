//! What WhatsApp tells of a business account: bans, restrictions, quality.

use crate::lenient::{items, text, time};
use colloquy_domain::{
    channel::ChannelEvent,
    standing::{AccountNotice, Gravity},
};
use serde_json::Value;

/// People who write cannot be answered any more.
const NO_ANSWERS: &str = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING";

/// `None` for what changes nothing about how the account stands.
pub(super) fn notice(field: &str, entry: &Value, value: &Value) -> Option<ChannelEvent> {
    let (what, gravity, detail) = match field {
        "account_update" => update(value)?,
        "phone_number_quality_update" => quality(value)?,
        "account_alerts" => alert(value)?,
        "account_review_update" => review(value)?,
        _ => return None,
    };
    Some(ChannelEvent::Account(AccountNotice { what, gravity, detail, at: time(entry, "/time") }))
}

type Read = (String, Gravity, String);

fn update(value: &Value) -> Option<Read> {
    let event = text(value, "/event")?;
    let words = |at: &str| text(value, at).unwrap_or_default().to_owned();
    let (gravity, detail) = match event {
        "DISABLED_UPDATE" => {
            let gravity = match text(value, "/ban_info/waba_ban_state")? {
                "DISABLE" => Gravity::Stop,
                "SCHEDULE_FOR_DISABLE" => Gravity::Warning,
                "REINSTATE" => Gravity::Lifted,
                _ => return None,
            };
            (gravity, format!("{} {}", words("/ban_info/waba_ban_state"), words("/ban_info/waba_ban_date")))
        }
        "ACCOUNT_RESTRICTION" => {
            let kinds = items(value, "/restriction_info").iter().filter_map(|r| text(r, "/restriction_type"));
            let kinds: Vec<&str> = kinds.collect();
            let gravity = if kinds.contains(&NO_ANSWERS) { Gravity::Stop } else { Gravity::Warning };
            (gravity, kinds.join(", "))
        }
        "ACCOUNT_VIOLATION" => (Gravity::Warning, words("/violation_info/violation_type")),
        "ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED" => (Gravity::Stop, String::new()),
        "PARTNER_APP_UNINSTALLED" | "PARTNER_REMOVED" => (Gravity::Warning, words("/disconnection_info/reason")),
        "ACCOUNT_RECONNECTED" => (Gravity::Lifted, String::new()),
        _ => return None,
    };
    Some((event.to_owned(), gravity, detail.trim().to_owned()))
}

/// Of a number's quality, which limits how many people it may write to.
fn quality(value: &Value) -> Option<Read> {
    let event = text(value, "/event")?;
    let gravity = match event {
        "FLAGGED" | "DOWNGRADE" => Gravity::Warning,
        "UNFLAGGED" | "UPGRADE" => Gravity::Good,
        _ => return None,
    };
    let parts = ["/display_phone_number", "/current_limit"].into_iter().filter_map(|at| text(value, at));
    Some((format!("QUALITY_{event}"), gravity, parts.collect::<Vec<_>>().join(" ")))
}

fn alert(value: &Value) -> Option<Read> {
    let of = |name: &str| text(value, &format!("/alert_info/{name}")).or_else(|| text(value, &format!("/{name}")));
    let grave = matches!(of("alert_severity")?, "CRITICAL" | "WARNING");
    let gravity = if grave { Gravity::Warning } else { Gravity::Good };
    Some((of("alert_type")?.to_owned(), gravity, of("alert_description").unwrap_or_default().to_owned()))
}

fn review(value: &Value) -> Option<Read> {
    let decision = text(value, "/decision")?;
    let gravity = if decision == "APPROVED" { Gravity::Good } else { Gravity::Warning };
    Some((format!("REVIEW_{decision}"), gravity, String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(field: &str, value: &Value) -> Option<(String, Gravity, String)> {
        match notice(field, &json!({ "time": 1_743_451_903 }), value)? {
            ChannelEvent::Account(n) => Some((n.what, n.gravity, n.detail)),
            _ => None,
        }
    }

    // req: C-CHN-1
    #[test]
    fn bans_stop_quality_warns_and_what_is_none_of_it_changes_nothing() {
        let of = |field, value| read(field, &value).map(|(_, gravity, detail)| (gravity, detail));
        let ban = |state: &str| json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } });
        assert_eq!(of("account_update", ban("DISABLE")), Some((Gravity::Stop, "DISABLE".into())));
        assert_eq!(of("account_update", ban("SCHEDULE_FOR_DISABLE")).map(|n| n.0), Some(Gravity::Warning));
        assert_eq!(of("account_update", ban("REINSTATE")).map(|n| n.0), Some(Gravity::Lifted));
        let restricted =
            |kind: &str| json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": [{ "restriction_type": kind }] });
        assert_eq!(of("account_update", restricted(NO_ANSWERS)).map(|n| n.0), Some(Gravity::Stop));
        let fewer = of("account_update", restricted("RESTRICTED_BIZ_INITIATED_MESSAGING"));
        assert_eq!(fewer, Some((Gravity::Warning, "RESTRICTED_BIZ_INITIATED_MESSAGING".into())));
        let flagged = json!({ "event": "FLAGGED", "display_phone_number": "15550783881", "current_limit": "TIER_1K" });
        assert_eq!(of("phone_number_quality_update", flagged), Some((Gravity::Warning, "15550783881 TIER_1K".into())));
        let alert = json!({ "alert_info": { "alert_severity": "CRITICAL", "alert_type": "OBA_APPROVED" } });
        assert_eq!(of("account_alerts", alert).map(|n| n.0), Some(Gravity::Warning));
        for nothing in [json!({ "event": "AD_ACCOUNT_LINKED" }), json!({}), json!({ "event": 7 }), json!(null)] {
            assert_eq!(of("account_update", nothing), None);
        }
    }
}
