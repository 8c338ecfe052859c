//! What becomes of an answer that comes after the person's window has closed: a template of the agent's goes out in its place,
//! once, and the answer is held until the person writes. Pure.

use crate::{
    failure::Failure,
    ids::{AgentId, MessageId, OutboxId},
    language::Language,
    outreach::personal,
    template::{self, Category, Filled, Parameters, Template, TemplateCall, TemplateStatus},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The longest that an answer waits for the person.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The template that an agent falls back on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// Its name, the same on each channel; the language is the conversation's.
    pub template: String,
    /// As those of a message to many: they may name what is known of the person.
    pub parameters: Parameters,
}

/// A template that an account has under the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub template: Template,
    pub status: TemplateStatus,
}

/// What is known of a conversation whose window is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Who has the conversation.
    pub agent: AgentId,
    /// What the person speaks, once that is known.
    pub language: Option<Language>,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub opted_out: bool,
    /// When the person wrote last, if they ever did.
    pub heard_at: Option<Timestamp>,
    /// A template went out in the place of an answer, and the person has not written since.
    pub prompted: bool,
}

/// The message that goes out in the place of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    pub id: OutboxId,
    pub message: MessageId,
    /// What people read of it.
    pub text: String,
    pub template: TemplateCall,
}

/// What is to be done with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// What would be done without a fall-back: it is not delivered.
    Refuse,
    /// It waits for the person; with what goes out in its place, unless that went out already.
    Hold(Option<Filled>),
    /// It is not delivered, because the fall-back cannot be sent either.
    Fail(Failure),
}

/// Whether an answer waited for the person for too long.
#[must_use]
pub fn expired(held_until: Option<Timestamp>, now: Timestamp) -> Option<Failure> {
    let why = "the person did not write again, and the answer waited for 7 days";
    held_until.is_some_and(|until| until <= now).then(|| Failure::reject("fallback.expired", why))
}

/// Decides about an answer whose window is closed, as far as is known of a person who wrote `last_inbound_at`. `offered` is what
/// the account has under the name; `speaks` stands in for the person's own language. To whom does not want to be written to
/// nothing is sent in its place.
#[must_use]
pub fn next(
    fallback: Option<&Fallback>,
    (last_inbound_at, closed): (Timestamp, &Closed),
    offered: &[Offered],
    speaks: Language,
) -> Next {
    let Some(fallback) = fallback else { return Next::Refuse };
    // They wrote meanwhile: what would wait for them is let go at once.
    if closed.heard_at > Some(last_inbound_at) {
        return Next::Hold(None);
    }
    if closed.opted_out {
        return Next::Refuse;
    }
    if closed.prompted {
        return Next::Hold(None);
    }
    let Some(found) = chosen(offered, closed.language.unwrap_or(speaks)) else {
        return fail("template_missing", "the channel does not have the template that the agent falls back on");
    };
    if found.status != TemplateStatus::Approved {
        return fail("template_not_approved", "the template that the agent falls back on is not approved any more");
    }
    if let Some(why) = unfit(found.template.category) {
        return fail("template_unfit", why);
    }
    let known = personal(&fallback.parameters, closed.name.as_deref(), &closed.attributes);
    match known.ok().and_then(|parameters| template::fill(&found.template, &parameters).ok()) {
        Some(filled) => Next::Hold(Some(filled)),
        None => fail("parameters_wrong", "the fall-back's parameters do not fit the template, or the person"),
    }
}

/// Why templates of the category are nothing to fall back on: nobody is asked before it is sent.
#[must_use]
pub const fn unfit(category: Category) -> Option<&'static str> {
    match category {
        Category::Utility => None,
        Category::Marketing => Some("MARKETING templates go only to who agreed to them: a UTILITY one is needed"),
        Category::Authentication => Some("AUTHENTICATION templates carry codes: a UTILITY one is needed"),
    }
}

fn fail(cause: &str, why: &str) -> Next {
    Next::Fail(Failure::reject(format!("fallback.{cause}"), why))
}

