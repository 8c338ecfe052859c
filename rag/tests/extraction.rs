//! Extraction as it runs in production: a child process of this very test program reads real files under limits.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use colloquy_domain::knowledge::PageStatus;
use colloquy_rag::{
    chunk::{ChunkOptions, chunk, indexed_text},
    document::{Block, ExtractStatus, Extraction},
    extract::{ExtractLimits, Extractor, ORPHANED, run_in_child},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Names the file to the child below.
const FILE: &str = "COLLOQUY_TEST_EXTRACT_FILE";
/// The limits that its parent gave it.
const LIMITS: &str = "COLLOQUY_TEST_EXTRACT_LIMITS";

/// Not a test: what the extractor of the others runs.
#[test]
#[ignore = "the child process of the other tests"]
#[expect(clippy::disallowed_methods, reason = "nothing may be printed after the result")]
fn child() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let limits = serde_json::from_str(&std::env::var(LIMITS).unwrap()).unwrap();
    let extraction = run_in_child(Path::new(&file), &limits);
    println!("\n{}", serde_json::to_string(&extraction).unwrap());
    std::process::exit(0);
}

/// Keep the folder while the extractor is used: its program lies there.
fn extractor(limits: ExtractLimits) -> (TempDir, Extractor) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $4\" = 'extract --wire --' ] || exit 9\n{LIMITS}=\"${{3#--limits=}}\" {FILE}=\"$5\" exec '{}' --exact child --ignored --nocapture\n",
        this.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, Extractor::new(program, limits))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

async fn read(path: &Path) -> Extraction {
    let (_folder, extractor) = extractor(ExtractLimits::default());
    extractor.extract(path).await.unwrap()
}

fn headings(extraction: &Extraction) -> Vec<&str> {
    let blocks = extraction.pages.iter().flat_map(|p| &p.blocks);
    blocks.filter_map(|b| if let Block::Heading { text, .. } = b { Some(text.as_str()) } else { None }).collect()
}

/// The passage that holds these words.
fn passage(extraction: &Extraction, words: &str) -> (Option<u32>, Vec<String>, String) {
    let chunks = chunk(extraction, ChunkOptions::default());
    let found = chunks.iter().find(|c| c.text.contains(words)).unwrap_or_else(|| panic!("no passage holds {words:?}"));
    let at = usize::try_from(found.offset).unwrap();
    let rest: String = extraction.text().chars().skip(at).collect();
    assert!(rest.starts_with(found.text.split('\n').next().unwrap()), "the offset points elsewhere");
    (found.page, found.headings.clone(), indexed_text(extraction.title.as_deref().unwrap_or_default(), found))
}

// req: S1-FILE-1
#[tokio::test]
async fn a_pdf_gives_passages_with_page_and_headings() {
    let guide = read(&fixture("hotel-guide-en.pdf")).await;
    assert_eq!(guide.status, ExtractStatus::Ok);
    assert!(guide.paged);
    assert_eq!(guide.title.as_deref(), Some("Seaview Hotel: guest guide"));
    assert_eq!(guide.pages.iter().map(|p| p.status).collect::<Vec<_>>(), [PageStatus::Ok; 3]);
    assert_eq!(
        headings(&guide),
        [
            "Welcome to the Seaview Hotel",
            "Arrival and departure",
            "Rooms and prices",
            "Breakfast",
            "Cancellation",
            "Animals"
        ]
    );
    assert!(!guide.text().contains("Page 2"), "the running footer is no content");
    let (page, path, _) = passage(&guide, "until 48 hours before arrival");
    assert_eq!((page, path.last().map(String::as_str)), (Some(3), Some("Cancellation")));
    let (page, _, text) = passage(&guide, "the credit card used for the reservation");
    assert_eq!(page, Some(1));
    assert!(text.contains("Please bring:"), "the list keeps its lead-in: {text}");
    let (page, _, text) = passage(&guide, "Double, sea view");
    assert_eq!(page, Some(2));
    assert!(text.contains("168 euros") && text.contains("High season"), "{text}");
}

// req: S1-FILE-1
#[tokio::test]
async fn a_french_pdf_keeps_its_accents() {
    let booklet = read(&fixture("clinique-fr.pdf")).await;
    assert_eq!(booklet.status, ExtractStatus::Ok);
    let (page, path, text) = passage(&booklet, "En réanimation");
    assert_eq!((page, path.last().map(String::as_str)), (Some(1), Some("Horaires des visites")));
    assert!(text.starts_with("Clinique des Tilleuls : livret d’accueil > "), "{text}");
    assert_eq!(passage(&booklet, "votre carte Vitale").0, Some(2));
    assert_eq!(passage(&booklet, "dos de votre bracelet").0, Some(3));
}

