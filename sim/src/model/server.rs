//! Models behind servers: asked while the world stands still, or played from a cassette.

use super::tape::{Recorded, fingerprint};
use crate::{scenario::ServerSpec, seed::Seed};
use colloquy_domain::{
    failure::Failure,
    model::{CompletionRequest, CompletionResult, ModelChoice},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The way out of the world to real models.
pub trait Servers: Send + Sync {
    /// One completion, and how long it took on the machine. Returns when it is there: the thread waits, and with it
    /// everything in the world, so that no virtual time passes.
    fn complete(&self, server: &ServerSpec, request: CompletionRequest) -> (CompletionResult, Duration);
}

/// Whom a run may ask, and when.
#[derive(Clone)]
pub struct Outside {
    pub servers: Arc<dyn Servers>,
    /// Whether cassettes are recorded anew instead of played.
    pub record: bool,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("record", &self.record).finish_non_exhaustive()
    }
}

/// An answer that was recorded in a run, and the cassette that it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// As the scenario names it.
    pub cassette: String,
    pub recorded: Recorded,
}

/// What all models of one run share: cassettes, and the way out.
#[derive(Default)]
pub struct Deck {
    outside: Option<Outside>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often each request was answered from a cassette: cassette, request.
    played: BTreeMap<(String, String), usize>,
    takes: Vec<Take>,
    /// Why the run shows less than it says.
    doubts: Vec<String>,
    /// Those whose last request failed, and how.
    failing: BTreeMap<String, String>,
}

impl Deck {
    #[must_use]
    pub fn new(outside: Option<Outside>) -> Self {
        Self { outside, state: Mutex::default() }
    }

    /// What was recorded, in order.
    #[must_use]
    pub fn takes(&self) -> Vec<Take> {
        self.state().takes.clone()
    }

    /// Why the run says nothing about an agent: its model, or a person's, could not be asked.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let state = self.state();
        let failing = state.failing.iter().map(|(who, how)| format!("{who}: the model does not answer: {how}"));
        state.doubts.iter().cloned().chain(failing).collect()
    }

    /// One completion, and how long it takes in the world.
    pub fn complete(
        &self,
        server: &ServerSpec,
        seed: Seed,
        who: &str,
        mut request: CompletionRequest,
    ) -> (CompletionResult, Duration) {
        request.choice = ModelChoice {
            provider: "openai".to_owned(),
            model: server.model.clone(),
            temperature: server.temperature,
            max_tokens: server.max_tokens,
            sees_images: false,
        };
        let records = self.outside.as_ref().is_some_and(|o| o.record);
        let (answer, took) = match &server.cassette {
            Some(cassette) if !records => self.played(server, cassette, seed, who, &request),
            _ => self.asked(server, seed, who, request),
        };
        let failing = &mut self.state().failing;
        match &answer {
            Ok(_) => failing.remove(who),
            Err(failure) => failing.insert(who.to_owned(), failure.to_string()),
        };
        (answer, took)
    }

    fn played(
        &self,
        server: &ServerSpec,
        cassette: &str,
        seed: Seed,
        who: &str,
        request: &CompletionRequest,
    ) -> (CompletionResult, Duration) {
        let print = fingerprint(request);
        let tape = server.tape.as_deref();
        let known: Vec<&Recorded> = tape.into_iter().flat_map(|t| t.answers(seed.0, &print)).collect();
        let nth = {
            let mut state = self.state();
            let played = state.played.entry((cassette.to_owned(), print.clone())).or_default();
            *played += 1;
            *played - 1
        };
        if let Some(recorded) = known.get(nth) {
            return recorded.played();
        }
        let why = format!("{cassette} has no answer for {who} to request {print} (number {nth}): record it anew");
        self.doubt(why);
        (Err(Failure::fatal("model.not_recorded", "the cassette has no answer to this request")), Duration::ZERO)
    }

    fn asked(
        &self,
        server: &ServerSpec,
        seed: Seed,
        who: &str,
        request: CompletionRequest,
    ) -> (CompletionResult, Duration) {
        let Some(outside) = &self.outside else {
            self.doubt(format!("{who}: no server may be asked in this run"));
            return (Err(Failure::fatal("model.not_asked", "no server may be asked in this run")), Duration::ZERO);
        };
        let print = fingerprint(&request);
        let (answer, took) = outside.servers.complete(server, request);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let recorded = Recorded { seed: seed.0, who: who.to_owned(), request: print, took_ms, answer: answer.into() };
        let played = recorded.played();
        if let Some(cassette) = &server.cassette {
            self.state().takes.push(Take { cassette: cassette.clone(), recorded });
        }
        played
    }

    fn doubt(&self, why: String) {
        let mut state = self.state();
        if !state.doubts.contains(&why) {
            state.doubts.push(why);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
