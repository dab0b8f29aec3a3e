//! What a request through gateway and balancer costs (`benches/gateway.sh`).
//!
//! `cargo bench --bench gateway -- BACKEND` serves the definition that ships, with an authorizer whose answers are kept, in
//! front of the server at the address BACKEND, on one thread. It prints its URL, and ends with its standard input.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use landfall::doubles::balancer::{Balancer, BalancerConfig};
use landfall::doubles::gateway::{
    AuthorizerCode, Backend, FixedAnswer, Gateway, GatewayConfig, ProduceOptions,
};
use mimalloc::MiMalloc;
use serde_json::json;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    // Cargo runs benches without words when all are run.
    let [backend] = words.as_slice() else { return Ok(()) };
    let backend: SocketAddr = backend.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let balancer = Balancer::start(BalancerConfig::new(LOOPBACK, vec![backend])).await?;
        let host = balancer.address().to_string();
        let options = ProduceOptions {
            required_headers: vec!["Content-Type".into()],
            authorizer_ttl: Duration::from_mins(5),
            validate_credentials: true,
            integration_timeout: Duration::from_secs(29),
        };
        let stage = "arn:aws:execute-api:eu-west-1:123456789012:landfall00/prod/POST";
        let allow = json!({ "principalId": "p", "policyDocument": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "execute-api:Invoke",
              "Resource": [format!("{stage}/topics/t"), format!("{stage}/topics/t/partitions/*")] }] } });
        let code = AuthorizerCode::Fixed(FixedAnswer::Result(Box::new(serde_json::from_value(allow)?)));
        let config =
            GatewayConfig::produce(LOOPBACK, &options, host, Backend::Balancer(balancer.connector()), code)?;
        let gateway = Gateway::start(config).await?;
        println!("{}", gateway.base_url());
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    })
}
