//! The figures. Pure.

use serde::Serialize;

/// Sums over questions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    questions: u32,
    recall: [f64; 3],
    reciprocal: f64,
    gain: f64,
}

/// Means over questions that have a passage to be found, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// The share of a question's passages that is among the first.
    #[serde(rename = "recall@1")]
    pub recall_1: f64,
    #[serde(rename = "recall@5")]
    pub recall_5: f64,
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// 1 / rank of the first right passage, 0 beyond the tenth.
    #[serde(rename = "mrr@10")]
    pub mrr_10: f64,
    /// Normalised discounted cumulative gain: gains 1 / log₂(rank + 1) of right passages, by the most that is possible.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    pub queries: u32,
}

/// The ranks of the three recalls.
const RANKS: [usize; 3] = [1, 5, 10];
const LAST: usize = 10;

impl Tally {
    /// Counts one question: its right passages, of which there is at least one, and what was found, best first.
    pub fn add(&mut self, relevant: &[String], found: &[&str]) {
        // A passage that is found twice is a hit once.
        let right = |n: &usize| relevant.iter().any(|r| r == found[*n]) && !found[..*n].contains(&found[*n]);
        let hits: Vec<usize> = (0..found.len().min(LAST)).filter(right).collect();
        let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
        self.questions += 1;
        for (sum, rank) in self.recall.iter_mut().zip(RANKS) {
            let within = hits.iter().filter(|place| **place < rank).count();
            *sum += within as f64 / relevant.len() as f64;
        }
        self.reciprocal += hits.first().map_or(0.0, |place| 1.0 / (place + 1) as f64);
        let ideal: f64 = (0..relevant.len().min(LAST)).map(gain).sum();
        self.gain += hits.iter().copied().map(gain).sum::<f64>() / ideal;
    }

    #[must_use]
    pub fn measures(&self) -> Measures {
        let mean = |sum: f64| sum / f64::from(self.questions.max(1));
        let [recall_1, recall_5, recall_10] = self.recall.map(mean);
        Measures {
            recall_1,
            recall_5,
            recall_10,
            mrr_10: mean(self.reciprocal),
            ndcg_10: mean(self.gain),
            queries: self.questions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(relevant: &[&str], found: &[&str]) -> Measures {
        let mut tally = Tally::default();
        tally.add(&relevant.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>(), found);
        tally.measures()
    }

    #[test]
    fn the_figures_of_one_question() {
        let first = measured(&["a"], &["a", "b"]);
        assert_eq!((first.recall_1, first.recall_5, first.mrr_10, first.ndcg_10), (1.0, 1.0, 1.0, 1.0));
        let third = measured(&["c"], &["a", "b", "c"]);
        assert_eq!((third.recall_1, third.recall_5, third.mrr_10, third.ndcg_10), (0.0, 1.0, 1.0 / 3.0, 0.5));
        let both = measured(&["a", "c"], &["a", "b", "c"]);
        assert_eq!((both.recall_1, both.recall_5, both.mrr_10), (0.5, 1.0, 1.0));
        assert!((both.ndcg_10 - 1.5 / (1.0 + 1.0 / 3.0_f64.log2())).abs() < 1e-9);
        let none = measured(&["x"], &["a"; 12]);
        assert_eq!((none.recall_10, none.mrr_10, none.ndcg_10, none.queries), (0.0, 0.0, 0.0, 1));
        assert_eq!(measured(&["a", "b"], &["a", "a"]).recall_5, 0.5, "one passage twice is one hit");
    }

    #[test]
    fn means_are_over_questions() {
        let mut tally = Tally::default();
        tally.add(&["a".to_owned()], &["a"]);
        tally.add(&["a".to_owned()], &["b"]);
        let measures = tally.measures();
        assert_eq!((measures.recall_1, measures.queries), (0.5, 2));
        assert_eq!(Tally::default().measures().recall_1, 0.0, "no question, no division by zero");
    }
}
