//! Files that visitors of a web chat send: kept before their message is logged, and brought from there as other channels'
//! files are brought from their providers.

use crate::{attachments, error::ApiResult, state::Api};
use colloquy_domain::{channel::ChannelAccount, failure::Failure, message::MediaKind};
use colloquy_store::Attachment;
use sha2::{Digest, Sha256};

/// Bytes that a file may have; pictures have less (`most` in [`attachments`]).
pub const LARGEST: usize = 10 * 1024 * 1024;
/// How the names of such files begin.
const PREFIX: &str = "upload-";
/// What is taken: the ending, what it is, and how it begins. Text begins as it likes.
const KINDS: [(&str, MediaKind, &str, &[u8]); 19] = [
    ("png", MediaKind::Image, "image/png", b"\x89PNG\r\n\x1a\n"),
    ("jpg", MediaKind::Image, "image/jpeg", b"\xff\xd8\xff"),
    ("jpeg", MediaKind::Image, "image/jpeg", b"\xff\xd8\xff"),
    ("gif", MediaKind::Image, "image/gif", b"GIF8"),
    ("webp", MediaKind::Image, "image/webp", b"RIFF"),
    ("pdf", MediaKind::Document, "application/pdf", b"%PDF-"),
    ("docx", MediaKind::Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK"),
    ("xlsx", MediaKind::Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
    ("pptx", MediaKind::Document, "application/vnd.openxmlformats-officedocument.presentationml.presentation", b"PK"),
    ("odt", MediaKind::Document, "application/vnd.oasis.opendocument.text", b"PK"),
    ("ods", MediaKind::Document, "application/vnd.oasis.opendocument.spreadsheet", b"PK"),
    ("ogg", MediaKind::Audio, "audio/ogg", b"OggS"),
    ("webm", MediaKind::Audio, "audio/webm", b"\x1aE\xdf\xa3"),
    ("wav", MediaKind::Audio, "audio/wav", b"RIFF"),
    // The length of its first part, which is short.
    ("m4a", MediaKind::Audio, "audio/mp4", b"\0\0"),
    ("mp3", MediaKind::Audio, "audio/mpeg", b"ID3"),
    ("mp3", MediaKind::Audio, "audio/mpeg", b"\xff\xfb"),
    ("txt", MediaKind::Document, "text/plain", b""),
    ("csv", MediaKind::Document, "text/csv", b""),
];

/// What a file is, by its name and by how it begins; `None` if it is not taken.
pub fn kind(name: &str, bytes: &[u8]) -> Option<(MediaKind, &'static str)> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let is_text = || std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
    let fits = |begins: &[u8]| bytes.starts_with(begins) && (!begins.is_empty() || is_text());
    let (_, media, mime, _) = KINDS.iter().find(|(known, _, _, begins)| *known == ending && fits(begins))?;
    Some((*media, *mime))
}

/// The endings that are taken, for whoever asks why a file is not.
pub fn endings() -> String {
    let mut endings = KINDS.map(|(ending, ..)| ending).to_vec();
    endings.dedup();
    endings.join(", ")
}

/// Where the file of a message is kept: the same again for the same message.
pub fn name_of(account: &ChannelAccount, session: &str, message_id: &str) -> String {
    let message = format!("{}:{session}:{message_id}", account.id);
    format!("{PREFIX}{}", hex::encode(&Sha256::digest(message)[..16]))
}

/// # Errors
/// The store's, or the disk's.
pub async fn keep(api: &Api, account: &ChannelAccount, name: &str, bytes: &[u8]) -> ApiResult<()> {
    attachments::put(api, account.tenant, name, bytes).await.map_err(|failure| {
        tracing::error!(tenant.id = %account.tenant, failure.code = failure.code, "a visitor's file not kept");
        crate::error::ApiError::internal()
    })
}

/// The bytes of a file that a message names.
///
/// # Errors
/// Reject: they are gone.
pub async fn bring(api: &Api, attachment: &Attachment) -> Result<Vec<u8>, Failure> {
    let gone = || Failure::reject("attachment.gone", "the visitor's file is gone");
    if !attachment.reference.starts_with(PREFIX) {
        return Err(gone());
    }
    match attachments::get(api, attachment.tenant, &attachment.reference).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(gone()),
        Err(e) => Err(Failure::retry("attachment.store", e.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_only_for_what_it_is() {
        let taken = |name: &str, bytes: &[u8]| kind(name, bytes).map(|(_, mime)| mime);
        assert_eq!(taken("A.PNG", b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(taken("said.ogg", b"OggS\0"), Some("audio/ogg"));
        assert_eq!(taken("said.mp3", b"\xff\xfb\x90"), Some("audio/mpeg"));
        assert_eq!(taken("said.mp3", b"<script>"), None);
        assert_eq!(taken("list.csv", b"a;b\n"), Some("text/csv"));
        assert_eq!(taken("terms.pdf", b"%PDF-1.7"), Some("application/pdf"));
        for (name, bytes) in [
            ("page.html", &b"<script>"[..]),
            ("picture.svg", b"<svg>"),
            ("picture.png", b"<script>"),
            ("program.exe", b"MZ"),
            ("words.txt", b"\0\x01"),
            ("png", b"\x89PNG\r\n\x1a\n"),
        ] {
            assert_eq!(taken(name, bytes), None, "{name}");
        }
    }
}
