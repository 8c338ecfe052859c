//! `GET /api/analytics/export`: the daily table as CSV, a line for each day, channel and agent.

use crate::{
    auth::Tenant,
    endpoints::contact_files::harmless,
    error::{ApiError, ApiResult},
    period::{Period, date},
    state::Api,
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use colloquy_domain::analytics::Figures;
use colloquy_store::{FiguresOf, Names};
use std::{collections::BTreeMap, sync::Arc};

const OF: [&str; 6] = ["date", "channelId", "channel", "channelKind", "agentId", "agent"];

/// Columns and what stands in them.
fn counts(f: &Figures) -> Vec<(&'static str, String)> {
    let (o, s) = (f.outcomes, f.statuses);
    let numbers = [
        ("conversations", f.begun),
        ("handedOver", f.handed_over),
        ("messagesIn", f.received),
        ("inWaiting", f.waiting()),
        ("inAnswered", o.answered),
        ("inMerged", o.merged),
        ("inHandedOver", o.handed_over),
        ("inIgnored", o.ignored),
        ("inDeadLettered", o.dead_lettered),
        ("inErased", o.erased),
        ("messagesOut", f.out()),
        ("outQueued", f.queued()),
        ("outUncertain", s.uncertain),
        ("outSent", s.sent),
        ("outDelivered", s.delivered),
        ("outRead", s.read),
        ("outFailed", s.failed),
        ("outErased", s.erased),
        ("turns", f.turns),
        ("repliesWithCitations", f.cited),
        ("repliesDoNotKnow", f.unknown),
        ("repliesOther", f.plain),
        ("toolCallsDone", f.tools_done),
        ("toolCallsFailed", f.tools_failed),
    ];
    let spent = [
        ("promptTokens", f.usage.prompt_tokens),
        ("completionTokens", f.usage.completion_tokens),
        ("costMicros", f.usage.cost_micros),
    ];
    let waits = [("p50Ms", 0.5), ("p95Ms", 0.95)];
    let shown = |part| f.waits.quantile(part).map(|ms| format!("{ms:.1}")).unwrap_or_default();
    let numbers = numbers.map(|(name, n)| (name, n.to_string())).into_iter();
    numbers
        .chain(spent.map(|(name, n)| (name, n.to_string())))
        .chain(waits.map(|(name, part)| (name, shown(part))))
        .collect()
}

fn of(of: &FiguresOf, names: &Names) -> [String; 6] {
    let (channel, kind) = names.channels.get(&of.channel).cloned().unwrap_or_default();
    let agent = names.agents.get(&of.agent).cloned().unwrap_or_default();
    [date(of.day), of.channel.to_string(), harmless(&channel), harmless(&kind), of.agent.to_string(), harmless(&agent)]
}

fn table(figures: &BTreeMap<FiguresOf, Figures>, names: &Names) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = counts(&Figures::default()).into_iter().map(|(name, _)| name);
    writer.write_record(OF.into_iter().chain(columns))?;
    for (key, figures) in figures {
        let cells = counts(figures).into_iter().map(|(_, cell)| cell);
        writer.write_record(of(key, names).into_iter().chain(cells))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

pub async fn export(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Response> {
    let figures = tenant.store.figures(period.first, period.last).await?;
    let names = tenant.store.names().await?;
    let table = table(&figures, &names).map_err(|e| {
        tracing::error!(error = %e, "figures not written as CSV");
        ApiError::internal()
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"analytics.csv\""),
    ];
    Ok((headers, table).into_response())
}
