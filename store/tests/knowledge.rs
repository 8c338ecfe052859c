//! What replies rest on, and what could not be answered.

#[macro_use]
mod common;

use colloquy_domain::{
    conversation::NewUnanswered,
    ids::{DocumentId, KnowledgeBaseId, TenantId, UnansweredId},
    knowledge::{IngestJob, IngestReport},
    language::Language,
    outbound::{Checks, Citation},
    ports::{ConversationStore, DocumentQueue, Ids, StoreError},
    testkit::{Account, SeqIds, answer, receive},
};
use colloquy_store::{NewDocument, PageRequest, Store, TopicState};
use common::{Kind, NOW};

fn all() -> PageRequest {
    PageRequest::default()
}

fn cited(number: u32, document: DocumentId, version: &str, page: Option<u32>) -> Citation {
    Citation {
        number,
        document,
        version: version.to_owned(),
        name: "prices.pdf".into(),
        page,
        offset: 40,
        quote: format!("quote {number}"),
        score: 0.5,
    }
}

/// The content `sha` of the document is ready as this generation.
async fn ready(store: &Store, job: &IngestJob, sha: u8, generation: &str) {
    let new = NewDocument {
        base: job.base,
        name: job.name.clone(),
        size: 1,
        sha256: [sha; 32],
        path: format!("/blobs/{generation}").into(),
    };
    store.tenant(job.tenant).put_document(new).await.expect("uploaded");
    store.take(99).await.expect("taken");
    let report = IngestReport {
        pages: Vec::new(),
        chunks: 1,
        characters: 9,
        language: None,
        generation: generation.to_owned(),
        embedded: true,
    };
    store.finish(job.tenant, job.document, Ok(report)).await.expect("ready");
}

async fn told(store: &Store, account: &Account, ids: &SeqIds, peer: &str, text: &str, citations: Vec<Citation>) {
    let loaded = receive(store, account, peer, &[(text, "how much?")], NOW).await;
    let mut commit = answer(&loaded, text, ids, NOW);
    commit.messages[0].citations = citations;
    store.commit(commit).await.expect("commit");
}

// req: C-ACT-3
async fn who_was_told_from_a_version_of_a_document_is_found_even_after_it_is_gone(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (view, job) = (store.tenant(f.home.tenant), &f.documents[0]);
    let id = job.document;
    ready(store, job, 1, "g1").await;
    told(store, &f.home, &f.ids, "anna", "It costs 5 [1].", vec![cited(1, id, "g1", Some(2))]).await;
    ready(store, job, 2, "g2").await;
    ready(store, job, 2, "g2-with-another-model").await;
    let other = f.documents[1].document;
    let both = vec![cited(1, other, "x", None), cited(2, id, "g2", None)];
    told(store, &f.home, &f.ids, "ben", "It costs 6 [1][2].", both).await;
    ready(store, job, 1, "g1").await;
    told(store, &f.home, &f.ids, "carl", "Again 5 [1].", vec![cited(1, id, "g1", Some(2))]).await;

    let versions = view.document_versions(id).await.expect("versions");
    let shown: Vec<_> = versions.iter().map(|v| (v.number, v.sha256[0], v.answers)).collect();
    assert_eq!(shown, [(2, 2, 1), (1, 1, 2)], "the same content is the same version");
    let texts = async |version| {
        let found = view.told_from(id, version, all()).await.expect("told");
        let mut texts: Vec<String> = found.items.into_iter().map(|t| t.text).collect();
        texts.sort();
        (found.total, texts)
    };
    assert_eq!(texts(Some(1)).await, (2, vec!["Again 5 [1].".to_owned(), "It costs 5 [1].".to_owned()]));
    assert_eq!(texts(Some(2)).await, (1, vec!["It costs 6 [1][2].".to_owned()]));
    assert_eq!(texts(None).await.0, 3);
    assert_eq!(texts(Some(9)).await.0, 0);
    let second = view.told_from(id, Some(2), all()).await.expect("told").items.remove(0);
    assert_eq!((second.number, second.version, second.page, second.offset), (2, Some(2), None, 40));
    assert_eq!((second.turn, second.quote.as_str(), second.at), (Some(1), "quote 2", NOW));
    let last = view.told_from(id, None, PageRequest::new(3, 1)).await.expect("told");
    assert_eq!((last.total, last.items.len()), (3, 1));

    let stranger = store.tenant(f.abroad.tenant);
    assert_eq!(stranger.told_from(id, None, all()).await.expect("told").total, 0);
    assert_eq!(stranger.document_versions(id).await, Ok(Vec::new()));
    view.delete_document(id).await.expect("deleted");
    assert_eq!(texts(None).await.0, 3, "it was said nevertheless");
}

