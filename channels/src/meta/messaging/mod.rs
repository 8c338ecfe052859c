//! The Messenger platform, on which Messenger and Instagram are two faces: the same envelope, the same Send API.

mod content;
mod decode;

pub(crate) use decode::{Own, Platform, events};
