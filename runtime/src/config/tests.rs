use super::{
    fields::{FIELDS, OTHER_ENV},
    load::{Flags, load, load_each, load_embedded},
    *,
};
use std::{collections::BTreeSet, io, path::Path};

const EXAMPLE: &str = include_str!("../../../colloquy.example.toml");
const ENV_EXAMPLE: &str = include_str!("../../../.env.example");

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn flags(settings: &[(&'static str, &'static str, &str)]) -> Flags {
    let settings = settings.iter().map(|(k, f, v)| (*k, *f, (*v).to_owned())).collect();
    Flags { file: None, settings }
}

/// A file system with one file.
fn only(path: &'static str, text: &str) -> impl Fn(&Path) -> io::Result<String> {
    move |p| if p == Path::new(path) { Ok(text.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn nothing(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn told(result: Result<Config, Problems>) -> String {
    result.expect_err("problems").to_string()
}

// req: S0-CFG-1
#[test]
fn each_layer_overrides_the_one_below() {
    let file = only("colloquy.toml", "port = 1\nidle_seconds = 5\nhost = \"0.0.0.0\"\n");
    let from_file = load(&Flags::default(), &env(&[]), &file).unwrap();
    assert_eq!((from_file.port, from_file.idle), (Some(1), Duration::from_secs(5)));
    let with_env = load(&Flags::default(), &env(&[("PORT", "2")]), &file).unwrap();
    assert_eq!((with_env.port, with_env.host), (Some(2), IpAddr::from([0, 0, 0, 0])));
    let with_flag = load(&flags(&[("port", "--port", "3")]), &env(&[("PORT", "2")]), &file).unwrap();
    assert_eq!(with_flag.port, Some(3));
    assert_eq!(load(&Flags::default(), &env(&[]), &nothing).unwrap(), Config::defaults());
}

// req: S0-CFG-1
#[test]
fn everything_that_is_wrong_is_told_at_once_and_secrets_are_not() {
    let file = only(
        "colloquy.toml",
        "port = 70000\ncolour = \"red\"\nlog_format = [1]\n\n[openai]\ntemperature = 1\n\n\
         [prices.small]\nprompt = -1\n",
    );
    let env = env(&[
        ("DATABASE_URL", "mysql://user:hunter2@db/colloquy"),
        ("NATS_URL", "http://:hunter2@n"),
        ("COLLOQUY_SECRET_KEY", "hunter2"),
        ("COLLOQUY_COLOUR", "red"),
        ("OPENAI_BASE_URL", "localhost"),
        ("RUST_LOG", "a=b=c"),
    ]);
    let message = told(load(&flags(&[("host", "--host", "here")]), &env, &file));
    insta::assert_snapshot!(message, @r#"
    the configuration has 13 problems:
      port: "70000" must be a whole number from 0 to 65535 (from colloquy.toml line 1)
      colour: there is no such setting (from colloquy.toml line 2)
      log_format: must be a single value (from colloquy.toml line 3)
      openai.temperature: there is no such setting (from colloquy.toml line 6)
      prices.small.prompt: must be a number of dollars per million tokens, from 0 to 10000 (from colloquy.toml line 9)
      prices.small.completion: is missing (from colloquy.toml line 8)
      DATABASE_URL: must look like sqlite://path/to/colloquy.db or postgres://user:password@host/colloquy (from the environment)
      NATS_URL: must be nats://host:4222 or tls://host:4222, several separated by commas (from the environment)
      COLLOQUY_SECRET_KEY: must be 64 hexadecimal digits (32 bytes); several, the newest first, separated by commas (from the environment)
      RUST_LOG: "a=b=c" must be a log filter, for example `info` or `warn,colloquy=debug` (from the environment)
      OPENAI_BASE_URL: "localhost" must be an address that starts with http:// or https:// (from the environment)
      COLLOQUY_COLOUR: there is no such setting (from the environment)
      --host: "here" must be an IP address, for example 127.0.0.1, or 0.0.0.0 for all interfaces (from the command line)
    "#);
    assert!(!message.contains("hunter2"));
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line() {
    let file = only("colloquy.toml", "port = 3000\nhost = \n");
    insta::assert_snapshot!(told(load(&Flags::default(), &env(&[]), &file)), @r#"
    the configuration has a problem:
      file: string values must be quoted, expected literal string (from colloquy.toml line 2)
    "#);
}

#[test]
fn a_named_file_must_exist_and_replaces_the_usual_ones() {
    let named = Flags { file: Some("missing.toml".into()), settings: Vec::new() };
    let message = told(load(&named, &env(&[]), &only("colloquy.toml", "port = 1")));
    insta::assert_snapshot!(message, @r#"
    the configuration has a problem:
      --config: cannot read missing.toml: entity not found (from the command line)
    "#);
    let named = Flags { file: Some("mine.toml".into()), settings: Vec::new() };
    let config = load(&named, &env(&[]), &only("mine.toml", "port = 9")).unwrap();
    assert_eq!(config.port, Some(9));
}

#[test]
fn the_file_in_the_data_folder_cannot_choose_another_data_folder() {
    let at = flags(&[("data_dir", "--data-dir", "d")]);
    let config = load(&at, &env(&[]), &only("d/colloquy.toml", "port = 9")).unwrap();
    assert_eq!((config.port, config.data_dir), (Some(9), PathBuf::from("d")));
    let message = told(load(&at, &env(&[]), &only("d/colloquy.toml", "data_dir = \"e\"")));
    assert!(message.contains("data_dir: cannot be set"), "{message}");
}

#[test]
fn an_endpoint_makes_openai_the_default_model() {
    let plain = load(&Flags::default(), &env(&[("OPENAI_API_KEY", "")]), &nothing).unwrap();
    assert_eq!(plain.default_model().provider, "extractive");
    assert!(plain.endpoint().is_none());
    let local = [("OPENAI_BASE_URL", "http://localhost:11434/v1/"), ("OPENAI_MODEL", "qwen3")];
    let local = load(&Flags::default(), &env(&local), &nothing).unwrap();
    assert_eq!((local.default_model().provider, local.default_model().model), ("openai".into(), "qwen3".into()));
    assert_eq!(local.endpoint().unwrap().base_url, "http://localhost:11434/v1");
    let keyed = load(&Flags::default(), &env(&[("OPENAI_API_KEY", "sk-hidden")]), &nothing).unwrap();
    assert_eq!(keyed.endpoint().unwrap().base_url, OPENAI);
    assert!(!format!("{keyed:?}").contains("sk-hidden"));
}

#[test]
fn a_memory_limit_of_nothing_is_none() {
    let limit =
        |mb| load(&Flags::default(), &env(&[("COLLOQUY_MEMORY_LIMIT_MB", mb)]), &nothing).map(|c| c.memory_limit);
    assert_eq!((limit("0").unwrap(), limit("512").unwrap()), (None, Some(512 << 20)));
    assert!(limit("half").is_err());
}

#[test]
fn databases_are_files() {
    let path = |url: &str| load(&Flags::default(), &env(&[("DATABASE_URL", url)]), &nothing).map(|c| c.database_path());
    assert_eq!(path("sqlite:///var/lib/c.db").unwrap(), Path::new("/var/lib/c.db"));
    assert_eq!(path("sqlite://data/c.db").unwrap(), Path::new("data/c.db"));
    assert_eq!(Config::defaults().database_path(), Path::new("./data/colloquy.db"));
    for wrong in ["sqlite::memory:", "mysql://x", "sqlite://c.db?mode=ro"] {
        assert!(path(wrong).is_err(), "{wrong}");
    }
}

/// Lines of an example with its commented settings switched on.
fn switched_on(example: &str) -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    example.lines().map(on).collect()
}

// req: S0-CFG-1
#[test]
fn the_example_file_names_every_setting_and_is_valid() {
    let text = switched_on(EXAMPLE);
    // Alternatives stand side by side there: each is right, not all of them together.
    let (config, problems) = load_each(&Flags::default(), &env(&[]), &only("colloquy.toml", &text));
    assert_eq!(problems, Problems::default());
    assert_eq!(config.prices["gpt-4o-mini"], Price { prompt_micros: 150_000, completion_micros: 600_000 });
    let table: toml::Table = text.parse().unwrap();
    for field in FIELDS {
        let found = field.key.split('.').try_fold(&toml::Value::Table(table.clone()), |v, k| v.get(k)).is_some();
        assert!(found, "{} is missing in colloquy.example.toml", field.key);
    }
    let untouched = load(&Flags::default(), &env(&[]), &only("colloquy.toml", EXAMPLE)).unwrap();
    assert_eq!(untouched, Config::defaults(), "what is not commented out is the default");
}

// req: S0-CFG-1
#[test]
fn the_example_environment_names_every_variable_and_is_valid() {
    let text = switched_on(ENV_EXAMPLE);
    let pairs: BTreeMap<String, String> = text
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
        .map(|l| l.split_once('=').expect("NAME=value"))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let named: BTreeSet<&str> = pairs.keys().map(String::as_str).collect();
    let known = FIELDS.iter().map(|f| f.env).chain(OTHER_ENV.iter().copied());
    assert_eq!(named, known.collect::<BTreeSet<_>>());
    let (config, problems) = load_each(&Flags::default(), &pairs, &only("/etc/colloquy/colloquy.toml", ""));
    assert_eq!(problems, Problems::default());
    assert_eq!(config.port, Some(3000));
}

const CLUSTER: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://colloquy:hunter2@db/colloquy"),
    ("NATS_URL", "nats://one:4222,nats://two:4222"),
    ("NATS_USER", "colloquy"),
    ("NATS_PASSWORD", "hunter2"),
    ("QDRANT_URL", "http://qdrant:6334/"),
    ("COLLOQUY_SECRET_KEY", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"),
];

// req: S0-CFG-1
#[test]
fn a_cluster_needs_all_of_its_engines() {
    let whole = load(&Flags::default(), &env(CLUSTER), &nothing).unwrap();
    assert!(whole.is_cluster() && !format!("{whole:?}").contains("hunter2"));
    assert_eq!(whole.nats().unwrap().servers, ["nats://one:4222", "nats://two:4222"]);
    let alone = [("NATS_URL", "nats://one"), ("NATS_TOKEN", "hunter2"), ("NATS_USER", "colloquy")];
    insta::assert_snapshot!(told(load(&Flags::default(), &env(&alone), &nothing)), @r"
    the configuration has 5 problems:
      database_url: must be postgres://… where nats_url is set: nodes share one database (from all settings together)
      qdrant_url: must be set where nats_url is: nodes share one vector store (from all settings together)
      secret_key: must be set, to the same key on all nodes, where nats_url is (from all settings together)
      nats: must name one way to sign in: a token, a user with a password, an NKey's file or a credentials file (from all settings together)
      nats.user: needs nats.password, and the other way round (from all settings together)
    ");
}

#[test]
fn the_last_layer_that_names_a_database_decides() {
    let file = only("colloquy.toml", "database_url = \"postgres://colloquy@db/colloquy\"\n");
    assert!(load(&Flags::default(), &env(&[]), &file).unwrap().engines.postgres.is_some());
    let env = env(&[("DATABASE_URL", "sqlite://c.db")]);
    assert!(load(&Flags::default(), &env, &file).unwrap().engines.postgres.is_none());
}

#[test]
fn what_is_moved_is_embedded_whatever_engines_are_named() {
    let env = env(&[("NATS_URL", "nats://one"), ("DATABASE_URL", "postgres://colloquy@db/colloquy")]);
    let file = only("colloquy.toml", "database_url = \"sqlite://mine.db\"\ndata_dir = \"d\"\n");
    let config = load_embedded(&Flags::default(), &env, &file).unwrap();
    assert!(!config.is_cluster() && config.engines == Engines::default());
    assert_eq!((config.database_path(), config.data_dir), ("mine.db".into(), "d".into()));
    assert!(load_embedded(&Flags::default(), &env, &only("colloquy.toml", "port = \"many\"")).is_err());
}

#[test]
fn programs_that_offer_tools_are_tables_of_the_file() {
    let text = "[mcp.files]\ncommand = \"npx\"\nargs = [\"-y\", \"server\"]\nenv = { TOKEN = \"hunter2\" }\ntenants = [\"default\"]\n\
                trusted = true\n";
    let config = load(&Flags::default(), &env(&[]), &only("colloquy.toml", text)).unwrap();
    assert!(!format!("{:?}", config.local_servers).contains("hunter2"));
    let files = LocalServer {
        name: "files".into(),
        command: "npx".into(),
        args: vec!["-y".into(), "server".into()],
        env: [("TOKEN".to_owned(), Secret::new("hunter2"))].into(),
        tenants: Some(vec!["default".into()]),
        trusted: true,
    };
    assert_eq!(config.local_servers, [files]);
    let wrong = "[mcp.Files]\nargs = \"-y\"\ncolour = 1\n[mcp.a]\ncommand = \"\"\n";
    insta::assert_snapshot!(told(load(&Flags::default(), &env(&[]), &only("colloquy.toml", wrong))), @r"
    the configuration has 6 problems:
      mcp.Files: must be a name of lower-case letters, digits, `-` and single `_`, 24 characters at most (from colloquy.toml line 1)
      mcp.Files.args: must be a list of texts (from colloquy.toml line 2)
      mcp.Files.colour: there is no such setting (from colloquy.toml line 3)
      mcp.Files.command: is missing (from colloquy.toml line 1)
      mcp.a.command: must be the name or path of a program (from colloquy.toml line 5)
      mcp.a.command: is missing (from colloquy.toml line 4)
    ");
}
