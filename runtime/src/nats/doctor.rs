use super::{
    Connection, LogOptions, NatsError,
    account::{Usage, usage},
    error::chain,
    log::Identity,
};
use async_nats::jetstream::{
    self, ErrorCode,
    context::GetStreamErrorKind,
    stream::{Info, StorageType},
};

/// What `doctor` says about NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    pub hosts: String,
    pub server_version: String,
    /// What the account uses of JetStream, or why it cannot be used.
    pub jetstream: Result<Usage, String>,
    /// The lanes, in order; those that do not exist (yet) are missing.
    pub lanes: Vec<LaneReport>,
    /// What is not as it should be, in sentences.
    pub troubles: Vec<String>,
    /// What a person should know, in sentences.
    pub remarks: Vec<String>,
}

/// One lane's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    pub stream: String,
    /// Of the log that it belongs to.
    pub log_id: Option<uuid::Uuid>,
    pub replicas: usize,
    /// Replicas that are behind or away.
    pub lagging: usize,
    pub on_disk: bool,
    /// Batches: each is one message.
    pub messages: u64,
    pub bytes: u64,
    pub max_bytes: Option<u64>,
    pub atomic_batches: bool,
}

/// Looks at the server and at the log's streams; changes nothing.
///
/// # Errors
/// [`NatsError`] if the server answers no questions about the streams.
pub async fn inspect(connection: &Connection, options: &LogOptions) -> Result<Inspection, NatsError> {
    let js = jetstream::new(connection.client().clone());
    let mut found = Inspection {
        hosts: connection.hosts().to_owned(),
        server_version: connection.client().server_info().version,
        jetstream: usage(&js).await,
        lanes: Vec::new(),
        troubles: Vec::new(),
        remarks: Vec::new(),
    };
    if found.jetstream.is_ok() {
        for lane in 0..options.lanes {
            let name = options.stream(lane);
            match js.get_stream(&name).await {
                Ok(stream) => found.lanes.push(report(stream.cached_info())),
                Err(e) => match e.kind() {
                    GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
                    _ => return Err(NatsError::Log(format!("cannot look at the stream {name}: {}", chain(&e)))),
                },
            }
        }
    }
    if found.jetstream.is_ok() {
        found.troubles = troubles(&found.lanes, options);
        found.remarks = remarks(&found.lanes);
    }
    Ok(found)
}

fn report(info: &Info) -> LaneReport {
    let replicas = info.cluster.as_ref().map_or(&[][..], |c| &c.replicas);
    LaneReport {
        stream: info.config.name.clone(),
        log_id: Identity::of(&info.config).map(|i| i.log),
        replicas: info.config.num_replicas,
        lagging: replicas.iter().filter(|r| !r.current || r.offline).count(),
        on_disk: info.config.storage == StorageType::File,
        messages: info.state.messages,
        bytes: info.state.bytes,
        max_bytes: u64::try_from(info.config.max_bytes).ok().filter(|b| *b > 0),
        atomic_batches: info.config.allow_atomic_publish,
    }
}

fn troubles(lanes: &[LaneReport], options: &LogOptions) -> Vec<String> {
    let named = |which: &dyn Fn(&&LaneReport) -> bool| {
        let names: Vec<&str> = lanes.iter().filter(which).map(|l| l.stream.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let mut troubles = Vec::new();
    if !lanes.is_empty() && lanes.len() < usize::from(options.lanes) {
        troubles.push(format!("only {} of {} lanes of the log exist", lanes.len(), options.lanes));
    }
    if let Some(names) = named(&|l| !l.on_disk) {
        troubles.push(format!("a restart of the server loses what lies in memory: {names}"));
    }
    if let Some(names) = named(&|l| l.lagging > 0) {
        troubles.push(format!("replicas are behind or away: {names}"));
    }
    if let Some(names) = named(&|l| l.max_bytes.is_some_and(|max| l.bytes / 4 > max / 5)) {
        troubles.push(format!("more than four fifths full: {names}"));
    }
    troubles
}

fn remarks(lanes: &[LaneReport]) -> Vec<String> {
    let mut remarks = Vec::new();
    if lanes.is_empty() {
        remarks.push("the log is not there yet: it is made at the first start".to_owned());
    }
    if lanes.iter().any(|l| l.replicas == 1) {
        remarks.push("each entry lies on one server only: with 3 replicas the log survives the loss of one".to_owned());
    }
    if lanes.iter().any(|l| !l.atomic_batches) {
        remarks.push(
            "no atomic batches (servers have them since 2.12): an append of more than 256 KiB that fails may be written \
             in part"
                .to_owned(),
        );
    }
    remarks.push(
        "whether the server fsyncs before it acknowledges (sync_interval: always) cannot be seen by clients: check the \
         server's configuration, or its monitoring page /jsz?config=1"
            .to_owned(),
    );
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_lane_is_told_with_its_name() {
        let lane = |stream: &str| LaneReport {
            stream: stream.to_owned(),
            log_id: None,
            replicas: 3,
            lagging: 0,
            on_disk: true,
            messages: 1,
            bytes: 10,
            max_bytes: Some(100),
            atomic_batches: true,
        };
        let options = LogOptions { lanes: 3, ..LogOptions::default() };
        assert_eq!(troubles(&[lane("a"), lane("b"), lane("c")], &options), [""; 0]);
        assert_eq!(troubles(&[], &options), [""; 0], "a log that is not made yet");
        let (full, away) = (LaneReport { bytes: 90, ..lane("b") }, LaneReport { lagging: 1, ..lane("c") });
        let told = troubles(&[full, away], &options);
        assert_eq!(
            told,
            ["only 2 of 3 lanes of the log exist", "replicas are behind or away: c", "more than four fifths full: b"]
        );
        assert!(troubles(&[LaneReport { on_disk: false, ..lane("a") }], &options)[1].contains("memory: a"));
        assert!(remarks(&[lane("a")]).iter().all(|r| r.contains("sync_interval")));
    }
}
