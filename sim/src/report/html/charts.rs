//! Histograms: how long answers took, and what replies cost.

use super::put;
use crate::report::story::Story;
use std::{fmt::Write, time::Duration};

/// Upper ends of the first histogram's bars, in milliseconds, with their names.
const TIMES: [(u64, &str); 11] = [
    (500, "0.5 s"),
    (1_000, "1 s"),
    (2_000, "2 s"),
    (3_000, "3 s"),
    (5_000, "5 s"),
    (10_000, "10 s"),
    (30_000, "30 s"),
    (60_000, "1 min"),
    (600_000, "10 min"),
    (3_600_000, "1 h"),
    (86_400_000, "1 d"),
];
/// Upper ends of the second one's, in millionths of a US dollar.
const COSTS: [(u64, &str); 8] = [
    (100, "$0.0001"),
    (200, "$0.0002"),
    (300, "$0.0003"),
    (500, "$0.0005"),
    (1_000, "$0.001"),
    (10_000, "$0.01"),
    (100_000, "$0.1"),
    (1_000_000, "$1"),
];

struct Bar {
    name: String,
    count: usize,
}

pub fn histograms(page: &mut String, stories: &[Story<'_>]) {
    let millis = |d: &Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let times: Vec<u64> = stories.iter().flat_map(|s| s.answers.iter().map(millis)).collect();
    let costs: Vec<u64> = stories.iter().flat_map(|s| s.costs.iter().copied()).collect();
    if times.is_empty() && costs.is_empty() {
        return;
    }
    page.push_str("<section class=\"charts\">");
    histogram(page, "Message written → answer taken", &bars(&times, &TIMES), times.len());
    histogram(page, "Cost of a reply", &bars(&costs, &COSTS), costs.len());
    page.push_str("</section>\n");
}

/// From the first bar that holds something to the last one.
fn bars(values: &[u64], ends: &[(u64, &str)]) -> Vec<Bar> {
    let mut bars: Vec<Bar> = ends.iter().map(|(_, name)| Bar { name: format!("≤ {name}"), count: 0 }).collect();
    bars.push(Bar { name: format!("> {}", ends.last().map_or("", |(_, name)| name)), count: 0 });
    for value in values {
        let place = ends.iter().position(|(end, _)| value <= end).unwrap_or(ends.len());
        bars[place].count += 1;
    }
    let first = bars.iter().position(|b| b.count > 0).unwrap_or(0);
    let last = bars.iter().rposition(|b| b.count > 0).unwrap_or(0);
    bars.drain(..first);
    bars.truncate(last + 1 - first);
    bars
}

fn histogram(page: &mut String, title: &str, bars: &[Bar], all: usize) {
    let most = bars.iter().map(|b| b.count).max().unwrap_or(0).max(1);
    put!(page, "<figure><figcaption>{title} <small>{all}</small></figcaption>");
    for Bar { name, count } in bars {
        let width = count * 100 / most;
        put!(page, "<div class=\"bar\"><span>{name}</span><i><u style=\"width:{width}%\"></u></i><b>{count}</b></div>");
    }
    page.push_str("</figure>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_the_first_to_the_last_that_hold_something() {
        let shown: Vec<(String, usize)> =
            bars(&[400, 900, 1_000, 2_500], &TIMES).into_iter().map(|b| (b.name, b.count)).collect();
        let wanted = [("≤ 0.5 s", 1), ("≤ 1 s", 2), ("≤ 2 s", 0), ("≤ 3 s", 1)];
        assert_eq!(shown, wanted.map(|(name, count)| (name.to_owned(), count)));
        assert_eq!(bars(&[90_000_000], &TIMES).first().map(|b| b.name.clone()), Some("> 1 d".to_owned()));
    }
}
