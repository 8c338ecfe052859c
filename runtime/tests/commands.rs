//! The program from outside: what it prints, and how it ends.

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// The program in a folder of its own, with an environment of its own, that downloads nothing.
fn colloquy(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colloquy"));
    command.env_clear().env("COLLOQUY_INSTALL_MODELS", "false").env("COLLOQUY_MODELS_DIR", folder.join("models"));
    command.current_dir(folder).args(arguments).output().expect("the program starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn json(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no JSON on standard output ({e}): {told}"))
}

// req: S0-CFG-1
#[test]
fn wrong_use_and_a_wrong_configuration_end_with_code_2_and_no_result() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("colloquy.toml"), "port = \"many\"\nhost = \"here\"\n").unwrap();
    for arguments in [&["sing"][..], &["ask", "x"], &["agents", "list"]] {
        let output = colloquy(dir.path(), arguments);
        assert_eq!((code(&output), output.stdout.len()), (2, 0), "{arguments:?}");
    }
    let told = String::from_utf8(colloquy(dir.path(), &["agents", "list"]).stderr).unwrap();
    assert!(told.contains("colloquy.toml line 1") && told.contains("colloquy.toml line 2"), "{told}");
    assert_eq!(code(&colloquy(dir.path(), &["--help"])), 0);
}

#[test]
fn extract_prints_its_stable_form_and_fails_with_a_cause() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.md"), "# Parking\n\n12 euros a night.").unwrap();
    fs::write(dir.path().join("a.pdf"), "%PDF-1.7 and nothing else").unwrap();
    let read = colloquy(dir.path(), &["extract", "a.md", "--json"]);
    assert_eq!((code(&read), json(&read)["status"].as_str()), (0, Some("ok")));
    assert_eq!(json(&read)["pages"][0]["text"], "Parking\n\n12 euros a night.");
    for broken in ["a.pdf", "gone.pdf"] {
        let failed = colloquy(dir.path(), &["extract", broken, "--json"]);
        assert_eq!((code(&failed), json(&failed)["status"].as_str()), (1, Some("failed")), "{broken}");
        assert!(json(&failed)["cause"].as_str().is_some_and(|c| c.starts_with("extract.")), "{broken}");
    }
}

// req: C-KB-1
#[test]
fn documents_are_ingested_asked_and_replaced_by_one_shot_commands() {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().join("docs");
    fs::create_dir(&docs).unwrap();
    fs::write(docs.join("parking.md"), "# Parking\n\nParking costs 12 euros a night.").unwrap();
    fs::write(docs.join("empty.txt"), "").unwrap();
    let ingested = colloquy(dir.path(), &["ingest", "docs", "--kb", "hotel", "--json"]);
    assert_eq!(code(&ingested), 1, "one of them is empty");
    let documents = json(&ingested)["documents"].clone();
    assert_eq!((&documents[0]["name"], &documents[0]["status"]), (&"empty.txt".into(), &"failed".into()));
    assert!(documents[0]["cause"].as_str().is_some_and(|c| c.starts_with("extract.empty: ")), "{documents}");
    assert_eq!((&documents[1]["name"], &documents[1]["status"]), (&"parking.md".into(), &"ready".into()));

    let ask = |question: &str| colloquy(dir.path(), &["ask", question, "--kb", "hotel", "--json"]);
    let answer = json(&ask("How much does parking cost?"));
    assert!(answer["answer"].as_str().is_some_and(|a| a.contains("12 euros")), "{answer}");
    assert_eq!((&answer["abstained"], &answer["citations"][0]["document"]), (&false.into(), &"parking.md".into()));
    assert_eq!(json(&ask("Who was the first person on the moon?"))["abstained"], true);

    fs::write(docs.join("parking.md"), "# Parking\n\nParking costs 15 euros a night.").unwrap();
    assert_eq!(code(&colloquy(dir.path(), &["ingest", "docs/parking.md", "--kb", "hotel"])), 0);
    let answer = json(&ask("How much does parking cost?"));
    assert!(answer["answer"].as_str().is_some_and(|a| a.contains("15 euros") && !a.contains("12 euros")), "{answer}");
    assert_eq!(code(&colloquy(dir.path(), &["ask", "x", "--kb", "nowhere"])), 1);
}

#[test]
fn doctor_finds_a_fresh_folder_usable_and_a_wrong_configuration_not() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = colloquy(dir.path(), &["doctor", "--json"]);
    assert_eq!((code(&fresh), json(&fresh)["status"].as_str()), (0, Some("warn")), "{}", json(&fresh));
    fs::write(dir.path().join("colloquy.toml"), "colour = 1").unwrap();
    let wrong = colloquy(dir.path(), &["doctor", "--json"]);
    assert_eq!((code(&wrong), json(&wrong)["status"].as_str()), (1, Some("fail")));
}
