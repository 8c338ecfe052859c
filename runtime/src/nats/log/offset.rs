//! The offset of an entry: the number of its message in the lane's stream, then its place in the message.

use super::frame::ENTRIES;
use colloquy_domain::ports::Offset;

/// Bits of the place in the message.
const PLACE: u32 = 10;
const _: () = assert!(ENTRIES <= 1 << PLACE);

pub(super) const fn offset(message: u64, place: usize) -> Offset {
    (message << PLACE) | place as u64
}

/// The last offset that the message could hold.
pub(super) const fn last_of(message: u64) -> Offset {
    offset(message, (1 << PLACE) - 1)
}

pub(super) const fn message_of(offset: Offset) -> u64 {
    offset >> PLACE
}

/// In its message, from 0.
pub(super) const fn place_of(offset: Offset) -> u64 {
    offset & ((1 << PLACE) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_grow_with_message_and_place_and_come_apart_again() {
        assert!(0 < offset(1, 0) && offset(1, 0) < offset(1, 999));
        assert!(offset(1, 999) <= last_of(1) && last_of(1) < offset(2, 0));
        let far = offset(1 << 50, 7);
        assert_eq!((message_of(far), place_of(far)), (1 << 50, 7));
        assert!(i64::try_from(far).is_ok(), "a database keeps it");
    }
}
