// What the page says of the widget, and the widget's own words in both languages.
const { channel, color, title, language, side, layout } = script.dataset;
/** The conversation is the whole page: there is nothing to open or to close. */
const isPage = layout === 'page';
const server = new URL(script.src).origin;
/** Bytes of a file; the server takes no more. */
const LARGEST = 10 * 1024 * 1024;

const TEXTS = {
  en: {
    chat: 'Chat', open: 'Open chat', close: 'Close chat', log: 'Conversation', ask: 'Your message', send: 'Send', fresh: 'New conversation',
    attach: 'Send a file', file: 'File', you: 'You', agent: 'Assistant', operator: 'Team', sources: 'Sources', page: 'p.', retry: 'Try now',
    news: (n) => (n === 1 ? '1 new message' : `${n} new messages`),
    byAgent: 'The assistant answers again.', byOperator: 'A person of the team answers now.',
    agentWrites: 'The assistant is writing…', operatorWrites: 'The team is writing…',
    offline: 'Not connected. Trying again…', unsent: 'Not sent yet. Trying again…', refused: 'Not sent:', large: 'the file is too large', away: 'This chat is not available.',
  },
  fr: {
    chat: 'Discussion', open: 'Ouvrir la discussion', close: 'Fermer la discussion', log: 'Conversation', ask: 'Votre message', send: 'Envoyer', fresh: 'Nouvelle conversation',
    attach: 'Envoyer un fichier', file: 'Fichier', you: 'Vous', agent: 'Assistant', operator: 'Équipe', sources: 'Sources', page: 'p.', retry: 'Réessayer',
    news: (n) => (n === 1 ? '1 nouveau message' : `${n} nouveaux messages`),
    byAgent: 'L’assistant répond de nouveau.', byOperator: 'Une personne de l’équipe vous répond.',
    agentWrites: 'L’assistant écrit…', operatorWrites: 'L’équipe écrit…',
    offline: 'Pas de connexion. Nouvel essai…', unsent: 'Pas encore envoyé. Nouvel essai…', refused: 'Pas envoyé :', large: 'le fichier est trop grand', away: 'Cette discussion n’est pas disponible.',
  },
};
const wanted = language || document.documentElement.lang || navigator.language || 'en';
const lang = wanted.toLowerCase().startsWith('fr') ? 'fr' : 'en';
const say = TEXTS[lang];
