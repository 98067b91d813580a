//! A TCP proxy on loopback that a test can make slow, silent or broken.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as BoundListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::port::free_port;

const CHUNK: usize = 16 << 10;
/// How often a throttled connection passes a part of its bytes on.
const THROTTLE_STEP: Duration = Duration::from_millis(100);

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Forward,
    /// Bytes, and the end of the stream, are taken and never passed on. A connection that lost a byte
    /// stays silent after the proxy is healed, because its stream would be corrupt.
    Swallow,
    Delay(Duration),
    /// Bytes per second.
    Throttle(usize),
}

/// A direction. `Up` is from the client to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
    Both,
}

/// What becomes of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Pass,
    /// Accepted and closed.
    Refuse,
    /// Accepted and never answered.
    Blackhole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    None,
    /// Both sides get a reset.
    Reset,
    /// The server sees the end of the client's stream; its own bytes still pass.
    HalfClosed,
}

#[derive(Debug, Clone, Copy)]
struct State {
    up: Flow,
    down: Flow,
    ending: Ending,
}

impl State {
    fn set(&mut self, way: Way, flow: Flow) {
        if way != Way::Down {
            self.up = flow;
        }
        if way != Way::Up {
            self.down = flow;
        }
    }

    fn of(&self, way: Way) -> Flow {
        if way == Way::Down { self.down } else { self.up }
    }
}

struct Control {
    /// For connections to come.
    state: State,
    admission: Admission,
    /// Connections of at least this age are swallowed.
    silent_from: Option<Duration>,
    open: Vec<watch::Sender<State>>,
}

