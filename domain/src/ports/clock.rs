use crate::time::Timestamp;
use uuid::Uuid;

/// Reads the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Makes new ids: UUIDv7, unique, growing with time.
pub trait Ids: Send + Sync {
    fn uuid(&self) -> Uuid;
}
