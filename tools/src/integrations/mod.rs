//! Services of others that flows are carried out with: one folder each, over one way to the outside.
//!
//! A step's answer says what is known, never more: what was refused did not happen, what got no answer may have.

#[cfg(test)]
mod avatar_tests;
mod avatars;
mod google_auth;
mod google_calendar;
mod google_sheets;
mod heygen;
mod http;
mod liveavatar;
mod stripe;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use colloquy_domain::{
    commerce::{
        flow::{Answer, Step},
        settings::{Connections, Google, Provider, Stripe},
    },
    failure::Failure,
    ports::{Clock, Outside, Services, Told, Work},
    time::Timestamp,
};
use google_auth::Tokens;
use std::sync::Arc;

/// All of them.
pub struct Integrations {
    outside: Arc<dyn Outside>,
    clock: Arc<dyn Clock>,
    tokens: Tokens,
}

impl Integrations {
    #[must_use]
    pub fn new(outside: Arc<dyn Outside>, clock: Arc<dyn Clock>) -> Self {
        Self { outside, clock, tokens: Tokens::default() }
    }

    /// What a service of Google's is reached with.
    async fn google<'a>(&'a self, google: &'a Google) -> Result<google_auth::Google<'a>, Answer> {
        self.tokens.signed_in(self.outside.as_ref(), self.clock.now(), google).await
    }

    fn stripe<'a>(&'a self, stripe: &'a Stripe) -> stripe::Account<'a> {
        stripe::Account { outside: self.outside.as_ref(), settings: stripe }
    }

    async fn done(&self, with: &Connections, work: &Work) -> Result<Told, Answer> {
        match (work.step, with) {
            (Step::CreatePayment, Connections { stripe: Some(s), .. }) => self.stripe(s).create(work).await,
            (Step::ConfirmPayment, Connections { stripe: Some(s), .. }) => self.stripe(s).confirm(work).await,
            (Step::CancelPayment, Connections { stripe: Some(s), .. }) => self.stripe(s).cancel(work).await,
            (Step::RefundPayment, Connections { stripe: Some(s), .. }) => self.stripe(s).refund(work).await,
            (Step::FindRefund, Connections { stripe: Some(s), .. }) => self.stripe(s).find_refund(work).await,
            (
                Step::CreatePayment
                | Step::ConfirmPayment
                | Step::CancelPayment
                | Step::RefundPayment
                | Step::FindRefund,
                _,
            ) => Err(no_stripe()),
            (Step::AddToCalendar, Connections { google: Some(g), .. }) if g.calendar.is_some() => {
                google_calendar::insert(&self.google(g).await?, work).await
            }
            (Step::RemoveFromCalendar, Connections { google: Some(g), .. }) if g.calendar.is_some() => {
                google_calendar::delete(&self.google(g).await?, work).await
            }
            (Step::AddToSheet, Connections { google: Some(g), .. }) if g.spreadsheet.is_some() => {
                google_sheets::append(&self.google(g).await?, work).await
            }
            (Step::AddToCalendar | Step::RemoveFromCalendar | Step::AddToSheet, _) => Ok(Answer::Unneeded.into()),
        }
    }

    async fn seen(&self, with: &Connections, work: &Work) -> Result<Told, Answer> {
        match (work.step, with) {
            (Step::ConfirmPayment | Step::CreatePayment | Step::CancelPayment, Connections { stripe: Some(s), .. }) => {
                self.stripe(s).look(work).await
            }
            (Step::RefundPayment | Step::FindRefund, Connections { stripe: Some(s), .. }) => {
                self.stripe(s).look_for_refund(work).await
            }
            (
                Step::CreatePayment
                | Step::ConfirmPayment
                | Step::CancelPayment
                | Step::RefundPayment
                | Step::FindRefund,
                _,
            ) => Err(no_stripe()),
            (Step::AddToSheet, Connections { google: Some(g), .. }) if g.spreadsheet.is_some() => {
                google_sheets::look(&self.google(g).await?, work).await
            }
            (Step::AddToCalendar | Step::RemoveFromCalendar, Connections { google: Some(g), .. })
                if g.calendar.is_some() =>
            {
                google_calendar::look(&self.google(g).await?, work).await
            }
            (Step::AddToCalendar | Step::RemoveFromCalendar | Step::AddToSheet, _) => Ok(Answer::Unneeded.into()),
        }
    }
}

fn no_stripe() -> Answer {
    Answer::Refused { code: "stripe.not_configured".to_owned() }
}

#[async_trait]
impl Services for Integrations {
    async fn act(&self, with: &Connections, work: &Work) -> Told {
        self.done(with, work).await.unwrap_or_else(Told::from)
    }

    async fn look(&self, with: &Connections, work: &Work) -> Told {
        match self.seen(with, work).await {
            Ok(told) => told,
            // That nobody may look says nothing of what is there.
            Err(Answer::Refused { code }) => Answer::Unknown { code }.into(),
            Err(answer) => answer.into(),
        }
    }

    async fn busy(
        &self,
        with: &Connections,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Timestamp)>, Failure> {
        let google = with.google.as_ref().filter(|g| g.calendar.is_some());
        let google = google.ok_or_else(|| Failure::reject("google.not_configured", "no calendar is set up"))?;
        let google = self.google(google).await.map_err(failure)?;
        google_calendar::busy(&google, from, to).await.map_err(failure)
    }

    async fn test(&self, with: &Connections, provider: Provider) -> Result<String, Failure> {
        let missing = || Failure::reject(format!("{}.not_configured", provider.name()), "nothing was entered");
        match provider {
            Provider::Stripe => self.stripe(with.stripe.as_ref().ok_or_else(missing)?).test().await.map_err(failure),
            Provider::Avatar => {
                let account = &with.avatar.as_ref().ok_or_else(missing)?.account;
                avatars::studio(account.provider, self.outside.as_ref()).test(account).await.map_err(failure)
            }
            Provider::Google => {
                let google = self.google(with.google.as_ref().ok_or_else(missing)?).await.map_err(failure)?;
                let calendar = google_calendar::test(&google).await.map_err(failure)?;
                let sheet = google_sheets::test(&google).await.map_err(failure)?;
                Ok([Some("signed in".to_owned()), calendar, sheet].into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// For who asks and changes nothing.
fn failure(answer: Answer) -> Failure {
    match answer {
        Answer::Later { code, after } => match after {
            Some(after) => Failure::retry_after(after, code, "the service asks to wait"),
            None => Failure::retry(code, "the service cannot be reached now"),
        },
        Answer::Unknown { code } => Failure::retry(code, "the service gave no answer"),
        Answer::Refused { code } => Failure::reject(code, "the service refused it: look at its settings"),
        Answer::Happened | Answer::Unneeded | Answer::Absent => {
            Failure::fatal("service.no_answer", "the service answered something else")
        }
    }
}
