//! One client's connection: requests in, answers out, in the order in which they came.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::asked::Asked;
use super::frames;
use super::requests;

/// Room that is made before each read. A buffer grows by what has arrived, never by what a length claims.
const ROOM: usize = 64 * 1024;

/// Serves `stream` until the client goes, or sends what cannot be answered.
///
/// As in Kafka, the next request of a connection waits for the answer to the one before.
pub(super) async fn serve(stream: TcpStream, asked: Asked) {
    let (mut incoming, mut outgoing) = stream.into_split();
    let mut received = BytesMut::new();
    loop {
        let frame = match frames::take(&mut received) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                received.reserve(ROOM);
                match incoming.read_buf(&mut received).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => continue,
                }
            }
            Err(frames::BadLength) => return,
        };
        let answer = tokio::select! {
            biased;
            answer = requests::answer(&asked, frame) => answer,
            () = hung_up(&mut incoming) => return,
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
}

/// Returns when the client has closed the connection while it waits for an answer; never where it has
/// sent more requests meanwhile.
async fn hung_up(incoming: &mut OwnedReadHalf) {
    if !matches!(incoming.peek(&mut [0]).await, Ok(0) | Err(_)) {
        std::future::pending::<()>().await;
    }
}
