//! Real models for the people and agents of simulated worlds, and the cassettes that keep their answers.

use crate::exit::{CommandResult, Stop};
use anyhow::Context;
use colloquy_domain::{
    channel::Secret,
    failure::Failure,
    model::{CompletionRequest, CompletionResult},
    ports::{Model, TokenSink},
};
use colloquy_llm::{ModelOptions, Models, OpenAiOptions};
use colloquy_sim::{
    Outside, Recorded, Servers, Take, Tape,
    scenario::{ModelSpec, Scenario, ServerSpec, UserSpec},
};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};
use tokio::{runtime::Handle, time::Instant};

/// Address, and the key.
type Door = (String, Option<String>);

/// Asks on the program's own runtime, whose clock runs, while the world's thread waits.
struct Real {
    runtime: Handle,
    known: Mutex<BTreeMap<Door, Arc<Models>>>,
}

/// The way to real models. To be called on the program's runtime; `record`: whether cassettes are recorded anew.
pub fn outside(record: bool) -> Outside {
    Outside { servers: Arc::new(Real { runtime: Handle::current(), known: Mutex::default() }), record }
}

struct Nobody;

impl TokenSink for Nobody {
    fn delta(&self, _: &str) {}
}

impl Servers for Real {
    fn complete(&self, server: &ServerSpec, request: CompletionRequest) -> (CompletionResult, Duration) {
        let model = self.model(server);
        let (tell, told) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            let begun = Instant::now();
            let answer = model.complete(request, &Nobody).await;
            // Whoever asked waits below.
            let _ = tell.send((answer, begun.elapsed()));
        });
        let gone = |_| (Err(Failure::retry("model.interrupted", "the program ends")), Duration::ZERO);
        told.recv().unwrap_or_else(gone)
    }
}

impl Real {
    fn model(&self, server: &ServerSpec) -> Arc<Models> {
        let key = server.key_env.as_ref().and_then(|name| env::var(name).ok());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry((server.base_url.clone(), key.clone())).or_insert_with(|| {
            let mut options = OpenAiOptions::new(server.base_url.trim_end_matches('/'));
            options.api_key = key.map(Secret::new);
            Arc::new(Models::new(ModelOptions { openai: Some(options), script: None, files: None }))
        });
        Arc::clone(made)
    }
}

/// The keys that this scenario needs are there.
///
/// # Errors
/// Names the field and the variable that is not set.
pub fn check_keys(file: &Path, scenario: &Scenario, record: bool) -> CommandResult<()> {
    for (field, server) in servers(scenario) {
        let is_asked = record || server.cassette.is_none();
        if let Some(name) = server.key_env.as_ref().filter(|n| is_asked && env::var_os(n).is_none()) {
            let why = format!("the environment variable {name} is not set");
            return Err(Stop::wrong(format!("{}: {field}.key_env: {why}", file.display())));
        }
    }
    Ok(())
}

fn servers(scenario: &Scenario) -> Vec<(String, &ServerSpec)> {
    let people = scenario.conversations.iter().enumerate().filter_map(|(n, c)| match &c.user {
        UserSpec::Model(played) => Some((format!("conversations[{n}].user.model"), &*played.model)),
        _ => None,
    });
    let all = std::iter::once(("model".to_owned(), &scenario.model)).chain(people);
    all.filter_map(|(field, model)| if let ModelSpec::Openai(server) = model { Some((field, server)) } else { None })
        .collect()
}

/// What was recorded, by the file that it is for.
#[derive(Default)]
pub struct Cassettes(BTreeMap<PathBuf, Vec<Recorded>>);

impl Cassettes {
    /// Of a run of the scenario in this file.
    pub fn add(&mut self, file: &Path, takes: &[Take]) {
        let folder = file.parent().unwrap_or(Path::new(""));
        for take in takes {
            self.0.entry(folder.join(&take.cassette)).or_default().push(take.recorded.clone());
        }
    }

    /// Writes each file anew.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(self) -> CommandResult<()> {
        for (file, recorded) in self.0 {
            fs::write(&file, Tape(recorded).to_string()).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}
