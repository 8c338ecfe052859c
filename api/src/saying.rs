//! What a team or a program says, as requests spell it: words, files at public addresses, choices, cards, templates.

use crate::{
    auth::Tenant,
    desk,
    endpoints::templates,
    error::{ApiError, ApiResult, Detail},
    state::Api,
};
use colloquy_domain::{
    channel::ChannelAccount,
    ids::ConversationId,
    message::MediaKind,
    rich::{Button, File, Rich, Row},
    template::TemplateCall,
};
use colloquy_store::SentFile;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Choices of one message, and characters of their titles, descriptions and payloads. What a channel cannot show is said in
/// words, so these only keep out what nobody could read.
const MOST_CHOICES: usize = 50;
const LONGEST_TITLE: usize = 100;
const LONGEST_ID: usize = 256;
const LONGEST_URL: usize = 2_000;
/// Files that are an album.
const ALBUM: std::ops::RangeInclusive<usize> = 2..=10;
/// What a button says that opens a list, if nothing was said about it.
const OPEN: &str = "…";

/// Something to say, found good.
#[derive(Debug)]
pub struct Said {
    /// Markdown; says the same as `rich`.
    pub text: String,
    pub rich: Option<Rich>,
    /// They are this template's words.
    pub template: Option<TemplateCall>,
}

impl Said {
    /// # Errors
    /// 400, naming the field.
    pub fn words(field: &str, text: &str) -> ApiResult<Self> {
        Ok(Self { text: desk::words(field, text)?, rich: None, template: None })
    }
}

/// Something to say, as far as it can be read without its channel.
pub enum Asked {
    Said(Said),
    Template(templates::Named),
}

impl From<Said> for Asked {
    fn from(said: Said) -> Self {
        Self::Said(said)
    }
}

impl Asked {
    #[must_use]
    pub const fn is_template(&self) -> bool {
        matches!(self, Self::Template(_))
    }

    /// What is said to somebody on this channel, in the conversation that there is with them.
    ///
    /// # Errors
    /// As [`templates::filled`].
    pub async fn on(
        self,
        api: &Api,
        tenant: &Tenant,
        account: &ChannelAccount,
        with: Option<ConversationId>,
    ) -> ApiResult<Said> {
        match self {
            Self::Said(said) => Ok(said),
            Self::Template(named) => {
                let filled = templates::filled(api, tenant, account, named, with).await?;
                Ok(Said { text: filled.text, rich: None, template: Some(filled.call) })
            }
        }
    }
}

/// Whether a message of this kind is words and nothing else.
#[must_use]
pub fn is_words(kind: Option<&str>) -> bool {
    kind.is_none_or(|k| k.eq_ignore_ascii_case("text"))
}

/// What a message says.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    text: Option<String>,
    #[serde(alias = "media_url")]
    media_url: Option<String>,
    caption: Option<String>,
    /// Of a file, or of a template.
    #[serde(alias = "filename", alias = "fileName", alias = "templateName")]
    name: Option<String>,
    #[serde(alias = "languageCode")]
    language: Option<String>,
    #[serde(default, alias = "variables")]
    parameters: templates::Values,
    /// Several files together: 2 to 10.
    media: Option<Vec<OneOf>>,
    buttons: Option<Vec<Choice>>,
    list: Option<List>,
    card: Option<Card>,
}

