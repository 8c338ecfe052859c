//! `GET /api/contacts/export`, `POST /api/contacts/import/csv`: contacts as CSV.

use super::{
    contacts::{Fields, Out},
    documents,
};
use crate::{
    auth::Tenant,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use colloquy_domain::ids::ContactId;
use colloquy_store::{ContactDetails, ContactFilter, PageRequest, TenantStore};
use csv::StringRecord;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{io, sync::Arc};

const COLUMNS: [&str; 7] = ["phoneNumber", "name", "email", "tags", "consent", "id", "createdAt"];
/// Rows that are written together.
const BATCH: usize = 200;
/// Refused rows that the report names.
const NAMED: usize = 1_000;

/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
pub(super) fn harmless(cell: &str) -> String {
    let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if risky { format!("'{cell}") } else { cell.to_owned() }
}

/// A cell as it was before [`harmless`].
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

fn row(contact: Out) -> [String; 7] {
    let text = |t: Option<String>| t.unwrap_or_default();
    let tags = contact.tags.join(";");
    let cells = [text(contact.phone_number), text(contact.name), text(contact.email), tags, contact.consent.to_owned()];
    let [phone, name, email, tags, consent] = cells.map(|cell| harmless(&cell));
    [phone, name, email, tags, consent, contact.id, contact.created_at]
}

fn csv_of(rows: impl IntoIterator<Item = [String; 7]>) -> io::Result<Bytes> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|e| io::Error::other(e.to_string()))
}

/// The next piece of the file: the contacts before that one.
async fn piece(store: &TenantStore, before: Option<ContactId>) -> io::Result<Option<(Bytes, ContactId)>> {
    let filter = ContactFilter { before, ..ContactFilter::default() };
    let found = store.contacts(&filter, PageRequest::new(1, PageRequest::MOST)).await;
    let found = found.map_err(|e| io::Error::other(e.to_string()))?.items;
    let Some(last) = found.last().map(|c| c.id) else { return Ok(None) };
    Ok(Some((csv_of(found.into_iter().map(|c| row(c.into())))?, last)))
}

/// All contacts, the newest first, however many: they are read while they are sent.
pub async fn export(State(_): State<Arc<Api>>, tenant: Tenant) -> ApiResult {
    tenant.note("contacts.exported", "csv", "").await?;
    let head = csv_of([COLUMNS.map(str::to_owned)]);
    let rows = stream::try_unfold((tenant.store, None), |(store, before)| async move {
        let next = piece(&store, before).await?;
        Ok(next.map(|(bytes, last)| (bytes, (store, Some(last)))))
    });
    let body = Body::from_stream(stream::iter([head]).chain(rows));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"contacts.csv\""),
    ];
    Ok((headers, body).into_response())
}

/// The file of a form, or the body itself.
async fn file(api: &Arc<Api>, request: Request) -> ApiResult<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("multipart/") {
        return Bytes::from_request(request, api).await.map_err(|e| {
            let code = if e.status() == StatusCode::PAYLOAD_TOO_LARGE { "TOO_LARGE" } else { "MALFORMED" };
            ApiError::new(e.status(), code, e.body_text())
        });
    }
    let mut form = Multipart::from_request(request, api).await.map_err(|e| ApiError::invalid("body", e.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|e| documents::unreadable(&e))? {
        if field.name() == Some("file") {
            return field.bytes().await.map_err(|e| documents::unreadable(&e));
        }
    }
    Err(ApiError::invalid("file", "is needed"))
}

/// Where the columns are that we understand.
struct Head {
    phone: Option<usize>,
    name: Option<usize>,
    email: Option<usize>,
    tags: Option<usize>,
    consent: Option<usize>,
}

