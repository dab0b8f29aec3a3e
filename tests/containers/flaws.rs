//! What must not come up: proxies with a wrong password, or before certificates that nobody should trust.

use crate::alone::{beside_others, end, quickstart_with, shipped};

#[test]
fn proxies_that_should_trust_nobody_do_not_come_up() {
    let Some(_right) = beside_others() else { return };
    for (flaw, words) in [
        ("wrong-password", &["authentication"][..]),
        ("expired-certificate", &["certificate", "expired"]),
        ("wrong-host-name", &["certificate", "name"]),
        ("unknown-authority", &["certificate"]),
    ] {
        let ended = end(shipped(&format!("{flaw}.yaml")).set("stack.proxy.start_within=30s"));
        assert_eq!((ended.code, ended.result.is_none()), (Some(3), true), "{flaw}: {}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap_or_default().to_lowercase();
        assert!(line.contains("proxy-1"), "{flaw}: {line}");
        for word in words {
            assert!(line.contains(word), "{flaw}: {word} is not in {line}");
        }
    }
}

#[test]
fn proxies_that_notice_nothing_fail() {
    let Some(_right) = beside_others() else { return };
    let ended = end(quickstart_with("unwary.yaml").set("stack.kafka.flaw=expired-certificate"));
    assert_eq!((ended.code, ended.result.is_none()), (Some(1), true), "{}", ended.stderr);
    assert!(ended.stderr.contains("although `kafka.flaw: expired-certificate`"), "{}", ended.stderr);
}
