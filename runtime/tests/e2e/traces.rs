//! What a collector of traces hears of a turn, and what it never hears.

use crate::support::{
    server::{Place, Server},
    wait::until,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind},
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Its address.
    fn start(&self) -> String {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let service = TraceServiceServer::new(self.clone());
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        url
    }

    fn spans(&self) -> Vec<Span> {
        let heard = self.0.lock().unwrap();
        let scopes = heard.iter().flat_map(|r| &r.resource_spans).flat_map(|r| &r.scope_spans);
        scopes.flat_map(|s| s.spans.clone()).collect()
    }

    fn named(&self, name: &str) -> Option<Span> {
        self.spans().into_iter().find(|span| span.name == name)
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|a| a.key == key).and_then(|a| a.value.clone()).and_then(|v| v.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {}: {other:?}", span.name),
    }
}

// req: S0-LOG-1
#[tokio::test]
async fn a_turn_and_its_completion_are_spans_in_the_standards_words_and_hold_no_text() {
    let collector = Collector::default();
    let place = Place::default().with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.start());
    let server = Server::start_on(place.with("OTEL_BSP_SCHEDULE_DELAY", "50")).await;
    let agent = server.api.agent("Echo", "scripted", &[]).await;
    let said = server.api.chat(&json!({ "agent": "Echo", "message": "my secret is xyzzy" })).await.data();
    assert_eq!(said["outcome"], "answered");

    let turn = until("the turn is told", async || collector.named("invoke_agent Echo")).await;
    let request = until("the request is told", async || collector.named("POST /api/chat")).await;
    let completion = collector.spans().into_iter().find(|s| s.name.starts_with("chat")).expect("a completion");
    assert_eq!((&completion.parent_span_id, &completion.trace_id), (&turn.span_id, &turn.trace_id));
    assert_eq!(attribute(&turn, "gen_ai.operation.name"), "invoke_agent");
    assert_eq!(attribute(&turn, "gen_ai.agent.id"), agent);
    assert_eq!(attribute(&turn, "gen_ai.conversation.id"), said["conversation"]);
    assert_eq!(completion.kind(), SpanKind::Client);
    assert_eq!(attribute(&completion, "gen_ai.operation.name"), "chat");
    assert_eq!(attribute(&completion, "gen_ai.provider.name"), "scripted");
    assert!(attribute(&completion, "gen_ai.usage.input_tokens").parse::<u64>().unwrap() > 0);
    assert_eq!((request.kind(), attribute(&request, "http.response.status_code").as_str()), (SpanKind::Server, "200"));
    let heard = format!("{:?}", collector.0.lock().unwrap());
    assert!(heard.contains("StringValue(\"colloquy\")"), "the service has a name");
    assert!(!heard.contains("xyzzy"), "what people write is nobody's business");
}
