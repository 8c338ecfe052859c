//! Whether two databases hold the same rows.

use super::{PAGE, TABLES, Table, Transfer, page};
use crate::db::{Reads, Value, hash_record};
use colloquy_domain::ports::StoreError;

/// The contents of a table: equal for equal contents, in whatever order and database they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    pub count: u64,
    /// The exclusive or of the SHA-256 of each row, all its columns.
    pub checksum: [u8; 32],
}

/// A table on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    pub table: &'static str,
    pub source: Rows,
    pub target: Rows,
}

impl Rows {
    fn add(&mut self, row: Vec<Value>) {
        self.count += 1;
        // A table's rows differ in their keys: no two of them can cancel each other out.
        self.checksum.iter_mut().zip(hash_record(row)).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// The checksum as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.checksum)
    }
}

impl Compared {
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

impl Transfer {
    /// Reads every row of both sides, table by table.
    ///
    /// # Errors
    /// Either store's.
    pub async fn compare(&self) -> Result<Vec<Compared>, StoreError> {
        let mut compared = Vec::with_capacity(TABLES.len());
        for table in &TABLES {
            let source = rows(self.source.readers(), table).await?;
            let target = rows(self.target.readers(), table).await?;
            compared.push(Compared { table: table.name, source, target });
        }
        Ok(compared)
    }
}

async fn rows(on: Reads<'_>, table: &Table) -> Result<Rows, StoreError> {
    let (mut sum, mut after) = (Rows::default(), Vec::new());
    loop {
        let found = page(on, table, &after).await?;
        let (ends, last) = (found.len() < PAGE, found.last().map(|row| table.key_of(row)));
        found.into_iter().for_each(|row| sum.add(row));
        match last {
            Some(last) if !ends => after = last,
            _ => return Ok(sum),
        }
    }
}
