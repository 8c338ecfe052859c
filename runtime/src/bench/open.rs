//! Messages at a fixed rate, whether or not earlier ones are answered: whoever waits does not make the load smaller.

use super::neighbour::Ask;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How messages fared.
#[derive(Debug, Default)]
pub struct Fared {
    pub times: Vec<Duration>,
    pub unanswered: u64,
}

impl Fared {
    pub fn add(&mut self, took: Option<Duration>) {
        match took {
            Some(took) => self.times.push(took),
            None => self.unanswered += 1,
        }
    }

    pub fn extend(&mut self, more: Self) {
        self.times.extend(more.times);
        self.unanswered += more.unanswered;
    }
}

/// Messages until `over`; returns once the last reply is there.
pub async fn at_rate(asker: impl Ask, rate: f64, over: Arc<AtomicBool>) -> Fared {
    let (start, mut fared, mut asked) = (Instant::now(), Fared::default(), JoinSet::new());
    let mut written = 0_u64;
    while !over.load(Ordering::Relaxed) {
        sleep_until(start + Duration::from_secs_f64(written as f64 / rate)).await;
        let (asker, number) = (asker.clone(), written);
        asked.spawn(async move { asker.ask(number).await });
        written += 1;
        while let Some(done) = asked.try_join_next() {
            fared.add(done.ok().flatten());
        }
    }
    for took in asked.join_all().await {
        fared.add(took);
    }
    fared
}
