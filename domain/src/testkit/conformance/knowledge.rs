use crate::{
    failure::Verdict,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestJob, IngestProgress, KnowledgeQuery, Narrow, Passage},
    ports::{DocumentPipeline, Ids, Knowledge, ProgressSink},
};
use std::path::PathBuf;

/// `write` puts a text into a new file and says where it is. The suite works in bases of its own.
///
/// # Panics
/// Where knowledge does not do what the ports say.
pub async fn knowledge_conformance<K: Knowledge + DocumentPipeline>(
    knowledge: &K,
    write: impl Fn(&str, &str) -> PathBuf,
    ids: &dyn Ids,
) {
    let suite =
        Suite { knowledge, write, ids, tenant: TenantId::new(ids.uuid()), base: KnowledgeBaseId::new(ids.uuid()) };
    suite.what_is_ingested_is_found().await;
    suite.nobody_else_finds_it().await;
    suite.what_is_passed_over_is_not_found().await;
    suite.a_new_upload_replaces_the_old_one().await;
    suite.what_is_forgotten_is_gone().await;
    suite.what_holds_no_text_is_refused().await;
}

struct Suite<'a, K, W> {
    knowledge: &'a K,
    write: W,
    ids: &'a dyn Ids,
    tenant: TenantId,
    base: KnowledgeBaseId,
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _: IngestProgress) {}
}

impl<K: Knowledge + DocumentPipeline, W: Fn(&str, &str) -> PathBuf> Suite<'_, K, W> {
    fn job(&self, name: &str, text: &str) -> IngestJob {
        IngestJob {
            tenant: self.tenant,
            base: self.base,
            document: DocumentId::new(self.ids.uuid()),
            name: name.to_owned(),
            path: (self.write)(name, text),
            attempt: 0,
        }
    }

    async fn ingest(&self, job: &IngestJob) {
        let report = self.knowledge.ingest(job, &Silent).await.expect("ingested");
        assert!(report.chunks > 0 && report.characters > 0, "{report:?}");
    }

    async fn ask(&self, tenant: TenantId, bases: &[KnowledgeBaseId], text: &str, limit: usize) -> Vec<Passage> {
        let (bases, text) = (bases.to_vec(), text.to_owned());
        let (previous, without) = (Vec::new(), Vec::new());
        let query = KnowledgeQuery {
            tenant,
            bases,
            without,
            text,
            previous,
            rewritten: None,
            language: None,
            limit,
            narrow: Narrow::default(),
        };
        self.knowledge.search(query).await.expect("searched")
    }

    async fn found(&self, text: &str) -> Vec<Passage> {
        self.ask(self.tenant, &[self.base], text, 10).await
    }

    async fn what_is_ingested_is_found(&self) {
        let text =
            "# Bicycles\n\nThe marmalade bicycle costs 40 euros a day.\n\n# Boats\n\nThe vermilion boat is free.\n";
        let job = self.job("rental.md", text);
        self.ingest(&job).await;
        // The same once more: finished work is recognised.
        self.ingest(&job).await;
        self.ingest(&self.job("pool.md", "# Pool\n\nThe pool is heated all year.\n")).await;
        let found = self.found("How much is the marmalade bicycle?").await;
        let best = found.first().expect("found");
        assert_eq!((best.document, best.name.as_str()), (job.document, "rental.md"));
        assert!(best.text.contains("40 euros"), "{}", best.text);
        assert_eq!(found.iter().filter(|p| p.text.contains("40 euros")).count(), 1, "nothing is found twice");
        assert!(found.windows(2).all(|w| w[0].scores.shown >= w[1].scores.shown), "the best first");
        assert!(found.iter().all(|p| (0.0..=1.0).contains(&p.scores.shown)), "shown scores are 0 to 1");
        let one = self.ask(self.tenant, &[self.base], "marmalade bicycle vermilion boat heated pool", 1).await;
        assert_eq!(one.len(), 1, "not more than wanted");
    }

    async fn nobody_else_finds_it(&self) {
        let (words, other) = ("marmalade bicycle", KnowledgeBaseId::new(self.ids.uuid()));
        assert_eq!(self.ask(self.tenant, &[], words, 10).await, [], "no base, no knowledge");
        assert_eq!(self.ask(self.tenant, &[other], words, 10).await, [], "another base");
        let stranger = TenantId::new(self.ids.uuid());
        assert_eq!(self.ask(stranger, &[self.base], words, 10).await, [], "another tenant that knows the base's id");
    }

    async fn what_is_passed_over_is_not_found(&self) {
        let (one, other) = (
            self.job("one.md", "# Kites\n\nThe ochre kite hangs in the hall.\n"),
            self.job("other.md", "# Kites\n\nThe ochre kite hangs in the hall.\n"),
        );
        self.ingest(&one).await;
        self.ingest(&other).await;
        let query = KnowledgeQuery {
            tenant: self.tenant,
            bases: vec![self.base],
            without: vec![one.document],
            narrow: Narrow::default(),
            text: "ochre kite".to_owned(),
            previous: Vec::new(),
            rewritten: None,
            language: None,
            limit: 10,
        };
        let found = self.knowledge.search(query).await.expect("searched");
        assert!(found.iter().all(|p| p.document != one.document), "it is passed over");
        assert!(found.iter().any(|p| p.document == other.document), "its copy takes its place");
    }

    async fn a_new_upload_replaces_the_old_one(&self) {
        let before = self.job("prices.md", "# Prices\n\nThe cerulean tandem costs 70 euros.\n");
        self.ingest(&before).await;
        let path = (self.write)("prices.md", "# Prices\n\nThe cerulean tandem costs 90 euros.\n");
        self.ingest(&IngestJob { path, ..before.clone() }).await;
        let found = self.found("cerulean tandem").await;
        let of_it: Vec<&Passage> = found.iter().filter(|p| p.document == before.document).collect();
        assert_eq!(of_it.len(), 1);
        assert!(of_it[0].text.contains("90 euros"), "{}", of_it[0].text);
    }

    async fn what_is_forgotten_is_gone(&self) {
        let (gone, stays) = (
            self.job("gone.md", "# Skates\n\nThe magenta skates are in the cellar.\n"),
            self.job("stays.md", "# Skis\n\nThe magenta skis are in the attic.\n"),
        );
        self.ingest(&gone).await;
        self.ingest(&stays).await;
        for _ in 0..2 {
            self.knowledge.forget(self.tenant, self.base, gone.document).await.expect("forgotten, once and again");
            let found = self.found("magenta skates skis").await;
            assert!(found.iter().all(|p| p.document != gone.document));
            assert!(found.iter().any(|p| p.document == stays.document), "the others stay");
        }
    }

    async fn what_holds_no_text_is_refused(&self) {
        let empty = self.job("empty.md", " \n\n \n");
        let missing = IngestJob { path: "/no/such/file.md".into(), ..self.job("missing.md", "words") };
        for job in [empty, missing] {
            let failed = self.knowledge.ingest(&job, &Silent).await.expect_err("nothing to find");
            assert_eq!(failed.failure.verdict, Verdict::Reject, "{}: no repetition mends it", job.name);
        }
    }
}