/// Passes connections on to one server. Dropping it ends them.
pub(crate) struct Proxy {
    port: u16,
    control: Arc<Mutex<Control>>,
    runtime: Runtime,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let state = State {
            up: Flow::Forward,
            down: Flow::Forward,
            ending: Ending::None,
        };
        let control = Arc::new(Mutex::new(Control {
            state,
            admission: Admission::Pass,
            silent_from: None,
            open: Vec::new(),
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let (port, listener) = listen();
        let shared = Arc::clone(&control);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the listener is not blocking");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            control,
            runtime,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// For the connections that are open, and for those to come.
    pub(crate) fn set(&self, way: Way, flow: Flow) {
        self.control().state.set(way, flow);
        self.change_open(|state| state.set(way, flow));
    }

    /// Those that are open become silent; new ones pass.
    pub(crate) fn swallow_existing(&self) {
        self.change_open(|state| state.set(Way::Both, Flow::Swallow));
    }

    /// Each connection becomes silent this long after it was opened, those that are open this long
    /// from now.
    pub(crate) fn swallow_after(&self, age: Duration) {
        let mut control = self.control();
        control.silent_from = Some(age);
        for connection in &control.open {
            self.runtime.spawn(become_silent(connection.clone(), age));
        }
    }

    pub(crate) fn reset_all(&self) {
        self.change_open(|state| state.ending = Ending::Reset);
    }

    /// The server sees the end of each client's stream, the client sees nothing.
    pub(crate) fn half_close_all(&self) {
        self.change_open(|state| state.ending = Ending::HalfClosed);
    }

    /// Whether new connections are accepted and closed at once.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.control().admission = match refuse {
            true => Admission::Refuse,
            false => Admission::Pass,
        };
    }

    /// Whether new connections are accepted and never answered.
    pub(crate) fn blackhole(&self, blackhole: bool) {
        self.control().admission = match blackhole {
            true => Admission::Blackhole,
            false => Admission::Pass,
        };
    }

    /// New connections pass, and so do the open ones that lost no byte.
    pub(crate) fn heal(&self) {
        let mut control = self.control();
        control.admission = Admission::Pass;
        control.silent_from = None;
        drop(control);
        self.set(Way::Both, Flow::Forward);
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        let mut control = self.control();
        control.open.retain(|connection| !connection.is_closed());
        control.open.len()
    }

    fn change_open(&self, change: impl Fn(&mut State)) {
        for connection in &self.control().open {
            connection.send_modify(&change);
        }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        lock(&self.control)
    }
}

fn lock(control: &Mutex<Control>) -> MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen() -> (u16, BoundListener) {
    loop {
        let port = free_port();
        // Another process may have taken the port since.
        if let Ok(listener) = BoundListener::bind((Ipv4Addr::LOCALHOST, port)) {
            listener
                .set_nonblocking(true)
                .expect("a listener can be made non-blocking");
            return (port, listener);
        }
    }
}

/// Passes one connection on until both of its directions have ended.
async fn serve(client: TcpStream, server: SocketAddr, control: Arc<Mutex<Control>>) {
    let admission = lock(&control).admission;
    match admission {
        Admission::Pass => {}
        Admission::Refuse => return,
        Admission::Blackhole => return std::future::pending().await,
    }
    let Ok(upstream) = TcpStream::connect(server).await else {
        return;
    };
    let (client, upstream) = (without_delay(client), without_delay(upstream));
    let states = {
        let mut control = lock(&control);
        let (sender, states) = watch::channel(control.state);
        if let Some(age) = control.silent_from {
            tokio::spawn(become_silent(sender.clone(), age));
        }
        control.open.retain(|connection| !connection.is_closed());
        control.open.push(sender);
        states
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = upstream.into_split();
    let up = Pump::new(Way::Up, client_read, server_write, states.clone());
    let down = Pump::new(Way::Down, server_read, client_write, states);
    let (mut up, mut down) = (up, down);
    tokio::join!(up.run(), down.run());
    if [&up, &down].iter().any(|pump| pump.is_reset()) {
        up.reset();
        down.reset();
    }
}

/// Otherwise the kernel would hold small packets back, and no test would tell whose delay it sees.
fn without_delay(stream: TcpStream) -> TcpStream {
    stream
        .set_nodelay(true)
        .expect("a connection takes the option");
    stream
}

async fn become_silent(connection: watch::Sender<State>, age: Duration) {
    tokio::time::sleep(age).await;
    connection.send_modify(|state| state.set(Way::Both, Flow::Swallow));
}

/// One direction of one connection.
struct Pump {
    way: Way,
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    states: watch::Receiver<State>,
    has_lost_bytes: bool,
}

impl Pump {
    fn new(
        way: Way,
        from: OwnedReadHalf,
        to: OwnedWriteHalf,
        states: watch::Receiver<State>,
    ) -> Self {
        Self {
            way,
            from,
            to,
            states,
            has_lost_bytes: false,
        }
    }

    fn is_reset(&self) -> bool {
        self.states.borrow().ending == Ending::Reset
    }

    /// Closes without the end of the stream that dropping the half would send.
    fn reset(self) {
        // It fails only if the connection has already ended.
        let _ended = self.to.as_ref().set_zero_linger();
        self.to.forget();
    }

    /// Passes bytes on until the stream ends, a side fails, or the connection is told to end.
    async fn run(&mut self) {
        let mut bytes = vec![0; CHUNK];
        loop {
            match self.states.borrow_and_update().ending {
                Ending::Reset => return,
                Ending::HalfClosed if self.way == Way::Up => break,
                Ending::HalfClosed | Ending::None => {}
            }
            let read = tokio::select! {
                changed = self.states.changed() => match changed {
                    Ok(()) => continue,
                    Err(_proxy_is_gone) => return,
                },
                read = self.from.read(&mut bytes) => read.unwrap_or(0),
            };
            let flow = self.states.borrow().of(self.way);
            if self.has_lost_bytes || flow == Flow::Swallow {
                self.has_lost_bytes = true;
                if read == 0 {
                    self.wait_for_reset().await;
                    return;
                }
                continue;
            }
            if read == 0 || self.pass_on(&bytes[..read], flow).await.is_err() {
                break;
            }
        }
        // It fails only if the other side has already ended.
        let _ended = self.to.shutdown().await;
    }

    async fn pass_on(&mut self, bytes: &[u8], flow: Flow) -> std::io::Result<()> {
        match flow {
            Flow::Forward | Flow::Swallow => self.to.write_all(bytes).await,
            Flow::Delay(delay) => {
                tokio::time::sleep(delay).await;
                self.to.write_all(bytes).await
            }
            Flow::Throttle(per_second) => {
                let steps = u32::try_from(Duration::from_secs(1).as_millis()).unwrap_or(1000)
                    / u32::try_from(THROTTLE_STEP.as_millis()).unwrap_or(100);
                let part = (per_second / usize::try_from(steps).unwrap_or(10)).max(1);
                for part in bytes.chunks(part) {
                    tokio::time::sleep(THROTTLE_STEP).await;
                    self.to.write_all(part).await?;
                }
                Ok(())
            }
        }
    }

    /// The end of a swallowed stream is swallowed too.
    async fn wait_for_reset(&mut self) {
        while self.states.changed().await.is_ok() {
            if self.is_reset() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