/// In the language, if there is one; the only one otherwise. What is approved before what is not.
fn chosen(offered: &[Offered], language: Language) -> Option<&Offered> {
    let speaks = |o: &&Offered| Language::from_tag(&o.template.language) == Some(language);
    let approved = |o: &&Offered| o.status == TemplateStatus::Approved;
    let there = |o: &&Offered| o.status != TemplateStatus::Deleted;
    let own = offered.iter().filter(speaks);
    own.clone().find(approved).or_else(|| own.clone().find(there)).or_else(|| {
        let mut any = offered.iter().filter(there);
        any.next().filter(|_| any.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::AgentId, template::Component};
    use uuid::Uuid;

    const WROTE: Timestamp = Timestamp(7);

    fn offered(language: &str, status: TemplateStatus, category: Category) -> Offered {
        let body = Component::Body { text: format!("Hello {{{{1}}}}, we have an answer ({language})."), example: None };
        let template = Template { name: "answer".into(), category, language: language.into(), components: vec![body] };
        Offered { template, status }
    }

    fn fallback(parameter: &str) -> Fallback {
        let parameters = Parameters { body: vec![parameter.into()], ..Parameters::default() };
        Fallback { template: "answer".into(), parameters }
    }

    fn closed() -> Closed {
        Closed {
            agent: AgentId::new(Uuid::nil()),
            language: Some(Language::Fr),
            name: Some("Ada".into()),
            attributes: BTreeMap::new(),
            opted_out: false,
            heard_at: Some(WROTE),
            prompted: false,
        }
    }

    fn code(next: Next) -> String {
        match next {
            Next::Fail(failure) => failure.code,
            other => panic!("{other:?}"),
        }
    }

    fn text(next: Next) -> String {
        match next {
            Next::Hold(Some(filled)) => filled.text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_template_speaks_the_persons_language_and_is_sent_once() {
        let (approved, utility) = (TemplateStatus::Approved, Category::Utility);
        let both = [offered("en_US", approved, utility), offered("fr", approved, utility)];
        let ask = |closed: &Closed, offered: &[Offered]| {
            next(Some(&fallback("{{name}}")), (WROTE, closed), offered, Language::En)
        };
        assert_eq!(text(ask(&closed(), &both)), "Hello Ada, we have an answer (fr).");
        let unknown = Closed { language: None, ..closed() };
        assert_eq!(text(ask(&unknown, &both)), "Hello Ada, we have an answer (en_US).");
        assert_eq!(text(ask(&closed(), &both[..1])), "Hello Ada, we have an answer (en_US).", "the only one");
        let prompted = Closed { prompted: true, ..closed() };
        assert_eq!(ask(&prompted, &both), Next::Hold(None));
        assert_eq!(ask(&prompted, &[]), Next::Hold(None), "it is out already, whatever became of the template");
    }

    #[test]
    fn without_one_or_for_who_opted_out_nothing_is_held() {
        let both = [offered("fr", TemplateStatus::Approved, Category::Utility)];
        assert_eq!(next(None, (WROTE, &closed()), &both, Language::En), Next::Refuse);
        let out = Closed { opted_out: true, prompted: true, ..closed() };
        assert_eq!(next(Some(&fallback("x")), (WROTE, &out), &both, Language::En), Next::Refuse);
        let back = Closed { heard_at: Some(Timestamp(8)), ..out };
        assert_eq!(
            next(Some(&fallback("x")), (WROTE, &back), &[], Language::En),
            Next::Hold(None),
            "the window is open"
        );
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        let ask = |parameter, offered: &[Offered]| {
            code(next(Some(&fallback(parameter)), (WROTE, &closed()), offered, Language::En))
        };
        let one = |status, category| [offered("fr", status, category)];
        let (approved, utility) = (TemplateStatus::Approved, Category::Utility);
        assert_eq!(ask("x", &[]), "fallback.template_missing");
        assert_eq!(ask("x", &one(TemplateStatus::Deleted, utility)), "fallback.template_missing");
        let two = [offered("de", approved, utility), offered("it", approved, utility)];
        assert_eq!(ask("x", &two), "fallback.template_missing", "nobody says which");
        assert_eq!(ask("x", &one(TemplateStatus::Paused, utility)), "fallback.template_not_approved");
        assert_eq!(ask("x", &one(approved, Category::Marketing)), "fallback.template_unfit");
        assert_eq!(ask("{{attributes.city}}", &one(approved, utility)), "fallback.parameters_wrong");
    }

    #[test]
    fn who_does_not_write_for_too_long_gets_no_answer() {
        let held = Some(Timestamp(10));
        assert_eq!(expired(held, Timestamp(9)), None);
        assert_eq!(expired(None, Timestamp(9)), None);
        assert_eq!(expired(held, Timestamp(10)).map(|f| f.code), Some("fallback.expired".to_owned()));
    }
}
