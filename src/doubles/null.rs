//! A server that does nothing: it acknowledges every produce call at once and writes nothing anywhere. What a load
//! against it costs is what sending costs.
//!
//! One thread and one poller, so that it takes as little of the machine as a server can.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

/// The answer to every request: one record, written.
const ACK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.kafka.v2+json\r\ncontent-length: 115\r\n\r\n\
    {\"offsets\":[{\"partition\":0,\"offset\":1,\"error_code\":null,\"error\":null}],\"key_schema_id\":null,\"value_schema_id\":null}";

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// A null server on loopback. Dropped, it stops.
#[derive(Debug)]
pub struct NullServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Starts on a free port of loopback.
    ///
    /// # Errors
    /// The system's, where there is no socket, poller or thread to be had.
    pub fn start() -> io::Result<Self> {
        let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("null-server".into()).spawn(move || {
            // It ends with its clients' connections broken, which they will tell.
            let _ = serve(poll, &listener, &stopped);
        })?;
        Ok(Self { address, stop, waker, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client's connection.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    filled: usize,
    unwritten: Vec<u8>,
}

fn serve(mut poll: Poll, listener: &TcpListener, stop: &AtomicBool) -> io::Result<()> {
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<Option<Client>> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            match event.token() {
                WAKER => {}
                LISTENER => accept(&poll, listener, &mut clients)?,
                Token(slot) => {
                    if let Some(client) = clients.get_mut(slot)
                        && client.as_mut().is_some_and(|client| talk(client).is_err())
                    {
                        *client = None;
                    }
                }
            }
        }
    }
    Ok(())
}

fn accept(poll: &Poll, listener: &TcpListener, clients: &mut Vec<Option<Client>>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(clients.len()), interest)?;
                let unread = vec![0; 16 * 1024];
                clients.push(Some(Client { stream, unread, filled: 0, unwritten: Vec::new() }));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Reads what has come and answers each whole request. An error ends the connection.
fn talk(client: &mut Client) -> io::Result<()> {
    loop {
        if client.filled == client.unread.len() {
            client.unread.resize(client.filled * 2, 0);
        }
        let room = client.unread.len() - client.filled;
        match client.stream.read(&mut client.unread[client.filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                client.filled += count;
                answer(client)?;
                if count < room {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    flush(client)
}

fn answer(client: &mut Client) -> io::Result<()> {
    let mut done = 0;
    while let Some(length) = whole_request(&client.unread[done..client.filled])? {
        done += length;
        client.unwritten.extend_from_slice(ACK);
    }
    client.unread.copy_within(done..client.filled, 0);
    client.filled -= done;
    Ok(())
}

/// The length of the request that `bytes` begin with, if it is there whole.
fn whole_request(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = status else { return Ok(None) };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = match length {
        Some(length) => {
            let text = std::str::from_utf8(length.value).map_err(io::Error::other)?;
            text.trim().parse::<usize>().map_err(io::Error::other)?
        }
        None => 0,
    };
    let whole = head.saturating_add(body);
    Ok((bytes.len() >= whole).then_some(whole))
}

fn flush(client: &mut Client) -> io::Result<()> {
    while !client.unwritten.is_empty() {
        match client.stream.write(&client.unwritten) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => drop(client.unwritten.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_requests_are_answered_however_they_come() {
        let server = NullServer::start().unwrap();
        let mut client = std::net::TcpStream::connect(server.address()).unwrap();
        let request = b"POST /topics/t HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        client.write_all(&[request.as_slice(), request, &request[..20]].concat()).unwrap();
        let mut answers = vec![0; ACK.len() * 2];
        client.read_exact(&mut answers).unwrap();
        assert_eq!(answers, [ACK, ACK].concat());
        client.write_all(&request[20..]).unwrap();
        client.read_exact(&mut answers[..ACK.len()]).unwrap();
        // Its length is what the head says.
        let body = ACK.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(ACK.len() - body, 115);
        assert!(serde_json::from_slice::<serde_json::Value>(&ACK[body..]).is_ok());
        client.write_all(b"garbage\r\n\r\n").unwrap();
        assert_eq!(client.read(&mut answers).unwrap_or(0), 0);
    }
}
