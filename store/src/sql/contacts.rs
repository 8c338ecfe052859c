//! People who write to a tenant, and what is kept of them.

macro_rules! columns {
    () => {
        "k.id, k.name, k.phone, k.email, k.tags, k.attributes, k.consent, k.consent_at, k.created_at, k.updated_at"
    };
}

pub(crate) const CONTACT: &str =
    concat!("SELECT ", columns!(), " FROM contacts k WHERE k.tenant_id = $1 AND k.id = $2");
pub(crate) const IDENTITIES: &str = "SELECT i.contact_id, i.channel_id, ch.kind, i.address FROM contact_identities i \
     JOIN channels ch ON ch.id = i.channel_id WHERE i.tenant_id = $1 AND i.contact_id = $2 ORDER BY i.channel_id, i.address";

/// Who has a word or a number that begins so (in $parameter), as the table `v` of their ids: nothing comes behind
/// U+10FFFF. They are looked for once: PostgreSQL, where it knows little of a table yet, did it for each row of another.
macro_rules! found {
    ($parameter:literal) => {
        found!($parameter, "", "")
    };
    ($parameter:literal, $terms:literal, $people:literal) => {
        concat!(
            "(WITH v AS MATERIALIZED (SELECT DISTINCT v.contact_id FROM (SELECT t.contact_id FROM contact_terms t WHERE t.tenant_id = $1 \
             AND t.term >= LOWER(",
            $parameter,
            ") AND t.term < LOWER(",
            $parameter,
            ") || '\u{10FFFF}'",
            $terms,
            ") AS v",
            $people,
            ") SELECT v.contact_id FROM v) AS v"
        )
    };
}
/// The same where nothing else narrows the list. Nobody looks through more than 1000 people, so no more are found.
macro_rules! found_alone {
    ($parameter:literal) => {
        found!($parameter, " LIMIT 3000", " ORDER BY v.contact_id DESC LIMIT 1000")
    };
}
pub(super) use {found, found_alone};

/// How a list of contacts is narrowed. Each way has an index, so each has a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Narrowed {
    /// By how a word or a number begins ($2), a tag ($3), being older than one ($4); what is not asked for takes no part.
    pub searched: bool,
    pub tagged: bool,
    pub before: bool,
}

impl Narrowed {
    /// Nothing is asked for.
    pub(crate) const fn is_all(self) -> bool {
        !self.searched && !self.tagged && !self.before
    }

    /// The newest first; limit and offset are $5 and $6. Rows of a search say how many there are (`total`).
    /// They are chosen before anything else of them is read; SQLite never
    /// turns a CROSS JOIN round.
    pub(crate) fn list(self) -> String {
        self.walked("DESC")
    }

    /// The same, limit and offset counted from the end of the list.
    pub(crate) fn list_from_end(self) -> String {
        self.walked("ASC")
    }

    /// No page has more than 200 rows: PostgreSQL, told so, does not walk over all contacts to join them.
    fn walked(self, way: &str) -> String {
        let (id, counted, total) = match self.searched {
            true => ("v.contact_id", ", COUNT(*) OVER () AS total", ", v.total"),
            false => ("k.id", "", ""),
        };
        format!(
            "WITH v AS MATERIALIZED (SELECT {id} AS id{counted} FROM {} ORDER BY {id} {way} LIMIT $5 OFFSET $6) \
             SELECT {}{total} FROM (SELECT v.id{total} FROM v LIMIT 200) AS v CROSS JOIN contacts k \
             WHERE k.tenant_id = $1 AND k.id = v.id ORDER BY k.id DESC",
            self.those(),
            columns!()
        )
    }

    pub(crate) fn count(self) -> String {
        format!("SELECT COUNT(*) FROM {}", self.those())
    }

    fn those(self) -> String {
        let (from, id) = match (self.searched, self.tagged) {
            (false, _) => ("contacts k WHERE k.tenant_id = $1", "k.id"),
            (true, false) if self.before => (concat!(found!("$2"), " WHERE TRUE"), "v.contact_id"),
            (true, false) => (concat!(found_alone!("$2"), " WHERE TRUE"), "v.contact_id"),
            (true, true) => (
                concat!(found!("$2"), " CROSS JOIN contacts k WHERE k.tenant_id = $1 AND k.id = v.contact_id"),
                "v.contact_id",
            ),
        };
        let mut those = from.to_owned();
        those.push_str(if self.tagged { " AND k.tags <> '[]' AND k.tags LIKE $3 ESCAPE '!'" } else { "" });
        if self.before {
            those.push_str(&format!(" AND {id} < $4"));
        }
        those
    }
}

/// Of so many contacts, at least one: they begin with $2.
pub(crate) fn identities_of(contacts: usize) -> String {
    let given = (2..contacts + 2).map(|n| format!("(${n})")).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT i.contact_id, i.channel_id, ch.kind, i.address FROM (VALUES {given}) AS v CROSS JOIN contact_identities i \
         JOIN channels ch ON ch.id = i.channel_id WHERE i.tenant_id = $1 AND i.contact_id = v.column1 \
         ORDER BY i.channel_id, i.address"
    )
}

