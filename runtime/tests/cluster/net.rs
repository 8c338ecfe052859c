//! Nodes on machines of their own, as far as the network can tell: network namespaces, each with one cable to PostgreSQL,
//! one to NATS, and one to everything else. Pulling a cable tells nobody. Laying them needs privileges.

use crate::support::guardian::Guardian;
use rand::RngExt;
use std::{fmt, net::Ipv4Addr, process::Command};

/// Set aside for measurements between networks, so that no real machine is there.
pub const NETWORK: &str = "198.18.0.0/15";
/// Nets of this size fit in.
const NETS: u32 = 1 << 11;

/// Where a cable leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Postgres,
    Nats,
    /// Clients, the provider, the vector store.
    World,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Postgres, Self::Nats, Self::World];
}

/// Every machine and cable of one town; gone with it.
pub struct Net {
    number: u32,
    _laid: Guardian,
}

/// Why there is no net.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Of `iproute2`, which may lie where only root looks for it.
fn program() -> &'static str {
    ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].into_iter().find(|p| std::path::Path::new(p).exists()).unwrap_or("ip")
}

fn ip(words: &str) -> Result<(), Refused> {
    let said = Command::new(program()).args(words.split(' ')).output();
    let said = said.map_err(|e| Refused(format!("{}: {e}", program())))?;
    let why = String::from_utf8_lossy(&said.stderr);
    if said.status.success() { Ok(()) } else { Err(Refused(format!("`ip {words}`: {}", why.trim()))) }
}

impl Net {
    /// For so many nodes; where that is not permitted, says so and returns `None`.
    pub fn lay(nodes: usize) -> Option<Self> {
        // The first command tells whether anything is permitted, and takes the number before anybody else does.
        let taken = (0..20).map(|_| rand::rng().random_range(0..NETS)).find_map(|number| {
            let first = ip(&format!("netns add {}", machine(number, 0)));
            match first {
                Err(Refused(why)) if why.contains("File exists") => None,
                other => Some(other.map(|()| number)),
            }
        });
        let number = match taken.expect("one of the numbers is free") {
            Ok(number) => number,
            Err(why) => {
                eprintln!("SKIPPED: machines of their own are network namespaces, which are not permitted here: {why}");
                return None;
            }
        };
        let net = Self { number, _laid: Guardian::new(&undo(number, nodes)) };
        match net.build(nodes) {
            Ok(()) => Some(net),
            Err(why) => {
                eprintln!("SKIPPED: network namespaces cannot be connected here: {why}");
                None
            }
        }
    }

    fn build(&self, nodes: usize) -> Result<(), Refused> {
        for way in Way::ALL {
            let hub = hub(self.number, way);
            ip(&format!("link add {hub} type bridge"))?;
            ip(&format!("addr add {}/28 dev {hub}", self.engine(way)))?;
            ip(&format!("link set {hub} up"))?;
        }
        for node in 0..nodes {
            let machine = machine(self.number, node);
            if node > 0 {
                ip(&format!("netns add {machine}"))?;
            }
            ip(&format!("-n {machine} link set lo up"))?;
            for way in Way::ALL {
                let (cable, hub, end) = (cable(self.number, way, node), hub(self.number, way), way as u8);
                ip(&format!("link add {cable} type veth peer name way{end} netns {machine}"))?;
                ip(&format!("link set {cable} master {hub} up"))?;
                ip(&format!("-n {machine} addr add {}/28 dev way{end}", self.node(node, way)))?;
                ip(&format!("-n {machine} link set way{end} up"))?;
            }
        }
        Ok(())
    }

    fn address(&self, way: Way, host: u32) -> Ipv4Addr {
        let network = u32::from(Ipv4Addr::new(198, 18, 0, 0));
        Ipv4Addr::from(network + self.number * 64 + u32::from(way as u8) * 16 + host)
    }

    /// Where what lies at the end of this way must listen.
    pub fn engine(&self, way: Way) -> Ipv4Addr {
        self.address(way, 1)
    }

    pub fn node(&self, node: usize, way: Way) -> Ipv4Addr {
        self.address(way, u32::try_from(node).unwrap() + 2)
    }

    /// The words that start a program on a node's machine.
    pub fn on(&self, node: usize) -> [String; 4] {
        [program().to_owned(), "netns".to_owned(), "exec".to_owned(), machine(self.number, node)]
    }

    /// Pulls the cable: nothing comes through in either direction, and nobody is told.
    pub fn cut(&self, node: usize, way: Way) {
        self.set(node, way, "down");
    }

    pub fn heal(&self, node: usize, way: Way) {
        self.set(node, way, "up");
    }

    fn set(&self, node: usize, way: Way, state: &str) {
        ip(&format!("link set {} {state}", cable(self.number, way, node))).unwrap_or_else(|why| panic!("{why}"));
    }
}

fn machine(number: u32, node: usize) -> String {
    format!("cq{number:03x}n{node}")
}

fn hub(number: u32, way: Way) -> String {
    format!("cq{number:03x}h{}", way as u8)
}

fn cable(number: u32, way: Way, node: usize) -> String {
    format!("cq{number:03x}c{}n{node}", way as u8)
}

/// What takes it all back; a namespace alone would stay for as long as something runs in it.
fn undo(number: u32, nodes: usize) -> String {
    let ip = program();
    let cables = Way::ALL.into_iter().flat_map(|way| (0..nodes).map(move |n| cable(number, way, n)));
    let links = cables.chain(Way::ALL.map(|way| hub(number, way))).map(|link| format!("{ip} link del {link}"));
    let machines = (0..nodes).map(|n| format!("{ip} netns del {}", machine(number, n)));
    links.chain(machines).collect::<Vec<_>>().join("; ")
}
