//! A TCP proxy between a plugin and its CA that breaks on request. It listens on a loopback address only.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// Between two octets of a drip.
const DRIP: Duration = Duration::from_millis(200);

/// What the proxy does with connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It passes everything on.
    None,
    /// It takes everything and answers nothing.
    BlackHole,
    /// It passes requests on and answers one octet at a time.
    Drip,
    /// It takes the beginning of a request, closes its own sending side, and stays.
    HalfClose,
    /// It takes the beginning of a request and resets the connection; nothing reaches the CA.
    Reset,
    /// It passes everything on until the CA begins with the answer of that number, counted over all connections from 1;
    /// that one it swallows, and closes the connection.
    CutReply(u64),
}

/// The proxy. Dropping it ends its connections and frees the port: then connections are refused.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

/// Over all connections.
#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    /// Answers of the CA that began, since the fault was set.
    answers: AtomicU64,
}

impl FaultProxy {
    /// Listens and passes connections on to `upstream`.
    pub(crate) async fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_at(0, upstream).await
    }

    /// As [`Self::start`], on a port where another proxy was before.
    pub(crate) async fn start_at(port: u16, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (fault, faults) = watch::channel(Fault::None);
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        let accepting = tokio::spawn(async move {
            let mut open = Open(Vec::new());
            while let Ok((client, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::Relaxed);
                open.0.retain(|one| !one.is_finished());
                let serving = serve(client, upstream, faults.clone(), counted.clone());
                open.0.push(tokio::spawn(serving).abort_handle());
            }
        });
        Ok(Self { address, fault, counts, accepting })
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it does from now on. Connections that are open end, as they would if the CA had been restarted.
    pub(crate) fn set(&self, fault: Fault) {
        self.counts.answers.store(0, Ordering::Relaxed);
        self.fault.send_replace(fault);
    }

    /// Connections that were accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Answers of the CA that began since the fault was set.
    pub(crate) fn answers(&self) -> u64 {
        self.counts.answers.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Connections end with the proxy.
struct Open(Vec<AbortHandle>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

async fn serve(
    client: TcpStream,
    upstream: SocketAddr,
    mut faults: watch::Receiver<Fault>,
    counts: Arc<Counts>,
) {
    let fault = *faults.borrow_and_update();
    tokio::select! {
        // What goes wrong with a connection is what the plugin sees; the kit judges that.
        _ = transfer(client, upstream, fault, &counts) => {}
        _ = faults.changed() => {}
    }
}

async fn transfer(
    mut client: TcpStream,
    upstream: SocketAddr,
    fault: Fault,
    counts: &Counts,
) -> io::Result<()> {
    let mut chunk = vec![0; 16 << 10];
    match fault {
        Fault::BlackHole => while client.read(&mut chunk).await? > 0 {},
        Fault::HalfClose => {
            if client.read(&mut chunk).await? == 0 {
                return Ok(());
            }
            client.shutdown().await?;
            while client.read(&mut chunk).await? > 0 {}
        }
        Fault::Reset => {
            if client.read(&mut chunk).await? > 0 {
                client.set_zero_linger()?;
            }
        }
        Fault::None | Fault::CutReply(_) | Fault::Drip => {
            pass(client, TcpStream::connect(upstream).await?, fault, counts).await?;
        }
    }
    Ok(())
}

/// Passes both directions on, and counts where the CA begins to answer.
async fn pass(mut client: TcpStream, mut server: TcpStream, fault: Fault, counts: &Counts) -> io::Result<()> {
    let (mut requests, mut answers) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let (mut answering, mut all_sent) = (false, false);
    loop {
        tokio::select! {
            count = client.read(&mut requests), if !all_sent => match count? {
                0 => {
                    all_sent = true;
                    server.shutdown().await?;
                }
                count => {
                    answering = false;
                    server.write_all(&requests[..count]).await?;
                }
            },
            count = server.read(&mut answers) => {
                let count = count?;
                if count == 0 {
                    return client.shutdown().await;
                }
                if !answering {
                    answering = true;
                    let number = counts.answers.fetch_add(1, Ordering::Relaxed) + 1;
                    if fault == Fault::CutReply(number) {
                        return Ok(());
                    }
                }
                if fault == Fault::Drip {
                    for octet in &answers[..count] {
                        client.write_all(&[*octet]).await?;
                        tokio::time::sleep(DRIP).await;
                    }
                } else {
                    client.write_all(&answers[..count]).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each chunk with "reply".
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut chunk = [0; 100];
                    while stream.read(&mut chunk).await.is_ok_and(|count| count > 0) {
                        stream.write_all(b"reply").await.unwrap();
                    }
                });
            }
        });
        address
    }

    async fn ask(proxy: &FaultProxy, limit_ms: u64) -> Option<io::Result<Vec<u8>>> {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        client.write_all(b"request").await.unwrap();
        let mut reply = vec![0; 5];
        let reading = async { client.read_exact(&mut reply).await };
        let result = tokio::time::timeout(Duration::from_millis(limit_ms), reading).await.ok()?;
        Some(result.map(|_| reply))
    }

    #[tokio::test]
    async fn each_fault_is_what_its_name_says() {
        let proxy = FaultProxy::start(server().await).await.unwrap();
        assert_eq!(ask(&proxy, 2000).await.unwrap().unwrap(), b"reply");
        proxy.set(Fault::BlackHole);
        assert!(ask(&proxy, 200).await.is_none());
        proxy.set(Fault::HalfClose);
        assert_eq!(ask(&proxy, 2000).await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        proxy.set(Fault::Reset);
        assert_eq!(ask(&proxy, 2000).await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        proxy.set(Fault::CutReply(1));
        assert_eq!(ask(&proxy, 2000).await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        proxy.set(Fault::Drip);
        assert!(ask(&proxy, 300).await.is_none());
        assert_eq!(ask(&proxy, 5000).await.unwrap().unwrap(), b"reply");
        assert_eq!((proxy.connections(), proxy.answers()), (7, 2));
    }

    #[tokio::test]
    async fn a_connection_that_is_open_ends_when_the_fault_changes_and_a_dropped_proxy_refuses() {
        let proxy = FaultProxy::start(server().await).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        client.write_all(b"request").await.unwrap();
        let mut reply = [0; 5];
        client.read_exact(&mut reply).await.unwrap();
        proxy.set(Fault::None);
        assert_eq!(client.read(&mut reply).await.unwrap_or(0), 0);
        let port = proxy.port();
        drop(proxy);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    }
}
