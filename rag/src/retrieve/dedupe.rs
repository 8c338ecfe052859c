//! Leaving out passages that say again what a better one says. Pure.

use super::fuse::Fused;
use crate::index::Stored;

/// Keeps the order. A passage goes when a better one has the same text (one file uploaded twice), or covers at least
/// half of it in the same document (neighbours share some words on purpose; that alone is no repetition).
pub(super) fn without_repetition(found: Vec<(Fused, Stored)>) -> Vec<(Fused, Stored)> {
    let mut kept: Vec<(Fused, Stored)> = Vec::with_capacity(found.len());
    for candidate in found {
        if !kept.iter().any(|(_, better)| repeats(better, &candidate.1)) {
            kept.push(candidate);
        }
    }
    kept
}

fn repeats(better: &Stored, other: &Stored) -> bool {
    if better.text == other.text {
        return true;
    }
    if better.key() != other.key() {
        return false;
    }
    let span = |s: &Stored| (s.offset, s.offset + s.text.chars().count() as u64);
    let ((a, b), (c, d)) = (span(better), span(other));
    let shared = b.min(d).saturating_sub(a.max(c));
    shared * 2 >= d - c && d > c
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use colloquy_domain::ids::{DocumentId, KnowledgeBaseId, TenantId};
    use uuid::Uuid;

    pub(crate) fn found(document: u128, offset: u64, text: &str) -> (Fused, Stored) {
        let stored = Stored {
            tenant: TenantId::new(Uuid::from_u128(1)),
            base: KnowledgeBaseId::new(Uuid::from_u128(1)),
            document: DocumentId::new(Uuid::from_u128(document)),
            generation: "g".into(),
            live: true,
            model: "none".into(),
            script: "en".into(),
            ordinal: 0,
            name: "n".into(),
            title: None,
            headings: vec![],
            page: None,
            offset,
            text: text.into(),
        };
        (Fused { id: Uuid::from_u128(u128::from(offset)), score: 1.0, bm25: 1.0, cosine: None }, stored)
    }

    #[test]
    fn repetitions_go_and_neighbours_stay() {
        let all = vec![
            found(1, 0, "0123456789"),
            found(1, 8, "89abcdefgh"),
            found(1, 4, "456789abcd"),
            found(2, 4, "4567890123"),
            found(2, 90, "0123456789"),
        ];
        let kept: Vec<_> =
            without_repetition(all).iter().map(|(_, s)| (s.document.uuid().as_u128(), s.offset)).collect();
        assert_eq!(kept, [(1, 0), (1, 8), (2, 4)]);
    }
}
