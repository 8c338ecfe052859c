//! Jobs, and documents that are proposed.

#[macro_use]
mod common;

use colloquy_domain::{
    ids::{ConversationId, KnowledgeBaseId, ProposalId},
    knowledge::IngestReport,
    ports::{ConversationStore, DocumentQueue, Ids, StoreError},
    proposal::Change,
    testkit::{SeqIds, answer, receive},
};
use colloquy_store::{
    Answer, JobKind, JobState, NewDocument, PageRequest, Proposal, ProposalState, ProposedAnswer, Store, TenantStore,
};
use common::{Kind, NOW};
use std::{path::PathBuf, time::Duration};

const LEASE: Duration = Duration::from_secs(60);

fn all() -> PageRequest {
    PageRequest::default()
}

// req: S1-AGT-1
async fn a_job_is_worked_at_by_one_and_taken_up_when_that_one_is_gone(on: Kind) {
    let opened = common::open(on).await;
    let tenant = common::new_tenant(&opened.store, "t").await;
    let (view, installation) = (opened.store.tenant(tenant), opened.store.installation());
    assert_eq!(installation.lease_job(LEASE).await, Ok(None));
    let job = view.create_job(JobKind::Train, "{\"step\":0}").await.expect("made");
    let leased = installation.lease_job(LEASE).await.expect("leased").expect("a job");
    assert_eq!((leased.id, leased.tenant, leased.state), (job.id, tenant, JobState::Running));
    assert_eq!(installation.lease_job(LEASE).await, Ok(None), "somebody works at it");
    opened.clock.advance(LEASE);
    assert!(installation.lease_job(LEASE).await.expect("leased").is_some(), "its node is gone");
    view.save_job(job.id, JobState::Running, "{\"step\":1}", Duration::from_secs(5)).await.expect("saved");
    assert_eq!(installation.lease_job(LEASE).await, Ok(None), "it pauses");
    opened.clock.advance(Duration::from_secs(5));
    let again = installation.lease_job(LEASE).await.expect("leased").expect("a job");
    assert_eq!(again.detail, "{\"step\":1}");
    let stranger = opened.store.tenant(common::new_tenant(&opened.store, "o").await);
    assert_eq!(stranger.job(job.id).await, Err(StoreError::NotFound("job")));
    let foreign = stranger.save_job(job.id, JobState::Done, "{}", Duration::ZERO).await;
    assert_eq!(foreign, Err(StoreError::NotFound("job")));
    view.save_job(job.id, JobState::Done, "{}", Duration::ZERO).await.expect("saved");
    opened.clock.advance(LEASE);
    assert_eq!(installation.lease_job(LEASE).await, Ok(None));
    let late = view.save_job(job.id, JobState::Running, "{}", Duration::ZERO).await;
    assert_eq!(late, Err(StoreError::NotFound("job")), "what is over stays over");
}

async fn proposed(store: &Store, view: &TenantStore, base: KnowledgeBaseId) -> Proposal {
    let proposal = view.propose(base, 7).await.expect("opened");
    for (name, sha) in [("a.pdf", 9), ("new.pdf", 8), ("broken.pdf", 7)] {
        let path = PathBuf::from(format!("/blobs/draft-{name}"));
        let new = NewDocument { base: proposal.draft(), name: name.into(), size: 5, sha256: [sha; 32], path };
        view.put_document(new).await.expect("uploaded");
    }
    for job in store.take(99).await.expect("taken") {
        let report = IngestReport {
            pages: Vec::new(),
            chunks: 1,
            characters: 5,
            language: None,
            generation: job.name.clone(),
            embedded: true,
        };
        if job.base == proposal.draft() && job.name != "broken.pdf" {
            store.finish(job.tenant, job.document, Ok(report)).await.expect("ready");
        }
    }
    proposal
}

