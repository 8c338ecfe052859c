//! A way to a server that can be cut so that nobody is told: connections stay open, and nothing comes through any more.
//! It needs no privileges.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// Where a gate leads.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Target {
    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

/// One way; closed when it is dropped.
pub struct Gate {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    held: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Gate {
    /// Open, on a free port of `host`.
    pub async fn start(host: Ipv4Addr, to: Target) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, is_cut) = watch::channel(false);
        let held = Arc::<AtomicUsize>::default();
        let serving = tokio::spawn(serve(listener, to, is_cut, held.clone()));
        Self { address, cut, held, serving }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// What was held back comes through now, as retransmitted packets would.
    pub fn heal(&self) {
        self.cut.send_replace(false);
    }

    /// How often something was sent while the way was cut.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, to: Target, cut: watch::Receiver<bool>, held: Arc<AtomicUsize>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        let _ = near.set_nodelay(true);
        let (to, cut, held) = (to.clone(), cut.clone(), held.clone());
        tokio::spawn(async move {
            let near: Box<dyn Wire> = Box::new(near);
            let (near_in, near_out) = io::split(near);
            // A new connection gets no answer either.
            if open(&cut, &held).await.is_none() {
                return;
            }
            let Ok(far) = to.connect().await else { return };
            let (far_in, far_out) = io::split(far);
            tokio::join!(pass(near_in, far_out, cut.clone(), &held), pass(far_in, near_out, cut, &held));
        });
    }
}

/// Waits for the way to be open; `None` when there is no gate any more.
async fn open(cut: &watch::Receiver<bool>, held: &AtomicUsize) -> Option<()> {
    if *cut.borrow() {
        held.fetch_add(1, Ordering::Relaxed);
    }
    cut.clone().wait_for(|cut| !cut).await.ok().map(drop)
}

type Wires = Box<dyn Wire>;

async fn pass(mut from: ReadHalf<Wires>, mut to: WriteHalf<Wires>, cut: watch::Receiver<bool>, held: &AtomicUsize) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut piece).await.unwrap_or(0);
        // Nor does anybody hear of an end.
        if open(&cut, held).await.is_none() || read == 0 || to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
