//! The one wiring function: everything is built here, top to bottom.

use crate::{
    cluster::{self, Everywhere, Others},
    config::Config,
    directory::{Directory, Names},
    figures,
    files::Fetching,
    folder::DataFolder,
    machine::{MachineClock, MachineIds},
    mcp::ToolServers,
    memory, people,
    simulations::Simulations,
    upkeep,
    web::Internet,
};
use anyhow::{Context, bail};
use colloquy_actors::{Cluster, Node, Ports, Pressure, Settings, node::NodeHandle};
use colloquy_api::{
    Api, ApiOptions, AtService, Commerce, Counting, CountingTools, Hub, KeptFiles, Limits, Metrics, Videos, Visitor,
};
use colloquy_channels::{ChannelOptions, Registry};
use colloquy_domain::{
    egress::Egress,
    placement::{NodeId, Ownership},
    ports::{Announcer, DocumentPipeline, Ids, IngressLog},
};
use colloquy_llm::{ModelOptions, Models};
use colloquy_rag::{
    extract::Extractor,
    pipeline::{Rag, RagOptions},
};
use colloquy_store::{Database, Placed, Store, StoreOptions};
use colloquy_tools::{Integrations, Tools};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Time to reach a provider.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for one request to a provider.
const REQUEST: Duration = Duration::from_secs(30);

/// The running application.
pub struct App {
    /// Where it answers, without a slash at the end.
    pub url: String,
    store: Store,
    hub: Arc<Hub>,
    api: Arc<Api>,
    rag: Arc<Rag>,
    node: Node,
    /// What other nodes tell.
    hearing: Option<JoinHandle<()>>,
    serving: JoinHandle<std::io::Result<()>>,
    stop_serving: oneshot::Sender<()>,
    /// Work that takes longer than a request.
    jobs: JoinHandle<()>,
    /// Tells other systems what happened.
    webhooks: JoinHandle<()>,
    /// Brings files that people sent.
    attachments: JoinHandle<()>,
    /// Sends what was planned.
    outreach: JoinHandle<()>,
    calls: JoinHandle<()>,
    figures: JoinHandle<()>,
    /// Carries reservations and orders out.
    flows: JoinHandle<()>,
    /// Ends sessions with avatars that are over.
    videos: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    /// Watches this process's memory.
    memory: JoinHandle<()>,
}

