use super::*;
use crate::{
    document::{Block, ExtractStatus, Page},
    index::VectorStore,
    models::Models,
    testkit::{Standin, StandinOptions},
};
use colloquy_domain::{
    failure::Verdict,
    knowledge::{KnowledgeQuery, Narrow, PageStatus, Passage},
    language::Language,
    ports::Knowledge,
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

mod elsewhere;

/// Reads plain text files: `# ` is a heading, a form feed begins a page. Counts its calls.
#[derive(Default)]
struct Plain {
    failures: Mutex<HashMap<PathBuf, Extraction>>,
}

#[async_trait]
impl Extract for Plain {
    async fn extract(&self, path: &Path) -> Result<Extraction, Failure> {
        if let Some(failed) = self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(failed.clone());
        }
        let text = std::fs::read_to_string(path).expect("a test's file");
        let block = |p: &str| match p.strip_prefix("# ") {
            Some(heading) => Block::Heading { level: 1, text: heading.to_owned() },
            None => Block::Paragraph { text: p.to_owned() },
        };
        let pages = text.split('\u{c}').zip(1_u32..).map(|(page, number)| Page {
            number,
            status: PageStatus::Ok,
            blocks: page.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(block).collect(),
        });
        let (v, status) = (Extraction::VERSION, ExtractStatus::Ok);
        Ok(Extraction { v, status, cause: None, title: None, pages: pages.collect(), paged: true })
    }
}

#[derive(Default)]
struct Progress(Mutex<Vec<IngestProgress>>);

impl ProgressSink for Progress {
    fn progress(&self, progress: IngestProgress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
    }
}

struct Bench {
    dir: tempfile::TempDir,
    plain: Arc<Plain>,
    models: Models,
    elsewhere: Option<crate::embed::ModelElsewhere>,
}

fn ready(model: &str) -> ModelStatus {
    ModelStatus::Ready { model: model.to_owned() }
}

const ENGLISH: &str = "# Opening hours\n\nThe reception of the hotel is open every day from seven in the morning until \
    eleven at night, and guests who arrive later find their keys in a box beside the door.\n\n# Animals\n\nDogs are \
    welcome in all rooms of the second floor. There is a charge of nine euros for each night.\u{c}# Parking\n\nA garage \
    below the building has room for forty cars and costs twelve euros a day.";
const FRENCH: &str = "# Annulation\n\nLes réservations peuvent être annulées gratuitement jusqu'à la veille de \
    l'arrivée. Après ce délai, la première nuit est facturée au voyageur.\u{c}# Petit déjeuner\n\nLe petit déjeuner est \
    servi dans la salle du rez-de-chaussée entre sept heures et dix heures.";

impl Bench {
    /// By words alone.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let models = Models::new(dir.path().join("no-models"), None);
        Self { dir, plain: Arc::default(), models, elsewhere: None }
    }

    async fn open(&self) -> Rag {
        self.open_on(VectorStore::Embedded { dir: self.dir.path().join("index") }).await
    }

    async fn open_on(&self, store: VectorStore) -> Rag {
        let options = RagOptions {
            store,
            models: self.models.clone(),
            elsewhere: self.elsewhere.clone(),
            extractor: Arc::clone(&self.plain) as Arc<dyn Extract>,
            reranker: None,
        };
        Rag::open(options).await.expect("opens")
    }

    fn job(&self, tenant: u128, base: u128, document: u128, name: &str, text: &str) -> IngestJob {
        let path = self.dir.path().join(format!("{document}-{name}"));
        std::fs::write(&path, text).expect("write");
        IngestJob {
            tenant: TenantId::new(Uuid::from_u128(tenant)),
            base: KnowledgeBaseId::new(Uuid::from_u128(base)),
            document: DocumentId::new(Uuid::from_u128(document)),
            name: name.to_owned(),
            path,
            attempt: 0,
        }
    }
}

