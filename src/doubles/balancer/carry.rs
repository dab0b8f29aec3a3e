//! Carrying the connections that come in at the listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::group::Group;

/// Accepts connections until the group is closed.
pub(super) async fn accept_loop(listener: TcpListener, group: Arc<Group>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = group.stopped() => return,
        };
        match accepted {
            Ok((client, source)) => drop(tokio::spawn(carry(client, source, group.clone()))),
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, source: SocketAddr, group: Arc<Group>) {
    let _ = client.set_nodelay(true);
    let copying = async {
        let Ok(mut target) = group.connect(source.ip()).await else { return false };
        let copied = copy_bidirectional(&mut client, &mut target).await;
        if copied.is_err() {
            target.reset();
        }
        copied.is_ok()
    };
    let in_order = tokio::select! {
        in_order = copying => in_order,
        () = group.stopped() => false,
    };
    if !in_order {
        // A reset on one side is passed on as one, not as an orderly end.
        let _ = client.set_zero_linger();
    }
}
