use crate::bulk::Rows;

pub(crate) const CURSOR: &str = "SELECT log_offset FROM ingress_cursor WHERE id = 1";

pub(crate) const MOVE_CURSOR: &str = "UPDATE ingress_cursor SET log_offset = $1 WHERE id = 1 AND log_offset = $2";

pub(crate) const LIVE_CHANNELS: Rows = Rows {
    before: "SELECT tenant_id, id FROM channels WHERE deleted_at IS NULL AND (tenant_id, id) IN (VALUES ",
    columns: 2,
    after: ")",
};

pub(crate) const KNOWN: Rows = Rows {
    before: "SELECT tenant_id, channel_id, provider_message_id FROM inbox \
             WHERE (tenant_id, channel_id, provider_message_id) IN (VALUES ",
    columns: 3,
    after: ")",
};

pub(crate) const CONVERSATIONS: Rows = Rows {
    before: "SELECT id, tenant_id, channel_id, peer, last_seq FROM conversations \
             WHERE (tenant_id, channel_id, peer) IN (VALUES ",
    columns: 3,
    after: ")",
};

pub(crate) const ADD_CONTACT: Rows =
    Rows { before: "INSERT INTO contacts (id, tenant_id, name, created_at) VALUES ", columns: 4, after: "" };

pub(crate) const ADD_IDENTITY: Rows = Rows {
    before: "INSERT INTO contact_identities (tenant_id, channel_id, address, contact_id) VALUES ",
    columns: 4,
    after: "",
};

pub(crate) const ADD_CONVERSATION: Rows = Rows {
    before: "INSERT INTO conversations (id, tenant_id, channel_id, contact_id, peer, peer_name, last_seq, created_at, \
             last_inbound_at) VALUES ",
    columns: 9,
    after: "",
};

pub(crate) const MOVE_CONVERSATION: Rows = Rows {
    before: "UPDATE conversations SET last_seq = v.column3, last_inbound_at = v.column4, \
             peer_name = COALESCE(v.column5, peer_name) FROM (VALUES ",
    columns: 5,
    after: ") AS v WHERE conversations.tenant_id = v.column1 AND conversations.id = v.column2",
};

pub(crate) const ADD: Rows = Rows {
    before: "INSERT INTO inbox (conversation_id, seq, tenant_id, channel_id, provider_message_id, received_at, payload) \
             VALUES ",
    columns: 7,
    after: " ON CONFLICT (tenant_id, channel_id, provider_message_id) DO NOTHING",
};

/// The line that a received message has in the transcript.
pub(crate) const ADD_LINE: Rows = Rows {
    before: "INSERT INTO messages (id, tenant_id, conversation_id, speaker, seq, kind, text, created_at) VALUES ",
    columns: 8,
    after: "",
};
