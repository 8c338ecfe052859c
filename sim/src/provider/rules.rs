//! What providers take: how much text, and how long after a person wrote. What they state, written down once more on purpose, as
//! the rates are.

use super::twilio;
use colloquy_domain::channel::ChannelAccount;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// For words of people, where the account was granted the tag for them.
const HUMAN_AGENT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Messages that one SMS may be cut into.
const SEGMENTS: usize = 10;

/// Why a text is not taken.
pub fn unfit(kind: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("no text".to_owned());
    }
    let (is, most, unit) = match kind {
        "instagram" => (text.len(), 1_000, "bytes"),
        "messenger" => (text.chars().count(), 2_000, "characters"),
        "line" => (text.encode_utf16().count(), 5_000, "UTF-16 units"),
        "twilio_sms" if twilio::segments(text) > SEGMENTS => (twilio::segments(text), SEGMENTS, "segments"),
        "twilio_sms" | "twilio_whatsapp" => (text.chars().count(), 1_600, "characters"),
        _ => (text.chars().count(), 4_096, "characters"),
    };
    (is > most).then(|| format!("{is} {unit}"))
}

/// How long after a person's last message a text may be sent, if there is such a limit. `by_hand`: with the tag for words of people.
pub fn window(account: &ChannelAccount, by_hand: bool) -> Option<Duration> {
    match account.kind.as_str() {
        "messenger" | "instagram" if by_hand && account.setting("human_agent") == Some("true") => Some(HUMAN_AGENT),
        "whatsapp" | "messenger" | "instagram" | "twilio_whatsapp" => Some(DAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_counts_in_its_own_unit() {
        for (kind, fits, most) in [
            ("instagram", "é", 500),
            ("messenger", "é", 2_000),
            ("line", "😀", 2_500),
            ("telegram", "é", 4_096),
            ("twilio_whatsapp", "é", 1_600),
            ("twilio_sms", "a", 1_530),
            // ê is not in the alphabet of SMS.
            ("twilio_sms", "ê", 670),
        ] {
            assert_eq!(unfit(kind, &fits.repeat(most)), None, "{kind}");
            assert!(unfit(kind, &fits.repeat(most + 1)).is_some(), "{kind}");
        }
        assert!(unfit("line", "").is_some());
    }
}
