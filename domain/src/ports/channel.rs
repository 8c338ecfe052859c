use crate::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Draft, Fetched, Handshake, Pacing, Part, Polled, Replaced,
        SendError, Sent, SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    ids::ChannelId,
    message::Peer,
    outbound::Citation,
    ports::{CallDriver, StoreError},
    rich::Rich,
    template::{Registered, Template},
    time::Timestamp,
};
use async_trait::async_trait;
use std::sync::Arc;

/// Everything that one kind of channel knows: verify, decode, render, send, pace.
#[async_trait]
pub trait ChannelDriver: Send + Sync {
    fn kind(&self) -> ChannelKind;

    /// The settings of an account of this kind, for validation and help.
    fn fields(&self) -> &'static [SettingField];

    /// Replies are read by the client itself; [`ChannelDriver::send`] is never called.
    fn pull(&self) -> bool {
        false
    }

    fn pacing(&self, account: &ChannelAccount) -> Pacing;

    /// What payloads call the account, where one address serves several of them.
    fn own_id<'a>(&self, _account: &'a ChannelAccount) -> Option<&'a str> {
        None
    }

    /// Content type and body of the answer to a delivery that was taken: some providers read it.
    fn acknowledgement(&self) -> (&'static str, &'static str) {
        ("application/json", "{\"success\":true}")
    }

    /// Whether what comes from this address may be somebody's who is known by another one.
    fn may_be_alias(&self, _address: &str) -> bool {
        false
    }

    /// The answer to a `GET` on the account's webhook.
    fn handshake(&self, account: &ChannelAccount, request: &WebhookRequest<'_>) -> Handshake;

    /// Verifies the raw bytes, then decodes them. Unknown kinds are events, never rejections.
    ///
    /// # Errors
    /// [`WebhookRejection`], which says how to answer.
    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection>;

    /// Cuts a Markdown reply into parts in the channel's own markup, within its length limit.
    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part>;

    /// As [`ChannelDriver::render`], for what is more than words. What the channel cannot show is said in words.
    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        self.render(&rich.words(), &[])
    }

    /// Files of an album one by one, for channels that do not group them; `None` of anything else.
    fn render_each(&self, rich: &Rich) -> Option<Vec<Part>> {
        Some(rich.each()?.iter().flat_map(|one| self.render_rich(one)).collect())
    }

    /// Brings a file that a person sent, of at most `most` bytes.
    ///
    /// # Errors
    /// Reject: it is too large, gone, or the channel has no files. Retry: it may come later.
    async fn fetch(&self, _account: &ChannelAccount, _reference: &str, _most: u64) -> Result<Fetched, Failure> {
        Err(Failure::reject("channel.no_files", "this channel brings no files"))
    }

    /// Delivers one part.
    ///
    /// # Errors
    /// [`SendError`]: refused, uncertain, or the whole account is down.
    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError>;

    /// Shows that an answer is being written. `last_message` is the provider's id of the person's last message.
    ///
    /// # Errors
    /// Whatever the provider says; the caller only counts it.
    async fn typing(&self, account: &ChannelAccount, to: &Peer, last_message: &str) -> Result<(), Failure>;

    /// How long the provider shows [`ChannelDriver::typing`]; it is repeated as often while the turn lasts. `None` if it
    /// lasts until the reply.
    fn typing_lasts(&self) -> Option<std::time::Duration> {
        None
    }

    /// How often the person may be shown what is written so far of an answer; `None` where nothing is shown before the reply.
    fn drafts_every(&self, _account: &ChannelAccount, _to: &Peer) -> Option<std::time::Duration> {
        None
    }

    /// Shows what is written so far, in place of what was shown before of the same answer. What is shown goes by itself: it is
    /// there no more when the reply is, or soon after if none comes.
    ///
    /// # Errors
    /// The provider's. Retry: the next one no sooner. Otherwise none of this answer.
    async fn draft(&self, _draft: Draft<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether a message to the peer can be changed once it stands: where [`ChannelDriver::amends_every`] may be more than `None`.
    fn amends(&self, _to: &Peer) -> bool {
        false
    }

    /// How often an answer that is being written may be changed where its first words stand as a message of their own; `None`
    /// where it is only sent whole.
    fn amends_every(&self, _account: &ChannelAccount, _to: &Peer) -> Option<std::time::Duration> {
        None
    }

    /// Sends what is written so far as a message; [`ChannelDriver::replace`] puts the reply in its place.
    ///
    /// # Errors
    /// As [`ChannelDriver::send`].
    async fn begin(&self, _draft: Draft<'_>) -> Result<Sent, SendError> {
        Err(SendError::Refused(Failure::reject("channel.no_edits", "this channel changes no messages")))
    }

    /// Puts what is written so far in place of what the message says.
    ///
    /// # Errors
    /// As [`ChannelDriver::send`].
    async fn amend(&self, _draft: Draft<'_>, _message: &str) -> Result<(), SendError> {
        Err(SendError::Refused(Failure::reject("channel.no_edits", "this channel changes no messages")))
    }

    /// Puts the part in place of what the message says. May be repeated, so no outcome of it is uncertain.
    ///
    /// # Errors
    /// As [`ChannelDriver::send`].
    async fn replace(&self, _delivery: Delivery<'_>, _message: &str) -> Result<Replaced, SendError> {
        Ok(Replaced::Gone)
    }

    /// Takes a message of ours away. May be repeated: one that is not there any more is no error.
    ///
    /// # Errors
    /// The provider's.
    async fn withdraw(&self, _account: &ChannelAccount, _to: &Peer, _message: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether a conversation that goes to people is given to another program of the account's owner, where those people work.
    fn passes_control(&self, _account: &ChannelAccount) -> bool {
        false
    }

    /// Gives the conversation to that program. May be repeated.
    ///
    /// # Errors
    /// The provider's.
    async fn pass_control(&self, _account: &ChannelAccount, _to: &Peer) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes the conversation from whichever program has it, where the channel knows such a thing. May be repeated.
    ///
    /// # Errors
    /// The provider's.
    async fn take_control(&self, _account: &ChannelAccount, _to: &Peer) -> Result<(), Failure> {
        Ok(())
    }

    /// How long after a person's last message free text may be sent; `None` where it always may.
    fn reply_window(&self) -> Option<std::time::Duration> {
        None
    }

    /// The same for the words of a person of the team.
    fn person_window(&self, _account: &ChannelAccount) -> Option<std::time::Duration> {
        self.reply_window()
    }

    /// How many pieces a text is, where the provider charges for each of them.
    fn segments(&self, _markdown: &str) -> Option<u32> {
        None
    }

    /// The provider's message templates, where it has any.
    fn templates(&self) -> Option<&dyn Templates> {
        None
    }

    /// Whether [`ChannelDriver::poll`] brings this account's messages (otherwise its webhook does).
    fn polls(&self, _account: &ChannelAccount) -> bool {
        false
    }

    /// Waits for new events, up to the provider's long-poll time. Giving a cursor back confirms all before it, so it
    /// is called with a cursor only after that cursor's events are durable.
    ///
    /// # Errors
    /// The verdict says whether to poll again.
    async fn poll(&self, account: &ChannelAccount, cursor: Option<String>) -> Result<Polled, Failure>;

    /// Tells the provider which address to call, where its API allows that. `false`: there is nothing to register (the
    /// channel polls, or its webhook is set up on the provider's own pages).
    ///
    /// # Errors
    /// What the provider says against it.
    async fn register_webhook(&self, _account: &ChannelAccount, _url: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Where the account is a telephone: its provider.
    fn calls(&self, _account: &ChannelAccount) -> Option<&dyn CallDriver> {
        None
    }

    /// A setting that does not go with the others, and what is wrong with it, beyond what is required of every account.
    fn mistake(&self, _account: &ChannelAccount) -> Option<(&'static str, &'static str)> {
        None
    }

    /// A live check of the account's credentials; returns what the provider calls it.
    ///
    /// # Errors
    /// Why the account cannot be used.
    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure>;

    /// When the account's token ends; `None` if it does not, or nobody can say.
    ///
    /// # Errors
    /// The provider's.
    async fn token_expires(&self, _account: &ChannelAccount) -> Result<Option<Timestamp>, Failure> {
        Ok(None)
    }
}

/// Message templates that a provider keeps and approves.
#[async_trait]
pub trait Templates: Send + Sync {
    /// Hands a new template in; gives back the provider's id and what it says at once.
    ///
    /// # Errors
    /// The provider's.
    async fn submit(&self, account: &ChannelAccount, template: &Template) -> Result<Registered, Failure>;

    /// Changes category and components of the provider's template `id`; it is looked at again.
    ///
    /// # Errors
    /// The provider's.
    async fn revise(&self, account: &ChannelAccount, id: &str, template: &Template) -> Result<(), Failure>;

    /// # Errors
    /// The provider's.
    async fn withdraw(&self, account: &ChannelAccount, id: &str, name: &str) -> Result<(), Failure>;

    /// All that the provider has.
    ///
    /// # Errors
    /// The provider's.
    async fn all(&self, account: &ChannelAccount) -> Result<Vec<Registered>, Failure>;
}

/// Finds accounts and their drivers.
#[async_trait]
pub trait ChannelDirectory: Send + Sync {
    /// The account, or `None` if it does not exist (any more).
    ///
    /// # Errors
    /// The store's.
    async fn account(&self, channel: ChannelId) -> Result<Option<Arc<ChannelAccount>>, StoreError>;

    /// All enabled accounts of all tenants.
    ///
    /// # Errors
    /// The store's.
    async fn enabled(&self) -> Result<Vec<Arc<ChannelAccount>>, StoreError>;

    fn driver(&self, kind: &ChannelKind) -> Option<Arc<dyn ChannelDriver>>;

    /// The account was added, changed or removed: what is remembered of it is void.
    fn changed(&self, channel: ChannelId);
}
