//! A gateway that runs already: to landfall its URL is all that there is, and the provider's and Kafka's.

use std::path::Path;

use landfall::result::CaseOutcome;
use landfall::scenario::parse;
use landfall::stack::{Logs, PartnerAuth, Stack};

use crate::harness::{command, ended, of, result};

/// The path that somebody else has brought up.
const DEPLOYED: &str = include_str!("../../scenarios/authentication.yaml");

/// Tries it as from outside; `arguments` come on top.
fn try_it(stack: &Stack, folder: &Path, arguments: &[&str]) -> crate::harness::Ended {
    let issuer = &stack.provider().unwrap().issuer;
    let text = format!(
        "version: 1\nname: deployed\nstack:\n  idp: {{ kind: external, issuer: \"{issuer}\", audience: landfall-api, profile: taken.yaml }}\n  \
         gateway: none\n  proxy: {{ kind: external, url: \"{}\" }}\n  kafka: {{ kind: external, bootstrap: \"{}\" }}\n\
         grace: 1s\ntopics: [{{ name: orders, partitions: 2 }}, {{ name: ledger }}]\npartners:\n  \
         - {{ name: shop, secret: {{ env: SHOP }}, scope: \"orders:write\" }}\n  \
         - {{ name: bank, secret: {{ env: BANK }}, scope: \"ledger:write\" }}\nworkload:\n  \
         - {{ partner: shop, topic: orders, format: v2-json, payload: {{ template: {{ n: 1 }} }}, arrivals: {{ constant: 1/s }}, for: 1s }}\n  \
         - {{ partner: bank, topic: ledger, format: v2-json, payload: {{ template: {{ n: 1 }} }}, arrivals: {{ constant: 1/s }}, for: 1s }}\n",
        stack.produce_url(),
        stack.kafka().bootstrap,
    );
    // What the authorizer there takes is for who tries it to know.
    let profile = "version: 1\nname: taken\naccepts: { leeway: 4s }\n";
    std::fs::write(folder.join("taken.yaml"), profile).unwrap();
    let scenario = folder.join("scenario.yaml");
    std::fs::write(&scenario, text).unwrap();
    let secret = |partner| match stack.partner_auth(partner) {
        Some(PartnerAuth::Basic(secret)) => secret.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    let mut command = command(&[scenario.to_str().unwrap()]);
    command.args(arguments).arg("--out").arg(folder).env("SHOP", secret(0)).env("BANK", secret(1));
    ended(command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_key_is_tried_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = parse(DEPLOYED, Path::new("x.yaml"), &[], &|_| unreachable!("extends nothing")).unwrap();
    let stack = Stack::start(&scenario, Logs { folder: folder.path(), trace: None }).await.unwrap();
    let ended = tokio::task::block_in_place(|| try_it(&stack, folder.path(), &["--strict"]));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let conformance = result(folder.path());
    let totals = conformance.totals;
    assert!(totals.passed > 150 && totals.failed == 0 && totals.not_run > 200, "{totals:?}");
    let needs: Vec<&str> = conformance.missing.iter().map(|missing| missing.need.as_str()).collect();
    assert!(
        needs.contains(&"signer") && needs.contains(&"rotation") && !needs.contains(&"kafka"),
        "{needs:?}"
    );

    // With the key, tokens can be wrong and well signed. It is the provider's own, or it is of no use.
    let (key, _, _) = stack.idp().unwrap().current_signer();
    let pem = folder.path().join("key.pem");
    std::fs::write(&pem, key.to_pem().unwrap().expose()).unwrap();
    let arguments =
        ["--strict", "--signing-key", pem.to_str().unwrap(), "--only", "auth/2", "--only", "auth/3"];
    let ended = tokio::task::block_in_place(|| try_it(&stack, folder.path(), &arguments));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let conformance = result(folder.path());
    assert!(of(&conformance, CaseOutcome::Passed).contains(&"auth/24-issuer/other"));

    let other = landfall::jose::PrivateKey::generate(landfall::jose::KeyKind::Rsa).unwrap();
    std::fs::write(&pem, other.to_pem().unwrap().expose()).unwrap();
    let ended = tokio::task::block_in_place(|| try_it(&stack, folder.path(), &arguments));
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("is signed with another key"), "{}", ended.stderr);
}
