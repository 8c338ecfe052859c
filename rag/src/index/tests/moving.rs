//! All points of one store into another.

use super::*;
use bench::on_real_server;
use std::sync::Mutex;

/// A vector that is like no other, of any length.
fn vector(seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % 20_011) as f32 / 10_000.0 - 1.0
    };
    (0..crate::models::manifest::DEFAULT_MODEL.dimension).map(|_| next()).collect()
}

async fn fill(index: &Index, documents: u128, passages: u32) {
    for document in 0..documents {
        let doc = key(1 + document % 2, 10, 100 + document);
        let new = (0..passages).map(|n| {
            let mut new = passage(doc, "a", n, &format!("warranty {document} part {n} é"));
            new.dense = (n % 5 != 0).then(|| vector(n + passages * u32::try_from(document).expect("few")));
            new
        });
        index.stage(new.collect()).await.expect("staged");
        index.switch(doc, "a".to_owned(), passages).await.expect("switched");
    }
    index.stage(vec![passage(key(1, 10, 99), "a", 0, "staged only")]).await.expect("staged");
}

async fn move_into(bench: &Bench) {
    let source = Bench::embedded().await;
    fill(&source.index, 6, 150).await;
    let contents = digest(&source.index).await.expect("read");
    assert_eq!(contents.points, 901);

    // Interrupted after a page, and continued where it was.
    let heard = Mutex::new(Vec::new());
    let copied = copy(&source.index, &bench.index, None, |n, next| heard.lock().expect("heard").push((n, next)));
    assert_eq!(copied.await.expect("copied"), contents);
    let heard = heard.into_inner().expect("heard");
    assert_eq!(heard.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [256, 512, 768, 901]);
    assert_eq!(digest(&bench.index).await.expect("read"), contents);
    let rest = copy(&source.index, &bench.index, heard[1].1, |_, _| {}).await.expect("copied");
    assert_eq!(rest.points, 901 - 512);
    assert_eq!(digest(&bench.index).await.expect("read"), contents, "twice is once");

    assert_eq!(found(&bench.index, 1, &[10], "warranty part").await.len(), 10);
    // And it can be worked on: a moved document is replaced, the staged one finished.
    put(&bench.index, key(1, 10, 100), "b", &["guarantee instead"]).await;
    bench.index.switch(key(1, 10, 99), "a".to_owned(), 1).await.expect("switched");
    assert_eq!(found(&bench.index, 1, &[10], "guarantee staged").await, ["guarantee instead", "staged only"]);
    assert_ne!(digest(&bench.index).await.expect("read"), contents);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_store_moves_to_a_server() {
    move_into(&Bench::standin().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_store_moves_to_a_real_server() {
    on_real_server(move_into).await;
}

#[test]
fn a_digest_knows_every_bit_and_no_order() {
    let point = |n: u32| Point { dense: Some(vector(n)), ..Point::from(passage(key(1, 10, 100), "a", n, "text")) };
    let of = |points: &[Point]| {
        let mut digest = Digest::default();
        points.iter().for_each(|p| digest.add(p));
        digest
    };
    let (a, b) = (point(1), point(2));
    let both = of(&[a.clone(), b.clone()]);
    assert_eq!(both, of(&[b.clone(), a.clone()]));
    let mut mixed = a.clone();
    mixed.words.indices.reverse();
    mixed.words.values.reverse();
    assert_eq!(both, of(&[mixed, b.clone()]), "a sparse vector is a set");
    let changes: [fn(&mut Point); 4] = [
        |p| p.stored.live = true,
        |p| p.stored.page = None,
        |p| p.words.values[0] += 1e-6,
        |p| p.dense.as_mut().expect("there")[7] *= -1.0,
    ];
    for change in changes {
        let mut changed = a.clone();
        change(&mut changed);
        assert_ne!(both, of(&[changed, b.clone()]));
    }
    assert_ne!(both, of(&[a]));
}
