//! One file for each resource: request, response, errors, handlers.

pub mod agents;
pub mod answers;
pub mod ask;
pub mod channels;
pub mod chat;
pub mod chat_page;
pub mod conversations;
pub mod dead_letters;
pub mod documents;
pub mod health;
pub mod jobs;
pub mod knowledge_bases;
pub mod progress;
pub mod proposals;
pub mod unanswered;
pub mod webhook;