pub(crate) const ADD: &str = "INSERT INTO contacts (tenant_id, id, name, phone, email, tags, attributes, consent, \
     consent_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
pub(crate) const SET: &str = "UPDATE contacts SET name = $3, phone = $4, email = $5, tags = $6, attributes = $7, \
     consent = $8, consent_at = $9, updated_at = $10 WHERE tenant_id = $1 AND id = $2";

/// The attributes of whoever writes from an address of a channel. They are held: what is added is lost to nobody.
pub(crate) const ATTRIBUTES_OF: crate::db::Sql = both!(
    "SELECT k.id, k.attributes FROM contacts k WHERE k.tenant_id = $1 AND k.id = (SELECT i.contact_id \
     FROM contact_identities i WHERE i.tenant_id = $1 AND i.channel_id = $2 AND i.address = $3)",
    { "" | " FOR UPDATE" }
);
pub(crate) const SET_ATTRIBUTES: &str =
    "UPDATE contacts SET attributes = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";

/// Whoever has the number, or writes from it.
pub(crate) const BY_PHONE: &str = "SELECT k.id FROM contacts k WHERE k.tenant_id = $1 AND k.phone = $2 \
     UNION SELECT i.contact_id FROM contact_identities i JOIN channels ch ON ch.id = i.channel_id \
     WHERE i.tenant_id = $1 AND ch.kind = 'whatsapp' AND i.address = $3 LIMIT 1";
pub(crate) const BY_EMAIL: &str = "SELECT id FROM contacts WHERE tenant_id = $1 AND email = $2 ORDER BY id LIMIT 1";

/// Who writes from an address of a channel, and the conversation there.
pub(crate) const IDENTITY_AT: &str =
    "SELECT contact_id FROM contact_identities WHERE tenant_id = $1 AND channel_id = $2 AND address = $3";
pub(crate) const CONVERSATION_AT: crate::db::Sql =
    both!("SELECT id, created_at FROM conversations WHERE tenant_id = $1 AND channel_id = $2 AND peer = $3", {
        "" | " FOR UPDATE"
    });
pub(crate) const OF_NUMBER: &str = "SELECT id FROM contacts WHERE tenant_id = $1 AND phone = $2";
pub(crate) const DROP_IDENTITY: &str =
    "DELETE FROM contact_identities WHERE tenant_id = $1 AND channel_id = $2 AND address = $3";
pub(crate) const ADD_IDENTITY: &str =
    "INSERT INTO contact_identities (tenant_id, channel_id, address, contact_id) VALUES ($1, $2, $3, $4)";
/// Whatever was decided on the old address is refused by the version.
pub(crate) const READDRESS: &str = "UPDATE conversations SET peer = $3, version = version + 1, \
     closed_at = COALESCE(closed_at, $4) WHERE tenant_id = $1 AND id = $2";
/// Twice said, for the index of what is not done.
pub(crate) const READDRESS_WAITING: &str = "UPDATE outbox SET peer = $3 WHERE tenant_id = $1 AND conversation_id = $2 \
     AND state <> 'done' AND state = 'queued'";
pub(crate) const TELL_MOVED: &str =
    "INSERT INTO events (tenant_id, kind, conversation_id, created_at) VALUES ($1, 'contact.moved', $2, $3)";

/// Changes nothing if a newer word is there.
pub(crate) const TIE: &str = "INSERT INTO peer_aliases (tenant_id, channel_id, alias, address, told_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, channel_id, alias) DO UPDATE SET address = excluded.address, \
     told_at = excluded.told_at WHERE peer_aliases.told_at <= excluded.told_at";
/// Where the person of an alias is reached, and whether somebody is still kept at the alias itself.
pub(crate) const OF_ALIAS: &str = "SELECT a.address, EXISTS (SELECT 1 FROM contact_identities i WHERE i.tenant_id = $1 \
     AND i.channel_id = $2 AND i.address = $3) AS kept_there FROM peer_aliases a \
     WHERE a.tenant_id = $1 AND a.channel_id = $2 AND a.alias = $3";
pub(crate) const ALIASES_FOLLOW: &str =
    "UPDATE peer_aliases SET address = $4 WHERE tenant_id = $1 AND channel_id = $2 AND address = $3";
/// What the new name of an alias ($3 → $4) was before, unless the alias is known by a newer word.
pub(crate) const DROP_ALIAS: &str = "DELETE FROM peer_aliases WHERE tenant_id = $1 AND channel_id = $2 AND alias = $4 \
     AND EXISTS (SELECT 1 FROM peer_aliases a WHERE a.tenant_id = $1 AND a.channel_id = $2 AND a.alias = $3 \
     AND a.told_at <= $5)";
