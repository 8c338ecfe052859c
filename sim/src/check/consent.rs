//! What became of what people said about being written to.

use crate::world::{Core, News};
use colloquy_domain::message::Outcome;
use std::collections::BTreeMap;

/// Each time that a provider told of it is in the conversation once, as what it is, and nobody was answered.
pub fn at_rest(core: &Core, news: &[News]) {
    let mut heard: BTreeMap<String, u64> = BTreeMap::new();
    for (key, inbox, _) in news {
        let who = core.peer(key.channel, &key.peer.address);
        for (item, outcome) in inbox.iter().filter(|(item, _)| item.inbound.content.withdraws_consent().is_some()) {
            *heard.entry(who.clone()).or_default() += 1;
            if matches!(outcome, Some(Outcome::Answered { .. } | Outcome::Merged { .. })) {
                core.watch.broken(core, "consent.heard", &who, format!("#{} was answered", item.seq));
            }
        }
    }
    for (who, said) in core.watch.all_consented() {
        let is = heard.get(&who).copied().unwrap_or(0);
        if is != said {
            core.watch.broken(core, "consent.heard", &who, format!("said {said} times, understood {is} times"));
        }
    }
}