impl Head {
    fn read(names: &StringRecord) -> ApiResult<Self> {
        let simple = |name: &str| -> String {
            name.trim_start_matches('\u{feff}')
                .chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect()
        };
        let names: Vec<String> = names.iter().map(simple).collect();
        let find = |known: &[&str]| names.iter().position(|n| known.contains(&n.as_str()));
        let head = Self {
            phone: find(&["phonenumber", "phone", "telephone", "téléphone", "number"]),
            name: find(&["name", "nom", "fullname"]),
            email: find(&["email", "mail"]),
            tags: find(&["tags", "tag"]),
            consent: find(&["consent"]),
        };
        if head.phone.is_none() && head.email.is_none() && head.name.is_none() {
            return Err(ApiError::invalid("file", "the first line must name phoneNumber, name or email"));
        }
        Ok(head)
    }

    fn details(&self, row: &StringRecord, api: &Api) -> ApiResult<ContactDetails> {
        let cell =
            |at: Option<usize>| at.and_then(|n| row.get(n)).map(plain).filter(|c| !c.is_empty()).map(str::to_owned);
        let tags = cell(self.tags).map(|t| t.split(';').map(str::to_owned).filter(|t| !t.trim().is_empty()).collect());
        let fields = Fields::of_row(cell(self.name), cell(self.phone), cell(self.email)).with(tags, cell(self.consent));
        let details = fields.onto(ContactDetails::default(), api.clock.now())?;
        if details.name.is_none() && details.phone.is_none() && details.email.is_none() {
            return Err(ApiError::invalid("phoneNumber", "one of phoneNumber, email and name is needed"));
        }
        Ok(details)
    }
}

/// What became of the rows.
#[derive(Default)]
struct Report {
    rows: usize,
    created: usize,
    updated: usize,
    refused: usize,
    errors: Vec<Value>,
}

impl Report {
    fn refuse(&mut self, line: u64, field: &str, message: &str) {
        self.refused += 1;
        if self.errors.len() < NAMED {
            self.errors.push(json!({ "line": line, "field": field, "message": message }));
        }
    }

    async fn write(&mut self, tenant: &Tenant, batch: &mut Vec<ContactDetails>) -> ApiResult<()> {
        let made = tenant.store.import_contacts(std::mem::take(batch)).await?;
        let created = made.iter().filter(|new| **new).count();
        self.created += created;
        self.updated += made.len() - created;
        Ok(())
    }
}

/// Good rows are taken, the others named; the same file again changes nothing.
pub async fn import(State(api): State<Arc<Api>>, tenant: Tenant, request: Request) -> ApiResult<Response> {
    let bytes = file(&api, request).await?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_ref());
    let head = Head::read(reader.headers().map_err(|e| ApiError::invalid("file", e.to_string()))?)?;
    let mut report = Report::default();
    let mut batch = Vec::with_capacity(BATCH);
    for record in reader.records() {
        report.rows += 1;
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                report.refuse(e.position().map_or(0, csv::Position::line), "row", "is not text in UTF-8");
                continue;
            }
        };
        match head.details(&record, &api) {
            Ok(details) => batch.push(details),
            Err(e) => {
                let line = record.position().map_or(0, csv::Position::line);
                e.details.iter().take(1).for_each(|d| report.refuse(line, &d.field, &d.message));
            }
        }
        if batch.len() == BATCH {
            report.write(&tenant, &mut batch).await?;
        }
    }
    report.write(&tenant, &mut batch).await?;
    tenant.note("contacts.imported", "csv", &format!("{} of {}", report.created + report.updated, report.rows)).await?;
    let Report { rows, created, updated, refused, errors } = report;
    ok(json!({ "rows": rows, "created": created, "updated": updated, "refused": refused, "errors": errors }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S3-CON-1
    #[test]
    fn no_cell_is_a_formula_and_none_is_changed_on_the_way_back() {
        for cell in ["=1+1", "+33612345678", "-2", "@sum", "plain", "d'accord"] {
            let safe = harmless(cell);
            assert!(!safe.starts_with(['=', '+', '-', '@']), "{safe}");
            assert_eq!(plain(&safe), cell);
        }
    }
}
