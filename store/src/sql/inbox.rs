use crate::db::Rows;

pub(crate) const CURSOR: &str = "SELECT log_offset FROM ingress_cursor WHERE id = $1";

/// Of all lanes.
pub(crate) const RESET_CURSORS: &str = "UPDATE ingress_cursor SET log_offset = 0";

/// Of several lanes; names those whose cursor was where it was thought to be.
pub(crate) const MOVE_CURSORS: Rows = Rows::new(
    "UPDATE ingress_cursor SET log_offset = v.column3 FROM (",
    3,
    ") AS v WHERE ingress_cursor.id = v.column1 AND ingress_cursor.log_offset = v.column2 RETURNING id",
);

/// SQLite's, with the two below.
pub(crate) const LIVE_CHANNELS: Rows =
    Rows::new("SELECT tenant_id, id FROM channels WHERE deleted_at IS NULL AND (tenant_id, id) IN (", 2, ")");

pub(crate) const KNOWN: Rows = Rows::new(
    "SELECT tenant_id, channel_id, provider_message_id FROM inbox \
             WHERE (tenant_id, channel_id, provider_message_id) IN (",
    3,
    ")",
);

pub(crate) const CONVERSATIONS: Rows = Rows::new(
    "SELECT id, tenant_id, channel_id, peer, last_seq FROM conversations \
             WHERE (tenant_id, channel_id, peer) IN (",
    3,
    ")",
);

/// PostgreSQL's: all that is to be known of entries, in one statement: of (tenant, channel, message's id, peer, place) the
/// place, whether there is such a channel, whether an inbox holds the message, and the conversation. A replay on another
/// node gives numbers, too, so the conversations are held; in one order for all: two that lock the same rows must not wait
/// in a ring.
pub(crate) const LOOK: Rows = Rows::new(
    "WITH v AS (",
    5,
    "), held AS (SELECT id, tenant_id, channel_id, peer, last_seq FROM conversations \
     WHERE (tenant_id, channel_id, peer) IN (SELECT column1, column2, column4 FROM v) ORDER BY id FOR NO KEY UPDATE) \
     SELECT v.column5 AS place, EXISTS (SELECT 1 FROM channels ch \
     WHERE ch.tenant_id = v.column1 AND ch.id = v.column2 AND ch.deleted_at IS NULL) AS live, \
     EXISTS (SELECT 1 FROM inbox i WHERE i.tenant_id = v.column1 AND i.channel_id = v.column2 \
     AND i.provider_message_id = v.column3) AS known, held.id, held.last_seq FROM v LEFT JOIN held \
     ON held.tenant_id = v.column1 AND held.channel_id = v.column2 AND held.peer = v.column4",
);

pub(crate) const ADD_CONTACT: Rows = Rows::new("INSERT INTO contacts (id, tenant_id, name, created_at) ", 4, "");

pub(crate) const ADD_IDENTITY: Rows =
    Rows::new("INSERT INTO contact_identities (tenant_id, channel_id, address, contact_id) ", 4, "");

pub(crate) const ADD_CONVERSATION: Rows = Rows::new(
    "INSERT INTO conversations (id, tenant_id, channel_id, contact_id, peer, peer_name, last_seq, created_at, \
             last_inbound_at) ",
    9,
    "",
);

/// Whose person wrote (column 6) may be asked to write again.
pub(crate) const MOVE_CONVERSATION: Rows = Rows::new(
    "UPDATE conversations SET last_seq = v.column3, last_inbound_at = v.column4, \
             peer_name = COALESCE(v.column5, peer_name), \
             prompted_at = CASE WHEN v.column6 THEN NULL ELSE prompted_at END FROM (",
    6,
    ") AS v WHERE conversations.tenant_id = v.column1 AND conversations.id = v.column2",
);

/// What people said about being written to: tenant, channel and address, the consent, when. The later word counts, the
/// team's as the person's.
pub(crate) const CONSENTS: Rows = Rows::new(
    "UPDATE contacts SET consent = v.column4, consent_at = v.column5, updated_at = v.column5 FROM (",
    5,
    ") AS v WHERE contacts.tenant_id = v.column1 AND (contacts.consent_at IS NULL OR contacts.consent_at <= v.column5) \
     AND contacts.id = (SELECT i.contact_id FROM contact_identities i \
     WHERE i.tenant_id = v.column1 AND i.channel_id = v.column2 AND i.address = v.column3)",
);

/// The provider says that whom a conversation is with does not want to be written to.
pub(crate) const CONSENT_OF: &str = "UPDATE contacts SET consent = 'withdrawn', consent_at = $3 WHERE tenant_id = $1 \
     AND id = (SELECT c.contact_id FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2)";

pub(crate) const ADD: Rows = Rows::new(
    "INSERT INTO inbox (conversation_id, seq, tenant_id, channel_id, provider_message_id, received_at, payload) \
             ",
    7,
    " ON CONFLICT (tenant_id, channel_id, provider_message_id) DO NOTHING",
);

/// The line that a received message has in the transcript.
pub(crate) const ADD_LINE: Rows =
    Rows::new("INSERT INTO messages (id, tenant_id, conversation_id, speaker, seq, kind, text, created_at) ", 8, "");