/// A file of an album.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OneOf {
    /// `image`, `video`, `audio`, `voice` or `document`; by the ending of the address if it is absent.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(alias = "media_url", alias = "url")]
    media_url: String,
    #[serde(alias = "filename", alias = "fileName")]
    name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Choice {
    /// What comes back; the title if it is absent.
    id: Option<String>,
    title: String,
    description: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct List {
    open: Option<String>,
    rows: Vec<Choice>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Card {
    title: String,
    text: Option<String>,
    #[serde(alias = "imageUrl")]
    image: Option<String>,
    link: Option<String>,
    #[serde(default)]
    buttons: Vec<Choice>,
}

impl Content {
    /// What it is follows from its fields, where `kind` does not say.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn read(self, kind: Option<&str>) -> ApiResult<Asked> {
        let kind = kind.map(str::to_ascii_lowercase);
        if kind.as_deref() == Some("album") || (kind.is_none() && self.media.is_some()) {
            return self.album().map(Asked::Said);
        }
        let media = match kind.as_deref() {
            Some(named) if file_named(named).is_some() => file_named(named),
            Some("media") => Some(self.media_url.as_deref().map_or(MediaKind::Document, by_ending)),
            None if self.media_url.is_some() => self.media_url.as_deref().map(by_ending),
            Some("template") => {
                let Self { name, language, parameters, .. } = self;
                return Ok(Asked::Template(templates::Named { name, language, parameters }));
            }
            None | Some("text" | "buttons" | "list" | "card") => None,
            Some(_) => return Err(ApiError::invalid("type", KINDS)),
        };
        if let Some(media) = media {
            return self.file(media).map(Asked::Said);
        }
        let said = match (kind.as_deref(), &self.buttons, &self.list, &self.card) {
            (Some("buttons"), ..) | (None, Some(_), ..) => self.buttons(),
            (Some("list"), ..) | (None, None, Some(_), _) => self.list(),
            (Some("card"), ..) | (None, None, None, Some(_)) => self.card(),
            _ => {
                let text = self.text.ok_or_else(|| ApiError::invalid("content.text", "is needed"))?;
                Said::words("content.text", &text)
            }
        };
        said.map(Asked::Said)
    }

    fn file(self, media: MediaKind) -> ApiResult<Said> {
        let url = self.media_url.ok_or_else(|| ApiError::invalid("content.mediaUrl", "is needed"))?;
        let url = address("content.mediaUrl", &url)?;
        let caption = self.caption.or(self.text).filter(|c| !c.trim().is_empty());
        let caption = caption.map(|c| desk::words("content.caption", &c)).transpose()?;
        let name = self.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
        said(Rich::Media { media, url, caption, name })
    }

    fn album(self) -> ApiResult<Said> {
        let given = self.media.ok_or_else(|| ApiError::invalid("content.media", "is needed"))?;
        if !ALBUM.contains(&given.len()) {
            let why = format!("must be {} to {} files", ALBUM.start(), ALBUM.end());
            return Err(ApiError::invalid("content.media", why));
        }
        let file = |(n, file): (usize, OneOf)| {
            let url = address(&format!("content.media[{n}].mediaUrl"), &file.media_url)?;
            let media = match file.kind.map(|kind| kind.to_ascii_lowercase()) {
                Some(named) => file_named(&named)
                    .ok_or_else(|| ApiError::invalid(format!("content.media[{n}].type"), FILE_KINDS))?,
                None => by_ending(&url),
            };
            Ok(File { media, url, name: file.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()) })
        };
        let files = given.into_iter().enumerate().map(file).collect::<ApiResult<Vec<File>>>()?;
        let caption = self.caption.or(self.text).filter(|c| !c.trim().is_empty());
        let caption = caption.map(|c| desk::words("content.caption", &c)).transpose()?;
        said(Rich::Album { caption, files, apart: false })
    }

    fn buttons(self) -> ApiResult<Said> {
        let buttons = self.buttons.ok_or_else(|| ApiError::invalid("content.buttons", "is needed"))?;
        let text = self.text.ok_or_else(|| ApiError::invalid("content.text", "is needed"))?;
        let text = desk::words("content.text", &text)?;
        said(Rich::Buttons { text, buttons: buttons_of("content.buttons", buttons, 1)? })
    }

    fn list(self) -> ApiResult<Said> {
        let list = self.list.ok_or_else(|| ApiError::invalid("content.list", "is needed"))?;
        let text = self.text.ok_or_else(|| ApiError::invalid("content.text", "is needed"))?;
        let text = desk::words("content.text", &text)?;
        let rows = choices("content.list.rows", list.rows, 1)?;
        let rows = rows.into_iter().map(|(id, title, description)| Row { id, title, description }).collect();
        let open = list.open.filter(|o| !o.trim().is_empty()).unwrap_or_else(|| OPEN.to_owned());
        said(Rich::List { text, open: title("content.list.open", &open)?, rows })
    }

    fn card(self) -> ApiResult<Said> {
        let card = self.card.ok_or_else(|| ApiError::invalid("content.card", "is needed"))?;
        said(Rich::Card {
            title: title("content.card.title", &card.title)?,
            text: card.text.map(|t| desk::words("content.card.text", &t)).transpose()?,
            image: card.image.map(|i| address("content.card.image", &i)).transpose()?,
            link: card.link.map(|l| address("content.card.link", &l)).transpose()?,
            buttons: buttons_of("content.card.buttons", card.buttons, 0)?,
        })
    }
}

const KINDS: &str = "must be text, image, video, audio, voice, document, media, album, buttons, list, card or template";
const FILE_KINDS: &str = "must be image, video, audio, voice or document";

fn file_named(kind: &str) -> Option<MediaKind> {
    match kind {
        "image" => Some(MediaKind::Image),
        "video" => Some(MediaKind::Video),
        "audio" => Some(MediaKind::Audio),
        "voice" => Some(MediaKind::Voice),
        "document" | "file" => Some(MediaKind::Document),
        _ => None,
    }
}

fn said(rich: Rich) -> ApiResult<Said> {
    Ok(Said { text: desk::words("content", &rich.words())?, rich: Some(rich), template: None })
}

