//! Asking others what time it is: what a `Date` header says (RFC 9110, section 6.6.1), a request each.

use std::time::{Duration, SystemTime};

use crate::doubles::http::Source;
use crate::scenario::{
    GatewaySpec, IdpSpec, MetadataPlace, ProxySpec, Scenario, TlsSettings, host_is_allowed,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the clocks of the path's external parts are ahead of this machine's, in seconds; or why that is not known. Only
/// hosts that the scenario allows are asked.
pub(super) async fn skews(scenario: &Scenario) -> Vec<(String, Result<i64, String>)> {
    let mut skews = Vec::new();
    for (name, url, tls) in externals(scenario) {
        let asked = tokio::time::timeout(PATIENCE, skew(&url, &tls)).await;
        let skew = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        skews.push((name.to_owned(), skew));
    }
    skews
}

fn externals(scenario: &Scenario) -> Vec<(&'static str, String, TlsSettings)> {
    let mut externals = Vec::new();
    if let IdpSpec::External(idp) = &scenario.stack.idp {
        let (MetadataPlace::Issuer(url) | MetadataPlace::Url(url)) = &idp.place;
        externals.push(("the identity provider", url.clone(), idp.tls.clone()));
    }
    if let GatewaySpec::External { url, tls, .. } = &scenario.stack.gateway {
        externals.push(("the gateway", url.clone(), tls.clone()));
    }
    if let ProxySpec::External { url, tls, .. } = &scenario.stack.proxy {
        externals.push(("the proxy", url.clone(), tls.clone()));
    }
    externals.retain(|(_, url, _)| {
        let uri: hyper::Uri = url.parse().unwrap_or_default();
        host_is_allowed(uri.host().unwrap_or_default().trim_matches(['[', ']']), &scenario.allow_hosts)
    });
    externals
}

async fn skew(url: &str, tls: &TlsSettings) -> Result<i64, String> {
    let source = Source::new(url, tls).map_err(|error| error.to_string())?;
    let began = SystemTime::now();
    let date = source.date().await.map_err(|error| error.to_string())?;
    let date = date.ok_or("its answer has no date")?;
    let told = httpdate::parse_http_date(&date).map_err(|_| "its date is none")?;
    // As of the middle of asking.
    let here = began + began.elapsed().unwrap_or_default() / 2;
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Ok(match told.duration_since(here) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    })
}
