//! One file for each resource: request, response, errors, handlers.

pub mod agent_test;
pub mod agents;
pub mod answers;
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
pub mod jobs;
pub mod knowledge_bases;
pub mod progress;
pub mod proposals;
pub mod tenants;
pub mod unanswered;
pub mod users;
pub mod webhook;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
