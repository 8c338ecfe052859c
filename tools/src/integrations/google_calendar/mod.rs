//! Google Calendar, version 3 (<https://developers.google.com/workspace/calendar/api/v3/reference>). Events get an id of
//! ours, so that inserting one again changes nothing.

use super::google_auth::{Google, trouble};
use colloquy_domain::{
    commerce::{Reservation, Subject, flow::Answer},
    ports::{Proof, Told, Work},
    time::Timestamp,
};
use serde_json::{Value, json};
use url::Url;

const BASE: &str = "https://www.googleapis.com";

fn at(google: &Google<'_>, segments: &[&str]) -> Result<Url, Answer> {
    google.at(BASE, &[&["calendar", "v3"], segments].concat())
}

fn calendar<'a>(google: &'a Google<'_>) -> &'a str {
    google.settings.calendar.as_deref().unwrap_or_default()
}

fn reservation(work: &Work) -> Result<&Reservation, Answer> {
    match &work.subject {
        Subject::Reservation(r) => Ok(r),
        Subject::Order(_) => Err(Answer::Refused { code: "google.no_reservation".to_owned() }),
    }
}

/// Letters a to v and digits are allowed.
fn event_id(r: &Reservation) -> String {
    format!("cq{}", r.id.uuid().simple())
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| String::new(), |t| t.to_string())
}

fn happened(event: &Value) -> Told {
    let reference = event["htmlLink"].as_str().map(str::to_owned);
    Told { answer: Answer::Happened, proof: Proof { reference, secret: None } }
}

pub async fn insert(google: &Google<'_>, work: &Work) -> Result<Told, Answer> {
    let r = reservation(work)?;
    let time = |at| json!({ "dateTime": rfc3339(at), "timeZone": r.zone });
    let d = &r.details;
    let body = json!({
        "id": event_id(r),
        "summary": format!("{} ({})", d.name, d.party),
        "description": format!("{}\n{}\n{}", d.phone, d.notes, r.id),
        "start": time(r.starts_at),
        "end": time(r.ends_at),
    });
    let url = at(google, &["calendars", calendar(google), "events"])?;
    let spoken = google.ask("POST", &url, Some(body)).await?;
    match spoken.status {
        200..=299 => Ok(happened(&spoken.body)),
        // There is one of this id: it is ours.
        409 => look(google, work).await,
        _ => Err(trouble(&spoken)),
    }
}

pub async fn look(google: &Google<'_>, work: &Work) -> Result<Told, Answer> {
    let id = event_id(reservation(work)?);
    let spoken = google.ask("GET", &at(google, &["calendars", calendar(google), "events", &id])?, None).await?;
    match spoken.status {
        200 if spoken.text("/status") == Some("cancelled") => Ok(Answer::Absent.into()),
        200 => Ok(happened(&spoken.body)),
        404 | 410 => Ok(Answer::Absent.into()),
        _ => Err(trouble(&spoken)),
    }
}

pub async fn delete(google: &Google<'_>, work: &Work) -> Result<Told, Answer> {
    let id = event_id(reservation(work)?);
    let spoken = google.ask("DELETE", &at(google, &["calendars", calendar(google), "events", &id])?, None).await?;
    match spoken.status {
        // Gone already, or never there.
        200..=299 | 404 | 410 => Ok(Answer::Happened.into()),
        _ => Err(trouble(&spoken)),
    }
}

pub async fn busy(google: &Google<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Answer> {
    let id = calendar(google);
    let body = json!({ "timeMin": rfc3339(from), "timeMax": rfc3339(to), "items": [{ "id": id }] });
    let spoken = google.ask("POST", &at(google, &["freeBusy"])?, Some(body)).await?;
    let of = &spoken.body["calendars"][id];
    if !spoken.is_good() || of.get("errors").is_some() {
        // A calendar that nobody shared is told of in a good answer.
        let missing = || Answer::Refused { code: "google.not_found".to_owned() };
        return Err(if spoken.is_good() { missing() } else { trouble(&spoken) });
    }
    let time = |v: &Value| {
        let at: jiff::Timestamp = v.as_str()?.parse().ok()?;
        Some(Timestamp(at.as_millisecond()))
    };
    let slots = of["busy"].as_array().ok_or_else(|| Answer::Unknown { code: "google.bad_response".to_owned() })?;
    let slot = |s: &Value| Some((time(&s["start"])?, time(&s["end"])?));
    slots
        .iter()
        .map(slot)
        .collect::<Option<_>>()
        .ok_or_else(|| Answer::Unknown { code: "google.bad_response".to_owned() })
}

/// The calendar's name, if one is set.
pub async fn test(google: &Google<'_>) -> Result<Option<String>, Answer> {
    let Some(id) = google.settings.calendar.as_deref() else { return Ok(None) };
    let spoken = google.ask("GET", &at(google, &["calendars", id])?, None).await?;
    if !spoken.is_good() {
        return Err(trouble(&spoken));
    }
    Ok(Some(format!("calendar {}", spoken.text("/summary").unwrap_or_default())))
}