#[tokio::test]
async fn passwords_scans_and_damage_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.pdf");
    fs::write(&damaged, b"%PDF-1.7\nnothing of what follows is a PDF").unwrap();
    for (path, code) in [
        (fixture("encrypted.pdf"), "extract.encrypted"),
        (fixture("scan.pdf"), "extract.no_text_layer"),
        (damaged, "extract.damaged"),
        (folder.path().to_owned(), "extract.not_a_file"),
        (folder.path().join("missing.txt"), "extract.unreadable"),
    ] {
        let failure = read(&path).await.failure().unwrap();
        assert_eq!(failure.code, code, "{}", path.display());
        assert!(!failure.is_retry() && failure.detail.len() > 20, "{failure}");
    }
    let scan = read(&fixture("scan.pdf")).await;
    assert_eq!(scan.pages.iter().map(|p| p.status).collect::<Vec<_>>(), [PageStatus::NoTextLayer; 2]);
}

#[tokio::test]
async fn an_empty_user_password_is_no_obstacle() {
    let restricted = read(&fixture("restricted-fr.pdf")).await;
    assert_eq!(restricted.status, ExtractStatus::Ok);
    assert_eq!(restricted.text(), read(&fixture("clinique-fr.pdf")).await.text());
}

#[tokio::test]
async fn a_document_that_eats_memory_takes_only_its_child_along() {
    let usual = ExtractLimits::default();
    let (folder, extractor) = extractor(ExtractLimits { memory_bytes: usual.stack_bytes as u64 + (32 << 20), ..usual });
    let path = folder.path().join("large.txt");
    fs::write(&path, vec![b'a'; 60 << 20]).unwrap();
    let failure = extractor.extract(&path).await.expect_err("must fail");
    assert_eq!(failure.code, "extract.out_of_memory");
    assert!(!failure.is_retry());
}

// req: S1-FILE-1
#[tokio::test]
async fn office_files_books_and_mails_give_passages_under_their_headings() {
    for (file, words, page, indexed) in [
        ("guide.docx", "the key waits in the box", None, "Villa des Pins: guide > Arrival > By night\n"),
        ("guide.docx", "Sea view | 130 euros", None, "Villa des Pins: guide > Rooms\n"),
        ("season.pptx", "begin on Thursday", Some(2), "Opening the season > Before the guests come\n"),
        ("season.pptx", "Saturday | Ana and Luc", Some(3), "Opening the season > Shifts\n"),
        (
            "prices.xlsx",
            "Sea view | high | 168.5 | 2026-06-01",
            None,
            "Prices\nPrices of the villa\n\nRoom | Season | Euro | From\n",
        ),
        ("prices.xlsx", "Helmets are lent", None, "Prices > Bicycles\n"),
        ("piscine.odt", "Jusqu’à douze ans", None, "Règlement de la piscine\n"),
        ("piscine.odt", "Petit | 0,6 m", None, "Règlement de la piscine\n"),
        ("linge.ods", "Serviettes | 80", None, "Linge\n"),
        ("house-book.epub", "Water the roses", None, "The house book > The garden\n"),
        ("reservation.eml", "vers minuit", None, "Réservation du 12 décembre\n"),
        ("reservation.eml", "itinéraire.pdf", None, "Réservation du 12 décembre\n"),
    ] {
        let read = read(&fixture(file)).await;
        assert_eq!(read.status, ExtractStatus::Ok, "{file}: {:?}", read.cause);
        let (found, _, text) = passage(&read, words);
        assert_eq!(found, page, "{file}");
        assert!(text.starts_with(indexed), "{file}: {text}");
    }
    let guide = read(&fixture("guide.docx")).await.text();
    assert!(
        guide.ends_with("Villa des Pins, 12 chemin des Dunes, Lacanau"),
        "a header with an address is content: {guide}"
    );
}

// req: C-ACT-2
#[tokio::test]
async fn a_child_ends_when_its_parent_is_gone() {
    let (folder, extractor) = extractor(ExtractLimits::default());
    let path = folder.path().join("large.html");
    fs::write(&path, "<p>words</p>".repeat(4 << 20)).unwrap();
    let limits = format!("--limits={}", serde_json::to_string(&extractor.limits).unwrap());
    let child = std::process::Command::new(&extractor.program)
        .args(["extract", "--wire", &limits, "--"])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Waiting closes the other end of its standard input.
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(ORPHANED), "{}", ended.status);
}
