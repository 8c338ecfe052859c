//! Nodes: processes of this program, each with a folder of its own.

use crate::{config::Config, folder};
use anyhow::{Context, bail};
use colloquy_domain::channel::Secret;
use colloquy_store::limits::server::Meter;
use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// Partitions that nobody claims for so long stay where they are: longer than two heartbeats.
const CALM: Duration = Duration::from_millis(2500);

/// The processes, by their number.
pub struct Nodes {
    program: PathBuf,
    dir: PathBuf,
    settings: Vec<(&'static str, String)>,
    running: Vec<Option<Node>>,
}

struct Node {
    child: Child,
    /// `host:port`.
    address: String,
}

impl Nodes {
    /// None yet. Nodes use the scratch database, the configured NATS under `prefix`, and this key.
    ///
    /// # Errors
    /// This program's own path is not known.
    pub fn new(config: &Config, dir: &Path, database: &Secret, prefix: &str, key: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let mut settings = vec![
            ("DATABASE_URL", database.expose().to_owned()),
            ("COLLOQUY_NATS_PREFIX", prefix.to_owned()),
            ("COLLOQUY_SECRET_KEY", key.to_owned()),
            ("COLLOQUY_INSTALL_MODELS", "false".to_owned()),
            // No embedding model: nothing is retrieved here.
            ("COLLOQUY_MODELS_DIR", dir.join("no-models").display().to_string()),
        ];
        settings.extend(nats_settings(config));
        Ok(Self { program, dir: dir.to_owned(), settings, running: Vec::new() })
    }

    /// Where they are; `None` for one that is stopped.
    pub fn addresses(&self) -> Vec<Option<String>> {
        self.running.iter().map(|n| n.as_ref().map(|n| n.address.clone())).collect()
    }

    pub fn count(&self) -> usize {
        self.running.iter().flatten().count()
    }

    /// Starts one more, or one that was stopped, and waits until it serves.
    ///
    /// # Errors
    /// It does not start; its last words are in the error.
    pub async fn start(&mut self, number: usize) -> anyhow::Result<()> {
        let data = self.dir.join(format!("node-{number}"));
        let said = self.dir.join(format!("node-{number}.log"));
        let log = OpenOptions::new().create(true).append(true).open(&said)?;
        let mut child = Command::new(&self.program)
            .args(["bench", "node"])
            .current_dir(&self.dir)
            .env_clear()
            .envs(std::env::vars_os().filter(|(k, _)| ["PATH", "HOME", "RUST_BACKTRACE"].iter().any(|n| k == n)))
            .env("COLLOQUY_DATA_DIR", &data)
            .env("COLLOQUY_NODE_NAME", format!("bench-{number}"))
            .envs(self.settings.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("a node does not start")?;
        let pid = child.id();
        let begun = Instant::now();
        let address = loop {
            if let Some(ended) = child.try_wait()? {
                let said = std::fs::read_to_string(&said).unwrap_or_default();
                bail!("a node ended at its start ({ended}): {}", said.lines().last().unwrap_or_default());
            }
            if let Ok(Some(Some(owner))) = folder::owner(&data)
                && Some(owner.pid) == pid
                && let Some(url) = owner.url
            {
                break url.trim_start_matches("http://").to_owned();
            }
            if begun.elapsed() > START {
                bail!("a node does not serve after {START:?}");
            }
            sleep(LOOK).await;
        };
        if self.running.len() <= number {
            self.running.resize_with(number + 1, || None);
        }
        self.running[number] = Some(Node { child, address });
        Ok(())
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Errors
    /// It does not end, or with a failure.
    pub async fn stop(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(Node { mut child, .. }) = self.running.get_mut(number).and_then(Option::take) else { return Ok(()) };
        terminate(&mut child)?;
        let status = timeout(STOP, child.wait()).await.context("a node does not end")??;
        if !status.success() {
            bail!("a node ended with {status}");
        }
        Ok(())
    }

    /// # Errors
    /// As [`Nodes::stop`].
    pub async fn stop_all(&mut self) -> anyhow::Result<()> {
        for number in 0..self.running.len() {
            self.stop(number).await?;
        }
        Ok(())
    }

    /// Waits until all partitions are owned by as many nodes as there are, and stay where they are.
    ///
    /// # Errors
    /// The database's, or it takes too long.
    pub async fn shared(&self, meter: &mut Meter) -> anyhow::Result<()> {
        let (begun, mut calm, mut last) = (Instant::now(), Instant::now(), None);
        loop {
            let owned = meter.owned().await?;
            if owned != last {
                (calm, last) = (Instant::now(), owned);
            }
            if owned.is_some_and(|o| o.owners == self.count() as i64) && calm.elapsed() > CALM {
                return Ok(());
            }
            if begun.elapsed() > START {
                bail!("the nodes have not shared the partitions after {START:?}");
            }
            sleep(LOOK).await;
        }
    }
}

/// How NATS is reached, as a node's environment says it.
fn nats_settings(config: &Config) -> Vec<(&'static str, String)> {
    let nats = &config.engines.nats;
    let path = |p: &Option<PathBuf>| {
        let absolute = p.as_ref().map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone()));
        absolute.map(|p| p.display().to_string())
    };
    let secret = |s: &Option<Secret>| s.as_ref().map(|s| s.expose().to_owned());
    let all = [
        ("NATS_URL", secret(&config.engines.nats_url)),
        ("NATS_TOKEN", secret(&nats.token)),
        ("NATS_USER", nats.user.clone()),
        ("NATS_PASSWORD", secret(&nats.password)),
        ("NATS_NKEY_FILE", path(&nats.nkey_file)),
        ("NATS_CREDENTIALS_FILE", path(&nats.credentials_file)),
        ("NATS_CA_FILE", path(&nats.ca_file)),
        ("NATS_CERT_FILE", path(&nats.cert_file)),
        ("NATS_KEY_FILE", path(&nats.key_file)),
        ("COLLOQUY_NATS_LANES", nats.lanes.map(|n| n.to_string())),
        ("COLLOQUY_NATS_REPLICAS", nats.replicas.map(|n| n.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("a node that has ended")?;
    kill_process(pid, Signal::TERM).context("a node cannot be told to end")
}

/// There is no softer way here: what it shows of a restart is that of a crash.
#[cfg(not(unix))]
fn terminate(child: &mut Child) -> anyhow::Result<()> {
    child.start_kill().context("a node cannot be ended")
}
