//! Behaviour of the channels, seen from outside.

mod messenger;
mod payloads;
mod support;
mod telegram_decode;
mod telegram_io;
mod verification;
mod whatsapp;
