//! Whether what answers at a URL can be a REST proxy, before anything is tried against it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::ReplayError;
use super::exchange::{Plan, exchange};
use crate::conform::golden::{GoldenResponse, Write};
use crate::load::Target;

/// How long a proxy has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an alert or a handshake of TLS begins (RFC 8446, section 5.1).
const TLS_RECORDS: [u8; 2] = [0x15, 0x16];

/// Asks for `/`, as health checks do.
///
/// # Errors
/// [`ReplayError::NoProxy`], which says in a sentence what is there instead, and what to do.
pub(super) async fn look(endpoint: &Target) -> Result<(), ReplayError> {
    let scheme = if endpoint.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", endpoint.authority, endpoint.base_path);
    let none = |reason: String| Err(ReplayError::NoProxy { url: url.clone(), reason });
    let request = format!(
        "GET {}/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        endpoint.base_path, endpoint.authority
    );
    let writes = [Write { pause: Duration::ZERO, bytes: request.clone().into_bytes() }];
    let plan =
        Plan { writes: &writes, half_close: false, head: false, interim: false, answers: 1, lingers: None };
    let answers = match exchange(endpoint, &plan, PATIENCE).await {
        Ok(came) => came.answers,
        Err(_) if endpoint.tls.is_none() && speaks_tls(endpoint, &request).await => {
            return none("speaks TLS: write https instead of http".into());
        }
        Err(reason) => return none(format!("cannot be used: {reason}; check that the proxy runs there")),
    };
    let Some(answer) = answers.first() else {
        let seconds = PATIENCE.as_secs();
        return none(format!(
            "did not answer GET / within {seconds} s or hung up; look at the proxy's log, and whether it is the proxy's port"
        ));
    };
    match what_is_wrong(answer) {
        Some(reason) => none(reason),
        None => Ok(()),
    }
}

/// Whether a port that was spoken to in plain text answers in TLS.
async fn speaks_tls(endpoint: &Target, request: &str) -> bool {
    let look = async {
        let mut stream = TcpStream::connect(endpoint.addresses.as_slice()).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.read_u8().await.ok()
    };
    let first = timeout(PATIENCE, look).await.ok().flatten();
    first.is_some_and(|byte| TLS_RECORDS.contains(&byte))
}

/// What an answer to `GET /` says against its being a REST proxy's.
fn what_is_wrong(answer: &GoldenResponse) -> Option<String> {
    let header = |name| answer.header(name).next().unwrap_or_default();
    let said = answer.body.as_deref().unwrap_or_default().trim_start();
    if (300..400).contains(&answer.status) {
        return Some(format!(
            "redirects to {} ({}); name the proxy's own address",
            header("Location"),
            answer.status
        ));
    }
    // Some servers that speak TLS say so in plain HTTP.
    if answer.status == 400 && said.to_ascii_lowercase().contains("https port") {
        return Some("speaks TLS: write https instead of http".into());
    }
    let html = header("Content-Type").to_ascii_lowercase().contains("html") || said.starts_with('<');
    html.then(|| {
        format!(
            "answers GET / with a page of HTML (status {}), which no REST proxy does; name the proxy's own port",
            answer.status
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_proxy_is_told() {
        let answer = |status, headers: &[(&str, &str)], body: &str| GoldenResponse {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: Some(body.into()),
            ..GoldenResponse::default()
        };
        let json = ("Content-Type", "application/vnd.kafka.v2+json");
        assert_eq!(what_is_wrong(&answer(200, &[json], "{}")), None);
        assert_eq!(what_is_wrong(&answer(404, &[], "{\"error_code\":404}")), None);
        for (wrong, part) in [
            (answer(302, &[("location", "https://h/x")], ""), "redirects to https://h/x (302)"),
            (answer(200, &[("content-type", "text/HTML")], ""), "a page of HTML (status 200)"),
            (answer(503, &[], " <html>"), "a page of HTML (status 503)"),
            (answer(400, &[], "The plain HTTP request was sent to HTTPS port"), "speaks TLS"),
        ] {
            let reason = what_is_wrong(&wrong).unwrap();
            assert!(reason.contains(part), "{reason}");
        }
    }
}
