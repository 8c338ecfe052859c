//! Resolves names, and refuses those that lead inside. The connection is made to the very addresses that were judged: a
//! name that means something else a moment later gains nothing.

use colloquy_domain::{egress::Egress, failure::Failure};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{error::Error, fmt, net::SocketAddr, sync::Arc};

pub(super) struct Guard(pub(super) Arc<Egress>);

/// A refusal on its way through the client.
#[derive(Debug)]
struct Refused(Failure);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Refused {}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            // One inside is enough to refuse: a public name has no business there.
            for address in &found {
                egress.check(host, address.ip()).map_err(Refused)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The guard's refusal behind an error of the client.
pub fn refusal(error: &(dyn Error + 'static)) -> Option<Failure> {
    let mut at = Some(error);
    while let Some(e) = at {
        if let Some(refused) = e.downcast_ref::<Refused>() {
            return Some(refused.0.clone());
        }
        at = e.source();
    }
    None
}
