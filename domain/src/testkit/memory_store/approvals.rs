use super::{MemoryStore, Thread};
use crate::{
    agent::Approvals as Policy,
    approval::{ApprovalChange, CallPlace, NewApproval, NewUndo, Outcome, Ruling, Undoing, Verdict, Why},
    ids::{ApprovalId, ConversationId, TurnNo},
    ports::StoreError,
    time::Timestamp,
};

/// The held calls of one conversation, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Approvals(Vec<Approval>);

/// A held call, and how far it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub asked: NewApproval,
    /// What was decided, and as which of the conversation's decisions.
    pub decided: Option<Decided>,
    /// Taken up, by this turn.
    pub taken: Option<Option<TurnNo>>,
    pub outcome: Option<Outcome>,
    /// Nothing is left to be done or said about it.
    pub ended: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub verdict: Verdict,
    order: usize,
}

impl Approval {
    /// What an order to undo something is, as the conversation's decision of this number.
    #[must_use]
    pub fn ordered(NewUndo { id, undoing: Undoing { place, key, call }, .. }: NewUndo, order: usize) -> Self {
        let why = Why { policy: Policy::Never, taints: Vec::new() };
        let asked = NewApproval { id, place, key, call, why };
        let decided = Some(Decided { verdict: Verdict::Approved, order });
        Self { asked, decided, taken: None, outcome: None, ended: false }
    }

    /// Somebody decided, and the conversation is not done with it.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        self.decided.is_some() && !self.ended
    }
}

impl Approvals {
    pub(super) fn rulings(&self, thread: &Thread) -> Vec<Ruling> {
        let last_inbound_at = thread.inbox.iter().map(|(i, _)| i.received_at).max().unwrap_or(Timestamp(0));
        let mut open: Vec<(usize, Ruling)> = Vec::new();
        for Approval { asked, decided, taken, .. } in &self.0 {
            if let (Some(Decided { verdict, order }), None) = (decided, taken) {
                let (key, call, verdict) = (asked.key.clone(), asked.call.clone(), verdict.clone());
                open.push((*order, Ruling { place: asked.place, key, call, verdict, last_inbound_at }));
            }
        }
        open.sort_by_key(|(order, _)| *order);
        open.into_iter().map(|(_, ruling)| ruling).collect()
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.0.iter().any(Approval::is_unfinished)
    }

    /// What must hold before anything is written.
    pub(super) fn check(&self, changes: &[ApprovalChange]) -> Result<(), StoreError> {
        let mut after = self.clone();
        changes.iter().cloned().try_for_each(|change| after.change(change))
    }

    /// What was checked before.
    pub(super) fn write(&mut self, changes: Vec<ApprovalChange>) {
        for change in changes {
            self.change(change).expect("checked before it is written");
        }
    }

    fn change(&mut self, change: ApprovalChange) -> Result<(), StoreError> {
        const REFUSED: StoreError = StoreError::Conflict("approval");
        match change {
            ApprovalChange::Asked(asked) => {
                if self.at(asked.place).is_some() {
                    return Err(REFUSED);
                }
                self.0.push(Approval { asked, decided: None, taken: None, outcome: None, ended: false });
            }
            ApprovalChange::Ordered(undo) => {
                if self.at(undo.undoing.place).is_none() {
                    self.order(undo);
                }
            }
            ApprovalChange::Taken { place, turn } => {
                let open = |a: &&mut Approval| a.decided.is_some() && a.taken.is_none();
                self.at(place).filter(open).ok_or(REFUSED)?.taken = Some(turn);
            }
            ApprovalChange::Settled { place, outcome } => {
                let open = |a: &&mut Approval| a.taken.is_some() && a.outcome.is_none();
                self.at(place).filter(open).ok_or(REFUSED)?.outcome = Some(outcome);
            }
            ApprovalChange::Ended { place } => {
                let open = |a: &&mut Approval| a.taken.is_some() && !a.ended;
                self.at(place).filter(open).ok_or(REFUSED)?.ended = true;
            }
        }
        Ok(())
    }

    fn order(&mut self, undo: NewUndo) {
        let order = self.0.iter().filter(|a| a.decided.is_some()).count();
        self.0.push(Approval::ordered(undo, order));
    }

    fn at(&mut self, place: CallPlace) -> Option<&mut Approval> {
        self.0.iter_mut().find(|a| a.asked.place == place)
    }
}

impl MemoryStore {
    /// The held calls of a conversation, in order.
    #[must_use]
    pub fn approvals(&self, conversation: ConversationId) -> Vec<Approval> {
        self.state().conversations.get(&conversation).map(|t| t.approvals.0.clone()).unwrap_or_default()
    }

    /// A person has a call undone: once, but again if that failed.
    ///
    /// # Errors
    /// It is undone already, or about to be.
    pub fn order_undo(&self, conversation: ConversationId, undo: NewUndo) -> Result<(), StoreError> {
        let mut state = self.state();
        let thread = state.conversations.get_mut(&conversation).ok_or(StoreError::NotFound("conversation"))?;
        let failed = |a: &Approval| a.ended && matches!(a.outcome, Some(Outcome::Failed(_)));
        match thread.approvals.at(undo.undoing.place) {
            None => {}
            Some(row) if failed(row) => {
                let place = undo.undoing.place;
                thread.approvals.0.retain(|a| a.asked.place != place);
            }
            Some(_) => return Err(StoreError::Conflict("undo")),
        }
        thread.approvals.order(undo);
        Ok(())
    }

    /// A person decides, once.
    ///
    /// # Errors
    /// Nobody asks for it, or it was decided already.
    pub fn decide_approval(
        &self,
        conversation: ConversationId,
        approval: ApprovalId,
        verdict: Verdict,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let thread = state.conversations.get_mut(&conversation).ok_or(StoreError::NotFound("conversation"))?;
        let order = thread.approvals.0.iter().filter(|a| a.decided.is_some()).count();
        let found = thread.approvals.0.iter_mut().find(|a| a.asked.id == approval);
        let row = found.ok_or(StoreError::NotFound("approval"))?;
        if row.decided.is_some() {
            return Err(StoreError::Conflict("decision"));
        }
        row.decided = Some(Decided { verdict, order });
        Ok(())
    }
}
