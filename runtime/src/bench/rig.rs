//! The whole application on a scratch folder, with an agent whose model answers at once.

use super::graph;
use crate::{config::Config, folder::DataFolder, wire::App};
use colloquy_domain::{
    agent::{AgentProfile, Gather},
    channel::{ChannelAccount, ChannelKind, Secret},
    ids::{AgentId, ChannelId, TenantId},
    model::ModelChoice,
    ports::Ids,
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// The app's secret, with which webhooks are signed.
pub const APP_SECRET: &str = "benchmark";

/// What all rigs share.
pub struct Base {
    dir: PathBuf,
    graph: String,
}

impl Base {
    /// # Errors
    /// No port is free.
    pub async fn start(dir: &Path) -> anyhow::Result<Self> {
        Ok(Self { dir: dir.to_owned(), graph: graph::start(|_| ()).await? })
    }
}

pub struct Rig {
    pub app: App,
    pub tenant: TenantId,
    pub webchat: ChannelId,
    pub whatsapp: ChannelId,
    /// Last, so that the folder is there as long as the application.
    folder: DataFolder,
}

impl Rig {
    /// A fresh installation; conversations without work leave memory after `idle`.
    ///
    /// # Errors
    /// The application's.
    pub async fn start(base: &Base, name: &str, idle: Duration) -> anyhow::Result<Self> {
        Self::start_asking(base, name, idle, None).await
    }

    /// As [`Self::start`], with a language model at this address.
    ///
    /// # Errors
    /// The application's.
    pub async fn start_asking(base: &Base, name: &str, idle: Duration, model: Option<String>) -> anyhow::Result<Self> {
        let mut config = Config {
            data_dir: base.dir.join(name),
            // No embedding model: nothing is retrieved here, and it would count as memory.
            models_dir: base.dir.join("models"),
            idle,
            max_active: 1_000_000,
            ..Config::defaults()
        };
        config.openai.base_url = model;
        let folder = DataFolder::open(&config, "bench")?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let app = Box::pin(App::start(&config, &folder, any)).await?;
        let ids = crate::machine::MachineIds;
        let tenant = app.store().installation().ensure_default_tenant().await?.id;
        let agent = AgentId::new(ids.uuid());
        app.store().tenant(tenant).create_agent(profile(tenant, agent), colloquy_store::Actor::System).await?;
        let (webchat, whatsapp) = (ChannelId::new(ids.uuid()), ChannelId::new(ids.uuid()));
        let rows = app.store().tenant(tenant);
        rows.create_channel(account(tenant, webchat, "webchat", agent), true).await?;
        let pairs =
            |of: &[(&str, &str)]| of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let secrets = pairs(&[("access_token", "token"), ("app_secret", APP_SECRET), ("verify_token", "word")]);
        let whatsapp_account = ChannelAccount {
            external_id: Some("100000000000001".to_owned()),
            settings: pairs(&[("api_base", &base.graph)]).into_iter().collect(),
            secrets: secrets.into_iter().map(|(k, v)| (k, Secret::new(v))).collect(),
            ..account(tenant, whatsapp, "whatsapp", agent)
        };
        rows.create_channel(whatsapp_account, false).await?;
        for channel in [webchat, whatsapp] {
            app.node().channel_changed(channel);
        }
        Ok(Self { app, tenant, webchat, whatsapp, folder })
    }

    /// One more tenant, with a web chat of its own.
    ///
    /// # Errors
    /// The store's.
    pub async fn another_tenant(&self, name: &str) -> anyhow::Result<(TenantId, ChannelId)> {
        let (store, ids) = (self.app.store(), crate::machine::MachineIds);
        let tenant = store.installation().create_tenant(name, name).await?.id;
        let (rows, agent, webchat) = (store.tenant(tenant), AgentId::new(ids.uuid()), ChannelId::new(ids.uuid()));
        rows.create_agent(profile(tenant, agent), colloquy_store::Actor::System).await?;
        rows.create_channel(account(tenant, webchat, "webchat", agent), true).await?;
        self.app.node().channel_changed(webchat);
        Ok((tenant, webchat))
    }

    /// Stops the application and removes its folder.
    pub async fn stop(self) {
        Box::pin(self.app.stop()).await;
        let path = self.folder.path().to_owned();
        drop(self.folder);
        // What cannot be removed now goes with the scratch folder.
        let _ = tokio::fs::remove_dir_all(path).await;
    }
}

/// An account of the agent that nothing is known of yet.
pub fn account(tenant: TenantId, id: ChannelId, kind: &'static str, agent: AgentId) -> ChannelAccount {
    ChannelAccount {
        tenant,
        id,
        kind: ChannelKind::of(kind),
        name: kind.to_owned(),
        agent,
        external_id: None,
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    }
}

/// Answers each message at once with its own words.
pub fn profile(tenant: TenantId, agent: AgentId) -> AgentProfile {
    let model = ModelChoice {
        provider: "scripted".to_owned(),
        model: String::new(),
        temperature: None,
        max_tokens: None,
        sees_images: false,
    };
    AgentProfile {
        gather: Gather { quiet: Duration::ZERO, cap: Duration::ZERO },
        // The agent's own limit is not what is measured.
        max_concurrent_turns: 4096,
        ..AgentProfile::new(tenant, agent, "Benchmark", model)
    }
}
