//! What the API needs to know people: the keys of their tokens, and a way for letters.

use crate::{
    config::{Mail, People},
    folder::DataFolder,
    machine,
};
use anyhow::{Context, bail};
use async_trait::async_trait;
use colloquy_api::{Identity, Letter, Mailer, Passwords, TokenKeys};
use colloquy_domain::failure::Failure;
use lettre::{
    AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox,
    message::header::ContentType,
};
use std::{path::Path, sync::Arc};

/// Who letters come from where nobody said it.
const USUAL_SENDER: &str = "Colloquy <colloquy@localhost>";

/// # Errors
/// A key's file that cannot be read, or a mail server's address.
pub fn identity(people: &People, folder: &DataFolder) -> anyhow::Result<Identity> {
    Ok(Identity {
        keys: keys(people, folder)?,
        passwords: Passwords::default(),
        mailer: mailer(&people.mail, &folder.mail())?,
        open_registration: people.open_registration,
        entropy: machine::key_bytes,
    })
}

fn keys(people: &People, folder: &DataFolder) -> anyhow::Result<TokenKeys> {
    let lifetime = people.token_lifetime;
    if let Some(private) = &people.private_key_file {
        let read =
            |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let public = people.public_key_files.iter().map(|p| read(p)).collect::<anyhow::Result<Vec<_>>>()?;
        if public.is_empty() {
            bail!("jwt.private_key_file is set: jwt.public_key_files must name its public key, too");
        }
        return TokenKeys::of_pair(&read(private)?, &public, lifetime).context("jwt");
    }
    // The same on all nodes, because the key of the installation is.
    let derived = folder.secret_key().derive_all("access tokens");
    let mut secrets: Vec<&[u8]> = people.jwt_secrets.iter().map(|s| s.expose().as_bytes()).collect();
    if secrets.is_empty() {
        secrets.extend(derived.iter().map(<[u8; 32]>::as_slice));
    }
    TokenKeys::shared(&secrets, lifetime).context("jwt")
}

/// A mail server, or, where none is configured, a folder in which letters lie until somebody looks.
fn mailer(mail: &Mail, folder: &Path) -> anyhow::Result<Arc<dyn Mailer>> {
    let from: Mailbox = mail.from.as_deref().unwrap_or(USUAL_SENDER).parse().context("mail.from")?;
    let Some(url) = &mail.smtp_url else {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        return Ok(Arc::new(Post { from, way: AsyncFileTransport::<Tokio1Executor>::new(folder) }));
    };
    let way = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()).context("mail.smtp_url")?.build();
    Ok(Arc::new(Post { from, way }))
}

/// Letters on one of lettre's ways.
struct Post<W> {
    from: Mailbox,
    way: W,
}

#[async_trait]
impl<W> Mailer for Post<W>
where
    W: AsyncTransport + Send + Sync,
    W::Error: std::error::Error + Send,
{
    async fn send(&self, letter: Letter) -> Result<(), Failure> {
        let to = letter
            .to
            .parse::<Mailbox>()
            .map_err(|_| Failure::reject("MAIL_ADDRESS", "no mail reaches this address"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|e| Failure::reject("MAIL_UNWRITABLE", e.to_string()))?;
        match self.way.send(message).await {
            Ok(_) => Ok(()),
            Err(e) => Err(Failure::retry("MAIL_UNSENT", e.to_string())),
        }
    }
}
