//! The vectors' way, in pages by their ids.

use super::table::{Line, Sum};
use anyhow::bail;
use colloquy_rag::index::{Digest, Index, PAGE, digest};
use colloquy_store::transfer::{Transfer, Vectors};
use indicatif::ProgressBar;

/// Copies what was not copied yet.
///
/// # Errors
/// The stores'; or the target holds passages that were there before.
pub async fn copy(transfer: &mut Transfer, from: &Index, to: &Index, bar: &ProgressBar) -> anyhow::Result<()> {
    if transfer.vectors() == Vectors::Untouched {
        let there = to.count().await?;
        if there > 0 {
            bail!(
                "the target's vector collections already hold {there} passages: an installation is moved into empty ones \
                 (qdrant.prefix names others)"
            );
        }
        transfer.set_vectors(Vectors::From(None)).await?;
    }
    let mut copied = 0;
    while let Vectors::From(begin) = transfer.vectors() {
        let (points, next) = from.export(begin, PAGE).await?;
        copied += points.len();
        if !points.is_empty() {
            to.import(points).await?;
        }
        bar.set_message(format!("passages: {copied}"));
        transfer.set_vectors(next.map_or(Vectors::All, |id| Vectors::From(Some(id)))).await?;
    }
    to.flush().await?;
    Ok(())
}

/// All passages of both sides, bit by bit.
///
/// # Errors
/// The stores'.
pub async fn compare(source: &Index, target: &Index) -> anyhow::Result<Line> {
    let sum = |d: Digest| Sum { count: d.points, checksum: d.hex() };
    Ok(Line { what: "passages", source: sum(digest(source).await?), target: sum(digest(target).await?) })
}
