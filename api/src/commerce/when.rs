//! Days and hours as people say them, in the zone of the place.

use super::Refusal;
use colloquy_domain::time::Timestamp;
use jiff::{civil, tz::TimeZone};

/// # Errors
/// It is no name of a zone.
pub fn zone(name: &str) -> Result<TimeZone, Refusal> {
    TimeZone::get(name).map_err(|_| Refusal::wrong("timeZone", "must be the name of a zone, such as Europe/Paris"))
}

/// The moment that date and time mean in a zone; of an hour that a change of the clock skips, the one behind it.
///
/// # Errors
/// What is wrong with either.
pub fn moment(date: &str, time: &str, zone: &TimeZone) -> Result<Timestamp, Refusal> {
    let day = (date.len() == 10).then(|| date.parse::<civil::Date>().ok()).flatten();
    let hour = (time.len() == 5).then(|| time.parse::<civil::Time>().ok()).flatten();
    let (Some(day), Some(hour)) = (day, hour) else {
        let mut wrong = Vec::new();
        if day.is_none() {
            wrong.push(("date", "must be a day, such as 2026-05-01".to_owned()));
        }
        if hour.is_none() {
            wrong.push(("time", "must be a time, such as 19:30".to_owned()));
        }
        return Err(Refusal::Wrong(wrong));
    };
    let at = day.to_datetime(hour).to_zoned(zone.clone());
    at.map(|z| Timestamp(z.timestamp().as_millisecond())).map_err(|_| Refusal::wrong("date", "cannot be told"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S0-RES-1
    #[test]
    fn a_time_is_meant_where_the_table_is() {
        let paris = zone("Europe/Paris").expect("known");
        let at = |date: &str, time: &str| moment(date, time, &paris).map(Timestamp::millis);
        assert_eq!(at("2026-01-01", "19:30"), Ok(1_767_292_200_000), "18:30 in London");
        assert_eq!(at("2026-07-01", "19:30"), Ok(1_782_927_000_000), "in summer, too");
        assert_eq!(at("2026-03-29", "02:30"), at("2026-03-29", "03:30"), "the hour that is skipped");
        let Err(Refusal::Wrong(wrong)) = at("2026-02-30", "7pm") else { panic!("accepted") };
        assert_eq!(wrong.iter().map(|w| w.0).collect::<Vec<_>>(), ["date", "time"]);
        assert!(zone("Mars/Olympus").is_err());
    }
}
