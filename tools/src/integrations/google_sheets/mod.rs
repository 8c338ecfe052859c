//! Google Sheets, version 4 (<https://developers.google.com/workspace/sheets/api/reference/rest>): a list of what happened,
//! a tab for each kind. Appending knows no key of ours, so the first column holds one and is looked through when it is in
//! doubt. Values are written as they are: nothing that somebody says becomes a formula.

use super::google_auth::{Google, trouble};
use super::http::Spoken;
use colloquy_domain::{
    commerce::{Subject, flow::Answer},
    ports::{Told, Work},
    time::Timestamp,
};
use serde_json::{Value, json};
use url::Url;

const BASE: &str = "https://sheets.googleapis.com";
const RESERVATIONS: &[&str] = &["Key", "Kind", "At", "Name", "Phone", "Party", "Date", "Time", "Zone", "Notes", "Id"];
const ORDERS: &[&str] =
    &["Key", "Kind", "At", "Name", "Phone", "Items", "Amount", "Currency", "Notes", "Id", "Payment"];

/// The tab of a kind, and its columns.
const fn tab(subject: &Subject) -> (&'static str, &'static [&'static str]) {
    match subject {
        Subject::Reservation(_) => ("Reservations", RESERVATIONS),
        Subject::Order(_) => ("Orders", ORDERS),
    }
}

fn row(work: &Work) -> Vec<Value> {
    let (key, kind) = (json!(work.key), json!(work.kind.name()));
    let day =
        |at: Timestamp| jiff::Timestamp::from_millisecond(at.millis()).map_or(Value::Null, |t| json!(t.to_string()));
    match &work.subject {
        Subject::Reservation(r) => {
            let d = &r.details;
            vec![
                key,
                kind,
                day(r.created_at),
                json!(d.name),
                json!(d.phone),
                json!(d.party),
                json!(d.date),
                json!(d.time),
                json!(r.zone),
                json!(d.notes),
                json!(r.id.to_string()),
            ]
        }
        Subject::Order(o) => {
            let items: Vec<String> = o.lines.iter().map(|l| format!("{} × {}", l.quantity, l.name)).collect();
            vec![
                key,
                kind,
                day(o.created_at),
                json!(o.name),
                json!(o.phone),
                json!(items.join(", ")),
                // In the currency's smallest unit.
                json!(o.amount),
                json!(o.currency),
                json!(o.notes),
                json!(o.id.to_string()),
                json!(o.payment),
            ]
        }
    }
}

fn at(google: &Google<'_>, segments: &[&str]) -> Result<Url, Answer> {
    google.at(BASE, &[&["v4", "spreadsheets"], segments].concat())
}

fn sheet<'a>(google: &'a Google<'_>) -> &'a str {
    google.settings.spreadsheet.as_deref().unwrap_or_default()
}

async fn values(google: &Google<'_>, range: &str) -> Result<Spoken, Answer> {
    google.ask("GET", &at(google, &[sheet(google), "values", range])?, None).await
}

/// Nothing of it is the row itself: whatever gets no answer here is done again.
fn beforehand(answer: Answer) -> Answer {
    match answer {
        Answer::Unknown { code } => Answer::Later { code, after: None },
        other => other,
    }
}

/// Makes the tab and its first row where they are missing.
async fn prepare(google: &Google<'_>, work: &Work) -> Result<(), Answer> {
    let (tab, columns) = tab(&work.subject);
    let first = values(google, &format!("{tab}!1:1")).await?;
    let missing = match first.status {
        200..=299 => first.body["values"][0].as_array().is_none_or(Vec::is_empty),
        // There is no such tab.
        400 => {
            let add = json!({ "requests": [{ "addSheet": { "properties": { "title": tab } } }] });
            let url = at(google, &[&format!("{}:batchUpdate", sheet(google))])?;
            let added = google.ask("POST", &url, Some(add)).await?;
            // Somebody else made it meanwhile.
            if !added.is_good() && added.status != 400 {
                return Err(trouble(&added));
            }
            true
        }
        _ => return Err(trouble(&first)),
    };
    if missing {
        let mut url = at(google, &[sheet(google), "values", &format!("{tab}!A1")])?;
        url.query_pairs_mut().append_pair("valueInputOption", "RAW");
        let written = google.ask("PUT", &url, Some(json!({ "values": [columns] }))).await?;
        if !written.is_good() {
            return Err(trouble(&written));
        }
    }
    Ok(())
}

pub async fn append(google: &Google<'_>, work: &Work) -> Result<Told, Answer> {
    prepare(google, work).await.map_err(beforehand)?;
    let (tab, _) = tab(&work.subject);
    let mut url = at(google, &[sheet(google), "values", &format!("{tab}!A1:append")])?;
    url.query_pairs_mut().append_pair("valueInputOption", "RAW").append_pair("insertDataOption", "INSERT_ROWS");
    let spoken = google.ask("POST", &url, Some(json!({ "values": [row(work)] }))).await?;
    if spoken.is_good() { Ok(Answer::Happened.into()) } else { Err(trouble(&spoken)) }
}

pub async fn look(google: &Google<'_>, work: &Work) -> Result<Told, Answer> {
    let (tab, _) = tab(&work.subject);
    let spoken = values(google, &format!("{tab}!A:A")).await?;
    match spoken.status {
        200..=299 => {
            let rows = spoken.body["values"].as_array().map(Vec::as_slice).unwrap_or_default();
            let found = rows.iter().any(|r| r[0] == work.key.as_str());
            Ok(if found { Answer::Happened } else { Answer::Absent }.into())
        }
        // There is no such tab.
        400 => Ok(Answer::Absent.into()),
        _ => Err(trouble(&spoken)),
    }
}

/// The spreadsheet's name, if one is set.
pub async fn test(google: &Google<'_>) -> Result<Option<String>, Answer> {
    let Some(id) = google.settings.spreadsheet.as_deref() else { return Ok(None) };
    let mut url = at(google, &[id])?;
    url.query_pairs_mut().append_pair("fields", "properties.title");
    let spoken = google.ask("GET", &url, None).await?;
    if !spoken.is_good() {
        return Err(trouble(&spoken));
    }
    Ok(Some(format!("spreadsheet {}", spoken.text("/properties/title").unwrap_or_default())))
}
