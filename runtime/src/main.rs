//! The program: configuration, wiring, and the commands.
//!
//! **Purpose.** One binary that serves, and whose other commands are clients of the same HTTP API: of the running
//! server of the data folder, or of the same application started in this process for as long as the command takes.
//!
//! **Non-goals.** No behaviour of conversations, retrieval or channels: that is in the crates that [`wire`] puts
//! together.
//!
//! **Invariants.**
//! - Results go to standard output, everything else to standard error.
//! - Exit codes: 0 done, 1 failed, 2 wrong use (a wrong configuration is wrong use).
//! - One process owns a data folder at a time.
//!
//! **Start here:** [`wire`], the one function that builds everything; then `cli`, one file for each command.

mod alerts;
mod backup;
mod bench;
mod cli;
mod client;
mod cluster;
mod config;
mod demo;
mod directory;
mod exit;
mod figures;
mod files;
mod folder;
mod install;
mod logging;
mod machine;
mod mcp;
mod memory;
mod nats;
mod out;
mod people;
mod serving;
mod signals;
mod simulations;
mod upkeep;
mod web;
mod wire;

use clap::Parser;
use cli::Cli;
use exit::Stop;
use std::{process::ExitCode, time::Duration};

/// Every message is many small allocations that end on another thread than they began on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what still runs may take after the command has ended (a read from a terminal cannot be stopped).
const LINGER: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Before anything can want TLS. It fails only if it was done already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help and the version are told this way too, with code 0.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    if let Some((file, limits)) = cli.reading_child() {
        return cli::be_the_reading_child(&file, &limits);
    }
    if cli.is_simulating_child() {
        return simulations::be_the_child();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            out::note(format_args!("colloquy: cannot start: {e}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(Box::pin(cli.run()));
    runtime.shutdown_timeout(LINGER);
    match &result {
        Ok(_) => {}
        Err(Stop::Wrong(message)) => out::note(format_args!("colloquy: {message}")),
        Err(Stop::Failed(error)) => out::note(format_args!("colloquy: {error:#}")),
    }
    exit::code(&result)
}
