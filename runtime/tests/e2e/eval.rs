//! `eval`: the figures that it prints are those of a set whose answers are known.

use crate::support::server::Place;
use serde_json::json;

const PASSAGES: &str = r#"{"id":"parking","title":"Parking","text":"The garage below the building costs twelve euros a day."}
{"id":"dogs","title":"Animals","text":"Dogs are welcome on the second floor for nine euros a night."}
{"id":"hours","title":"Reception","text":"The reception is open from seven in the morning until eleven at night."}
"#;
const QUERIES: &str = r#"{"text":"What does the garage cost?","relevant":["parking"],"answers":["twelve euros"]}
{"text":"Until when is the reception open?","relevant":["hours"],"answers":["eleven at night"]}
{"text":"Are dogs welcome?","relevant":["parking"],"answers":["no"]}
{"text":"Who painted the ceiling of the opera house?","relevant":[],"answerable":false}
"#;

async fn eval(place: &Place, what: &str, passages: &str, queries: &str, more: &[&str]) -> crate::support::server::Ran {
    let (passages, queries) = (place.file("passages.jsonl", passages), place.file("queries.jsonl", queries));
    let (passages, queries) = (passages.to_str().unwrap(), queries.to_str().unwrap());
    let args = [&["eval", what, "--passages", passages, "--queries", queries, "--json"], more].concat();
    place.run(&args).await
}

// req: S1-RAG-1
#[tokio::test]
async fn retrieval_is_measured_over_the_questions_that_have_a_passage() {
    let place = Place::default();
    let ran = eval(&place, "retrieval", PASSAGES, QUERIES, &["--history"]).await;
    let report = ran.json();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "queries", "seconds"]);
    assert_eq!(report["queries"], 3, "one question has no passage");
    let recall = report["recall@1"].as_f64().unwrap();
    assert!((recall - 2.0 / 3.0).abs() < 1e-9, "two of three are found first: {report}");
    assert!(!place.data_dir().exists(), "the installation's own data is not touched");
}

// req: C-ACT-3
#[tokio::test]
async fn answers_are_measured_through_the_agent() {
    let place = Place::default();
    let ran = eval(&place, "answers", PASSAGES, QUERIES, &[]).await;
    let report = ran.json();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!((&report["model"], &report["questions"]), (&json!("extractive"), &json!(4)));
    let count = |kind: &str, figure: &str| report[kind][figure].as_u64().unwrap();
    assert_eq!((count("answerable", "questions"), count("unanswerable", "questions")), (3, 1));
    assert_eq!(count("unanswerable", "abstained"), 1, "{report}");
    assert_eq!(count("answerable", "right"), 2, "two expected answers are said: {report}");
    assert_eq!(count("answerable", "cited_right"), 2, "the third cites another passage: {report}");
    assert!(!place.data_dir().exists(), "the installation's own data is not touched");
}

#[tokio::test]
async fn a_wrong_set_is_wrong_use_that_names_the_line() {
    let place = Place::default();
    for (passages, queries, said) in [
        ("{\"id\":\"a\"}", QUERIES, "line 1: missing field `text`"),
        (PASSAGES, "{\"text\":\"a?\",\"relevant\":[\"nowhere\"]}", "no passage has the id nowhere"),
        ("", QUERIES, "holds no lines"),
    ] {
        let ran = eval(&place, "retrieval", passages, queries, &[]).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}
