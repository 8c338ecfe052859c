//! Counts of requests as JSON. Version 1 of the signals.

use colloquy_domain::rate::{Caller, Rate, Subject};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct CountRecord {
    rate: RateRecord,
    #[serde(flatten)]
    caller: CallerRecord,
    n: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RateRecord {
    Api,
    Upload,
    Chat,
    Payment,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallerRecord {
    Person(Uuid),
    Key(Uuid),
    Address(IpAddr),
}

impl From<(Subject, u32)> for CountRecord {
    fn from((subject, n): (Subject, u32)) -> Self {
        let rate = match subject.rate {
            Rate::Api => RateRecord::Api,
            Rate::Upload => RateRecord::Upload,
            Rate::Chat => RateRecord::Chat,
            Rate::Payment => RateRecord::Payment,
        };
        let caller = match subject.caller {
            Caller::Person(id) => CallerRecord::Person(id),
            Caller::Key(id) => CallerRecord::Key(id),
            Caller::Address(address) => CallerRecord::Address(address),
        };
        Self { rate, caller, n }
    }
}

impl From<CountRecord> for (Subject, u32) {
    fn from(CountRecord { rate, caller, n }: CountRecord) -> Self {
        let rate = match rate {
            RateRecord::Api => Rate::Api,
            RateRecord::Upload => Rate::Upload,
            RateRecord::Chat => Rate::Chat,
            RateRecord::Payment => Rate::Payment,
        };
        let caller = match caller {
            CallerRecord::Person(id) => Caller::Person(id),
            CallerRecord::Key(id) => Caller::Key(id),
            CallerRecord::Address(address) => Caller::from_address(address),
        };
        (Subject { rate, caller }, n)
    }
}
