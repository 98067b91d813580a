//! The sockets of this process. Diesel does not give away the one of a connection, so it is told from
//! the others by when it was opened and by whom it leads to.

use std::collections::HashSet;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{Shutdown, SockaddrIn, SockaddrIn6, SockaddrStorage, getpeername, shutdown};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::close;

const DESCRIPTORS: &str = "/proc/self/fd";
/// In the name of every Unix socket of a PostgreSQL server or pooler.
const UNIX_NAME: &[u8] = b".s.PGSQL.";

/// A duplicate of a socket's descriptor. It is ours until it is dropped, so that whatever happens to
/// the original, its number never means another socket.
pub(super) struct Socket(RawFd);

/// The sockets that are open now, by inode.
pub(super) struct OpenSockets(HashSet<u64>);

/// The sockets that were opened since, and may be libpq's.
pub(super) enum Opened {
    None,
    One(Socket),
    Several,
}

#[derive(PartialEq, Eq)]
enum Peer {
    /// It leads where the connection was meant to go.
    Expected,
    /// It leads to another port than that of the address, which is not always where libpq connects to.
    OtherPort,
}

impl Socket {
    fn duplicate(descriptor: RawFd) -> nix::Result<Self> {
        fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(0)).map(Self)
    }

    /// Ends the connection for both sides; a thread that waits for it goes on with an error.
    pub(super) fn shut_down(&self) {
        // It fails only where the connection has ended already.
        let _ended_before = shutdown(self.0, Shutdown::Both);
    }

    fn peer(&self, port: u16) -> Option<Peer> {
        let address = getpeername::<SockaddrStorage>(self.0).ok()?;
        if let Some(unix) = address.as_unix_addr() {
            let path = unix.path().map(|path| path.as_os_str().as_bytes());
            let name = path.or_else(|| unix.as_abstract()).unwrap_or_default();
            let is_server = name.windows(UNIX_NAME.len()).any(|part| part == UNIX_NAME);
            return is_server.then_some(Peer::Expected);
        }
        let v4 = address.as_sockaddr_in().map(SockaddrIn::port);
        let v6 = address.as_sockaddr_in6().map(SockaddrIn6::port);
        v4.or(v6).map(|found| match found == port {
            true => Peer::Expected,
            false => Peer::OtherPort,
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _closed = close(self.0);
    }
}

impl OpenSockets {
    pub(super) fn now() -> io::Result<Self> {
        let descriptors = descriptors()?;
        Ok(Self(descriptors.into_iter().filter_map(inode).collect()))
    }

    /// The sockets that are open now and were not open then. Those that lead to `port` or to a Unix
    /// socket of PostgreSQL go before all others.
    pub(super) fn opened_since(&self, port: u16) -> io::Result<Opened> {
        let mut seen = HashSet::new();
        let (mut expected, mut others) = (Vec::new(), Vec::new());
        for descriptor in descriptors()? {
            // Another thread may close it meanwhile: then it is not the one.
            let Ok(socket) = Socket::duplicate(descriptor) else {
                continue;
            };
            let Some(inode) = inode(socket.0) else {
                continue;
            };
            if self.0.contains(&inode) || !seen.insert(inode) {
                continue;
            }
            match socket.peer(port) {
                Some(Peer::Expected) => expected.push(socket),
                Some(Peer::OtherPort) => others.push(socket),
                None => {}
            }
        }
        let mut candidates = match expected.is_empty() {
            true => others,
            false => expected,
        };
        Ok(match (candidates.pop(), candidates.is_empty()) {
            (None, _) => Opened::None,
            (Some(only), true) => Opened::One(only),
            (Some(_one_of_them), false) => Opened::Several,
        })
    }
}

/// The numbers of all open descriptors.
fn descriptors() -> io::Result<Vec<RawFd>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(DESCRIPTORS)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    Ok(numbers)
}

/// The inode, if it is a socket.
fn inode(descriptor: RawFd) -> Option<u64> {
    let status = fstat(descriptor).ok()?;
    let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
    (kind == SFlag::S_IFSOCK).then_some(status.st_ino)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Mutex;

    use super::*;

    /// Each of these tests would see the sockets of the other: they are threads of one process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[test]
    fn the_new_socket_to_the_server_is_told_from_the_others() {
        let _alone = ONE_AT_A_TIME.lock();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let _before = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let sockets = OpenSockets::now().unwrap();
        let mut ours = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let _other = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        let Opened::One(found) = sockets.opened_since(port).unwrap() else {
            panic!("the one that leads to the server is not found");
        };
        found.shut_down();
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        let _second = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        assert!(matches!(
            sockets.opened_since(port).unwrap(),
            Opened::Several
        ));
    }

    #[test]
    fn a_unix_socket_is_known_by_its_name() {
        let _alone = ONE_AT_A_TIME.lock();
        let folder = std::env::temp_dir().join(format!("paynow-sockets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(".s.PGSQL.5432");
        let _listener = UnixListener::bind(&path).unwrap();
        let sockets = OpenSockets::now().unwrap();
        let mut ours = UnixStream::connect(&path).unwrap();
        let Opened::One(found) = sockets.opened_since(1).unwrap() else {
            panic!("the Unix socket is not found");
        };
        found.shut_down();
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
