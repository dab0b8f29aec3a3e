//! One client's connection: requests in, answers out, in the order in which they came.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::asked::Asked;
use super::frames;
use super::requests;
use super::restart::Watched;
use super::sasl::Session;

/// Room that is made before each read. A buffer grows by what has arrived, never by what a length claims.
const ROOM: usize = 64 * 1024;

/// How long the client has to close a connection that a restart ends.
const LINGER: Duration = Duration::from_secs(1);

/// Serves `stream` until the client goes, sends what cannot be answered, is not who it says, or the broker restarts.
///
/// As in Kafka, the next request of a connection waits for the answer to the one before.
pub(super) async fn serve(stream: TcpStream, asked: Asked, mut restarts: Watched) {
    let (mut incoming, mut outgoing) = stream.into_split();
    let mut received = BytesMut::new();
    let mut session = Session::new(asked.cluster.sasl.as_ref());
    // A request that was carried out is answered: a restart leaves no client in doubt, and what has arrived
    // besides is not carried out.
    while !restarts.under_way() && session != Session::Over {
        let frame = match frames::take(&mut received, session.longest_frame()) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                received.reserve(ROOM);
                let read = tokio::select! {
                    read = incoming.read_buf(&mut received) => read,
                    () = restarts.begins() => break,
                };
                match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => continue,
                }
            }
            Err(frames::BadLength) => return,
        };
        let answer = tokio::select! {
            biased;
            answer = requests::answer(&asked, &mut session, frame) => answer,
            () = hung_up(&mut incoming) => return,
            () = restarts.begins() => break,
        };
        match answer {
            Ok(Some(mut pieces)) => {
                if outgoing.write_all_buf(&mut pieces).await.is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
    restarts.felt();
    // Unread requests would turn the end into a reset, which can overtake the last answer.
    let _ = outgoing.shutdown().await;
    let unread = async { while incoming.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {} };
    let _ = tokio::time::timeout(LINGER, unread).await;
}

/// Returns when the client has closed the connection while it waits for an answer; never where it has
/// sent more requests meanwhile.
async fn hung_up(incoming: &mut OwnedReadHalf) {
    if !matches!(incoming.peek(&mut [0]).await, Ok(0) | Err(_)) {
        std::future::pending::<()>().await;
    }
}
