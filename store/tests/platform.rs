//! What tenants configure, and what is shown of conversations.

#[macro_use]
mod common;

use colloquy_domain::{
    agent::AgentProfile,
    channel::{DeliveryStatus, Secret},
    failure::Failure,
    ids::{AgentId, ChannelId, DocumentId, TenantId},
    knowledge::{DocumentStatus, IngestFailure, IngestProgress, IngestReport, PageReport, PageStatus},
    message::Outcome,
    model::Speaker,
    ports::{ConversationStore, DocumentQueue, Ids, OutboxStore, Settlement, StoreError},
    testkit::{Account, SeqIds, answer, empty_commit, receive},
};
use colloquy_store::{
    Actor, AgentDraft, KeyHash, LostWhat, OpenError, PageRequest, ProposalState, Replayed, SecretKey, Store,
    TenantStore,
};
use common::{Kind, NOW};
use std::path::PathBuf;

fn all() -> PageRequest {
    PageRequest::default()
}

async fn the_default_tenant_is_made_once(on: Kind) {
    let opened = common::open(on).await;
    let installation = opened.store.installation();
    let first = installation.ensure_default_tenant().await.expect("made");
    assert_eq!(installation.ensure_default_tenant().await.expect("found"), first);
    let taken = installation.create_tenant("default", "Another").await;
    assert_eq!(taken.map(|_| ()), Err(StoreError::Conflict("slug")));
    assert_eq!(installation.tenants(all()).await.expect("listed").total, 1);
    assert_eq!(installation.tenant(first.id).await, Ok(first));
}

// req: S1-TEST-1
async fn each_test_has_an_installation_of_its_own(on: Kind) {
    let (one, other) = (common::open(on).await, common::open(on).await);
    common::fixture(&one.store).await;
    let tenants =
        async |opened: &common::Opened| opened.store.installation().tenants(all()).await.expect("listed").total;
    assert_eq!((tenants(&one).await, tenants(&other).await), (2, 0));
}

async fn keys_open_until_they_are_revoked(on: Kind) {
    let opened = common::open(on).await;
    let tenant = common::new_tenant(&opened.store, "t").await;
    let view = opened.store.tenant(tenant);
    let scopes = vec!["admin".to_owned()];
    let key = view.create_api_key("laptop", KeyHash::of("secret"), &scopes).await.expect("made");
    let installation = opened.store.installation();
    let owner = installation.api_key(KeyHash::of("secret")).await.expect("looked up").expect("found");
    assert_eq!((owner.tenant, owner.key, owner.scopes), (tenant, key.id, scopes));
    assert_eq!(installation.api_key(KeyHash::of("guess")).await, Ok(None));
    let other = common::new_tenant(&opened.store, "o").await;
    let foreign = opened.store.tenant(other).revoke_api_key(key.id).await;
    assert_eq!(foreign, Err(StoreError::NotFound("API key")));
    view.revoke_api_key(key.id).await.expect("revoked");
    assert_eq!(installation.api_key(KeyHash::of("secret")).await, Ok(None));
    let listed = view.api_keys(all()).await.expect("listed");
    assert_eq!((listed.total, listed.items[0].revoked_at), (1, Some(NOW)));
}

