use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was ordered, at the price of that time. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    v: u16,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    item: Uuid,
    name: String,
    quantity: u32,
    price: i64,
}

impl OrderRecord {
    /// Of item, name, quantity and price of one.
    pub fn new(lines: impl Iterator<Item = (Uuid, String, u32, i64)>) -> Self {
        let line = |(item, name, quantity, price)| Line { item, name, quantity, price };
        Self { v: 1, lines: lines.map(line).collect() }
    }

    /// Item, name, quantity and price of one.
    pub fn parts(self) -> impl Iterator<Item = (Uuid, String, u32, i64)> {
        self.lines.into_iter().map(|l| (l.item, l.name, l.quantity, l.price))
    }
}
