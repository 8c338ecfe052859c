use super::*;
use proptest::prelude::*;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);
const NOW: Timestamp = Timestamp(1_000_000_000);

fn ago(hours: u32) -> Option<Timestamp> {
    Some(Timestamp(NOW.0 - i64::from(hours) * 3_600_000))
}

fn way(n: u128, kind: &'static str) -> Way {
    Way {
        channel: ChannelId::new(Uuid::from_u128(n)),
        kind: ChannelKind::of(kind),
        address: n.to_string(),
        enabled: true,
        writable: true,
        barred: None,
        window: None,
        last_inbound_at: None,
        keeps_templates: false,
        template: None,
        has_approved: false,
        segments: None,
        agreed_to_marketing: false,
        prices: None,
    }
}

fn whatsapp(n: u128) -> Way {
    Way { window: Some(24 * HOUR), keeps_templates: true, has_approved: true, ..way(n, "whatsapp") }
}

fn prices(of: &[(&str, u64)]) -> Option<Prices> {
    let micros = of.iter().map(|(name, micros)| ((*name).to_owned(), *micros)).collect();
    Some(Prices { currency: "EUR".into(), micros })
}

/// One line for each way.
fn told(plan: &Plan) -> Vec<String> {
    let line = |w: &WayPlan| {
        let until = w.until.map_or(String::new(), |t| format!(" for {}h", t.since(NOW).as_secs() / 3_600));
        let cost = w.cost.as_ref().map_or("unknown".to_owned(), |c| format!("{} {}", c.micros, c.currency));
        format!(
            "{} {}: {} {}{until}, {} × {} = {cost}",
            w.kind,
            w.address,
            w.openness.name(),
            w.reason.code(),
            w.units,
            w.charge.name()
        )
    };
    plan.ways.iter().map(line).collect()
}

#[test]
fn words_go_where_the_window_is_open_then_where_the_person_wrote_last_then_where_it_is_cheap() {
    let ways = [
        Way { last_inbound_at: ago(30), prices: prices(&[("utility", 24_800)]), ..whatsapp(1) },
        Way { segments: Some(2), prices: prices(&[("segment", 70_000)]), ..way(2, "twilio_sms") },
        Way { last_inbound_at: ago(20), prices: prices(&[("service", 0)]), ..whatsapp(3) },
        Way { last_inbound_at: ago(5), ..way(4, "telegram") },
        Way { last_inbound_at: ago(5), prices: prices(&[("service", 5)]), ..way(5, "line") },
        Way { window: Some(24 * HOUR), ..way(6, "instagram") },
        Way { enabled: false, ..way(7, "telegram") },
        Way { writable: false, ..way(8, "webchat") },
        Way { barred: Some(Barred::Stopped), ..whatsapp(9) },
    ];
    insta::assert_snapshot!(told(&plan(Wanted::Words, false, None, &ways, NOW)).join("\n"));
    let preferred = plan(Wanted::Words, false, Some(ways[1].channel), &ways, NOW);
    assert_eq!(preferred.ways[0].channel, ways[1].channel);
    let shut = plan(Wanted::Words, false, Some(ways[0].channel), &ways, NOW);
    assert_eq!(shut.ways[0].channel, ways[4].channel, "what is not open comes later, whoever asked for it");
}

#[test]
fn a_template_goes_out_of_a_closed_window_if_it_is_approved_and_marketing_only_to_who_agreed() {
    let known = |status, category| Some(TemplateFound::Known { status, category });
    let ours = known(TemplateStatus::Local, Category::Marketing);
    let ways = [
        Way { template: known(TemplateStatus::Approved, Category::Utility), ..whatsapp(1) },
        Way { template: known(TemplateStatus::Paused, Category::Utility), ..whatsapp(2) },
        Way { template: known(TemplateStatus::Approved, Category::Marketing), ..whatsapp(3) },
        Way {
            template: known(TemplateStatus::Approved, Category::Marketing),
            agreed_to_marketing: true,
            prices: prices(&[("marketing", 71_700)]),
            ..whatsapp(4)
        },
        Way { template: Some(TemplateFound::Missing), ..whatsapp(5) },
        Way { template: ours, agreed_to_marketing: true, segments: Some(1), ..way(6, "twilio_sms") },
        Way { template: ours, segments: Some(1), ..way(7, "twilio_sms") },
    ];
    insta::assert_snapshot!(told(&plan(Wanted::Template, false, None, &ways, NOW)).join("\n"));
}

#[test]
fn without_an_address_there_is_no_way_and_nothing_is_made_up() {
    let nothing = plan(Wanted::Words, false, None, &[], NOW);
    assert_eq!((nothing.ways.len(), nothing.why_closed()), (0, Reason::NoAddress));
}

fn any_way() -> impl Strategy<Value = Way> {
    let status = prop::sample::select(TemplateStatus::ALL.to_vec());
    let category = prop::sample::select(vec![Category::Marketing, Category::Utility, Category::Authentication]);
    let template = prop_oneof![
        Just(TemplateFound::Missing),
        (status, category).prop_map(|(status, category)| TemplateFound::Known { status, category })
    ];
    let barred = prop::sample::select(vec![None, Some(Barred::Stopped), Some(Barred::Refused)]);
    let flags = prop::array::uniform6(any::<bool>());
    (1_u128..50, flags, barred, prop::option::of(0_u32..60), template, prop::option::of(1_u32..4)).prop_map(
        |(n, [enabled, writable, windowed, keeps, agreed, approved], barred, hours, template, segments)| Way {
            enabled,
            writable,
            barred,
            window: windowed.then_some(24 * HOUR),
            last_inbound_at: hours.and_then(ago),
            keeps_templates: keeps,
            template: Some(template),
            has_approved: approved,
            segments,
            agreed_to_marketing: agreed,
            ..way(n, "any")
        },
    )
}

proptest! {
    #[test]
    fn nobody_is_written_to_against_their_will_and_no_closed_way_comes_before_an_open_one(
        ways in prop::collection::vec(any_way(), 0..8), template: bool, opted_out: bool, first in prop::option::of(0_usize..8),
    ) {
        let wanted = if template { Wanted::Template } else { Wanted::Words };
        let preferred = first.and_then(|n| ways.get(n)).map(|w| w.channel);
        let planned = plan(wanted, opted_out, preferred, &ways, NOW);
        prop_assert_eq!(planned.ways.len(), ways.len());
        prop_assert!(planned.ways.is_sorted_by_key(|w| w.openness));
        for open in planned.open() {
            prop_assert!(!opted_out);
            prop_assert!(open.cost.is_none(), "no price was written down");
            let fits = |w: &Way| {
                let marketing = matches!(w.template, Some(TemplateFound::Known { category: Category::Marketing, .. }));
                let free = w.window.is_none_or(|d| w.last_inbound_at.is_some_and(|at| NOW.since(at) <= d));
                let through = template && w.keeps_templates
                    && matches!(w.template, Some(TemplateFound::Known { status: TemplateStatus::Approved, .. }));
                w.channel == open.channel && w.enabled && w.writable && w.barred.is_none()
                    && (free || through) && !(template && marketing && !w.agreed_to_marketing)
            };
            prop_assert!(ways.iter().any(fits));
        }
    }
}
