use super::*;
use proptest::prelude::*;

fn terms(script: Script, text: &str) -> Vec<String> {
    Analyzer::new(script).terms(text, None).collect()
}

fn score(query_text: &str, passage: &str) -> f32 {
    let (q, d) = (query(query_text, None), document(passage, detect_script(passage, None)));
    d.indices.iter().zip(&d.values).filter(|(i, _)| q.indices.contains(i)).map(|(_, v)| v).sum()
}

#[test]
fn stop_words_are_sorted() {
    for list in [stopwords::ENGLISH, stopwords::FRENCH] {
        assert!(list.is_sorted(), "they are searched by halving");
    }
}

#[test]
fn french_elisions_stems_and_accents() {
    assert_eq!(terms(Script::French, "L’heure d'ouverture qu'ils préfèrent"), ["heur", "ouvertur", "pref"]);
    assert_eq!(terms(Script::French, "réservations"), terms(Script::French, "reservation"));
    assert_eq!(terms(Script::French, "aujourd'hui"), ["aujourd'hui"]);
}

#[test]
fn english_stems_and_contractions() {
    assert_eq!(terms(Script::English, "It's the driver's universities, don't!"), ["driver", "univers"]);
}

#[test]
fn what_pdf_fonts_do_is_undone() {
    assert_eq!(terms(Script::English, "eﬃcient ﬁre"), terms(Script::English, "efficient fire"));
    assert_eq!(terms(Script::French, "e\u{301}cole"), terms(Script::French, "école"));
}

// req: C-KB-1
#[test]
fn a_question_meets_passages_of_either_language() {
    let english = "The warranty of the vacuum cleaners covers two years from the day of the purchase in a shop.";
    let french = "Les réservations peuvent être annulées gratuitement jusqu'à la veille de l'arrivée du voyageur.";
    assert!(score("Which warranties cover purchases?", english) > 2.0);
    assert!(score("annuler une reservation", french) > 1.0);
    // A French question with a name in it still finds an English passage with that name.
    let named = "The Eiffel tower is open every day of the year, and the visitors can take the stairs or a lift.";
    assert!(score("Quand la tour Eiffel est-elle ouverte ?", named) > 0.5);
}

#[test]
fn the_stop_words_of_the_asker_are_left_out_everywhere() {
    let asked = query("Quels sont les horaires ?", Some(Language::Fr));
    let les = term_index(Script::English, "les");
    assert!(!asked.indices.contains(&les));
}

#[test]
fn coverage_counts_distinct_terms() {
    let covered = coverage("warranty warranty period", None, "The warranty is long.", Script::English);
    assert!((covered - 0.5).abs() < 1e-6);
    assert_eq!(coverage("the of", None, "anything", Script::English), 0.0);
}

#[test]
fn hashes_are_stable() {
    insta::assert_snapshot!(term_index(Script::French, "heur"), @"2752452292");
}

proptest! {
    #[test]
    fn vectors_are_sorted_unique_and_bounded(text in "\\PC{0,400}") {
        for script in Script::ALL {
            let d = document(&text, script);
            prop_assert_eq!(d.indices.len(), d.values.len());
            prop_assert!(d.indices.windows(2).all(|w| w[0] < w[1]));
            // Saturation: however often it is repeated, and however short the text, a term's weight is bounded.
            prop_assert!(d.values.iter().all(|v| *v > 0.0 && *v < K1 + 1.0));
        }
        let q = query(&text, None);
        prop_assert!(q.indices.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn a_passage_covers_itself(words in proptest::collection::vec("[a-z]{3,9}", 1..20)) {
        let text = words.join(" ");
        let covered = coverage(&text, Some(Language::En), &text, Script::English);
        prop_assert!(covered == 1.0 || covered == 0.0);
    }
}