async fn agents_belong_to_their_tenant(on: Kind) {
    let opened = common::open(on).await;
    let (mine, theirs) = (common::new_tenant(&opened.store, "m").await, common::new_tenant(&opened.store, "t").await);
    let (view, other) = (opened.store.tenant(mine), opened.store.tenant(theirs));
    let account = Account::new(theirs, &SeqIds::new(3));
    let profile = account.profile();
    let agent = view.create_agent(profile.clone(), Actor::System).await.expect("made");
    assert_eq!(agent.profile.tenant, mine, "the view's tenant, whatever the profile says");
    assert_eq!(view.agent(profile.id).await, Ok(agent.clone()));
    assert_eq!(other.agent(profile.id).await, Err(StoreError::NotFound("agent")));
    assert_eq!(other.update_agent(profile.clone(), Actor::System).await, Err(StoreError::NotFound("agent")));
    assert_eq!(other.delete_agent(profile.id).await, Err(StoreError::NotFound("agent")));
    let twin = view.create_agent(Account::new(mine, &SeqIds::new(4)).profile(), Actor::System).await.expect("another");
    let mut renamed = twin.profile;
    renamed.name.clone_from(&profile.name);
    assert_eq!(view.update_agent(renamed.clone(), Actor::System).await, Err(StoreError::Conflict("name")));
    let base = other.create_knowledge_base("theirs").await.expect("base");
    renamed.name = "own name".into();
    renamed.knowledge = vec![base.id];
    assert_eq!(view.update_agent(renamed.clone(), Actor::System).await, Err(StoreError::NotFound("knowledge base")));
    let own = view.ensure_knowledge_base("mine").await.expect("base");
    renamed.knowledge = vec![own.id];
    renamed.instructions = "Sois bref.".into();
    let updated = view.update_agent(renamed.clone(), Actor::System).await.expect("updated");
    assert_eq!(updated.profile, renamed);
    every_change_is_a_version(&view, &other, &renamed).await;
    assert_eq!(view.agents(all()).await.expect("listed").total, 2);
    view.delete_agent(profile.id).await.expect("deleted");
    assert_eq!(view.agent(profile.id).await, Err(StoreError::NotFound("agent")));
    assert_eq!(view.agent_by_name(&profile.name).await, Ok(None), "its name is free again");
}

/// Of an agent that was changed once.
async fn every_change_is_a_version(view: &TenantStore, other: &TenantStore, changed: &AgentProfile) {
    let id = changed.id;
    let again = view.update_agent(changed.clone(), Actor::System).await.expect("saved");
    assert_eq!(again.version, 2, "what changes nothing is no version");
    let by = Actor::Key(id.uuid());
    let restored = view.restore_agent(id, 1, by).await.expect("restored");
    assert_eq!((restored.version, restored.profile.instructions.as_str()), (3, ""));
    let versions = view.agent_versions(id, all()).await.expect("listed").items;
    let told: Vec<_> = versions.iter().map(|v| (v.version, v.by, v.restores)).collect();
    assert_eq!(told, [(3, by, Some(1)), (2, Actor::System, None), (1, Actor::System, None)]);
    assert_eq!(&versions[1].profile, changed);
    assert_eq!(other.agent_versions(id, all()).await.expect("listed").total, 0);
    assert_eq!(other.agent_version(id, 1).await, Err(StoreError::NotFound("version")));
    assert_eq!(other.restore_agent(id, 1, by).await, Err(StoreError::NotFound("version")));

    let (first, second) = (draft(view, changed, "First.").await, draft(view, changed, "Second.").await);
    assert_eq!(other.agent_draft(first.id).await, Err(StoreError::NotFound("draft")));
    assert_eq!(other.promote_draft(&first, by).await, Err(StoreError::Conflict("draft")));
    let promoted = view.promote_draft(&first, by).await.expect("promoted");
    assert_eq!((promoted.version, promoted.profile.instructions.as_str()), (4, "First."));
    assert_eq!(view.promote_draft(&first, by).await, Err(StoreError::Conflict("draft")));
    assert_eq!(view.promote_draft(&second, by).await, Err(StoreError::Conflict("version")));
    assert_eq!(view.agent(id).await.expect("there").profile.instructions, "First.", "all of it or nothing");
    assert_eq!(view.agent_draft(second.id).await.expect("there").state, ProposalState::Reviewing);
    view.update_agent(changed.clone(), Actor::System).await.expect("as it was");
}

async fn draft(view: &TenantStore, of: &AgentProfile, instructions: &str) -> AgentDraft {
    let profile = AgentProfile { instructions: instructions.into(), ..of.clone() };
    view.draft_agent(profile, 5, Actor::System).await.expect("drafted")
}

fn files(store_folder: &std::path::Path) -> Vec<u8> {
    let files = std::fs::read_dir(store_folder).expect("folder").map(|f| f.expect("file").path());
    files.filter(|f| f.is_file()).flat_map(|f| std::fs::read(f).expect("read")).collect()
}

