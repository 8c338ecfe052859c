//! The registry of built-in tools: one file and one line each.

mod cancel_order;
mod cancel_reservation;
mod check_availability;
mod confirm_order;
mod continue_on_whatsapp;
mod create_order;
mod hand_off;
mod hand_over;
mod make_reservation;
mod refund_order;
mod search_knowledge;
mod show_menu;
mod shown;
mod start_video;
#[cfg(test)]
mod tests;

use crate::tool::Tool;
use colloquy_domain::ports::{Concierge, Knowledge};
use std::sync::Arc;

pub(crate) fn all(knowledge: Arc<dyn Knowledge>) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(search_knowledge::SearchKnowledge::new(knowledge)), Arc::new(hand_over::HandOver)]
}

/// Those that come with what an agent is, not with its list of tools.
pub(crate) fn inherent() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(hand_off::HandOff)]
}

/// Those that reserve and sell, and that bring somebody into the chat.
pub(crate) fn of_concierge(concierge: Arc<dyn Concierge>) -> Vec<Arc<dyn Tool>> {
    let c = || Arc::clone(&concierge);
    vec![
        Arc::new(check_availability::CheckAvailability(c())),
        Arc::new(make_reservation::MakeReservation(c())),
        Arc::new(cancel_reservation::CancelReservation(c())),
        Arc::new(show_menu::ShowMenu(c())),
        Arc::new(create_order::CreateOrder(c())),
        Arc::new(confirm_order::ConfirmOrder(c())),
        Arc::new(cancel_order::CancelOrder(c())),
        Arc::new(refund_order::RefundOrder(c())),
        Arc::new(continue_on_whatsapp::ContinueOnWhatsApp(c())),
        Arc::new(start_video::StartVideo(c())),
    ]
}
