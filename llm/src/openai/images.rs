//! The images of a request: asked for before it is written, and what is said where one cannot be shown.

use async_openai::types::chat::{
    ChatCompletionRequestMessageContentPartImage, ChatCompletionRequestMessageContentPartText,
    ChatCompletionRequestUserMessageContent, ChatCompletionRequestUserMessageContentPart, ImageUrl,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use colloquy_domain::{
    ids::Seq,
    model::CompletionRequest,
    ports::{FileOf, Missing, SentFiles},
};
use futures::future::join_all;
use std::{collections::BTreeMap, time::Duration};

/// Bytes of one image: what the strictest of the known servers takes.
const MOST: u64 = 5 << 20;
/// Somebody waits for the answer: an image that its provider does not give out by then is left out.
const PATIENCE: Duration = Duration::from_secs(20);

/// The images of one request, by the messages that they came with.
#[derive(Debug, Default)]
pub(super) struct Shown(BTreeMap<Seq, Image>);

#[derive(Debug)]
enum Image {
    /// As the address that a request holds instead of one of the web.
    Here(String),
    /// Why it is not shown, in words.
    Not(&'static str),
}

impl Shown {
    /// Asks for all of them; whatever happens, the request can be written.
    pub(super) async fn load(files: Option<&dyn SentFiles>, request: &CompletionRequest) -> Self {
        let patience = PATIENCE.min(request.timeout / 3);
        let wanted = request.history.iter().filter_map(|m| m.image).chain(request.images.iter().copied());
        let load = wanted.map(|message| async move {
            let of = FileOf { tenant: request.tenant, conversation: request.conversation, message };
            let found = match files {
                Some(files) => files.file(of, MOST, patience).await,
                None => Err(Missing::Gone),
            };
            (message, read(found))
        });
        Self(join_all(load).await.into_iter().collect())
    }

    /// The same for a server that refused them.
    pub(super) fn refused(&self) -> Self {
        Self(self.0.keys().map(|message| (*message, Image::Not("the model cannot read it"))).collect())
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.values().any(|image| matches!(image, Image::Here(_)))
    }

    /// How many there are, and the characters that they have in the request.
    pub(super) fn size(&self) -> (usize, usize) {
        let here = self.0.values().filter_map(|i| if let Image::Here(url) = i { Some(url.len()) } else { None });
        here.fold((0, 0), |(count, characters), more| (count + 1, characters + more))
    }

    /// The person's words with the images of these messages after them.
    pub(super) fn content(&self, text: String, images: &[Seq]) -> ChatCompletionRequestUserMessageContent {
        type Part = ChatCompletionRequestUserMessageContentPart;
        let (mut text, mut parts) = (text, Vec::new());
        for image in images.iter().filter_map(|message| self.0.get(message)) {
            match image {
                Image::Not(why) => text.push_str(&format!("\n\n(An image is not shown: {why}.)")),
                Image::Here(url) => {
                    let image_url = ImageUrl { url: url.clone(), detail: None };
                    let part =
                        ChatCompletionRequestMessageContentPartImage { image_url, prompt_cache_breakpoint: None };
                    parts.push(Part::ImageUrl(part));
                }
            }
        }
        if parts.is_empty() {
            return ChatCompletionRequestUserMessageContent::Text(text);
        }
        let words = ChatCompletionRequestMessageContentPartText { text, prompt_cache_breakpoint: None };
        parts.insert(0, Part::Text(words));
        ChatCompletionRequestUserMessageContent::Array(parts)
    }
}

fn read(found: Result<Vec<u8>, Missing>) -> Image {
    match found {
        Ok(bytes) => match mime(&bytes) {
            Some(mime) => Image::Here(format!("data:{mime};base64,{}", STANDARD.encode(&bytes))),
            None => Image::Not("it is none that can be read"),
        },
        Err(Missing::TooLarge) => Image::Not("it is too large"),
        Err(Missing::Late) => Image::Not("it did not arrive in time"),
        Err(Missing::Gone) => Image::Not("it is not there any more"),
    }
}

/// What the bytes say that they are: what a sender calls them is a claim.
fn mime(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_its_bytes_say() {
        for (bytes, known) in [
            (&b"\xff\xd8\xff\xe0JFIF"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"<svg onload=\"x\">", None),
            (b"", None),
        ] {
            assert_eq!(mime(bytes), known, "{bytes:?}");
        }
    }
}