async fn ask(rag: &Rag, tenant: u128, base: u128, text: &str, previous: &[&str]) -> Vec<Passage> {
    let query = KnowledgeQuery {
        tenant: TenantId::new(Uuid::from_u128(tenant)),
        bases: vec![KnowledgeBaseId::new(Uuid::from_u128(base))],
        without: Vec::new(),
        text: text.to_owned(),
        previous: previous.iter().map(|p| (*p).to_owned()).collect(),
        rewritten: None,
        language: None,
        limit: 3,
        narrow: Narrow::default(),
    };
    rag.search(query).await.expect("searched")
}

// req: C-ACT-2
// req: S1-RAG-1
#[tokio::test]
async fn a_document_is_found_with_its_page_and_headings_by_words_alone() {
    let bench = Bench::new();
    let rag = bench.open().await;
    assert!(matches!(rag.model_state(), ModelStatus::WordsOnly { hint, .. } if hint.contains("models install")));
    let progress = Progress::default();
    let report = rag.ingest(&bench.job(1, 10, 100, "hotel.pdf", ENGLISH), &progress).await.expect("ingested");
    assert_eq!(
        (report.chunks, report.pages.len(), report.embedded, report.language),
        (3, 2, false, Some(Language::En))
    );
    rag.ingest(&bench.job(1, 10, 101, "conditions.pdf", FRENCH), &progress).await.expect("ingested");

    let found = ask(&rag, 1, 10, "What does the parking garage cost?", &[]).await;
    let first = &found[0];
    assert_eq!(
        (first.name.as_str(), first.page, first.headings.as_slice()),
        ("hotel.pdf", Some(2), &["Parking".to_owned()][..])
    );
    assert!(first.scores.cosine.is_none() && first.scores.bm25 > 0.0 && first.scores.shown > 0.3);
    let text: String = ENGLISH.replace('\u{c}', "\n\n").replace("# ", "");
    let at: String = text.chars().skip(usize::try_from(first.offset).expect("small")).take(8).collect();
    assert!(first.text.starts_with(at.trim()) || first.offset > 0, "the offset points into the text");

    let found = ask(&rag, 1, 10, "Peut-on annuler une reservation ?", &[]).await;
    assert_eq!((found[0].name.as_str(), found[0].page), ("conditions.pdf", Some(1)));
    assert!(ask(&rag, 1, 10, "xylophone quartet", &[]).await.is_empty(), "no word in common: nothing");
    assert!(ask(&rag, 2, 10, "parking garage", &[]).await.is_empty(), "another tenant sees nothing");
    assert!(ask(&rag, 1, 11, "parking garage", &[]).await.is_empty(), "nor does another base");
}

#[tokio::test]
async fn progress_only_grows_and_ends_ready() {
    let bench = Bench::new();
    let rag = bench.open().await;
    let progress = Progress::default();
    let long: Vec<String> =
        (0..90).map(|n| format!("# Part {n}\n\nParagraph number {n} has words of its own.")).collect();
    rag.ingest(&bench.job(1, 10, 100, "long.txt", &long.join("\n\n")), &progress).await.expect("ingested");
    let seen = progress.0.into_inner().expect("progress");
    assert_eq!(seen.first().map(|p| p.status), Some(DocumentStatus::Extracting));
    assert!(seen.windows(2).all(|w| w[0].indexed <= w[1].indexed));
    assert!(seen.iter().any(|p| p.status == DocumentStatus::Indexing && p.indexed == 64), "a window of 64 is reported");
    let last = seen.last().expect("some");
    assert_eq!((last.status, last.indexed, last.chunks), (DocumentStatus::Ready, 90, 90));
}

