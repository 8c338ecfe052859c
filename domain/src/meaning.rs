//! How alike texts are: by the vectors of an embedding model, or by the words that they share.

use crate::{language::Language, words::Words};
use std::collections::BTreeSet;

/// A vector of length 1.
pub type Vector = Vec<f32>;

/// Where the vectors of one embedding model lie. Those of different spaces say nothing about each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Stored with every vector, so that a change of model is recognised.
    pub id: String,
    /// Numbers of a vector.
    pub dimension: usize,
    /// Whether other languages must rely on words more than on this model.
    pub english_only: bool,
    /// The cosines that say as much as 0 and 1 of the default model: thresholds are on that scale.
    pub cosines: (f32, f32),
}

impl Space {
    /// A cosine of this space on the scale of the default model, -1 to 1.
    #[must_use]
    pub fn similarity(&self, cosine: f32) -> f32 {
        let (zero, one) = self.cosines;
        ((cosine - zero) / (one - zero)).clamp(-1.0, 1.0)
    }
}

/// What an embedding model made of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// What the model is called.
    pub model: String,
    /// One for each text, in their order.
    pub vectors: Vec<Vector>,
    /// Tokens that were read, as counted or estimated.
    pub tokens: u64,
}

/// The cosine of two vectors of length 1; 0 for vectors of different lengths, which are of different models.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() == b.len() { a.iter().zip(b).map(|(x, y)| x * y).sum() } else { 0.0 }
}

/// Length 1, so that a dot product is a cosine; a zero vector stays zero.
#[must_use]
pub fn unit(mut vector: Vector) -> Vector {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > f32::EPSILON {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

/// How many words a text shares with each of the others, 0 to 1: twice the shared stems by the stems of both. Words that carry
/// no meaning of their own do not count.
#[must_use]
pub fn in_words(text: &str, others: &[String], language: Language) -> Vec<f32> {
    let words = Words::of(language);
    let stems = |text: &str| words.content(text).into_iter().map(|w| w.stem).collect::<BTreeSet<String>>();
    let said = stems(text);
    let shared = |other: &String| {
        let other = stems(other);
        let all = said.len() + other.len();
        if all == 0 { 0.0 } else { 2.0 * said.intersection(&other).count() as f32 / all as f32 }
    };
    others.iter().map(shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_compared_by_their_stems_in_both_languages() {
        let alike = |text: &str, other: &str, language| in_words(text, &[other.to_owned()], language)[0];
        assert_eq!(alike("My invoices are wrong!", "the invoice is wrong", Language::En), 1.0);
        assert_eq!(alike("Mes factures sont fausses", "la facture est fausse", Language::Fr), 1.0);
        assert!(alike("I want to pay later", "Can I pay an invoice later?", Language::En) > 0.4);
        assert_eq!(alike("hello", "the invoice is wrong", Language::En), 0.0);
        assert_eq!(alike("", "...", Language::En), 0.0);
    }

    #[test]
    fn thresholds_are_on_one_scale() {
        let space = Space { id: "e5".into(), dimension: 2, english_only: false, cosines: (0.78, 0.98) };
        assert!((space.similarity(0.88) - 0.5).abs() < 1e-6);
        assert_eq!((space.similarity(0.1), space.similarity(1.0)), (-1.0, 1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[1.0]), 0.0, "of different models");
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_and_whole_for_the_same(a in ".{0,60}", b in ".{0,60}") {
            let alike = |x: &str, y: &str| in_words(x, &[y.to_owned()], Language::Fr)[0];
            prop_assert_eq!(alike(&a, &b), alike(&b, &a));
            let same = alike(&a, &a);
            prop_assert!(same == 0.0 || same == 1.0);
            prop_assert!((0.0..=1.0).contains(&alike(&a, &b)));
        }

        #[test]
        fn a_unit_vector_has_length_one(v in prop::collection::vec(-10.0_f32..10.0, 1..40)) {
            let long = v.iter().any(|x| x.abs() > 0.01);
            let made = unit(v);
            prop_assert!(!long || (cosine(&made, &made) - 1.0).abs() < 1e-4);
        }
    }
}