/// By the ending of an address's path.
fn by_ending(url: &str) -> MediaKind {
    let path = Url::parse(url).map(|u| u.path().to_ascii_lowercase()).unwrap_or_default();
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg" | "png" | "webp" | "gif") => MediaKind::Image,
        Some("mp4" | "3gp" | "mov" | "webm") => MediaKind::Video,
        Some("mp3" | "m4a" | "aac" | "amr" | "ogg" | "oga" | "wav") => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// The provider reads it, so it must be one that anybody can read.
fn address(field: &str, url: &str) -> ApiResult<String> {
    let url = url.trim();
    let public = Url::parse(url).is_ok_and(|u| {
        matches!(u.scheme(), "http" | "https") && u.has_host() && u.username().is_empty() && u.password().is_none()
    });
    if public && url.len() <= LONGEST_URL {
        return Ok(url.to_owned());
    }
    Err(ApiError::invalid(field, "must be an http or https address without a password"))
}

fn title(field: &str, title: &str) -> ApiResult<String> {
    let title = title.trim();
    if (1..=LONGEST_TITLE).contains(&title.chars().count()) {
        return Ok(title.to_owned());
    }
    Err(ApiError::invalid(field, format!("must have 1 to {LONGEST_TITLE} characters")))
}

fn buttons_of(field: &str, given: Vec<Choice>, least: usize) -> ApiResult<Vec<Button>> {
    let choices = choices(field, given, least)?;
    Ok(choices.into_iter().map(|(id, title, _)| Button { id, title }).collect())
}

/// Payload, title and description of each; all that is wrong at once.
fn choices(field: &str, given: Vec<Choice>, least: usize) -> ApiResult<Vec<(String, String, Option<String>)>> {
    if !(least..=MOST_CHOICES).contains(&given.len()) {
        return Err(ApiError::invalid(field, format!("must be {least} to {MOST_CHOICES}")));
    }
    let (mut wrong, mut found) = (Vec::new(), Vec::with_capacity(given.len()));
    for (n, choice) in given.into_iter().enumerate() {
        let title = choice.title.trim().to_owned();
        let id = choice.id.map(|i| i.trim().to_owned()).filter(|i| !i.is_empty()).unwrap_or_else(|| title.clone());
        if !(1..=LONGEST_TITLE).contains(&title.chars().count()) {
            let why = format!("must have 1 to {LONGEST_TITLE} characters");
            wrong.push(Detail::new(format!("{field}[{n}].title"), why));
        }
        if id.chars().count() > LONGEST_ID {
            wrong.push(Detail::new(format!("{field}[{n}].id"), format!("must have at most {LONGEST_ID} characters")));
        }
        let description = choice.description.map(|d| d.trim().to_owned()).filter(|d| !d.is_empty());
        found.push((id, title, description));
    }
    if wrong.is_empty() { Ok(found) } else { Err(ApiError::validation(wrong)) }
}

/// What a message holds, as answers show it.
pub fn shown(text: &str, rich: Option<&Rich>, file: Option<&SentFile>) -> Value {
    let buttons = |buttons: &[Button]| -> Vec<Value> {
        buttons.iter().map(|b| json!({ "id": b.id, "title": b.title })).collect()
    };
    let mut content = json!({ "text": text });
    match rich {
        Some(Rich::Media { url, caption, name, .. }) => {
            content["mediaUrl"] = json!(url);
            content["caption"] = json!(caption);
            content["name"] = json!(name);
        }
        Some(Rich::Album { caption, files, .. }) => {
            let file = |f: &File| json!({ "type": f.media, "mediaUrl": f.url, "name": f.name });
            content["caption"] = json!(caption);
            content["media"] = json!(files.iter().map(file).collect::<Vec<_>>());
        }
        Some(Rich::Buttons { text, buttons: given }) => {
            content["text"] = json!(text);
            content["buttons"] = json!(buttons(given));
        }
        Some(Rich::List { text, open, rows }) => {
            let row = |r: &Row| json!({ "id": r.id, "title": r.title, "description": r.description });
            let rows: Vec<Value> = rows.iter().map(row).collect();
            content["text"] = json!(text);
            content["list"] = json!({ "open": open, "rows": rows });
        }
        Some(Rich::Card { title, text, image, link, buttons: given }) => {
            let buttons = buttons(given);
            content["card"] = json!({ "title": title, "text": text, "image": image, "link": link, "buttons": buttons });
        }
        None => {}
    }
    if let Some(file) = file {
        content["caption"] = json!(text);
        content["attachment"] = json!({
            "id": file.id.to_string(),
            "state": file.state.name(),
            "mime": file.mime,
            "name": file.name,
            "size": file.size,
        });
        content["mediaUrl"] = json!(format!("/api/attachments/{}/content", file.id));
    }
    content
}
