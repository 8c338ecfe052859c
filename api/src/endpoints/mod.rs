//! One file for each resource: request, response, errors, handlers.

pub mod agents;
pub mod api_keys;
pub mod ask;
pub mod audit;
pub mod auth;
pub mod channels;
pub mod chat;
pub mod chat_page;
pub mod conversations;
pub mod dead_letters;
pub mod documents;
pub mod health;
pub mod knowledge_bases;
pub mod tenants;
pub mod users;
pub mod webhook;
