//! Templates that go out in the place of answers whose window has closed.

use crate::world::{Core, News};
use colloquy_domain::model::Speaker;

/// Whoever was asked to write is not asked again before they have. That the answers arrive then, each once and in their order,
/// holds of them as of all replies.
pub(super) fn at_rest(core: &Core, (key, _, lines): &News) {
    let outbox = core.store.outbox();
    let is_template = |id| outbox.iter().any(|s| Some(s.item.message) == id && s.item.template.is_some());
    let mut asked = false;
    for line in lines {
        match line.speaker {
            Speaker::Person => asked = false,
            Speaker::Agent if is_template(line.message) => {
                if asked {
                    let who = core.peer(key.channel, &key.peer.address);
                    core.watch.broken(core, "reply.stand_in", &who, line.text.clone());
                }
                asked = true;
            }
            _ => {}
        }
    }
}
