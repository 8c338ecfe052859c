//! From where a request comes.

use crate::state::Api;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, request::Parts},
};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

/// The client's address: the connection's, or, behind a proxy that the installation trusts, the one that it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl FromRequestParts<Arc<Api>> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        let direct = direct(&parts.extensions);
        let forwarded = parts.headers.get("x-forwarded-for").and_then(|v| v.to_str().ok());
        Ok(Self(client(direct, forwarded, &api.options.trusted_proxies)))
    }
}

/// Whose connection it is.
pub fn direct(extensions: &Extensions) -> IpAddr {
    let connection = extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |c| c.0.ip())
}

/// The last address of the chain that no trusted proxy added: what stands before it could be anybody's invention.
fn client(direct: IpAddr, forwarded: Option<&str>, trusted: &[IpAddr]) -> IpAddr {
    let mut client = direct;
    let mut chain = forwarded.unwrap_or_default().split(',').rev();
    while trusted.contains(&client) {
        match chain.next().map(|a| a.trim().parse()) {
            Some(Ok(before)) => client = before,
            _ => break,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxy = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(client(ip("8.8.8.8"), Some("1.2.3.4"), &proxy), ip("8.8.8.8"), "no proxy of ours");
        assert_eq!(client(ip("10.0.0.1"), Some("1.2.3.4"), &proxy), ip("1.2.3.4"));
        assert_eq!(
            client(ip("10.0.0.1"), Some("6.6.6.6, 1.2.3.4, 10.0.0.2"), &proxy),
            ip("1.2.3.4"),
            "invented before"
        );
        assert_eq!(client(ip("10.0.0.1"), Some("nonsense"), &proxy), ip("10.0.0.1"));
        assert_eq!(client(ip("10.0.0.1"), None, &proxy), ip("10.0.0.1"));
        assert_eq!(client(ip("10.0.0.1"), None, &[]), ip("10.0.0.1"));
    }
}