// req: C-ACT-3
async fn what_a_reply_was_held_against_stays_with_it(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let loaded = receive(store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let checks = Checks { dropped_citations: 2, unsupported: vec!["We sell submarines.".into()], withheld: true };
    let mut commit = answer(&loaded, "yes", &f.ids, NOW);
    commit.messages[0].checks = checks.clone();
    store.commit(commit).await.expect("commit");
    let lines = store.tenant(f.home.tenant).messages(loaded.key.id, all()).await.expect("messages").items;
    assert_eq!((lines[0].checks.clone(), lines[1].checks.clone()), (Checks::default(), checks));
}

struct Asking<'a> {
    store: &'a Store,
    account: &'a Account,
    ids: &'a SeqIds,
    base: KnowledgeBaseId,
}

impl Asking<'_> {
    /// Somebody asks this and is not answered.
    async fn unanswered(&self, id: &str, text: &str, language: Language) {
        let loaded = receive(self.store, self.account, "peer", &[(id, text)], NOW).await;
        let mut commit = answer(&loaded, "I do not know.", self.ids, NOW);
        commit.unanswered = vec![NewUnanswered {
            id: UnansweredId::new(self.ids.uuid()),
            base: self.base,
            turn: loaded.snapshot.next_turn,
            text: text.to_owned(),
            language: Some(language),
        }];
        self.store.commit(commit).await.expect("commit");
    }

    async fn topics(&self, tenant: TenantId, state: TopicState) -> Vec<(String, u64)> {
        let found = self.store.tenant(tenant).unanswered(self.base, state, all()).await.expect("topics");
        assert_eq!(found.total, found.items.len() as u64);
        found.items.into_iter().map(|t| (t.title, t.questions)).collect()
    }
}

// req: C-KB-1
async fn unanswered_questions_gather_in_topics(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let tenant = f.home.tenant;
    let view = store.tenant(tenant);
    let base = view.ensure_knowledge_base("house").await.expect("base").id;
    let asking = Asking { store, account: &f.home, ids: &f.ids, base };
    asking.unanswered("1", "Is there a pool?", Language::En).await;
    asking.unanswered("2", "Do you have parking for electric cars?", Language::En).await;
    let pool = ("Is there a pool?".to_owned(), 1);
    let cars = ("Do you have parking for electric cars?".to_owned(), 1);
    assert_eq!(asking.topics(tenant, TopicState::Open).await.len(), 2);
    asking.unanswered("3", "Where can I park my electric car?", Language::En).await;
    asking.unanswered("4", "Can I charge my electric car in the parking?", Language::En).await;
    assert_eq!(asking.topics(tenant, TopicState::Open).await, [(cars.0.clone(), 3), pool.clone()], "most asked first");

    let topics = view.unanswered(base, TopicState::Open, all()).await.expect("topics").items;
    let questions = view.unanswered_questions(topics[0].id, 2).await.expect("questions");
    let shown: Vec<_> = questions.iter().map(|q| (q.text.as_str(), q.turn)).collect();
    assert_eq!(shown, [("Can I charge my electric car in the parking?", 4), ("Where can I park my electric car?", 3)]);

    view.mark_unanswered(base, topics[0].id, TopicState::Answered).await.expect("marked");
    view.mark_unanswered(base, topics[1].id, TopicState::Dismissed).await.expect("marked");
    assert_eq!(asking.topics(tenant, TopicState::Open).await, []);
    asking.unanswered("5", "Is the pool heated?", Language::En).await;
    asking.unanswered("6", "Parking for an electric car?", Language::En).await;
    assert_eq!(asking.topics(tenant, TopicState::Open).await, [(cars.0, 4)], "asked again: it is open again");
    assert_eq!(asking.topics(tenant, TopicState::Dismissed).await, [(pool.0, 2)], "dismissed stays dismissed");

    let stranger = store.tenant(f.abroad.tenant);
    let theirs = stranger.unanswered(base, TopicState::Open, all()).await;
    assert_eq!(theirs.map(|p| p.total), Err(StoreError::NotFound("knowledge base")));
    let marked = stranger.mark_unanswered(base, topics[0].id, TopicState::Dismissed).await;
    assert_eq!(marked.map(|t| t.state), Err(StoreError::NotFound("topic")));
    assert_eq!(stranger.unanswered_questions(topics[0].id, 9).await, Ok(Vec::new()));

    view.delete_knowledge_base(base).await.expect("deleted");
    assert_eq!(view.unanswered_questions(topics[0].id, 9).await, Ok(Vec::new()), "they go with the base");
}

on_both! {
    who_was_told_from_a_version_of_a_document_is_found_even_after_it_is_gone
    what_a_reply_was_held_against_stays_with_it
    unanswered_questions_gather_in_topics
}
