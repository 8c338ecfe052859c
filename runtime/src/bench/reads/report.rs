//! The table: each endpoint's times, one request after the other and several at once.

use super::{
    super::{
        figures::Percentiles,
        report::{Target, at_most, cells, print_targets, section},
    },
    AT_ONCE, Work,
};
use crate::out;
use serde::Serialize;
use std::time::Duration;

/// The longest that the 99th of 100 requests may take.
const P99: f64 = 20.0;

/// In milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    pub requests: usize,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Times {
    fn of(times: Vec<Duration>) -> Self {
        let max = times.iter().max().map_or(0.0, |t| t.as_secs_f64() * 1000.0);
        let (requests, Percentiles { p50, p99 }) = (times.len(), Percentiles::of(times));
        Self { requests, p50, p99, max }
    }
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub name: &'static str,
    pub alone: Times,
    pub together: Times,
}

impl Measured {
    pub fn new(name: &'static str, alone: Vec<Duration>, together: Vec<Duration>) -> Self {
        Self { name, alone: Times::of(alone), together: Times::of(together) }
    }
}

/// How the database was filled, both tenants together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Filling {
    pub messages: usize,
    pub seconds: f64,
}

/// What `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub database: &'static str,
    pub messages: usize,
    pub contacts: usize,
    pub at_once: usize,
    pub filling: Filling,
    /// The yardstick: an answer without any work.
    pub bare: Measured,
    pub endpoints: Vec<Measured>,
    /// Signing in, one after the other; with argon2id in so many KiB.
    pub login: Percentiles,
    pub login_kib: u32,
    pub targets: Vec<Target>,
}

impl Report {
    pub fn new(
        database: &'static str,
        work: Work,
        filling: Filling,
        bare: Measured,
        endpoints: Vec<Measured>,
        login: Percentiles,
    ) -> Self {
        let p99 = |e: &Measured| at_most(&format!("{}, p99 in ms", e.name), P99, Some(e.alone.p99));
        let mut targets: Vec<Target> = endpoints.iter().map(p99).collect();
        let worst = endpoints.iter().map(|e| e.together.p99).fold(0.0, f64::max);
        targets.push(at_most(&format!("the slowest, {AT_ONCE} at once, p99 in ms"), P99, Some(worst)));
        let Work { messages, contacts, .. } = work;
        let login_kib = colloquy_api::Passwords::KIB;
        Self { database, messages, contacts, at_once: AT_ONCE, filling, bare, endpoints, login, login_kib, targets }
    }

    pub fn print(&self) {
        out::line(format_args!(
            "{}: {} messages of {} contacts; with another tenant's, {} messages written in {:.0} s ({:.0}/s).",
            self.database,
            self.messages,
            self.contacts,
            self.filling.messages,
            self.filling.seconds,
            self.filling.messages as f64 / self.filling.seconds
        ));
        let at_once = format!("{AT_ONCE} at once: p50");
        let mut rows = vec![cells(["", "p50", "p99", "max (ms)", &at_once, "p99", "max"])];
        let times = |t: &Times| [t.p50, t.p99, t.max].map(|ms| format!("{ms:.2}"));
        for e in [&self.bare].into_iter().chain(&self.endpoints) {
            let [p50, p99, max] = times(&e.alone);
            let [p50_of_4, p99_of_4, max_of_4] = times(&e.together);
            rows.push(cells([&format!("  {}", e.name), &p50, &p99, &max, &p50_of_4, &p99_of_4, &max_of_4]));
        }
        section("Reads over HTTP, one after the other", &rows);
        out::line("");
        out::line(format_args!(
            "Signing in: p50 {:.1} ms, p99 {:.1} ms, one after the other; argon2id in {} KiB for each.",
            self.login.p50, self.login.p99, self.login_kib
        ));
        print_targets(&self.targets);
    }
}
