//! Logs, to standard error and into files of a day; and traces, to a collector.

use crate::{
    alerts::{Alerts, Ear, Way},
    config::{Config, LogFormat},
};
use anyhow::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    SpanExporter, WithExportConfig as _, WithTonicConfig as _, tonic_types::transport::ClientTlsConfig,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use std::{io::IsTerminal, path::Path, sync::Arc};
use tokio::task::JoinHandle;
use tracing::{Level, Metadata};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, LevelFilter, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The target of spans.
const SPANS: &str = "trace";

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// What exports traces and tells of errors; to be ended with the process.
#[must_use]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    alerts: Option<Calling>,
}

/// Errors on their way to whoever is called.
struct Calling {
    alerts: Arc<Alerts>,
    way: Arc<Way>,
    task: JoinHandle<()>,
}

impl Calling {
    fn start(url: &str, node: String) -> anyhow::Result<Self> {
        let (alerts, way) = (Arc::<Alerts>::default(), Arc::new(Way::new(url, node)?));
        let (heard, to) = (Arc::clone(&alerts), Arc::clone(&way));
        Ok(Self { alerts, way, task: tokio::spawn(async move { heard.run(&to).await }) })
    }
}

/// Starts logging; `usual` is the command's own filter where none is configured.
///
/// # Errors
/// The folder of the logs cannot be written, or the collector's address is none.
pub fn start(config: &Config, usual: &str) -> anyhow::Result<Telemetry> {
    let mut layers = logs(config, usual)?;
    let provider = config.otlp_endpoint.as_deref().map(exporter).transpose()?;
    if let Some(provider) = &provider {
        let spans = Targets::new().with_target(SPANS, LevelFilter::INFO);
        let layer = tracing_opentelemetry::layer().with_location(false).with_threads(false);
        layers.push(layer.with_tracer(provider.tracer("colloquy")).with_filter(spans).boxed());
    }
    let calling = config.alert_url.as_ref().map(|url| Calling::start(url.expose(), config.node_name())).transpose()?;
    if let Some(calling) = &calling {
        layers.push(Ear(Arc::clone(&calling.alerts)).with_filter(LevelFilter::ERROR).boxed());
    }
    // A second start (in tests) keeps the first.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(Telemetry { traces: provider, alerts: calling })
}

fn logs(config: &Config, usual: &str) -> anyhow::Result<Vec<Boxed>> {
    // Spans are for collectors: lines say themselves what they are about.
    // What servers of tools say of themselves is theirs.
    let ours = |m: &Metadata<'_>| m.target() != SPANS && (!m.target().starts_with("rmcp") || *m.level() <= Level::WARN);
    let wanted = || EnvFilter::new(config.log.as_deref().unwrap_or(usual)).and(filter_fn(ours));
    let colours = std::io::stderr().is_terminal();
    let mut layers: Vec<Boxed> = vec![lines(config.log_format, std::io::stderr, colours).with_filter(wanted()).boxed()];
    if let Some(dir) = &config.log_dir {
        let kept = daily(dir, "colloquy", config.log_days)?;
        layers.push(lines(config.log_format, kept, false).with_filter(wanted()).boxed());
        let errors = daily(dir, "errors", config.log_days)?;
        layers.push(lines(config.log_format, errors, false).with_filter(LevelFilter::ERROR).boxed());
    }
    Ok(layers)
}

/// As text for people or JSON lines for machines. A line that cannot be written is lost: to complain of it to the same place
/// would be a panic (a full disk does that).
fn lines<W>(format: LogFormat, to: W, colours: bool) -> Boxed
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(to).with_ansi(colours).log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

/// A new file each day (UTC); the oldest go.
fn daily(dir: &Path, name: &str, days: usize) -> anyhow::Result<RollingFileAppender> {
    let files = RollingFileAppender::builder().rotation(Rotation::DAILY).max_log_files(days);
    files
        .filename_prefix(name)
        .filename_suffix("log")
        .build(dir)
        .with_context(|| format!("COLLOQUY_LOG_DIR: cannot write in {}", dir.display()))
}

/// Spans go out in batches, in the background. What the standard's other variables say (`OTEL_SERVICE_NAME`,
/// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`) holds.
fn exporter(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let mut exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
    if endpoint.starts_with("https://") {
        exporter = exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
    }
    let exporter = exporter.build().context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("colloquy");
    }
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}

impl Telemetry {
    /// Tells and exports what is left. The runtime must still be there.
    pub async fn end(self) {
        if let Some(Calling { alerts, way, task }) = self.alerts {
            task.abort();
            alerts.flush(&way).await;
        }
        let Some(provider) = self.traces else { return };
        // It waits for its own thread.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || provider.shutdown()).await {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path, name: &str) -> String {
        let files: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|f| f.path()).collect();
        let file = files.iter().find(|f| f.file_name().unwrap().to_string_lossy().starts_with(name));
        std::fs::read_to_string(file.unwrap_or_else(|| panic!("{name} among {files:?}"))).unwrap()
    }

    // req: S0-LOG-1
    // req: S1-LOG-1
    #[test]
    fn lines_are_kept_in_files_and_errors_once_more_by_themselves() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let dir = tempfile::tempdir().unwrap();
            let config = Config { log_format: format, log_dir: Some(dir.path().to_owned()), ..Config::defaults() };
            let subscriber = tracing_subscriber::registry().with(logs(&config, "info").unwrap());
            tracing::subscriber::with_default(subscriber, || {
                let _turn = tracing::info_span!(target: "trace", "invoke_agent", gen_ai.agent.name = "Léa").entered();
                tracing::info!(tenant.id = "t1", "document ready");
                tracing::error!(error = "store.broken", "nothing can be written");
                tracing::debug!("too much");
            });
            let (all, errors) = (written(dir.path(), "colloquy."), written(dir.path(), "errors."));
            assert_eq!((all.lines().count(), errors.lines().count()), (2, 1), "{all}{errors}");
            assert!(all.contains("store.broken") && errors.contains("store.broken"), "{all}{errors}");
            assert!(!all.contains("Léa"), "{all}");
            let first = all.lines().next().unwrap();
            match format {
                LogFormat::Text => assert!(first.ends_with("document ready tenant.id=\"t1\""), "{first}"),
                LogFormat::Json => {
                    let line: serde_json::Value = serde_json::from_str(first).unwrap();
                    assert_eq!((&line["level"], &line["tenant.id"]), (&"INFO".into(), &"t1".into()), "{line}");
                }
            }
        }
    }

    #[test]
    fn only_so_many_days_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            std::fs::write(dir.path().join(format!("colloquy.2026-01-0{day}.log")), "an old line").unwrap();
        }
        drop(daily(dir.path(), "colloquy", 3).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let refused = format!("{:#}", daily(&file.join("logs"), "colloquy", 3).unwrap_err());
        assert!(refused.contains("COLLOQUY_LOG_DIR") && refused.contains("logs"), "{refused}");
    }
}