pub(crate) const RENAME_ALIAS: &str = "UPDATE peer_aliases SET alias = $4 WHERE tenant_id = $1 AND channel_id = $2 \
     AND alias = $3 AND told_at <= $5";

pub(crate) const MOVE_IDENTITIES: &str =
    "UPDATE contact_identities SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2";
pub(crate) const MOVE_CONVERSATIONS: &str =
    "UPDATE conversations SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2";
pub(crate) const MOVE_IDENTITY: &str = "UPDATE contact_identities SET contact_id = $3 \
     WHERE tenant_id = $1 AND contact_id = $2 AND channel_id = $4 AND address = $5";
pub(crate) const MOVE_CONVERSATION: &str = "UPDATE conversations SET contact_id = $3 \
     WHERE tenant_id = $1 AND contact_id = $2 AND channel_id = $4 AND peer = $5";
pub(crate) const COUNT_IDENTITIES: &str =
    "SELECT COUNT(*) FROM contact_identities WHERE tenant_id = $1 AND contact_id = $2";

pub(crate) const CONVERSATIONS_OF: &str =
    "SELECT id FROM conversations WHERE tenant_id = $1 AND contact_id = $2 ORDER BY id";
/// Nobody writes to what is erased: whoever does holds the same locks.
pub(crate) const HOLD: crate::db::Sql =
    both!("SELECT id FROM conversations WHERE tenant_id = $1 AND contact_id = $2 ORDER BY id", { "" | " FOR UPDATE" });

/// The log keeps entries for a while after they were moved; they are not read again.
pub(crate) const FORGET_IN_LOG: &str = "UPDATE ingress_log SET payload = '' WHERE tenant_id = $1 \
     AND log_offset <= (SELECT log_offset FROM ingress_cursor WHERE id = 1) AND payload IN (SELECT x.payload FROM inbox x \
     JOIN conversations c ON c.id = x.conversation_id WHERE c.tenant_id = $1 AND c.contact_id = $2)";

/// A question of theirs may stand for a topic: another one of the topic takes its place.
pub(crate) const RENAME_TOPICS: &str = "UPDATE unanswered_topics SET title = COALESCE((SELECT MIN(u.text) \
     FROM unanswered_questions u WHERE u.tenant_id = $1 AND u.topic_id = unanswered_topics.id AND u.conversation_id NOT IN \
     (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = $2)), '') \
     WHERE tenant_id = $1 AND title IN (SELECT u.text FROM unanswered_questions u WHERE u.tenant_id = $1 AND u.conversation_id IN \
     (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = $2))";

macro_rules! of_their_conversations {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE tenant_id = $1 AND conversation_id IN \
             (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = $2)"
        )
    };
}

/// Everything that a person's conversations consist of, in an order in which nothing refers to what is gone. The ledger
/// stays: it holds no words and no names.
pub(crate) const ERASE: [&str; 29] = [
    super::outreach::FORGET_PLANNED,
    super::outreach::FORGET_CONSENTS,
    "DELETE FROM outbox_parts WHERE tenant_id = $1 AND outbox_id IN (SELECT o.id FROM outbox o JOIN conversations c \
     ON c.id = o.conversation_id WHERE c.tenant_id = $1 AND c.contact_id = $2)",
    of_their_conversations!("outbox"),
    "DELETE FROM call_steps WHERE tenant_id = $1 AND call_id IN (SELECT k.id FROM calls k JOIN conversations c \
     ON c.id = k.conversation_id WHERE c.tenant_id = $1 AND c.contact_id = $2)",
    of_their_conversations!("calls"),
    of_their_conversations!("citations"),
    of_their_conversations!("unanswered_questions"),
    of_their_conversations!("proposal_answers"),
    of_their_conversations!("dead_letters"),
    of_their_conversations!("commerce_flows"),
    of_their_conversations!("reservations"),
    of_their_conversations!("orders"),
    of_their_conversations!("whatsapp_fallbacks"),
    super::video::FORGET,
    super::video::RELEASE,
    of_their_conversations!("beginnings"),
    of_their_conversations!("timers"),
    of_their_conversations!("journal"),
    of_their_conversations!("approvals"),
    of_their_conversations!("inbox"),
    of_their_conversations!("attachments"),
    of_their_conversations!("messages"),
    of_their_conversations!("conversation_notes"),
    of_their_conversations!("conversation_reads"),
    "DELETE FROM conversations WHERE tenant_id = $1 AND contact_id = $2",
    "DELETE FROM peer_aliases WHERE tenant_id = $1 AND (channel_id, address) IN (SELECT i.channel_id, i.address \
     FROM contact_identities i WHERE i.tenant_id = $1 AND i.contact_id = $2)",
    "DELETE FROM contact_identities WHERE tenant_id = $1 AND contact_id = $2",
    REMOVE,
];
pub(crate) const REMOVE: &str = "DELETE FROM contacts WHERE tenant_id = $1 AND id = $2";
