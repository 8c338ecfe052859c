//! Writes what somebody wrote before, at the same distances.

use super::{Phone, answered};
use crate::{
    record::{Line, Who},
    scenario::Replay,
};
use std::time::Duration;

pub async fn live(phone: &dyn Phone, person: &Replay) {
    let Some(first) = person.lines.iter().find(|l| l.who == Who::Person) else { return };
    let mut number = 0;
    // The line before, how often they had been told something when they last wrote, and when they write next.
    let mut before: Option<&Line> = None;
    let (mut heard, mut due) = (0, person.starts.0);
    for line in person.lines.iter().filter(|l| l.at >= first.at) {
        if line.who == Who::Agent {
            // One wait for all that the agent said then.
            if person.waits && before.is_some_and(|b| b.who == Who::Person) {
                // Out of patience they go on, too.
                let _ = answered(phone, heard, person.patience.0).await;
                due = phone.age();
            }
            before = Some(line);
            continue;
        }
        due += before.map_or(Duration::ZERO, |b| since(b, line));
        if !person.waits {
            due = person.starts.0 + since(first, line);
        }
        phone.until(due).await;
        heard = phone.ear().count();
        phone.write(number, &line.text).await;
        number += 1;
        before = Some(line);
    }
}

fn since(earlier: &Line, later: &Line) -> Duration {
    Duration::from_millis(u64::try_from(later.at - earlier.at).unwrap_or(0))
}
