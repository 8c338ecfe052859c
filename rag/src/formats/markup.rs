//! What all readers of XML share: walking without recursion, attributes, references, the text of one element.

use super::tidy;
use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

/// What comes along while a document is walked. Names are without prefix.
pub trait Walker {
    fn start(&mut self, name: &str, element: &BytesStart<'_>);
    fn end(&mut self, name: &str);
    fn text(&mut self, text: &str);
}

/// Walks as far as the document is well formed; ends that do not fit are passed on as they are.
pub fn walk(xml: &str, walker: &mut impl Walker) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => walker.start(e.local_name().as_ref(), &e),
            Ok(Event::Empty(e)) => {
                walker.start(e.local_name().as_ref(), &e);
                walker.end(e.local_name().as_ref());
            }
            Ok(Event::End(e)) => walker.end(e.local_name().as_ref()),
            Ok(Event::Text(t)) => walker.text(&t.xml10_content()),
            Ok(Event::CData(t)) => walker.text(&t.xml10_content()),
            Ok(Event::GeneralRef(r)) => walker.text(&reference(&r)),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The value of an attribute, whatever its prefix.
pub fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    element.attributes().flatten().find(|a| a.key.local_name().as_ref() == name).map(|a| unescaped(&a.value))
}

/// The text of the first element of this name that holds any.
pub fn text_of(xml: &str, name: &str) -> Option<String> {
    let mut first = First { name, within: false, text: String::new(), done: None };
    walk(xml, &mut first);
    first.done
}

fn unescaped(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

/// `&amp;` and the like; unknown ones are nothing.
fn reference(r: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = r.resolve_char_ref() {
        return c.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(&r.xml10_content()).unwrap_or_default().to_owned()
}

struct First<'a> {
    name: &'a str,
    within: bool,
    text: String,
    done: Option<String>,
}

impl Walker for First<'_> {
    fn start(&mut self, name: &str, _: &BytesStart<'_>) {
        self.within |= name == self.name;
    }

    fn end(&mut self, name: &str) {
        if name == self.name && self.within {
            self.within = false;
            let text = tidy::line(&std::mem::take(&mut self.text));
            self.done = self.done.take().or(Some(text).filter(|t| !t.is_empty()));
        }
    }

    fn text(&mut self, text: &str) {
        if self.within {
            self.text.push_str(text);
        }
    }
}
