//! The language of an answer: `Accept-Language`, English otherwise; and the French of our errors.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use colloquy_domain::language::Language;
use std::convert::Infallible;

/// What the client wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speech(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Speech {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(wanted(&parts.headers)))
    }
}

/// The language with the greatest weight among those that we speak.
pub fn wanted(headers: &HeaderMap) -> Language {
    let text = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut best = (0.0, Language::En);
    for choice in text.split(',') {
        let (tag, weight) = choice.split_once(";q=").unwrap_or((choice, "1"));
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        if let Some(language) = Language::from_tag(tag.trim()).filter(|_| weight > best.0) {
            best = (weight, language);
        }
    }
    best.1
}

/// Codes whose sentence is always the same, in French. The others say something of the request, in English.
const FRENCH: &[(&str, &str)] = &[
    ("TOKEN_MISSING", "Token manquant"),
    ("TOKEN_INVALID", "Token invalide"),
    ("BAD_CREDENTIALS", "Adresse e-mail ou mot de passe incorrect"),
    ("EMAIL_TAKEN", "Email déjà utilisé"),
    ("LINK_INVALID", "Ce lien a déjà été utilisé ou n'est plus valable : demandez-en un autre"),
    ("REGISTRATION_CLOSED", "Les inscriptions sont fermées : demandez une invitation à un administrateur"),
    ("TENANT_SUSPENDED", "Ce compte est suspendu"),
    ("FORBIDDEN", "Vous n'avez pas le droit de faire cela"),
    ("TOO_MANY_REQUESTS", "Trop de requêtes : réessayez plus tard"),
    ("TOO_MANY_CONNECTIONS", "Trop de connexions sont ouvertes"),
    ("METHOD_NOT_ALLOWED", "Cette méthode n'existe pas ici"),
    ("UNSUPPORTED_MEDIA_TYPE", "Le corps doit être en application/json"),
    ("NOT_FOUND", "Introuvable"),
    (
        "WINDOW_CLOSED",
        "Le délai pour répondre librement à cette personne est passé : seul un modèle de message peut être envoyé",
    ),
    ("OPTED_OUT", "Cette personne ne souhaite plus être contactée"),
    ("PLAN_LIMIT", "La limite de votre abonnement est atteinte"),
    ("TEMPLATE_NOT_APPROVED", "Ce modèle de message n'est pas approuvé par le fournisseur"),
    ("PRECONDITION_FAILED", "Cela a changé entre-temps : relisez avant de modifier"),
    ("IDEMPOTENCY_MISMATCH", "Cette clé d'idempotence a déjà servi à une autre demande"),
    ("STRIPE_NOT_CONFIGURED", "Les paiements ne sont pas configurés"),
    ("PAYMENT_DECLINED", "Le paiement a été refusé"),
    ("PAYMENT_REFUSED", "Le prestataire de paiement a refusé"),
    ("CALENDAR_REFUSED", "Le calendrier a refusé"),
    ("ORDER_NOT_CONFIRMABLE", "Cette commande ne peut pas être confirmée dans son état actuel"),
    ("ORDER_NOT_CANCELLABLE", "Cette commande ne peut pas être annulée dans son état actuel"),
    ("RESERVATION_NOT_CANCELLABLE", "Cette réservation ne peut pas être annulée dans son état actuel"),
    ("INTERNAL", "Une erreur est survenue de notre côté"),
    ("STORE_UNAVAILABLE", "Le stockage est occupé : réessayez"),
    ("STORE_FULL", "Il n'y a plus de place : réessayez plus tard"),
];

/// The French of an error's code.
pub fn french(code: &str) -> Option<&'static str> {
    FRENCH.iter().find(|(known, _)| *known == code).map(|(_, sentence)| *sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S4-I18N-1
    #[test]
    fn the_greatest_weight_that_we_speak_wins() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            wanted(&headers)
        };
        assert_eq!(wanted(&HeaderMap::new()), Language::En);
        assert_eq!(of("fr-CA,fr;q=0.9,en;q=0.8"), Language::Fr);
        assert_eq!(of("en;q=0.4, fr;q=0.7"), Language::Fr);
        assert_eq!(of("de, en;q=0.5"), Language::En);
        assert_eq!(of("de"), Language::En);
        assert_eq!(of("fr;q=0"), Language::En);
    }
}
