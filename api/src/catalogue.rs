//! Every code that a refusal can have: one table, from which docs/ERRORS.md, the API's description and the French of
//! answers come. A code never changes its meaning; what is added is added here.

/// One code.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub code: &'static str,
    pub status: u16,
    /// What it means.
    pub english: &'static str,
    pub french: &'static str,
    /// Its message is always the same, so the French can take its place. The others say something of the request, in
    /// English.
    pub fixed: bool,
}

const fn fixed(code: &'static str, status: u16, english: &'static str, french: &'static str) -> Refusal {
    Refusal { code, status, english, french, fixed: true }
}

const fn special(code: &'static str, status: u16, english: &'static str, french: &'static str) -> Refusal {
    Refusal { code, status, english, french, fixed: false }
}

/// By status, then by name.
#[rustfmt::skip]
pub const ALL: &[Refusal] = &[
    fixed("EMAIL_TAKEN", 400, "The e-mail address is already used", "Email déjà utilisé"),
    fixed("LINK_INVALID", 400, "The link was used, or is too old: ask for another", "Ce lien a déjà été utilisé ou n'est plus valable : demandez-en un autre"),
    special("MALFORMED", 400, "The request cannot be read", "La requête est illisible"),
    special("UNKNOWN_EVENT", 400, "There is no event of this name", "Il n'y a pas d'événement de ce nom"),
    special("VALIDATION_FAILED", 400, "Fields are wrong: `details` names them", "Des champs sont incorrects : `details` les nomme"),
    fixed("BAD_CREDENTIALS", 401, "Wrong e-mail address or password", "Adresse e-mail ou mot de passe incorrect"),
    fixed("TOKEN_INVALID", 401, "The token is invalid, or too old", "Token invalide"),
    fixed("TOKEN_MISSING", 401, "A token or an API key is needed", "Token manquant"),
    special("UNAUTHORIZED", 401, "The credential or signature opens nothing", "La clé ou la signature n'est pas valable"),
    fixed("BUDGET_SPENT", 402, "The budget of the month is spent", "Le budget du mois est épuisé"),
    fixed("PAYMENT_DECLINED", 402, "The payment was declined", "Le paiement a été refusé"),
    fixed("PLAN_LIMIT", 402, "Your plan has no room for more", "La limite de votre abonnement est atteinte"),
    fixed("FORBIDDEN", 403, "Your role, or the key's scopes, do not allow this", "Vous n'avez pas le droit de faire cela"),
    special("NOT_JOINED", 403, "Join the conversation first", "Rejoignez d'abord la conversation"),
    fixed("REGISTRATION_CLOSED", 403, "Registration is closed: ask for an invitation", "Les inscriptions sont fermées : demandez une invitation à un administrateur"),
    fixed("TENANT_SUSPENDED", 403, "This account is suspended", "Ce compte est suspendu"),
    fixed("NOT_FOUND", 404, "There is no such thing, or it is not yours", "Introuvable"),
    fixed("METHOD_NOT_ALLOWED", 405, "This endpoint has no such method", "Cette méthode n'existe pas ici"),
    fixed("AVATAR_NOT_CONFIGURED", 409, "No avatar is set up", "Aucun avatar n'est configuré"),
    special("CHANNEL_DISABLED", 409, "The channel is switched off", "Le canal est désactivé"),
    special("CONFLICT", 409, "It is taken, or cannot be done in the present state", "C'est déjà pris, ou impossible dans l'état actuel"),
    special("IDEMPOTENCY_RUNNING", 409, "The request with this key is still being answered", "La demande avec cette clé est encore en cours"),
    special("IDEMPOTENCY_UNCERTAIN", 409, "Nobody knows whether the request with this key was done: look, and ask with another key", "Personne ne sait si la demande avec cette clé a été faite : vérifiez, puis utilisez une autre clé"),
    fixed("OPTED_OUT", 409, "This person does not wish to be written to", "Cette personne ne souhaite plus être contactée"),
    fixed("ORDER_NOT_CANCELLABLE", 409, "The order cannot be cancelled in its present state", "Cette commande ne peut pas être annulée dans son état actuel"),
    fixed("ORDER_NOT_CONFIRMABLE", 409, "The order cannot be confirmed in its present state", "Cette commande ne peut pas être confirmée dans son état actuel"),
    fixed("ORDER_NOT_REFUNDABLE", 409, "The order cannot be refunded in its present state", "Cette commande ne peut pas être remboursée dans son état actuel"),
    fixed("RESERVATION_NOT_CANCELLABLE", 409, "The reservation cannot be cancelled in its present state", "Cette réservation ne peut pas être annulée dans son état actuel"),
    special("STALE", 409, "Somebody else changed it meanwhile: read it again", "Quelqu'un l'a modifié entre-temps : relisez"),
    fixed("STRIPE_NOT_CONFIGURED", 409, "No payments are set up", "Les paiements ne sont pas configurés"),
    fixed("TEMPLATE_NOT_APPROVED", 409, "The provider has not approved this template", "Ce modèle de message n'est pas approuvé par le fournisseur"),
    fixed("VIDEO_LIMIT", 409, "As many video sessions run as may at once: try again later", "Le nombre maximal de sessions vidéo simultanées est atteint : réessayez plus tard"),
    fixed("VIDEO_NOT_LIVE", 409, "The video session is not live (any more)", "Cette session vidéo n'est pas (ou plus) en cours"),
    fixed("WINDOW_CLOSED", 409, "The time to answer freely is over: only a template can be sent", "Le délai pour répondre librement à cette personne est passé : seul un modèle de message peut être envoyé"),
    fixed("PRECONDITION_FAILED", 412, "It changed meanwhile: read it again before you change it", "Cela a changé entre-temps : relisez avant de modifier"),
    special("TOO_LARGE", 413, "The body is larger than allowed", "Le corps est trop grand"),
    fixed("UNSUPPORTED_MEDIA_TYPE", 415, "The body must be application/json", "Le corps doit être en application/json"),
    fixed("IDEMPOTENCY_MISMATCH", 422, "This key was used for another request", "Cette clé d'idempotence a déjà servi à une autre demande"),
    special("REJECTED", 422, "A provider refuses it for good", "Un fournisseur le refuse définitivement"),
    fixed("TOO_MANY_CONNECTIONS", 429, "Too many connections are open", "Trop de connexions sont ouvertes"),
    fixed("TOO_MANY_REQUESTS", 429, "Too many requests: `Retry-After` says when to try again", "Trop de requêtes : réessayez plus tard"),
    fixed("INTERNAL", 500, "Something went wrong on our side", "Une erreur est survenue de notre côté"),
    fixed("AVATAR_REFUSED", 502, "The provider of the avatar refused it", "Le fournisseur de l'avatar a refusé"),
    fixed("CALENDAR_REFUSED", 502, "The calendar refused it", "Le calendrier a refusé"),
    fixed("PAYMENT_REFUSED", 502, "The payment provider refused it", "Le prestataire de paiement a refusé"),
    fixed("REFUND_REFUSED", 502, "The payment provider refused the refund", "Le prestataire de paiement a refusé le remboursement"),
    special("UPSTREAM_FAILED", 502, "A provider failed, and trying again does not help", "Un fournisseur a échoué ; réessayer n'y change rien"),
    special("LOG_BROKEN", 503, "Nothing can be accepted now", "Rien ne peut être accepté pour le moment"),
    fixed("STORE_FULL", 503, "No room is left: try again later", "Il n'y a plus de place : réessayez plus tard"),
    fixed("STORE_UNAVAILABLE", 503, "The store is busy: try again", "Le stockage est occupé : réessayez"),
    special("TRANSCRIPTION_NOT_CONFIGURED", 503, "Nothing that can listen is configured", "Rien n'est configuré pour écouter"),
    special("UPSTREAM_UNAVAILABLE", 503, "A provider cannot be reached: try again", "Un fournisseur est injoignable : réessayez"),
    special("STORAGE", 507, "The file could not be stored", "Le fichier n'a pas pu être enregistré"),
];

pub fn find(code: &str) -> Option<&'static Refusal> {
    ALL.iter().find(|r| r.code == code)
}

#[cfg(test)]
mod tests;
