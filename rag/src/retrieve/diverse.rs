//! Choosing passages that say something new (maximal marginal relevance). Pure.

use super::fuse::Fused;
use crate::index::Stored;
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// How much nearness to the question counts; the rest is for being unlike what was chosen before. Small, because most
/// questions are answered by one passage: it is to break up crowds that say nearly the same, not to reorder.
const NEARNESS: f32 = 0.9;
/// Passages that share fewer of their words are simply about the same thing.
const ALIKE: f32 = 0.5;

/// The best first, then each time the one whose score, less its likeness to the most alike of those chosen, is highest.
/// The chosen keep the order of their scores.
pub(super) fn choose(found: Vec<(Fused, Stored)>, limit: usize) -> Vec<(Fused, Stored)> {
    if found.len() <= limit {
        return found;
    }
    let words: Vec<HashSet<u64>> = found.iter().map(|(_, s)| words(&s.text)).collect();
    let mut likeness = vec![0.0_f32; found.len()];
    let mut chosen: Vec<usize> = Vec::with_capacity(limit);
    while chosen.len() < limit {
        let worth = |n: usize| NEARNESS * found[n].0.score - (1.0 - NEARNESS) * likeness[n];
        let left = (0..found.len()).filter(|n| !chosen.contains(n));
        // Of equals the first, which has the higher score.
        let Some(next) = left.rev().max_by(|a, b| worth(*a).total_cmp(&worth(*b))) else { break };
        chosen.push(next);
        for n in 0..found.len() {
            likeness[n] = likeness[n].max(alike(&words[next], &words[n]));
        }
    }
    chosen.sort_unstable();
    let ranked = found.into_iter().enumerate().filter(|(n, _)| chosen.binary_search(n).is_ok());
    ranked.map(|(_, passage)| passage).collect()
}

/// Shared words by all words, 0 below [`ALIKE`].
fn alike(a: &HashSet<u64>, b: &HashSet<u64>) -> f32 {
    let shared = a.intersection(b).count();
    let all = (a.len() + b.len() - shared).max(1);
    let share = shared as f32 / all as f32;
    if share < ALIKE { 0.0 } else { share }
}

fn words(text: &str) -> HashSet<u64> {
    let hash = |word: &str| {
        let mut hasher = DefaultHasher::new();
        word.hash(&mut hasher);
        hasher.finish()
    };
    let letters = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    letters.map(|w| hash(&w.to_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::dedupe::tests::found;

    fn scored(n: u64, score: f32, text: &str) -> (Fused, Stored) {
        let (fused, stored) = found(u128::from(n), n, text);
        (Fused { score, ..fused }, stored)
    }

    fn chosen(found: Vec<(Fused, Stored)>, limit: usize) -> Vec<u64> {
        choose(found, limit).iter().map(|(_, s)| s.offset).collect()
    }

    // req: S1-RAG-1
    #[test]
    fn the_same_in_other_words_gives_way_to_something_new_that_is_nearly_as_near() {
        let all = vec![
            scored(1, 0.90, "parking in the garage costs twelve euros a day for guests"),
            scored(2, 0.80, "parking in the garage costs twelve euros a day for hotel guests"),
            scored(3, 0.75, "bicycles stand in the yard behind the kitchen"),
        ];
        assert_eq!(chosen(all.clone(), 2), [1, 3]);
        assert_eq!(chosen(all.clone(), 3), [1, 2, 3], "with room for all, all stay in their order");
        let far = vec![all[0].clone(), all[1].clone(), scored(3, 0.40, "bicycles stand in the yard")];
        assert_eq!(chosen(far, 2), [1, 2], "something far away is no replacement");
    }

    #[test]
    fn passages_that_are_not_alike_keep_their_order() {
        let all = (1..=6).map(|n| scored(n, 1.0 - n as f32 / 10.0, &format!("word{n} other{n} third{n}"))).collect();
        assert_eq!(chosen(all, 4), [1, 2, 3, 4]);
    }
}
