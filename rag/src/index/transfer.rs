//! Moving all points from one store to another, and proving that they arrived.

use super::{Index, Point};
use crate::{models::manifest::DEFAULT_MODEL, sparse::Sparse};
use colloquy_domain::failure::Failure;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Points that are read or written together.
pub const PAGE: usize = 256;

/// The contents of a store: equal for equal contents, in whatever order they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    pub points: u64,
    /// The exclusive or of the SHA-256 of each point: its id, payload and vectors, bit by bit.
    pub checksum: [u8; 32],
}

impl Digest {
    /// Counts one more point in.
    pub fn add(&mut self, point: &Point) {
        self.points += 1;
        for (sum, byte) in self.checksum.iter_mut().zip(of_point(point)) {
            *sum ^= byte;
        }
    }

    /// The checksum as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.checksum)
    }
}

fn of_point(point: &Point) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(point.id.as_bytes());
    // Its fields always come in the order of their declaration.
    part(&serde_json::to_vec(&point.stored).expect("a passage has nothing that JSON cannot hold"));
    part(&sparse_bytes(&point.words));
    part(&point.dense.iter().flatten().flat_map(|v| v.to_bits().to_be_bytes()).collect::<Vec<u8>>());
    hash.finalize().into()
}

fn sparse_bytes(sparse: &Sparse) -> Vec<u8> {
    let mut entries: Vec<(u32, f32)> = sparse.indices.iter().copied().zip(sparse.values.iter().copied()).collect();
    // A store may return them in an order of its own.
    entries.sort_unstable_by_key(|(index, _)| *index);
    entries.iter().flat_map(|(i, v)| [i.to_be_bytes(), v.to_bits().to_be_bytes()]).flatten().collect()
}

/// Reads the whole store. Nothing may write to it meanwhile.
///
/// # Errors
/// The store's.
pub async fn digest(index: &Index) -> Result<Digest, Failure> {
    let (mut digest, mut from) = (Digest::default(), None);
    loop {
        let (points, next) = index.export(from, PAGE).await?;
        points.iter().for_each(|p| digest.add(p));
        match next {
            Some(next) => from = Some(next),
            None => return Ok(digest),
        }
    }
}

/// Copies all points of `source` into `target`, page by page in the order of their ids, and returns the digest of what
/// it copied. `from` continues an earlier copy at the id that was last told to `progress`; a point that is copied twice
/// is there once. `progress` hears, after each page, how many points this call has copied and where the next page
/// begins (`None` at the end).
///
/// # Errors
/// Either store's.
pub async fn copy(
    source: &Index,
    target: &Index,
    from: Option<Uuid>,
    mut progress: impl FnMut(u64, Option<Uuid>) + Send,
) -> Result<Digest, Failure> {
    let (mut digest, mut from) = (Digest::default(), from);
    let mut widths = BTreeSet::from([DEFAULT_MODEL.dimension]);
    loop {
        let (points, next) = source.export(from, PAGE).await?;
        points.iter().for_each(|p| digest.add(p));
        for width in points.iter().filter_map(|p| p.dense.as_ref()).map(Vec::len) {
            if widths.insert(width) {
                target.widen(width).await?;
            }
        }
        target.import(points).await?;
        progress(digest.points, next);
        match next {
            Some(next) => from = Some(next),
            None => return Ok(digest),
        }
    }
}