async fn secrets_of_channels_are_encrypted(on: Kind) {
    let opened = common::open(on).await;
    let tenant = common::new_tenant(&opened.store, "t").await;
    let view = opened.store.tenant(tenant);
    let account = Account::new(tenant, &SeqIds::new(3));
    let mut channel = account.account();
    channel.external_id = Some("page-1".into());
    channel.settings.insert("greeting".into(), "plain-to-see".into());
    channel.secrets.insert("token".into(), Secret::new("very-secret-token"));
    assert_eq!(view.create_channel(channel.clone(), false).await, Err(StoreError::NotFound("agent")));
    view.create_agent(account.profile(), Actor::System).await.expect("agent");
    let made = view.create_channel(channel.clone(), false).await.expect("made");
    assert_eq!(made.account, channel);
    // What PostgreSQL committed is in its log of writes.
    let bytes = files(&opened.server.as_ref().map_or_else(|| opened.folder.path().to_owned(), |s| s.write_ahead_log()));
    let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("plain-to-see"), "the files are the ones that are written");
    assert!(!holds("very-secret-token"));

    let installation = opened.store.installation();
    let found = installation.channel_by_external(&channel.kind, "page-1").await.expect("looked up");
    assert_eq!(found.map(|c| c.account), Some(channel.clone()));
    let mut twin = Account::new(tenant, &SeqIds::new(4)).account();
    (twin.agent, twin.external_id) = (account.agent, channel.external_id.clone());
    assert_eq!(view.create_channel(twin, false).await, Err(StoreError::Conflict("external id")));
    assert_eq!(view.delete_agent(account.agent).await, Err(StoreError::Conflict("agent")), "it answers there");

    channel.secrets.insert("token".into(), Secret::new("rotated"));
    let updated = view.update_channel(channel.clone()).await.expect("updated");
    assert_eq!(updated.account.secret("token"), Some("rotated"));
    let other = opened.store.tenant(common::new_tenant(&opened.store, "o").await);
    assert_eq!(other.channel(channel.id).await, Err(StoreError::NotFound("channel")));
    assert_eq!(other.delete_channel(channel.id).await, Err(StoreError::NotFound("channel")));
    assert_eq!(installation.enabled_channels().await.expect("listed").len(), 1);
    view.delete_channel(channel.id).await.expect("deleted");
    assert_eq!(installation.channel(channel.id).await, Ok(None));
    assert_eq!(installation.enabled_channels().await, Ok(Vec::new()));
}

