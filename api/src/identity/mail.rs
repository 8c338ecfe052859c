//! Letters to people. How they travel is the installation's: a mail server, or a folder.

use async_trait::async_trait;
use colloquy_domain::{failure::Failure, language::Language};
use colloquy_store::{Purpose, Tenant, User};

/// One letter, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    /// Holds a link that opens an account: never logged.
    pub text: String,
}

/// Takes letters to their readers.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// # Errors
    /// Why it was not taken.
    async fn send(&self, letter: Letter) -> Result<(), Failure>;
}

impl Letter {
    /// The letter that carries `link`.
    pub fn with_link(user: &User, tenant: &Tenant, purpose: Purpose, link: &str, language: Language) -> Self {
        let (name, team) = (&user.name, &tenant.name);
        let (subject, text) = match (purpose, language) {
            (Purpose::Invitation, Language::En) => (
                format!("You are invited to {team}"),
                format!(
                    "Hello {name},\n\nyou are invited to work with {team} on Colloquy. Choose a password here:\n\n{link}\n\n\
                     The link opens once, within seven days.\n"
                ),
            ),
            (Purpose::Invitation, Language::Fr) => (
                format!("Invitation à rejoindre {team}"),
                format!(
                    "Bonjour {name},\n\nvous êtes invité à rejoindre {team} sur Colloquy. Choisissez un mot de passe \
                     ici :\n\n{link}\n\nLe lien s'ouvre une seule fois, dans les sept jours.\n"
                ),
            ),
            (Purpose::Reset, Language::En) => (
                "Choose a new password".to_owned(),
                format!(
                    "Hello {name},\n\nsomebody, probably you, asked for a new password. Choose it here:\n\n{link}\n\nThe link \
                     opens once, within an hour. If it was not you, nothing needs to be done.\n"
                ),
            ),
            (Purpose::Reset, Language::Fr) => (
                "Choisir un nouveau mot de passe".to_owned(),
                format!(
                    "Bonjour {name},\n\nquelqu'un, sans doute vous, a demandé un nouveau mot de passe. Choisissez-le ici \
                     :\n\n{link}\n\nLe lien s'ouvre une seule fois, dans l'heure. Si ce n'était pas vous, il n'y a rien à \
                     faire.\n"
                ),
            ),
        };
        Self { to: user.email.clone(), subject, text }
    }
}
