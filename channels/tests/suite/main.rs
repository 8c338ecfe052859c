//! Behaviour of the channels, seen from outside.

mod files;
mod instagram;
mod line;
mod messenger;
mod payloads;
mod rich;
mod support;
mod telegram_decode;
mod telegram_edits;
mod telegram_io;
mod twilio;
mod verification;
mod whatsapp;