async fn another_key_does_not_open_the_database(on: Kind) {
    let opened = common::open(on).await;
    opened.store.close().await;
    let (mut options, _) = common::options(1);
    options.secret_key = SecretKey::from_bytes([8; 32]);
    let error = Store::open(opened.database.clone(), options).await.map(|_| ());
    assert!(matches!(error, Err(OpenError::WrongKey { .. })), "{error:?}");
    let closed = opened.store.installation().ensure_default_tenant().await;
    assert!(matches!(closed, Err(StoreError::Unavailable(_))), "{closed:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("colloquy.db");
    std::fs::write(&path, "this is a text file, and a rather long one, so that its header is read").expect("written");
    let error = Store::open(&path, common::options(1).0).await.map(|_| ()).expect_err("no database");
    assert!(error.to_string().contains("colloquy.db"), "{error}");
    let nowhere = Store::open(folder.path().join("no/such/folder.db"), common::options(1).0).await;
    assert!(nowhere.is_err());
}

async fn a_replaced_document_is_ingested_anew(on: Kind) {
    let opened = common::open(on).await;
    let (store, tenant) = (&opened.store, common::new_tenant(&opened.store, "t").await);
    let view = store.tenant(tenant);
    let first = common::document(store, tenant, "a.pdf").await;
    assert_eq!(store.take(9).await.expect("take").len(), 1);
    // Replaced while it is being ingested: what comes of the old content is of no consequence.
    let new = colloquy_store::NewDocument {
        base: first.base,
        name: "a.pdf".into(),
        size: 20,
        sha256: [2; 32],
        path: "/blobs/new.pdf".into(),
    };
    let stored = view.put_document(new).await.expect("replaced");
    assert_eq!(stored.document.id, first.document, "the same name is the same document");
    assert_eq!(stored.replaced, Some(PathBuf::from("/blobs/a.pdf")));
    let report = IngestReport {
        pages: Vec::new(),
        chunks: 1,
        characters: 5,
        language: None,
        generation: "g1".into(),
        embedded: false,
    };
    let old = IngestProgress { status: DocumentStatus::Indexing, pages: 9, chunks: 9, indexed: 9 };
    store.progress(tenant, first.document, old).await.expect("ignored");
    store.finish(tenant, first.document, Ok(report.clone())).await.expect("ignored");
    let waiting = view.document(first.document).await.expect("document");
    assert_eq!(waiting.progress, IngestProgress::default());
    let again = store.take(9).await.expect("take");
    assert_eq!((again.len(), again[0].path.clone(), again[0].attempt), (1, PathBuf::from("/blobs/new.pdf"), 0));
    let pages = vec![
        PageReport { number: 1, status: PageStatus::Ok },
        PageReport { number: 2, status: PageStatus::NoTextLayer },
    ];
    store.finish(tenant, first.document, Ok(IngestReport { pages: pages.clone(), ..report })).await.expect("finish");
    let ready = view.document(first.document).await.expect("document");
    assert_eq!((ready.progress.status, ready.pages, ready.size), (DocumentStatus::Ready, pages, 20));
}

async fn documents_show_why_they_failed_and_can_be_deleted(on: Kind) {
    let opened = common::open(on).await;
    let (store, tenant) = (&opened.store, common::new_tenant(&opened.store, "t").await);
    let view = store.tenant(tenant);
    let job = common::document(store, tenant, "bad.pdf").await;
    store.take(9).await.expect("take");
    let pages = vec![PageReport { number: 1, status: PageStatus::Failed }];
    let failure = Failure::reject("extract.encrypted", "the file is encrypted");
    let failed = IngestFailure { failure: failure.clone(), pages: pages.clone() };
    store.finish(tenant, job.document, Err(failed)).await.expect("finish");
    let shown = view.documents(Some(job.base), all()).await.expect("listed").items.remove(0);
    assert_eq!((shown.progress.status, shown.cause, shown.pages), (DocumentStatus::Failed, Some(failure), pages));
    view.requeue_document(job.document).await.expect("requeued");
    assert_eq!(store.take(9).await.expect("take").len(), 1);
    let other = store.tenant(common::new_tenant(store, "o").await);
    assert_eq!(other.delete_document(job.document).await.map(|_| ()), Err(StoreError::NotFound("document")));
    assert_eq!(other.documents(None, all()).await.expect("listed").total, 0);
    let base = view.delete_knowledge_base(job.base).await;
    assert_eq!(base, Err(StoreError::Conflict("knowledge base with documents")));
    view.delete_document(job.document).await.expect("deleted");
    view.delete_knowledge_base(job.base).await.expect("deleted");
    let missing = view.document(DocumentId::new(SeqIds::new(9).uuid())).await;
    assert_eq!(missing.map(|_| ()), Err(StoreError::NotFound("document")));
}

async fn unfinished_documents_are_handed_out_again_after_a_restart(on: Kind) {
    let opened = common::open(on).await;
    let tenant = common::new_tenant(&opened.store, "t").await;
    let job = common::document(&opened.store, tenant, "a.pdf").await;
    opened.store.take(9).await.expect("take");
    let progress = IngestProgress { status: DocumentStatus::Indexing, pages: 3, chunks: 5, indexed: 2 };
    opened.store.progress(tenant, job.document, progress.clone()).await.expect("progress");
    opened.store.close().await;
    let (store, _) = common::open_at(opened.database.clone(), 5).await;
    assert_eq!(store.tenant(tenant).document(job.document).await.expect("document").progress, progress);
    let again = store.take(9).await.expect("take");
    assert_eq!(again.iter().map(|j| (j.document, j.attempt)).collect::<Vec<_>>(), [(job.document, 1)]);
}

async fn transcripts_show_what_became_of_each_line(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let view = store.tenant(f.home.tenant);
    let loaded = receive(store, &f.home, "peer", &[("m1", "hello"), ("m2", "open?")], NOW).await;
    let waiting = view.messages(loaded.key.id, all()).await.expect("messages");
    assert!(waiting.items.iter().all(|l| l.outcome.is_none() && l.speaker == Speaker::Person));
    store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");
    let lines = view.messages(loaded.key.id, all()).await.expect("messages").items;
    let shown: Vec<_> = lines.iter().map(|l| (l.text.as_str(), l.outcome.clone(), l.status)).collect();
    let (merged, answered) = (Outcome::Merged { turn: 1 }, Outcome::Answered { turn: 1 });
    let queued = Some(DeliveryStatus::Queued);
    assert_eq!(shown, [("hello", Some(merged), None), ("open?", Some(answered), None), ("yes", None, queued)]);
    let since = view.messages_since(loaded.key.id, lines[1].position, 9).await.expect("messages");
    assert_eq!(since, lines[2..]);
    let last = view.messages(loaded.key.id, PageRequest::new(1, 2)).await.expect("messages");
    assert_eq!((last.total, &last.items[..]), (3, &lines[1..]));
    assert_eq!(view.conversation_with(f.home.channel, "peer").await, Ok(Some(loaded.key.id)));
    let listed = view
        .conversations(&colloquy_store::ConversationFilter::default(), uuid::Uuid::nil(), all())
        .await
        .expect("listed");
    assert_eq!((listed.total, listed.items[0].received), (1, 2));
    assert_eq!(listed.items[0].last_message.as_ref().map(|m| m.text.as_str()), Some("yes"));
    let other = store.tenant(f.abroad.tenant);
    assert_eq!(
        other
            .conversations(&colloquy_store::ConversationFilter::default(), uuid::Uuid::nil(), all())
            .await
            .expect("listed")
            .total,
        0
    );
    assert_eq!(other.messages(loaded.key.id, all()).await.expect("messages").total, 0);
    assert_eq!(other.conversation(loaded.key.id).await.map(|_| ()), Err(StoreError::NotFound("conversation")));
    let day = colloquy_domain::agent::Spent::day_of(NOW);
    let spending = view.spending(day, day).await.expect("spending");
    assert_eq!(spending.iter().map(|s| s.usage.cost_micros).collect::<Vec<_>>(), [7]);
}

async fn a_dead_letter_is_replayed_once(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let view = store.tenant(f.home.tenant);
    let loaded = receive(store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let cause = Failure::retry("model.down", "no answer");
    let mut commit = empty_commit(&loaded, NOW);
    commit.settled = answer(&loaded, "", &f.ids, NOW).settled;
    commit.settled[0].outcome = Outcome::DeadLettered { cause: cause.clone() };
    let id = colloquy_domain::ids::DeadLetterId::new(f.ids.uuid());
    commit.dead_letters = vec![colloquy_domain::conversation::NewDeadLetter { id, seq: 1, cause: cause.clone() }];
    store.commit(commit).await.expect("commit");
    let letter = view.dead_letters(true, all()).await.expect("listed").items.remove(0);
    assert_eq!((letter.id, letter.what, letter.cause), (id, LostWhat::Message(1), cause));
    let other = store.tenant(f.abroad.tenant);
    assert_eq!(other.replay_dead_letter(id).await, Err(StoreError::NotFound("dead letter")));

    let Ok(Replayed::Message(hint)) = view.replay_dead_letter(id).await else { panic!("a message") };
    assert_eq!(hint.conversation, loaded.key.id);
    assert_eq!(view.replay_dead_letter(id).await, Err(StoreError::Conflict("replay")));
    let again = store.load(hint.tenant, hint.conversation).await.expect("load");
    assert_eq!(again.pending.len(), 1);
    assert_eq!((again.pending[0].seq, &again.pending[0].inbound), (2, &loaded.pending[0].inbound));
    store.commit(answer(&again, "at last", &f.ids, NOW)).await.expect("commit");
    let lines = view.messages(loaded.key.id, all()).await.expect("messages").items;
    let shown: Vec<_> = lines.iter().map(|l| (l.text.as_str(), l.outcome.as_ref().map(Outcome::name))).collect();
    assert_eq!(shown, [("hello", Some("answered")), ("at last", None)], "one line, with its last outcome");
    assert_eq!(view.dead_letters(true, all()).await.expect("listed").total, 0);
    assert_eq!(view.dead_letters(false, all()).await.expect("listed").total, 1);
}

async fn a_failed_delivery_is_replayed_in_its_place(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let view = store.tenant(f.home.tenant);
    let (tenant, channel) = (f.home.tenant, f.home.channel);
    let loaded = receive(store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    store.commit(answer(&loaded, "first", &f.ids, NOW)).await.expect("commit");
    let item = store.claim(tenant, channel, NOW, 9).await.expect("claim").remove(0);
    let failure = Failure::reject("whatsapp.blocked", "the person blocked us");
    store.settle(vec![Settlement::Failed { tenant, id: item.id, failure, at: NOW }]).await.expect("settle");
    let loaded = receive(store, &f.home, "peer", &[("m2", "hello?")], NOW).await;
    store.commit(answer(&loaded, "second", &f.ids, NOW)).await.expect("commit");
    let letter = view.dead_letters(true, all()).await.expect("listed").items.remove(0);
    assert_eq!(letter.what, LostWhat::Delivery(item.id));
    assert_eq!(store.installation().backlog().await.expect("backlog").dead_letters, 1);
    assert_eq!(view.replay_dead_letter(letter.id).await, Ok(Replayed::Delivery(channel)));
    assert_eq!(view.replay_dead_letter(letter.id).await, Err(StoreError::Conflict("replay")));
    let mut texts = Vec::new();
    for _ in 0..2 {
        let claimed = store.claim(tenant, channel, NOW, 9).await.expect("claim");
        assert_eq!(claimed.len(), 1, "one at a time for a peer");
        let (id, at) = (claimed[0].id, NOW);
        texts.push(claimed[0].text.clone());
        store.settle(vec![Settlement::Sent { tenant, id, provider_message_id: None, at }]).await.expect("settle");
    }
    texts.sort();
    assert_eq!(texts, ["first", "second"]);
    let documents = f.documents.len() as u64;
    let want = colloquy_store::Backlog { documents, ..colloquy_store::Backlog::default() };
    assert_eq!(store.installation().backlog().await, Ok(want), "nothing waits but the documents of the fixture");
}

async fn unknown_ids_are_not_found(on: Kind) {
    let opened = common::open(on).await;
    let ids = SeqIds::new(9);
    let view = opened.store.tenant(TenantId::new(ids.uuid()));
    assert_eq!(view.agent(AgentId::new(ids.uuid())).await.map(|_| ()), Err(StoreError::NotFound("agent")));
    assert_eq!(view.channel(ChannelId::new(ids.uuid())).await.map(|_| ()), Err(StoreError::NotFound("channel")));
    let page = view
        .conversations(&colloquy_store::ConversationFilter::default(), uuid::Uuid::nil(), PageRequest::new(0, 9999))
        .await
        .expect("listed");
    assert_eq!((page.page, page.limit, page.total), (1, PageRequest::MOST, 0));
}

on_both! {
    the_default_tenant_is_made_once
    each_test_has_an_installation_of_its_own
    keys_open_until_they_are_revoked
    agents_belong_to_their_tenant
    secrets_of_channels_are_encrypted
    another_key_does_not_open_the_database
    a_replaced_document_is_ingested_anew
    documents_show_why_they_failed_and_can_be_deleted
    unfinished_documents_are_handed_out_again_after_a_restart
    transcripts_show_what_became_of_each_line
    a_dead_letter_is_replayed_once
    a_failed_delivery_is_replayed_in_its_place
    unknown_ids_are_not_found
}