// req: C-KB-1
async fn a_draft_is_seen_by_nobody_until_it_is_promoted(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let view = store.tenant(f.home.tenant);
    let base = f.documents[0].base;
    let proposal = proposed(store, &view, base).await;
    assert_eq!((proposal.state, proposal.questions, proposal.base), (ProposalState::Building, 7, base));
    let bases = view.knowledge_bases(all()).await.expect("listed");
    assert_eq!((bases.total, bases.items.len()), (1, 1), "no list shows the draft");
    assert_eq!(view.knowledge_base_by_name(&format!("draft {}", proposal.id)).await, Ok(None));
    let listed = view.documents(None, all()).await.expect("listed");
    assert_eq!((listed.total, listed.items.len()), (3, 3), "nor its documents");
    assert!(view.knowledge_base(proposal.draft()).await.expect("there").draft);

    let shown = view.proposed(&proposal).await.expect("documents");
    let shown: Vec<_> = shown.iter().map(|d| (d.name.as_str(), d.ready, d.replaces.is_some())).collect();
    assert_eq!(shown, [("a.pdf", true, true), ("broken.pdf", false, false), ("new.pdf", true, false)]);
    let stranger = store.tenant(f.abroad.tenant);
    assert_eq!(stranger.proposal(proposal.id).await, Err(StoreError::NotFound("proposal")));
    assert_eq!(stranger.promote(proposal.id).await, Err(StoreError::NotFound("proposal")));
    assert_eq!(stranger.propose(base, 1).await, Err(StoreError::NotFound("knowledge base")));
    assert_eq!(view.propose(proposal.draft(), 1).await, Err(StoreError::NotFound("knowledge base")), "of a draft");

    view.promote(proposal.id).await.expect("promoted");
    let documents = view.documents(Some(base), all()).await.expect("listed").items;
    let names: Vec<_> = documents.iter().map(|d| (d.name.as_str(), d.sha256[0])).collect();
    assert_eq!(names, [("a.pdf", 9), ("b.pdf", 1), ("c.pdf", 1), ("new.pdf", 8)], "what could not be read is not");
    assert_eq!(documents[0].id, f.documents[0].document, "the same name is the same document");
    assert_eq!(documents[0].path, PathBuf::from("/blobs/draft-a.pdf"));
    assert_eq!(
        view.knowledge_base(proposal.draft()).await.map(|b| b.draft),
        Err(StoreError::NotFound("knowledge base"))
    );
    assert_eq!(view.promote(proposal.id).await, Err(StoreError::Conflict("proposal")));
    let moved = view.move_proposal(proposal.id, ProposalState::Dropped).await;
    assert_eq!(moved, Err(StoreError::Conflict("proposal")));
    let listed = view.proposals(base, all()).await.expect("listed");
    assert_eq!((listed.total, listed.items[0].state), (1, ProposalState::Promoted));
}

// req: C-KB-1
async fn real_questions_are_found_with_what_came_before(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let view = store.tenant(f.home.tenant);
    for (peer, id, text) in [
        ("anna", "1", "Do you rent bicycles?"),
        ("anna", "2", "And what does one cost?"),
        ("ben", "3", "Do you rent bicycles?"),
    ] {
        let loaded = receive(store, &f.home, peer, &[(id, text)], NOW).await;
        store.commit(answer(&loaded, "Yes.", &f.ids, NOW)).await.expect("commit");
    }
    let loaded = receive(store, &f.pull, "carl", &[("4", "Hello,"), ("5", "is there a pool?")], NOW).await;
    store.commit(answer(&loaded, "No.", &f.ids, NOW)).await.expect("commit");
    let texts = async |agents: &[_], most| {
        let found = view.real_questions(agents, most).await.expect("questions");
        found.into_iter().map(|q| (q.text, q.previous.len())).collect::<Vec<_>>()
    };
    let (cost, rent) = ("And what does one cost?".to_owned(), "Do you rent bicycles?".to_owned());
    assert_eq!(texts(&[f.home.agent], 9).await, [(rent.clone(), 0), (cost, 1)], "each once, the newest first");
    assert_eq!(texts(&[f.home.agent], 1).await, [(rent, 0)]);
    assert_eq!(
        texts(&[f.pull.agent], 9).await,
        [("Hello,\nis there a pool?".to_owned(), 0)],
        "a burst is one question"
    );
    assert_eq!(texts(&[], 9).await, []);
}

// req: C-KB-1
async fn the_answers_of_a_proposal_are_kept_once(on: Kind) {
    let opened = common::open(on).await;
    let tenant = common::new_tenant(&opened.store, "t").await;
    let view = opened.store.tenant(tenant);
    let base = view.ensure_knowledge_base("house").await.expect("base").id;
    let id = view.propose(base, 3).await.expect("opened").id;
    let said = |text: &str| Answer { text: text.into(), citations: Vec::new(), abstained: false, calls: Vec::new() };
    let ids = SeqIds::new(4);
    let answer = |place, change| ProposedAnswer {
        place,
        conversation: ConversationId::new(ids.uuid()),
        turn: 2,
        question: format!("question {place}"),
        before: said("five"),
        after: said("six"),
        change,
    };
    let first = answer(0, Change::Same);
    let second = answer(1, Change::Text);
    for a in [&first, &second, &answer(1, Change::Same)] {
        view.add_proposed_answer(id, a).await.expect("kept");
    }
    let listed = view.proposed_answers(id, false, all()).await.expect("listed");
    assert_eq!((listed.total, listed.items), (2, vec![first, second.clone()]), "a repeated step changes nothing");
    let changed = view.proposed_answers(id, true, all()).await.expect("listed");
    assert_eq!((changed.total, changed.items), (1, vec![second]));
    let none = ProposalId::new(ids.uuid());
    assert_eq!(view.proposed_answers(none, false, all()).await.expect("listed").total, 0);
}

on_both! {
    a_job_is_worked_at_by_one_and_taken_up_when_that_one_is_gone
    a_draft_is_seen_by_nobody_until_it_is_promoted
    real_questions_are_found_with_what_came_before
    the_answers_of_a_proposal_are_kept_once
}
