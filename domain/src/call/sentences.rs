//! What is said on the telephone that no model writes.

use crate::language::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// Nothing was heard.
    SayAgain,
    /// Nothing was heard again.
    GiveUp,
    /// The reply takes its time.
    Moment,
    /// It takes too long.
    TooSlow,
    Farewell,
    /// The call has gone on for too long.
    TooLong,
    PutThrough,
    /// A person of the team is to call back.
    CallBack,
    /// Whom the caller was put through to did not answer.
    NobodyThere,
    /// What was said cannot be answered now.
    Failed,
    /// The line broke off and is there again.
    Again,
}

#[must_use]
pub const fn sentence(which: Sentence, language: Language) -> &'static str {
    match (which, language) {
        (Sentence::SayAgain, Language::En) => "I didn't hear you. Could you say that again?",
        (Sentence::SayAgain, Language::Fr) => "Je ne vous ai pas entendu. Pouvez-vous répéter ?",
        (Sentence::GiveUp, Language::En) => "I still can't hear you. Please call again. Goodbye.",
        (Sentence::GiveUp, Language::Fr) => "Je ne vous entends toujours pas. N'hésitez pas à rappeler. Au revoir.",
        (Sentence::Moment, Language::En) => "One moment, please.",
        (Sentence::Moment, Language::Fr) => "Un instant, s'il vous plaît.",
        (Sentence::TooSlow, Language::En) => "I'm sorry, this takes longer than it should. Could you ask me again?",
        (Sentence::TooSlow, Language::Fr) => {
            "Je suis désolé, cela prend plus de temps que prévu. Pouvez-vous reposer votre question ?"
        }
        (Sentence::Farewell, Language::En) => "Thank you for your call. Goodbye.",
        (Sentence::Farewell, Language::Fr) => "Merci de votre appel. Au revoir.",
        (Sentence::TooLong, Language::En) => "We have talked for a long time. Please call again. Goodbye.",
        (Sentence::TooLong, Language::Fr) => "Nous avons parlé longtemps. N'hésitez pas à rappeler. Au revoir.",
        (Sentence::PutThrough, Language::En) => "I'm putting you through to a person of our team.",
        (Sentence::PutThrough, Language::Fr) => "Je vous mets en relation avec une personne de notre équipe.",
        (Sentence::CallBack, Language::En) => "A person of our team will call you back. Goodbye.",
        (Sentence::CallBack, Language::Fr) => "Une personne de notre équipe vous rappellera. Au revoir.",
        (Sentence::NobodyThere, Language::En) => {
            "I'm sorry, nobody is available right now. A person of our team will call you back. Goodbye."
        }
        (Sentence::NobodyThere, Language::Fr) => {
            "Je suis désolé, personne n'est disponible pour le moment. Une personne de notre équipe vous rappellera. Au \
             revoir."
        }
        (Sentence::Failed, Language::En) => "I'm sorry, I can't answer that right now. Could you put it differently?",
        (Sentence::Failed, Language::Fr) => {
            "Je suis désolé, je ne peux pas répondre à cela pour le moment. Pouvez-vous le dire autrement ?"
        }
        (Sentence::Again, Language::En) => "I'm back. Go on, please.",
        (Sentence::Again, Language::Fr) => "Me revoici. Je vous écoute.",
    }
}

/// The first sentence of a company's telephone.
#[must_use]
pub fn greeting(company: &str, language: Language) -> String {
    match language {
        Language::En => format!("Hello, you have reached {company}. How can I help you?"),
        Language::Fr => format!("Bonjour, vous êtes bien chez {company}. Comment puis-je vous aider ?"),
    }
}
