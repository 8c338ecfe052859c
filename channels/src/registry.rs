//! The explicit list of channels.

use crate::{
    http::ChannelOptions, instagram::Instagram, line::Line, messenger::Messenger, telegram::Telegram, twilio::Twilio,
    voice::Voice, webchat::WebChat, whatsapp::WhatsApp,
};
use colloquy_domain::{channel::ChannelKind, ports::ChannelDriver};
use std::{collections::BTreeMap, sync::Arc};

/// All channels of this build.
#[must_use]
pub fn drivers(options: &ChannelOptions) -> Vec<Arc<dyn ChannelDriver>> {
    vec![
        Arc::new(Telegram::new(options)),
        Arc::new(WhatsApp::new(options)),
        Arc::new(Messenger::new(options)),
        Arc::new(Instagram::new(options)),
        Arc::new(Twilio::sms(options)),
        Arc::new(Twilio::whatsapp(options)),
        Arc::new(Line::new(options)),
        Arc::new(WebChat),
        Arc::new(Voice),
    ]
}

/// Finds a driver by its kind.
#[derive(Clone)]
pub struct Registry(BTreeMap<ChannelKind, Arc<dyn ChannelDriver>>);

impl Registry {
    #[must_use]
    pub fn new(options: &ChannelOptions) -> Self {
        Self::of(drivers(options))
    }

    /// A registry of exactly these drivers (tests, and builds with channels of their own).
    #[must_use]
    pub fn of(drivers: Vec<Arc<dyn ChannelDriver>>) -> Self {
        Self(drivers.into_iter().map(|d| (d.kind(), d)).collect())
    }

    #[must_use]
    pub fn get(&self, kind: &ChannelKind) -> Option<Arc<dyn ChannelDriver>> {
        self.0.get(kind).cloned()
    }

    /// All kinds, in alphabetical order.
    pub fn kinds(&self) -> impl Iterator<Item = &ChannelKind> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::options;

    #[test]
    fn every_channel_is_found_under_its_own_name() {
        let registry = Registry::new(&options());
        let kinds: Vec<_> = registry.kinds().map(ChannelKind::as_str).collect();
        let expected = [
            "instagram",
            "line",
            "messenger",
            "telegram",
            "twilio_sms",
            "twilio_whatsapp",
            "voice",
            "webchat",
            "whatsapp",
        ];
        assert_eq!(kinds, expected);
        for kind in registry.kinds() {
            assert_eq!(registry.get(kind).map(|d| d.kind()).as_ref(), Some(kind));
        }
        assert!(registry.get(&ChannelKind::of("fax")).is_none());
    }

    #[test]
    fn fields_are_named_once_and_explained() {
        for driver in drivers(&options()) {
            let mut names: Vec<_> = driver.fields().iter().map(|f| f.name).collect();
            assert!(driver.fields().iter().all(|f| f.help.len() > 10));
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), driver.fields().len(), "{}", driver.kind());
        }
    }
}
