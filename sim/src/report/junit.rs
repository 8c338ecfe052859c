//! JUnit XML, as CI systems read it: a suite for each scenario, a case for each seed.

use super::{Run, Summary, words::clean};
use quick_xml::{
    Writer,
    events::{BytesText, Event},
};
use std::io;

/// The runs of one scenario must follow each other.
///
/// # Errors
/// Never: what is written to is memory.
pub fn junit(summary: &Summary, runs: &[Run]) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(quick_xml::events::BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let (tests, failures) = (summary.trials.to_string(), summary.failed.to_string());
    let time = format!("{:.3}", summary.wall_seconds);
    xml.create_element("testsuites")
        .with_attributes([
            ("name", "colloquy sim"),
            ("tests", tests.as_str()),
            ("failures", failures.as_str()),
            ("time", time.as_str()),
        ])
        .write_inner_content(|xml| runs.chunk_by(|a, b| a.source == b.source).try_for_each(|of| suite(xml, of)))?;
    let mut text = String::from_utf8(xml.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}

type Xml = Writer<Vec<u8>>;

fn suite(xml: &mut Xml, runs: &[Run]) -> io::Result<()> {
    let Some(first) = runs.first() else { return Ok(()) };
    let failed = runs.iter().filter(|r| r.report.verdict != crate::Verdict::Pass).count().to_string();
    let seconds: f64 = runs.iter().map(|r| r.wall.as_secs_f64()).sum();
    let (tests, time, name) = (runs.len().to_string(), format!("{seconds:.3}"), clean(&first.source));
    xml.create_element("testsuite")
        .with_attributes([
            ("name", name.as_str()),
            ("tests", tests.as_str()),
            ("failures", failed.as_str()),
            ("time", time.as_str()),
        ])
        .write_inner_content(|xml| runs.iter().try_for_each(|run| case(xml, run)))?;
    Ok(())
}

fn case(xml: &mut Xml, run: &Run) -> io::Result<()> {
    let report = &run.report;
    let (class, name) = (clean(&run.scenario.name), format!("seed {}", report.seed));
    let time = format!("{:.3}", run.wall.as_secs_f64());
    let case = xml.create_element("testcase").with_attributes([
        ("classname", class.as_str()),
        ("name", name.as_str()),
        ("time", time.as_str()),
    ]);
    if report.verdict == crate::Verdict::Pass {
        case.write_empty()?;
        return Ok(());
    }
    let broken = report.violations.iter().map(ToString::to_string);
    let rest = report.off_script.iter().chain(&report.unmet).chain(&report.doubts).cloned();
    let lines: Vec<String> = broken.chain(rest).map(|l| clean(&l)).collect();
    let message = lines.first().cloned().unwrap_or_default();
    case.write_inner_content(|xml| {
        xml.create_element("failure")
            .with_attributes([("type", report.verdict.name()), ("message", message.as_str())])
            .write_text_content(BytesText::new(&lines.join("\n")))?;
        Ok(())
    })?;
    Ok(())
}
