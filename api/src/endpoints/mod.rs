//! One file for each resource: request, response, errors, handlers.

pub mod agent_test;
pub mod agents;
pub mod ask;
pub mod channels;
pub mod chat;
pub mod chat_page;
pub mod conversations;
pub mod dead_letters;
pub mod documents;
pub mod health;
pub mod knowledge_bases;
pub mod webhook;
