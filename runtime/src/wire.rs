//! Placeholder until the wiring is written.

use crate::{config::Config, folder::DataFolder};
use std::net::SocketAddr;

/// The running application.
pub struct App {
    pub url: String,
}

impl App {
    pub async fn start(_config: &Config, _folder: &DataFolder, _bind: SocketAddr) -> anyhow::Result<Self> {
        anyhow::bail!("the application is not wired yet")
    }

    pub async fn stop(self) {}

    pub async fn failed(&mut self) {
        std::future::pending().await
    }

    pub async fn models_installed(&self) -> anyhow::Result<()> {
        Ok(())
    }
}
