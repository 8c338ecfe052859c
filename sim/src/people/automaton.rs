//! Goes on when they were answered, or when they have waited long enough.

use super::{Phone, answered, typing};
use crate::scenario::Automaton;

pub async fn live(phone: &dyn Phone, person: &Automaton) {
    phone.until(person.starts.0).await;
    for (number, text) in (0..).zip(&person.says) {
        tokio::time::sleep(typing(text, person.typing)).await;
        let heard = phone.ear().count();
        phone.write(number, text).await;
        if phone.chance("burst", number) < person.burst {
            continue;
        }
        // Out of patience they go on, too.
        let _ = answered(phone, heard, person.patience.0).await;
        if phone.ear().heard(&person.until_told) || person.until.as_ref().is_some_and(|u| phone.holds(u)) {
            break;
        }
    }
}
