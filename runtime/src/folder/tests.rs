use super::*;

fn config(dir: &Path) -> Config {
    Config { data_dir: dir.join("data"), ..Config::defaults() }
}

#[test]
fn one_process_owns_the_folder_and_others_can_find_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    assert_eq!(owner(&config.data_dir).unwrap(), None, "it does not exist yet");
    let mut folder = DataFolder::open(&config, "serve").unwrap();
    let second = DataFolder::open(&config, "ingest").expect_err("in use");
    assert!(second.to_string().contains("in use by `colloquy serve` (process"), "{second}");
    folder.announce("http://0.0.0.0:4000").unwrap();
    let found = owner(&config.data_dir).unwrap().flatten().expect("an owner");
    assert_eq!((found.url.as_deref(), found.serves()), (Some("http://127.0.0.1:4000"), true));
    drop(folder);
    assert_eq!(owner(&config.data_dir).unwrap(), None);
    assert!(!config.data_dir.join(OWNER).exists());
    DataFolder::open(&config, "ingest").expect("free again");
}

#[test]
fn what_a_killed_owner_left_behind_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    drop(DataFolder::open(&config, "serve").unwrap());
    let stale = Owner { url: Some("http://127.0.0.1:1".to_owned()), pid: 1, command: "serve".to_owned() };
    write_owner(&config.data_dir, &stale).unwrap();
    assert_eq!(owner(&config.data_dir).unwrap(), None);
    let _folder = DataFolder::open(&config, "chat").expect("free");
    let now = owner(&config.data_dir).unwrap().flatten().expect("an owner");
    assert_eq!((now.url.as_deref(), now.serves(), now.pid), (None, false, std::process::id()));
}

#[test]
fn keys_are_made_once_and_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let first = DataFolder::open(&config, "serve").unwrap();
    let (api, secret) = (first.api_key().clone(), first.secret_key().clone());
    assert!(api.expose().starts_with("clq_") && api.expose().len() == 68);
    assert!(!format!("{first:?}").contains(api.expose()));
    drop(first);
    let again = DataFolder::open(&config, "serve").unwrap();
    assert_eq!((again.api_key(), again.secret_key()), (&api, &secret));
    assert_eq!(&read_api_key(&config.data_dir).unwrap(), &api);
    #[cfg(unix)]
    for name in [API_KEY, SECRET_KEY, OWNER] {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&config.data_dir.join(name).metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_damaged_key_is_told_without_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    drop(DataFolder::open(&config, "serve").unwrap());
    std::fs::write(config.data_dir.join(SECRET_KEY), "hunter2").unwrap();
    let error = DataFolder::open(&config, "serve").expect_err("damaged").to_string();
    assert!(error.contains("secret.key") && error.contains("64 hexadecimal digits") && !error.contains("hunter2"));
    let chosen = Config { secret_key: Some(SecretKey::from_bytes([1; 32])), ..config };
    DataFolder::open(&chosen, "serve").expect("the configured key is used instead");
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("data"), "a file").unwrap();
    let error = DataFolder::open(&config(dir.path()), "serve").expect_err("a file is in the way").to_string();
    assert!(error.starts_with("cannot make the data folder") && error.contains("data"), "{error}");
}
