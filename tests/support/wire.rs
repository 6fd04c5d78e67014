//! A wire that can fail: a TCP proxy between a worker and its Redis, PostgreSQL or provider. Faults happen here, on the network,
//! so that the program under test has no switch for them.

use std::net::SocketAddr;

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Every connection ends, new ones end at once.
    Cut,
    /// The same, and the near end is told by a reset instead of an end.
    Reset,
    /// Connections stay and carry nothing: the worst kind of away.
    Silent,
}

/// A wire to one server.
pub struct Wire {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

impl Wire {
    /// A whole wire to the server of `url`.
    pub async fn to(url: &str) -> Self {
        let parsed = Url::parse(url).expect("the server has a URL");
        let host = parsed.host_str().expect("the URL has a host");
        let port = parsed.port().expect("the URL has a port");
        let target = lookup_host((host, port))
            .await
            .expect("the host is known")
            .next()
            .expect("it has an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (state, receiver) = watch::channel(State::Whole);
        Self {
            address,
            state,
            task: tokio::spawn(carry(listener, target, receiver)),
        }
    }

    /// `url` with this wire's near end as its host.
    pub fn through(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("the server has a URL");
        url.set_host(Some(&self.address.ip().to_string()))
            .expect("the URL can have a host");
        url.set_port(Some(self.address.port()))
            .expect("the URL can have a port");
        url.into()
    }

    /// Ends every connection, and new ones at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Resets every connection, and new ones at once.
    pub fn reset(&self) {
        self.state.send_replace(State::Reset);
    }

    /// Keeps connections and carries nothing.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// As at first.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    while let Ok((near, _)) = listener.accept().await {
        match *state.borrow() {
            State::Cut => continue,
            State::Reset => {
                let _ = near.set_zero_linger();
                continue;
            }
            State::Whole | State::Silent => {}
        }
        let state = state.clone();
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(target).await else {
                return;
            };
            // Without it the proxy itself would add 40 ms to small writes.
            let _ = near.set_nodelay(true).and(far.set_nodelay(true));
            let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
                (near.into_split(), far.into_split());
            tokio::select! {
                () = pump(&mut near_read, &mut far_write, state.clone()) => {}
                () = pump(&mut far_read, &mut near_write, state.clone()) => {}
            }
            if *state.borrow() == State::Reset {
                let _ = near_write.as_ref().set_zero_linger();
                // Dropped in the usual way it would say a proper end first.
                near_write.forget();
            }
        });
    }
}

fn is_over(state: State) -> bool {
    matches!(state, State::Cut | State::Reset)
}

async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = tokio::select! {
            _ = state.wait_for(|state| is_over(*state)) => return,
            read = from.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            },
        };
        // What was read while the wire is silent waits for it to be whole, or is lost when it is cut.
        if state
            .wait_for(|state| *state != State::Silent)
            .await
            .map_or(true, |state| is_over(*state))
        {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
