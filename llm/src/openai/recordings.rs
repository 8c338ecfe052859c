//! Recordings that people sent: brought, and recognised by how they begin.

use colloquy_domain::{
    failure::Failure,
    model::Recording,
    ports::{FileOf, Missing, SentFiles},
};
use std::time::Duration;

/// Bytes of a recording; what OpenAI takes.
const MOST: u64 = 25 << 20;
/// Somebody waits for the answer: what its provider does not give out by then is not heard.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn brought(files: Option<&dyn SentFiles>, of: FileOf) -> Result<Recording, Failure> {
    let found = match files {
        Some(files) => files.file(of, MOST, PATIENCE).await,
        None => Err(Missing::Gone),
    };
    let content = found.map_err(|missing| match missing {
        Missing::TooLarge => Failure::reject("recording.too_large", format!("it has more than {MOST} bytes")),
        Missing::Late => Failure::reject("recording.missing", "it did not arrive in time"),
        Missing::Gone => Failure::reject("recording.missing", "it is not there"),
    })?;
    let unknown = || Failure::reject("recording.unknown", "it is in no format that can be listened to");
    let (ending, mime) = format(&content).ok_or_else(unknown)?;
    Ok(Recording { name: format!("recording.{ending}"), mime: Some(mime.to_owned()), content, language: None })
}

/// The ending and the type that the bytes say: what a sender calls them is a claim. Not all servers read AMR and bare AAC,
/// which WhatsApp allows; those that do not say so.
fn format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    match bytes {
        [b'O', b'g', b'g', b'S', ..] => Some(("ogg", "audio/ogg")),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(("wav", "audio/wav")),
        [b'f', b'L', b'a', b'C', ..] => Some(("flac", "audio/flac")),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(("webm", "audio/webm")),
        [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A', ..] => Some(("m4a", "audio/mp4")),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(("mp4", "video/mp4")),
        [b'#', b'!', b'A', b'M', b'R', ..] => Some(("amr", "audio/amr")),
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => Some(("aac", "audio/aac")),
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => Some(("mp3", "audio/mpeg")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_what_its_bytes_say() {
        for (bytes, known) in [
            (&b"OggS\0\x02"[..], Some("ogg")),
            (b"RIFF\x01\x02\x03\x04WAVEfmt ", Some("wav")),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", None),
            (b"\0\0\0\x20ftypM4A ", Some("m4a")),
            (b"\0\0\0\x20ftypisom", Some("mp4")),
            (b"\xff\xfb\x90", Some("mp3")),
            (b"ID3\x04", Some("mp3")),
            (b"\xff\xf1\x50", Some("aac")),
            (b"#!AMR\n", Some("amr")),
            (b"\xff\xd8\xff\xe0JFIF", None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(format(bytes).map(|(ending, _)| ending), known, "{bytes:?}");
        }
    }
}
