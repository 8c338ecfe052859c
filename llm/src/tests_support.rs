//! What the tests of this crate share.

use colloquy_domain::{
    ids::{ConversationId, DocumentId, TenantId},
    knowledge::{Passage, Scores},
    language::Language,
    model::{CompletionRequest, ModelChoice},
    ports::TokenSink,
};
use std::{sync::Mutex, time::Duration};

pub(crate) fn install_tls() {
    // Fails when it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Remembers what it hears.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(crate) fn text(&self) -> String {
        self.pieces().concat()
    }

    pub(crate) fn pieces(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl TokenSink for Heard {
    fn delta(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

pub(crate) fn request(message: &str) -> CompletionRequest {
    CompletionRequest {
        tenant: TenantId::new(uuid::Uuid::from_u128(1)),
        conversation: ConversationId::new(uuid::Uuid::from_u128(2)),
        choice: ModelChoice {
            provider: "openai".into(),
            model: "m".into(),
            temperature: None,
            max_tokens: None,
            sees_images: false,
        },
        instructions: "You are Ada.".into(),
        language: Language::En,
        history: Vec::new(),
        messages: vec![message.into()],
        images: Vec::new(),
        passages: Vec::new(),
        tools: Vec::new(),
        steps: Vec::new(),
        timeout: Duration::from_secs(30),
    }
}

pub(crate) fn passage(n: u128, name: &str, text: &str) -> Passage {
    Passage {
        document: DocumentId::new(uuid::Uuid::from_u128(n)),
        version: String::new(),
        name: name.into(),
        headings: Vec::new(),
        page: None,
        offset: 0,
        text: text.into(),
        scores: Scores { cosine: None, bm25: 1.0, shown: 0.5 },
    }
}
