//! What agents sell and book, and the flows that carry it out.

mod bookings;
mod flows;
mod menu;
mod orders;
mod settings;

pub use bookings::NewReservation;
pub use flows::Begun;
pub use orders::NewOrder;
