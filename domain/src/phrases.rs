//! The few sentences that Colloquy itself says, in every language that it speaks.

use crate::language::Language;

/// A sentence that no model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// Nothing in the documents answers the question.
    DontKnow,
    /// Nothing in the documents answers the question: a person of the team takes over.
    DontKnowHandedOver,
    /// A person of the team takes over.
    HandedOver,
    /// The turn failed; the message is kept.
    Failed,
    /// A file came without words.
    WordsOnly,
    /// A recording came that nobody can listen to.
    CannotListen,
    /// A greeting without a question, answered without a model.
    Welcome,
    /// It is a machine who speaks.
    Disclosure,
}

#[must_use]
pub const fn phrase(phrase: Phrase, language: Language) -> &'static str {
    match (phrase, language) {
        (Phrase::DontKnow, Language::En) => {
            "I'm sorry, I don't know: I found nothing about that in the documents I have."
        }
        (Phrase::DontKnow, Language::Fr) => {
            "Je suis désolé, je ne sais pas : je n'ai rien trouvé à ce sujet dans mes documents."
        }
        (Phrase::DontKnowHandedOver, Language::En) => {
            "I found nothing about that in the documents I have. I'm passing this on to a person of our team, who will \
             answer you here."
        }
        (Phrase::DontKnowHandedOver, Language::Fr) => {
            "Je n'ai rien trouvé à ce sujet dans mes documents. Je transmets votre demande à une personne de notre \
             équipe, qui vous répondra ici."
        }
        (Phrase::HandedOver, Language::En) => "I'm passing this on to a person of our team, who will answer you here.",
        (Phrase::HandedOver, Language::Fr) => {
            "Je transmets votre demande à une personne de notre équipe, qui vous répondra ici."
        }
        (Phrase::Failed, Language::En) => {
            "I'm sorry, something went wrong and I can't answer right now. Your message has been kept."
        }
        (Phrase::Failed, Language::Fr) => {
            "Je suis désolé, un problème m'empêche de répondre pour le moment. Votre message a bien été conservé."
        }
        (Phrase::WordsOnly, Language::En) => "I can only read text for now: could you tell me in words?",
        (Phrase::WordsOnly, Language::Fr) => {
            "Je ne peux lire que du texte pour l'instant : pouvez-vous me le dire avec des mots ?"
        }
        (Phrase::CannotListen, Language::En) => {
            "I'm sorry, I could not listen to your voice message: could you write it to me?"
        }
        (Phrase::CannotListen, Language::Fr) => {
            "Je suis désolé, je n'ai pas pu écouter votre message vocal : pouvez-vous me l'écrire ?"
        }
        (Phrase::Welcome, Language::En) => "Hello! Ask me a question and I'll look it up in the documents I have.",
        (Phrase::Welcome, Language::Fr) => {
            "Bonjour ! Posez-moi une question et je chercherai la réponse dans mes documents."
        }
        (Phrase::Disclosure, Language::En) => "You are talking to an AI assistant.",
        (Phrase::Disclosure, Language::Fr) => "Vous échangez avec un assistant IA.",
    }
}
