//! Knowledge in worlds: documents are ingested by the real actor, through crashes, and what is expected of answers is checked.

use colloquy_sim::{Options, Report, Verdict, run, scenario::from_yaml};

const HOUSE: &str = r##"
format: convsim/1
name: house
world:
  nodes: NODES
  lanes: LANES
  agents:
    - {name: desk, knowledge: [house]}
  knowledge:
    - name: house
      documents:
        - {name: pool.md, text: "# Pool\n\nThe pool is heated.\n\n# Hours\n\nThe pool closes at nine.\n\n# Towels\n\nPool towels are free.\n"}
model: {kind: quotes}
conversations:
  - channel: wa
    peer: "33600000001"
    user: {kind: script, messages: [{at: 1m, text: Tell me when the pool closes}]}
FAULTS
expect: EXPECT
"##;

fn world(nodes: u8, faults: &str, expect: &str) -> Report {
    let lanes = if nodes > 1 { "3" } else { "1" };
    let yaml = HOUSE
        .replace("NODES", &nodes.to_string())
        .replace("LANES", lanes)
        .replace("FAULTS", faults)
        .replace("EXPECT", expect);
    let scenario = from_yaml(&yaml).unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, 7, Options { trace: true, ..Options::default() })
}

const CITED: &str =
    "{citations: {required: [pool.md]}, recall: [pool.md], abstain: 0, texts: {must_say: [closes at nine]}}";

// req: C-SIM-1
#[test]
fn a_document_is_ingested_wherever_the_node_dies_meanwhile() {
    for nodes in [1, 3] {
        for occurrence in 0..4 {
            for kind in ["crash_before", "crash_after", "fail"] {
                let faults = format!("faults: [{{site: ingest, kind: {kind}, occurrence: {occurrence}}}]");
                let report = world(nodes, &faults, CITED);
                let wrong = format!("{nodes} nodes, {kind} {occurrence}: {:?} {:?}", report.violations, report.unmet);
                assert_eq!(report.verdict, Verdict::Pass, "{wrong}");
            }
        }
    }
}

#[test]
fn a_document_that_makes_the_pipeline_panic_fails_alone() {
    let report = world(1, "faults: [{site: ingest, kind: panic, occurrence: 1}]", "{abstain: 1}");
    assert_eq!(report.verdict, Verdict::Pass, "{:?} {:?}", report.violations, report.unmet);
    assert!(report.trace.iter().any(|e| e.what == "document" && e.detail == "failed: ingest.panicked"));
}

#[test]
fn what_is_not_met_is_told() {
    for (expect, told) in [
        ("{citations: {required: [sauna.md]}}", "citations.required: sauna.md was not cited"),
        ("{citations: {forbidden: [pool.md]}}", "citations.forbidden: pool.md was cited"),
        ("{recall: [sauna.md]}", "recall: sauna.md was not among the passages"),
        ("{abstain: 1}", "abstain: 0 answers say that they do not know, instead of 1"),
    ] {
        let report = world(1, "", expect);
        assert_eq!((report.verdict, report.unmet.as_slice()), (Verdict::FailAgent, &[told.to_owned()][..]));
    }
}

#[test]
fn names_must_fit_together() {
    let yaml = |from: &str, to: &str| {
        let yaml = HOUSE.replace("NODES", "1").replace("LANES", "1").replace("FAULTS", "").replace("EXPECT", "{}");
        assert!(yaml.contains(from), "{from}");
        from_yaml(&yaml.replace(from, to)).expect_err("refused").to_string()
    };
    assert_eq!(
        yaml("knowledge: [house]", "knowledge: [barn]"),
        "world.agents[0].knowledge: there is no knowledge base \"barn\""
    );
    let foreign = yaml("- name: house\n", "- name: house\n      tenant: umbrella\n");
    assert_eq!(foreign, "world.knowledge[0].tenant: no agent belongs to \"umbrella\"");
    let both = yaml("{name: pool.md,", "{name: pool.md, file: pool.md,");
    assert_eq!(both, "world.knowledge[0].documents[0]: needs either `text` or `file`");
    assert_eq!(yaml("lanes: 1", "lanes: 0"), "world.lanes: 1 to 64");
}
