//! Whose log a stream is: written into the stream when it is made, never changed.

use async_nats::jetstream::stream::Config;
use std::collections::HashMap;
use uuid::Uuid;

/// Begins the description of a lane's stream. Servers before 2.10 keep no metadata: there the description is read.
const MARK: &str = "colloquy-log";

/// What a lane's stream is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Identity {
    /// The log, drawn when it was made: a log that was made anew is another one.
    pub log: Uuid,
    pub lane: u8,
    pub lanes: u8,
    /// On lane 0: all lanes were made. A lane that is missing from then on was lost.
    pub complete: bool,
}

impl Identity {
    /// Writes it into a configuration.
    pub fn mark(self, config: &mut Config) {
        let fields = self.fields();
        let words: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        config.description = Some(format!("{MARK} {}", words.join(" ")));
        config.metadata.extend(fields.map(|(name, value)| (format!("{MARK}-{name}"), value)));
    }

    fn fields(self) -> [(&'static str, String); 4] {
        [
            ("id", self.log.to_string()),
            ("lane", self.lane.to_string()),
            ("lanes", self.lanes.to_string()),
            ("complete", self.complete.to_string()),
        ]
    }

    /// `None` if the stream is no lane of a log.
    pub fn of(config: &Config) -> Option<Self> {
        let kept = |name: &str| config.metadata.get(&format!("{MARK}-{name}")).map(String::as_str);
        Self::from_fields(kept).or_else(|| {
            let words = config.description.as_deref()?.strip_prefix(MARK)?;
            let words: HashMap<&str, &str> = words.split_whitespace().filter_map(|w| w.split_once('=')).collect();
            Self::from_fields(|name| words.get(name).copied())
        })
    }

    fn from_fields<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            log: field("id")?.parse().ok()?,
            lane: field("lane")?.parse().ok()?,
            lanes: field("lanes")?.parse().ok()?,
            complete: field("complete")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_with_and_without_metadata() {
        let identity = Identity { log: Uuid::from_u128(7), lane: 3, lanes: 8, complete: true };
        let mut config = Config { metadata: HashMap::from([("_nats.level".into(), "1".into())]), ..Config::default() };
        identity.mark(&mut config);
        assert_eq!(config.metadata.len(), 5, "what the server wrote there stays");
        let edited = Config { description: Some("our log".into()), ..config.clone() };
        let older = Config { metadata: HashMap::new(), ..config.clone() };
        for config in [config, edited, older] {
            assert_eq!(Identity::of(&config), Some(identity));
        }
        assert_eq!(Identity::of(&Config { description: Some("orders".into()), ..Config::default() }), None);
    }
}