#[tokio::test]
async fn the_same_document_twice_is_there_once_and_a_new_version_replaces_it() {
    let bench = Bench::new();
    let rag = bench.open().await;
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    let sink = Progress::default();
    rag.ingest(&job, &sink).await.expect("ingested");
    let again = Progress::default();
    rag.ingest(&job, &again).await.expect("ingested again");
    assert_eq!(rag.passages().await.expect("count"), 3);
    let seen = again.0.into_inner().expect("progress");
    assert_eq!(seen[1].indexed, 3, "all of it was recognised as done");

    bench.job(1, 10, 100, "hotel.pdf", "# Parking\n\nThere is no garage any more.");
    rag.ingest(&job, &sink).await.expect("replaced");
    assert_eq!(rag.passages().await.expect("count"), 1);
    let found = ask(&rag, 1, 10, "parking garage", &[]).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("no garage"));

    rag.forget(job.tenant, job.base, job.document).await.expect("forgotten");
    assert_eq!(rag.passages().await.expect("count"), 0);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_rejected_with_its_pages_and_leaves_nothing() {
    let bench = Bench::new();
    let rag = bench.open().await;
    let job = bench.job(1, 10, 100, "scan.pdf", "");
    let page = Page { number: 1, status: PageStatus::NoTextLayer, blocks: vec![] };
    let failed = Extraction {
        v: Extraction::VERSION,
        status: ExtractStatus::Failed,
        cause: Some("document.no_text: the pages are pictures".to_owned()),
        title: None,
        pages: vec![page],
        paged: true,
    };
    bench.plain.failures.lock().expect("lock").insert(job.path.clone(), failed);
    let failure = rag.ingest(&job, &Progress::default()).await.expect_err("rejected");
    assert_eq!((failure.failure.verdict, failure.failure.code.as_str()), (Verdict::Reject, "document.no_text"));
    assert_eq!(failure.pages[0].status, PageStatus::NoTextLayer);

    let empty = rag.ingest(&bench.job(1, 10, 101, "empty.txt", "  "), &Progress::default()).await.expect_err("empty");
    assert_eq!(empty.failure.code, "document.empty");
    assert_eq!(rag.passages().await.expect("count"), 0);
}

#[tokio::test]
async fn a_store_failure_is_a_retry_and_the_old_version_stays() {
    let bench = Bench::new();
    let rag = bench.open().await;
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    rag.ingest(&job, &Progress::default()).await.expect("ingested");
    // The note of a switch cannot be written where a file takes the place of its folder.
    let notes = bench.dir.path().join("index").join("switching");
    std::fs::remove_dir_all(&notes).expect("removed");
    std::fs::write(&notes, "in the way").expect("write");
    bench.job(1, 10, 100, "hotel.pdf", "# Parking\n\nThere is no garage any more.");
    let failure = rag.ingest(&job, &Progress::default()).await.expect_err("cannot switch");
    assert!(failure.failure.is_retry(), "{:?}", failure.failure);
    assert_eq!(failure.pages.len(), 1, "what is known of the pages is reported");
    assert!(ask(&rag, 1, 10, "dogs welcome", &[]).await[0].text.contains("Dogs"), "the old passages are still found");
    std::fs::remove_file(&notes).expect("removed");
    rag.ingest(&job, &Progress::default()).await.expect("the repeat succeeds");
    assert!(ask(&rag, 1, 10, "dogs welcome", &[]).await.is_empty());
}

// req: C-KB-1
#[tokio::test]
async fn an_index_made_without_a_model_is_upgraded_when_one_arrives() {
    let mut bench = Bench::new();
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    {
        let rag = bench.open().await;
        assert!(!rag.ingest(&job, &Progress::default()).await.expect("ingested").embedded);
        assert!(rag.outdated().await.expect("read").is_empty(), "nothing can be done about it yet");
        rag.close().await.expect("closed");
    }
    bench.models = crate::testing::real_models().await;
    let rag = bench.open().await;
    assert_eq!(rag.model_state(), ready("all-MiniLM-L6-v2"));
    let key = DocumentKey { tenant: job.tenant, base: job.base, document: job.document };
    assert_eq!(rag.outdated().await.expect("read"), [key]);
    // Until then it is found by its words.
    assert!(ask(&rag, 1, 10, "parking garage", &[]).await[0].scores.cosine.is_none());
    assert!(rag.ingest(&job, &Progress::default()).await.expect("again").embedded);
    assert!(rag.outdated().await.expect("read").is_empty());
    assert_eq!(rag.passages().await.expect("count"), 3);
    // Not a word in common with the passage.
    let found = ask(&rag, 1, 10, "May I bring my puppy?", &[]).await;
    assert!(found[0].text.starts_with("Dogs"), "{found:?}");
    assert!(found[0].scores.cosine.is_some_and(|c| c > 0.3), "{found:?}");
    assert!(found.windows(2).all(|w| w[0].scores.shown >= w[1].scores.shown));
    // A follow-up that names nothing is understood from what was asked before.
    let found = ask(&rag, 1, 10, "And how much is it?", &["Is there a place to leave my car?"]).await;
    assert_eq!(found[0].headings, ["Parking"]);
}

