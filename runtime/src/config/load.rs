//! Layers, one on the other.

use super::{
    Config, Engines,
    fields::{self, FIELDS, Field, OTHER_ENV},
    file,
    problems::Problems,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The name of the file where none is named.
const FILE: &str = "colloquy.toml";
const ENVIRONMENT: &str = "the environment";
const COMMAND_LINE: &str = "the command line";

/// What the command line says of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// Key of the setting, the flag's name, the text given.
    pub settings: Vec<(&'static str, &'static str, String)>,
}

/// The file that was found, with its text.
pub struct Text {
    pub name: String,
    pub text: String,
    /// It lies in the data folder, which it therefore cannot choose.
    pub in_data_dir: bool,
}

/// Reads the file and this process's environment.
///
/// # Errors
/// All problems at once.
pub fn load_from_machine(flags: &Flags) -> Result<Config, Problems> {
    load(flags, &environment(), &|path| std::fs::read_to_string(path))
}

/// As [`load_from_machine`], for the installation of one node that has the data folder, whatever is said of engines.
///
/// # Errors
/// All problems at once.
pub fn load_embedded_from_machine(flags: &Flags) -> Result<Config, Problems> {
    load_embedded(flags, &environment(), &|path| std::fs::read_to_string(path))
}

/// As [`load_from_machine`], for a benchmark on engines of which not all need to be named.
///
/// # Errors
/// All problems at once.
pub fn load_bench_from_machine(flags: &Flags) -> Result<Config, Problems> {
    let (config, mut problems) = load_each(flags, &environment(), &|path| std::fs::read_to_string(path));
    config.check_nats(&mut problems);
    if problems.0.is_empty() { Ok(config) } else { Err(problems) }
}

fn environment() -> BTreeMap<String, String> {
    let readable = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
        Some((k.into_string().ok()?, v.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(readable).collect()
}

type Read<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// Everything, pure but for `read`.
///
/// # Errors
/// All problems at once.
pub fn load(flags: &Flags, env: &BTreeMap<String, String>, read: Read<'_>) -> Result<Config, Problems> {
    let (config, mut problems) = load_each(flags, env, read);
    config.check_together(&mut problems);
    config.check_embedding(&mut problems);
    if problems.0.is_empty() { Ok(config) } else { Err(problems) }
}

/// Everything but the engines, pure but for `read`.
///
/// # Errors
/// All problems at once.
pub fn load_embedded(flags: &Flags, env: &BTreeMap<String, String>, read: Read<'_>) -> Result<Config, Problems> {
    let (config, mut problems) = load_each(flags, env, read);
    config.check_embedding(&mut problems);
    if problems.0.is_empty() { Ok(Config { engines: Engines::default(), ..config }) } else { Err(problems) }
}

/// Each setting by itself, and what is wrong with any.
pub fn load_each(flags: &Flags, env: &BTreeMap<String, String>, read: Read<'_>) -> (Config, Problems) {
    let mut config = Config::defaults();
    let mut problems = Problems::default();
    if let Some(found) = find_file(flags, env, read, &mut problems) {
        let before = config.data_dir.clone();
        file::apply(&mut config, &found.name, &found.text, &mut problems);
        if found.in_data_dir && config.data_dir != before {
            problems.add("data_dir", "cannot be set in the file that lies in the data folder", found.name);
        }
    }
    apply_environment(&mut config, env, &mut problems);
    for (key, flag, value) in &flags.settings {
        if let Some(field) = fields::by_key(key) {
            set(&mut config, field, flag, value, COMMAND_LINE, &mut problems);
        }
    }
    (config, problems)
}

/// Reads one setting of one layer.
pub fn set(config: &mut Config, field: &Field, name: &str, text: &str, origin: &str, problems: &mut Problems) {
    let text = text.trim();
    let result = if text.is_empty() { Err("is empty".to_owned()) } else { (field.set)(config, text) };
    if let Err(must) = result {
        let sentence = if field.secret || text.is_empty() { must } else { format!("{text:?} {must}") };
        problems.add(name, sentence, origin);
    }
}

fn apply_environment(config: &mut Config, env: &BTreeMap<String, String>, problems: &mut Problems) {
    for field in FIELDS {
        // An empty variable is how a deployment leaves a setting out.
        if let Some(text) = env.get(field.env).filter(|v| !v.trim().is_empty()) {
            set(config, field, field.env, text, ENVIRONMENT, problems);
        }
    }
    let known = |name: &str| OTHER_ENV.contains(&name) || FIELDS.iter().any(|f| f.env == name);
    for name in env.keys().filter(|n| n.starts_with("COLLOQUY_") && !known(n)) {
        problems.add(name, "there is no such setting", ENVIRONMENT);
    }
}

/// The named file, else the one here, else the one in the data folder.
fn find_file(flags: &Flags, env: &BTreeMap<String, String>, read: Read<'_>, problems: &mut Problems) -> Option<Text> {
    let set = |name: &str| env.get(name).filter(|v| !v.trim().is_empty());
    let named = match (&flags.file, set("COLLOQUY_CONFIG")) {
        (Some(path), _) => Some((path.clone(), "--config", COMMAND_LINE)),
        (None, Some(path)) => Some((PathBuf::from(path), "COLLOQUY_CONFIG", ENVIRONMENT)),
        (None, None) => None,
    };
    if let Some((path, name, origin)) = named {
        return match read(&path) {
            Ok(text) => Some(Text { name: path.display().to_string(), text, in_data_dir: false }),
            Err(e) => {
                problems.add(name, format!("cannot read {}: {e}", path.display()), origin);
                None
            }
        };
    }
    let flag = flags.settings.iter().find(|(key, ..)| *key == "data_dir").map(|(_, _, v)| v);
    let data = flag.or_else(|| set("COLLOQUY_DATA_DIR")).map_or_else(|| Config::defaults().data_dir, PathBuf::from);
    for (path, in_data_dir) in [(PathBuf::from(FILE), false), (data.join(FILE), true)] {
        let name = path.display().to_string();
        match read(&path) {
            Ok(text) => return Some(Text { name, text, in_data_dir }),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(e) => problems.add("file", format!("cannot be read: {e}"), name),
        }
    }
    None
}
