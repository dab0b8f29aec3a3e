//! A TCP connection, perhaps with TLS over it, that never blocks.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::TcpStream;
use rustls::ClientConnection;

use super::tls::Tls;

/// The bytes of a connection, both ways.
#[derive(Debug)]
pub(super) struct Transport {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    connected: bool,
}

impl Transport {
    /// Begins to connect.
    pub(super) fn connect(address: SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let tls = tls.map(Tls::begin).transpose().map_err(io::Error::other)?.map(Box::new);
        Ok(Self { socket: TcpStream::connect(address)?, tls, connected: false })
    }

    /// The socket, to be watched.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Goes on with opening the connection; tells whether it is open.
    pub(super) fn open(&mut self) -> io::Result<bool> {
        if !self.connected {
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            match self.socket.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
                Err(error) => return Err(error),
            }
            self.socket.set_nodelay(true)?;
            self.connected = true;
        }
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.is_handshaking() {
            if tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => continue,
                    Err(error) if would_block(&error) => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            match tls.read_tls(&mut self.socket) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed within the handshake"));
                }
                Ok(_) => process(tls, &mut self.socket)?,
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.flush()?;
        Ok(true)
    }

    /// Writes what the socket takes now; how much that is. With TLS all is taken, and goes out by
    /// [`Transport::flush`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => loop {
                match self.socket.write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if would_block(&error) => return Ok(0),
                    other => return other,
                }
            },
            Some(tls) => {
                let taken = tls.writer().write(bytes)?;
                match self.flush() {
                    // What was taken may have left in part; flushing it will fail again.
                    Err(error) if taken == 0 => Err(error),
                    _ => Ok(taken),
                }
            }
        }
    }

    /// Writes what TLS has ready; tells whether nothing is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads what is there, at most as much as `into` holds: `None` where nothing is, 0 at the end. An end that TLS did not
    /// announce is an error (RFC 8446, section 6.1): anybody can cut a connection off.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let result = match &mut self.tls {
                None => self.socket.read(into),
                Some(tls) => match tls.reader().read(into) {
                    Err(error) if would_block(&error) => match tls.read_tls(&mut self.socket) {
                        Ok(0) => return Err(cut_off()),
                        Ok(_) => {
                            process(tls, &mut self.socket)?;
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(cut_off()),
                    other => other,
                },
            };
            return match result {
                Ok(count) => Ok(Some(count)),
                Err(error) if would_block(&error) => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Whether there is more to read that nobody has asked for, or the connection has ended. A byte of it may be lost.
    pub(super) fn has_more(&mut self) -> bool {
        // TLS may have something to say that is no data.
        !matches!(self.read(&mut [0]), Ok(None))
    }

    /// Whether the other side has agreed to speak HTTP/2: by ALPN, or, without TLS, because it is known to (RFC 9113,
    /// section 3.3).
    pub(super) fn speaks_http2(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.alpn_protocol() == Some(b"h2"))
    }

    /// Whether nothing waits to be flushed.
    pub(super) fn has_flushed(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.wants_write())
    }

    /// Whether bytes that have left the socket may still be waiting inside: then the socket's silence means nothing.
    pub(super) fn buffers(&self) -> bool {
        self.tls.is_some()
    }
}

/// Lets TLS look at what was read; an alert that answers a fault is sent before the fault is told.
fn process(tls: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            let _ = tls.write_tls(socket);
            Err(io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the other side without a word of TLS")
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