#[tokio::test]
async fn a_broken_library_leaves_retrieval_by_words_and_says_why() {
    let mut bench = Bench::new();
    let real = crate::testing::real_models().await;
    let library = bench.dir.path().join("broken.so");
    std::fs::write(&library, "no library at all").expect("write");
    bench.models = Models::new(real.dir(), Some(library));
    let rag = bench.open().await;
    let ModelStatus::WordsOnly { what, .. } = rag.model_state() else { panic!("it cannot load") };
    assert!(what.contains("not a shared library"), "{what}");
    rag.ingest(&bench.job(1, 10, 100, "hotel.pdf", ENGLISH), &Progress::default()).await.expect("ingested");
    assert!(!ask(&rag, 1, 10, "parking garage", &[]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_share_a_server() {
    let bench = Bench::new();
    let data = tempfile::tempdir().expect("temp dir");
    let standin = Standin::start(data.path(), StandinOptions::default()).expect("starts");
    let store = VectorStore::Server { url: standin.url(), api_key: None, prefix: "colloquy".to_owned() };
    let (one, two) = tokio::join!(bench.open_on(store.clone()), bench.open_on(store));
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    one.ingest(&job, &Progress::default()).await.expect("ingested");
    let found = ask(&two, 1, 10, "What does the parking garage cost?", &["Where can I leave my car?"]).await;
    assert_eq!((found[0].page, found[0].headings.as_slice()), (Some(2), &["Parking".to_owned()][..]));
    assert!(ask(&two, 2, 10, "parking garage", &[]).await.is_empty(), "another tenant sees nothing");

    bench.job(1, 10, 100, "hotel.pdf", "# Parking\n\nThere is no garage any more.");
    two.ingest(&job, &Progress::default()).await.expect("replaced");
    assert!(ask(&one, 1, 10, "parking garage", &[]).await[0].text.contains("no garage"));
    assert_eq!(one.passages().await.expect("count"), 1);
    one.forget(job.tenant, job.base, job.document).await.expect("forgotten");
    assert_eq!(two.passages().await.expect("count"), 0);
    for rag in [one, two] {
        assert!(!rag.maintain().await.expect("nothing to do"));
        rag.close().await.expect("closed");
    }
}

/// Tells when the first passages are written.
struct Halfway(tokio::sync::mpsc::UnboundedSender<()>);

impl ProgressSink for Halfway {
    fn progress(&self, progress: IngestProgress) {
        if progress.indexed > 0 {
            let _ = self.0.send(());
        }
    }
}

// req: C-ACT-2
#[tokio::test]
async fn what_was_embedded_before_a_crash_is_not_embedded_again() {
    let bench = Bench::new();
    let long: Vec<String> =
        (0..200).map(|n| format!("# Part {n}\n\nParagraph number {n} has words of its own.")).collect();
    let job = bench.job(1, 10, 100, "long.txt", &long.join("\n\n"));
    {
        let rag = bench.open().await;
        let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let sink = Halfway(told);
        // The work is dropped in its middle, as by the end of the process.
        tokio::select! {
            biased;
            _ = hears.recv() => {}
            _ = rag.ingest(&job, &sink) => panic!("it was to be interrupted"),
        }
        assert!(ask(&rag, 1, 10, "paragraph words", &[]).await.is_empty(), "nobody sees a part of a document");
        rag.close().await.expect("closed");
    }
    let rag = bench.open().await;
    let written = rag.passages().await.expect("counted");
    assert!((64..200).contains(&written), "a part is written: {written}");
    let progress = Progress::default();
    rag.ingest(&job, &progress).await.expect("ingested");
    let seen = progress.0.into_inner().expect("progress");
    assert_eq!(seen[1].indexed as usize, written, "it goes on where it was");
    assert_eq!(rag.passages().await.expect("counted"), 200);
}

// req: C-ACT-2
#[tokio::test]
async fn another_model_takes_over_in_one_step_and_questions_are_answered_meanwhile() {
    let mut bench = Bench::new();
    bench.models = crate::testing::real_models().await;
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    {
        let rag = bench.open().await;
        rag.ingest(&job, &Progress::default()).await.expect("ingested");
        rag.close().await.expect("closed");
    }
    // The same weights under another name: another space of vectors, as far as the store can tell.
    let another = crate::models::manifest::ModelSpec { id: "another-model", ..bench.models.spec() };
    bench.models = bench.models.clone().with(another);
    let rag = bench.open().await;
    assert_eq!(rag.model_state(), ready("all-MiniLM-L6-v2"), "still the old one");
    assert!(rag.outdated().await.expect("read").is_empty(), "nothing has to be read again");
    let by_meaning = "May I bring my puppy?";
    assert!(ask(&rag, 1, 10, by_meaning, &[]).await[0].scores.cosine.is_some());
    // What comes in meanwhile is made by the old one, and taken along.
    rag.ingest(&bench.job(1, 10, 101, "conditions.pdf", FRENCH), &Progress::default()).await.expect("ingested");

    assert!(rag.reembed().await.expect("embedded again"));
    assert_eq!(rag.model_state(), ready("another-model"));
    assert_eq!(rag.passages().await.expect("counted"), 5, "each passage is there once");
    let found = ask(&rag, 1, 10, by_meaning, &[]).await;
    assert!(found[0].text.starts_with("Dogs") && found[0].scores.cosine.is_some(), "{found:?}");
    assert!(rag.outdated().await.expect("read").is_empty());
    assert!(!rag.reembed().await.expect("nothing to do"));
    let again = Progress::default();
    rag.ingest(&job, &again).await.expect("ingested again");
    assert_eq!(again.0.into_inner().expect("progress")[1].indexed, 3, "the new passages are what ingestion would make");
    rag.close().await.expect("closed");
    assert_eq!(bench.open().await.model_state(), ready("another-model"));
}

// req: S1-RAG-1
#[tokio::test]
async fn a_search_can_be_narrowed_to_documents_and_to_a_language() {
    let bench = Bench::new();
    let rag = bench.open().await;
    rag.ingest(&bench.job(1, 10, 100, "hotel.pdf", ENGLISH), &Progress::default()).await.expect("ingested");
    rag.ingest(&bench.job(1, 10, 101, "conditions.pdf", FRENCH), &Progress::default()).await.expect("ingested");
    rag.ingest(
        &bench.job(1, 10, 102, "garage.pdf", "# Garage\n\nThe hotel garage closes at night."),
        &Progress::default(),
    )
    .await
    .expect("ingested");
    let names = async |narrow: Narrow| {
        let query = KnowledgeQuery {
            tenant: TenantId::new(Uuid::from_u128(1)),
            bases: vec![KnowledgeBaseId::new(Uuid::from_u128(10))],
            text: "hotel garage night nuit".to_owned(),
            previous: Vec::new(),
            rewritten: None,
            language: None,
            limit: 10,
            without: Vec::new(),
            narrow,
        };
        let found = rag.search(query).await.expect("searched");
        found.into_iter().map(|p| p.name).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(Narrow::default()).await.len(), 3);
    let documents = vec![DocumentId::new(Uuid::from_u128(102))];
    assert_eq!(names(Narrow { documents, language: None }).await, ["garage.pdf".to_owned()].into());
    let french = Narrow { documents: Vec::new(), language: Some(Language::Fr) };
    assert_eq!(names(french).await, ["conditions.pdf".to_owned()].into());
    let foreign = vec![DocumentId::new(Uuid::from_u128(999))];
    assert!(names(Narrow { documents: foreign, language: None }).await.is_empty());
}
