//! Conversations that several programs share: who answers is settled with the page, for Messenger and Instagram alike.

use super::{CallError, Class, Graph, HELD_ELSEWHERE};
use colloquy_domain::{
    channel::{ChannelAccount, Delivery, SendError},
    failure::Failure,
    message::Peer,
};
use serde_json::{Value, json};

/// One page's, at its provider.
pub(crate) struct Control<'a> {
    pub graph: &'a Graph,
    pub name: &'static str,
    pub page: &'a str,
}

/// The program whose people take over from the agent; none if they do so here. `inbox` is what the setting calls the
/// provider's own, and its app id.
pub(crate) fn hands_to<'a>(account: &'a ChannelAccount, inbox: (&str, &'a str)) -> Option<&'a str> {
    let to = account.setting("hand_over_to").map(str::trim).filter(|to| !to.is_empty())?;
    Some(if to == inbox.0 { inbox.1 } else { to })
}

impl Control<'_> {
    pub(crate) async fn pass(&self, account: &ChannelAccount, person: &Peer, app: &str) -> Result<(), Failure> {
        let body = json!({"recipient": {"id": person.address}, "target_app_id": app});
        self.call(account, "pass_thread_control", &body).await
    }

    pub(crate) async fn take(&self, account: &ChannelAccount, person: &Peer) -> Result<(), Failure> {
        let body = json!({"recipient": {"id": person.address}});
        self.call(account, "take_thread_control", &body).await
    }

    async fn call(&self, account: &ChannelAccount, edge: &str, body: &Value) -> Result<(), Failure> {
        let done = self.graph.post(account, &[self.page, edge], body).await;
        done.map(drop).map_err(|e| e.failure(self.name))
    }

    /// Whoever of the team writes has the conversation: theirs are the words that take it from another program.
    pub(crate) async fn send(&self, delivery: &Delivery<'_>, path: &[&str], body: &Value) -> Result<Value, SendError> {
        let mut answer = self.graph.send(delivery, path, body).await;
        if delivery.by_person && matches!(answer, Err(CallError::Graph(Class::Reject(HELD_ELSEWHERE), _))) {
            // The refusal proves that nothing was sent.
            self.take(delivery.account, delivery.to).await.map_err(SendError::Refused)?;
            answer = self.graph.send(delivery, path, body).await;
        }
        answer.map_err(|e| e.send_error(self.name))
    }
}
