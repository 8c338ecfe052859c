//! What is said to each person in a message to many: `{{name}}` and `{{attributes.city}}` in the parameters of its template
//! stand for what is known of them, `{{name|there}}` for that or, where nothing is known, for the words behind the bar.

use crate::template::Parameters;
use std::collections::BTreeMap;

/// The parameters for one person.
///
/// # Errors
/// The first name that nothing is known of, and that has nothing to stand in for it.
pub fn personal(
    parameters: &Parameters,
    name: Option<&str>,
    attributes: &BTreeMap<String, String>,
) -> Result<Parameters, String> {
    let known = |wanted: &str| match wanted.strip_prefix("attributes.") {
        Some(attribute) => attributes.get(attribute).map(String::as_str),
        None if wanted == "name" => name,
        None => None,
    };
    all(parameters, known)
}

/// The parameters for somebody of whom everything is known: whether a template takes them shows before anybody is written to.
///
/// # Errors
/// The first name that stands for nothing.
pub fn sample(parameters: &Parameters) -> Result<Parameters, String> {
    all(parameters, |wanted| (wanted == "name" || wanted.starts_with("attributes.")).then_some("x"))
}

fn all<'a>(parameters: &Parameters, known: impl Fn(&str) -> Option<&'a str> + Copy) -> Result<Parameters, String> {
    let of = |texts: &[String]| texts.iter().map(|text| filled(text, known)).collect::<Result<Vec<_>, _>>();
    Ok(Parameters { header: of(&parameters.header)?, body: of(&parameters.body)?, buttons: of(&parameters.buttons)? })
}

fn filled<'a>(text: &str, known: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("{{") {
        let Some((inside, after)) = from.split_once("}}") else { break };
        out.push_str(before);
        let (wanted, instead) = inside.split_once('|').map_or((inside, None), |(w, i)| (w, Some(i)));
        let wanted = wanted.trim();
        let value = known(wanted).filter(|value| !value.trim().is_empty()).or(instead);
        out.push_str(value.ok_or_else(|| wanted.to_owned())?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(texts: &[&str]) -> Parameters {
        Parameters { body: texts.iter().map(|t| (*t).to_owned()).collect(), ..Parameters::default() }
    }

    #[test]
    fn what_is_known_of_a_person_fills_the_gaps_and_what_is_not_is_named() {
        let attributes = BTreeMap::from([("city".to_owned(), "Lyon".to_owned()), ("none".to_owned(), " ".to_owned())]);
        let of = |texts: &[&str], name| personal(&body(texts), name, &attributes).map(|p| p.body);
        let told = of(&["Dear {{ name }}", "{{name}} in {{attributes.city}}", "plain", "{{ open"], Some("Ada"));
        assert_eq!(told.unwrap(), ["Dear Ada", "Ada in Lyon", "plain", "{{ open"]);
        assert_eq!(of(&["{{name|you}}, {{attributes.none|nobody}}"], None).unwrap(), ["you, nobody"]);
        assert_eq!(of(&["{{name}}"], None).unwrap_err(), "name");
        assert_eq!(of(&["{{attributes.shoe}}"], None).unwrap_err(), "attributes.shoe");
        assert_eq!(sample(&body(&["{{name}} in {{attributes.shoe}}"])).unwrap().body, ["x in x"]);
        assert_eq!(sample(&body(&["{{nmae}}"])).unwrap_err(), "nmae", "told before anybody is written to");
        // What a person is called is not read again.
        assert_eq!(of(&["{{name}}"], Some("{{attributes.city}}")).unwrap(), ["{{attributes.city}}"]);
    }
}
