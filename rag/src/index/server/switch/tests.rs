//! A former owner of a document that goes on where it was stopped, after its successor has worked.

use super::*;
use crate::{
    index::{
        Index, ServerIndex,
        tests::{count, found, key, passage, put},
    },
    testkit::{Standin, StandinOptions},
};

const OLD: [&str; 2] = ["warranty old 1", "warranty old 2"];

struct Owners {
    former: ServerIndex,
    successor: Index,
    _standin: Standin,
    _dir: tempfile::TempDir,
}

impl Owners {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let standin = Standin::start(dir.path(), StandinOptions::default()).expect("starts");
        let open = || async { ServerIndex::open(&standin.url(), None, "test").await.expect("opens") };
        let (former, successor) = (open().await, Index::from(open().await));
        put(&successor, document(), "old", &OLD).await;
        Self { former, successor, _standin: standin, _dir: dir }
    }

    /// What the former owner had written when it was stopped: its passages and its note.
    async fn stopped(&self, generation: &str) -> Note {
        let passages = (0..2).map(|n| passage(document(), generation, n, &format!("warranty {generation} {n}")));
        Index::from(self.former.clone()).stage(passages.collect()).await.expect("staged");
        let others = self.former.server.other_generations(document(), generation).await.expect("read");
        let DocumentKey { tenant, base, document } = document();
        let note = Note {
            tenant,
            base,
            document,
            generation: generation.to_owned(),
            passages: 2,
            replaces: vec!["old".to_owned()],
            replaces_shown_by: others.shown_by,
            hidden: vec![generation.to_owned()],
            phase: Phase::Showing,
            switch: "former-0".to_owned(),
        };
        self.former.server.put(note.point().expect("a point")).await.expect("noted");
        note
    }

    async fn seen(&self) -> Vec<String> {
        found(&self.successor, 1, &[10], "warranty").await
    }
}

fn document() -> DocumentKey {
    key(1, 10, 100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_successor_finished_stays_finished() {
    let owners = Owners::new().await;
    let note = owners.stopped("new").await;
    owners.successor.switch(document(), "new".to_owned(), 2).await.expect("finished");
    owners.former.server.carry_out(note).await.expect("nothing is left to do");
    assert_eq!(owners.seen().await, ["warranty new 0", "warranty new 1"]);
    let notes = owners.former.server.notes([document()]).await.expect("read");
    assert_eq!(notes.first().map(|n| n.phase), Some(Phase::Done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_successor_replaced_does_not_come_back() {
    let owners = Owners::new().await;
    let note = owners.stopped("new").await;
    put(&owners.successor, document(), "newer", &["warranty newer"]).await;
    // With its note in place of the successor's, as if it had been stopped a moment earlier.
    for again in [false, true] {
        if again {
            owners.former.server.put(note.point().expect("a point")).await.expect("noted");
        }
        let refused = owners.former.server.carry_out(note.clone()).await.expect_err("too late");
        assert_eq!(refused.code, "index.superseded");
        assert_eq!(owners.seen().await, ["warranty newer"]);
    }
    put(&owners.successor, document(), "newest", &["warranty newest"]).await;
    assert_eq!(owners.seen().await, ["warranty newest"]);
    assert_eq!(count(&owners.successor).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_former_owner_makes_live_is_overlooked_and_removed() {
    let owners = Owners::new().await;
    owners.stopped("new").await;
    owners.successor.stage(vec![passage(document(), "newer", 0, "warranty newer")]).await.expect("staged");
    let Index::Server(successor) = &owners.successor else { panic!("a server") };
    // The successor's note, written just before the former owner goes on.
    let others = successor.server.other_generations(document(), "newer").await.expect("read");
    let Others { replaces, shown_by: replaces_shown_by, mut hidden } = others;
    assert_eq!(
        (replaces.as_slice(), hidden.as_slice()),
        (&["new", "old"].map(str::to_owned)[..], &["new".to_owned()][..])
    );
    hidden.push("newer".to_owned());
    let DocumentKey { tenant, base, document: id } = document();
    let (generation, switch) = ("newer".to_owned(), "successor-0".to_owned());
    let phase = Phase::Showing;
    let passages = 1;
    let note =
        Note { tenant, base, document: id, generation, passages, replaces, replaces_shown_by, hidden, phase, switch };
    successor.server.put(note.point().expect("a point")).await.expect("noted");
    let new = filter::of_generation(document(), "new");
    let former = &owners.former.server;
    former.set(&former.names.passages, &new, [(LIVE, true.into())]).await.expect("made live");
    assert_eq!(owners.seen().await, OLD);
    successor.server.carry_out(note).await.expect("finished");
    assert_eq!(owners.seen().await, ["warranty newer"]);
    assert_eq!(count(&owners.successor).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_successor_showed_again_is_not_removed() {
    let owners = Owners::new().await;
    let note = owners.stopped("new").await;
    // The document was changed back: what the former owner was about to remove is the newest again.
    put(&owners.successor, document(), "newer", &["warranty newer"]).await;
    put(&owners.successor, document(), "old", &OLD).await;
    // It goes on where it had the last word, just before it removes what it replaces.
    for phase in [Phase::Shown, Phase::Showing] {
        let again = Note { phase, ..note.clone() };
        let passages = (0..2).map(|n| passage(document(), "new", n, &format!("warranty new {n}")));
        Index::from(owners.former.clone()).stage(passages.collect()).await.expect("staged");
        owners.former.server.put(again.point().expect("a point")).await.expect("noted");
        let refused = owners.former.server.carry_out(again).await.expect_err("too late");
        assert_eq!(refused.code, "index.superseded");
        assert_eq!(owners.seen().await, OLD, "{phase:?}");
    }
    put(&owners.successor, document(), "last", &["warranty last"]).await;
    assert_eq!(owners.seen().await, ["warranty last"]);
    assert_eq!(count(&owners.successor).await, 1, "what was left behind is gone");
}