impl App {
    /// Opens the stores, starts the actors (which recover what was unfinished) and serves on `bind`.
    ///
    /// # Errors
    /// What could not be opened or bound, and why.
    pub async fn start(config: &Config, folder: &DataFolder, bind: SocketAddr) -> anyhow::Result<Self> {
        if matches!(config.database(), Database::Postgres(_)) && !config.is_cluster() {
            // Nothing would keep a second process from the same rows: partitions are claimed by nodes of a cluster only.
            bail!(
                "database_url names PostgreSQL: nats_url must be set, too (NATS_URL); an installation of one node uses SQLite"
            );
        }
        // --- the machine ---
        let clock = Arc::new(MachineClock);
        let ids = Arc::new(MachineIds);
        // Bound first: an address that is taken is told before anything is changed.
        let listener = TcpListener::bind(bind).await.with_context(|| format!("cannot listen on {bind}"))?;
        let url = format!("http://{}", listener.local_addr()?);

        // --- what is durable ---
        let node_id = NodeId(ids.uuid());
        let ownership = Arc::new(if config.is_cluster() { Ownership::nothing() } else { Ownership::everything() });
        let placement = config.is_cluster().then(|| Placed { node: node_id, ownership: ownership.clone() });
        let secret_key = folder.secret_key().clone();
        let options = StoreOptions { clock: clock.clone(), ids: ids.clone(), secret_key, placement };
        let store = Store::open(config.database(), options).await?;
        let others = Others::open(config, node_id, ids.as_ref(), &store).await?;
        upkeep::first_rows(&store, folder.api_key(), &config.default_model(), ids.as_ref()).await?;

        // --- knowledge, models, tools, channels ---
        let program = std::env::current_exe().context("the path of this program")?;
        let extractor = Arc::new(Extractor { program: program.clone(), limits: config.extract_limits() });
        let vectors = config.vector_store(folder.vectors());
        let rag = Rag::open(RagOptions {
            store: vectors,
            models: config.models(),
            elsewhere: config.embedder(),
            extractor,
            reranker: config.reranker.clone(),
        })
        .await?;
        let rag = Arc::new(rag);
        let pipeline: Arc<dyn DocumentPipeline> = if store.keeps_files() {
            Arc::new(Fetching { pipeline: rag.clone(), store: store.clone(), folder: folder.files() })
        } else {
            rag.clone()
        };
        let models = Arc::new(Models::new(ModelOptions {
            openai: config.endpoint(),
            script: None,
            files: Some(Arc::new(KeptFiles::new(store.clone(), folder.files()))),
        }));
        let internet = Arc::new(Internet::new(Egress::with_private_hosts(&config.private_hosts))?);
        let services = Arc::new(Integrations::new(internet.clone(), clock.clone()));
        let commerce = Arc::new(Commerce::new(store.clone(), services.clone(), clock.clone()));
        let videos = Arc::new(Videos::new(store.clone(), services, clock.clone()));
        let remote = Arc::new(ToolServers::new(store.clone(), internet.clone(), config.local_servers.clone()));
        let concierge = AtService { commerce: commerce.clone(), videos: videos.clone() };
        let tools = Tools::with_concierge(rag.clone(), Arc::new(concierge));
        let tools = Arc::new(tools.and_remote(remote.clone()).metered_by(Arc::new(store.clone())));
        let drivers = Registry::new(
            &ChannelOptions::new(CONNECT, REQUEST)?.reached_at(config.public_url.as_ref().unwrap_or(&url)),
        );
        let directory = Arc::new(Directory::new(store.clone(), drivers.clone()));
        let hub = Arc::new(Hub::default());

        // --- the actors ---
        let rows = Arc::new(store.clone());
        let log: Arc<dyn IngressLog> = match &others {
            Some(others) => others.log.clone(),
            None => rows.clone(),
        };
        let announcer: Arc<dyn Announcer> = match &others {
            Some(others) => Arc::new(Everywhere { hub: hub.clone(), relay: others.relay.clone() }),
            None => hub.clone(),
        };
        let metrics = Arc::new(Metrics::default());
        let announcer = Arc::new(Counting { next: announcer, metrics: metrics.clone() });
        let cluster = others.as_ref().map(|others| Cluster {
            node: node_id,
            name: config.node_name(),
            placement: rows.clone(),
            relay: others.relay.clone(),
        });
        let ports = Ports {
            clock: clock.clone(),
            ids: ids.clone(),
            log: log.clone(),
            inbox: rows.clone(),
            conversations: rows.clone(),
            outbox: rows.clone(),
            documents: rows.clone(),
            agents: directory.clone(),
            channels: directory.clone(),
            pipeline: pipeline.clone(),
            knowledge: rag.clone(),
            meaning: rag.clone(),
            model: models.clone(),
            tools: Arc::new(CountingTools { next: tools.clone(), metrics: metrics.clone() }),
            announcer,
            ownership,
            cluster,
        };
        let pressure = Arc::new(Pressure::new(config.memory_limit));
        let settings = Settings {
            idle_after: config.idle,
            max_active: config.max_active,
            pressure: pressure.clone(),
            ..Settings::default()
        };
        let node = Node::start(ports, settings).await?;
        let memory = tokio::spawn(memory::watch(pressure));
        let limits = Arc::new(Limits::new(config.edges.quotas, others.is_some()));
        let hearing = others.map(|others| cluster::listen(others, node.handle(), hub.clone(), limits.clone()));

        // --- HTTP ---
        let identity = people::identity(&config.people, folder)?;
        let api = Arc::new(Api {
            store: store.clone(),
            node: node.handle(),
            hub: hub.clone(),
            sources: Visitor::new(internet.clone(), clock.clone()),
            poster: internet.clone(),
            clock,
            ids,
            log,
            channels: directory,
            pipeline,
            knowledge: rag.clone(),
            model: models.clone(),
            embeddings: rag.clone(),
            simulator: Arc::new(Simulations::new(program)),
            catalogue: Arc::new(Names { models, tools, drivers, rag: rag.clone() }),
            remote,
            commerce: commerce.clone(),
            videos: videos.clone(),
            options: ApiOptions {
                files: folder.files(),
                max_upload: usize::try_from(config.max_upload).unwrap_or(usize::MAX),
                public_url: config.public_url.clone().unwrap_or_else(|| url.clone()),
                default_model: config.default_model(),
                version: env!("CARGO_PKG_VERSION"),
                trusted_proxies: config.people.trusted_proxies.clone(),
                cors_origins: config.edges.cors_origins.clone(),
                frame_origins: config.edges.frame_origins.clone(),
                approval_patience: config.approval_patience,
                metrics_token: config.edges.metrics_token.clone(),
            },
            identity,
            counters: Default::default(),
            turned_away: Default::default(),
            aliases: Default::default(),
            limits,
            metrics,
            realtime: Default::default(),
            draining: Default::default(),
            making_webchat: Default::default(),
        });
        let (stop_serving, stopped) = oneshot::channel();
        let serving = tokio::spawn(colloquy_api::serve(listener, colloquy_api::router(api.clone()), async {
            // An error means that the application was dropped: stop as well.
            let _ = stopped.await;
        }));
        let jobs = tokio::spawn(colloquy_api::run_jobs(api.clone()));
        let webhooks = tokio::spawn(colloquy_api::run_webhooks(api.clone()));
        let attachments = tokio::spawn(colloquy_api::run_attachments(api.clone()));
        let outreach = tokio::spawn(colloquy_api::run_outreach(api.clone()));
        let calls = tokio::spawn(colloquy_api::run_calls(api.clone(), internet, config.call_patience));
        let figures = tokio::spawn(figures::add_up(store.clone()));
        let flows = tokio::spawn(colloquy_api::run_commerce(commerce));
        let videos = tokio::spawn(colloquy_api::run_videos(videos));
        let upkeep = tokio::spawn(upkeep::run(store.clone(), rag.clone(), node.handle(), config.approval_patience));
        Ok(Self {
            url,
            store,
            hub,
            api,
            rag,
            node,
            hearing,
            serving,
            stop_serving,
            jobs,
            webhooks,
            attachments,
            outreach,
            calls,
            figures,
            flows,
            videos,
            upkeep,
            memory,
        })
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Announces what happens in conversations.
    pub fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.hub)
    }

    pub fn node(&self) -> NodeHandle {
        self.node.handle()
    }

    /// Resolves when the application cannot go on: the supervision tree gave up, or serving ended.
    pub async fn failed(&mut self) {
        tokio::select! {
            () = self.node.ended() => {}
            ended = &mut self.serving => tracing::error!(result = ?ended, "serving ended"),
        }
    }

    /// A model arrived: it is loaded, and documents that were indexed without it are indexed again.
    ///
    /// # Errors
    /// The stores'.
    pub async fn models_installed(&self) -> anyhow::Result<()> {
        self.rag.load_model().await;
        upkeep::reindex(&self.store, &self.rag, &self.node.handle()).await
    }

    /// Stops in the opposite order of the start. What is unfinished is durable and goes on at the next start.
    pub async fn stop(self) {
        self.api.draining.store(true, Ordering::Relaxed);
        // While it still answers: what comes in is logged, and the other nodes take it from there.
        self.node.drain().await;
        self.api.realtime.close().await;
        // Gone already if serving failed.
        let _ = self.stop_serving.send(());
        if !self.serving.is_finished() {
            let _ = self.serving.await;
        }
        self.jobs.abort();
        self.webhooks.abort();
        self.attachments.abort();
        self.outreach.abort();
        self.calls.abort();
        self.figures.abort();
        self.flows.abort();
        self.videos.abort();
        self.upkeep.abort();
        self.memory.abort();
        if let Some(hearing) = self.hearing {
            hearing.abort();
        }
        self.node.stop().await;
        if let Err(e) = self.rag.close().await {
            tracing::error!(error = %e, "vector store not closed");
        }
        self.store.close().await;
    }
}
