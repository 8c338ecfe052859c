//! What is on both sides, as a person reads it.

use crate::out;
use colloquy_store::transfer::Compared;

/// Digits of a checksum that are shown: enough to see a difference.
const SHOWN: usize = 16;

/// A count and a checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    /// Hexadecimal digits.
    pub checksum: String,
}

/// One kind of thing on both sides.
pub struct Line {
    pub what: &'static str,
    pub source: Sum,
    pub target: Sum,
}

impl Line {
    pub fn of_rows(compared: &Compared) -> Self {
        let sum = |rows: &colloquy_store::transfer::Rows| Sum { count: rows.count, checksum: rows.hex() };
        Self { what: compared.table, source: sum(&compared.source), target: sum(&compared.target) }
    }

    pub fn is_same(&self) -> bool {
        self.source == self.target
    }

    fn cells(&self) -> Vec<String> {
        let short = |sum: &Sum| sum.checksum.chars().take(SHOWN).collect();
        let result = if self.is_same() { "same" } else { "DIFFERENT" };
        let (source, target) = (self.source.count.to_string(), self.target.count.to_string());
        vec![self.what.to_owned(), source, target, short(&self.source), short(&self.target), result.to_owned()]
    }
}

pub fn print(lines: &[Line]) {
    let heading = ["WHAT", "HERE", "THERE", "CHECKSUM HERE", "CHECKSUM THERE", "RESULT"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(Line::cells));
    out::table(&rows);
}
