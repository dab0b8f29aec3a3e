//! What must not be shown is not, whatever the path has made of it.

use super::*;
use serde_json::json;

fn quotes(bytes: usize, redact: &[&str]) -> Quotes {
    Quotes { examples: 5, bytes, redact: redact.iter().map(|text| (*text).to_owned()).collect() }
}

fn content(key: Option<&str>, value: &[u8]) -> Content {
    let key = key.map(|key| key.as_bytes().to_vec());
    Content { key, value: Some(value.to_vec()), headers: Vec::new(), timestamp_ms: None }
}

const SENT: &str = r#"{"customer":{"iban":"DE00 1234","name":"x"},"list":[1,2222],"Password":"hunter2"}"#;
const HIDDEN: [&str; 3] = ["DE00", "2222", "hunter2"];

fn hiding() -> Quotes {
    quotes(500, &["/customer/iban", "/list/1"])
}

#[test]
fn excerpts_are_short_and_printable() {
    let all = quotes(20, &[]);
    let shown = |value: &[u8]| {
        let content = content(Some("k"), value);
        all.view(&content).of_content(&content).value.unwrap()
    };
    assert_eq!(shown(br#"{"a":"b"}"#), r#"{"a":"b"}"#);
    assert_eq!(shown(b"\x00\xff\n\"x"), r#"\x00\xff\n"x"#);
    assert_eq!(shown(&[b'x'; 21]), format!("{}…", "x".repeat(20)));
    let nothing = Content { value: None, ..content(Some("k"), b"") };
    let excerpt = all.view(&nothing).of_content(&nothing);
    assert_eq!((excerpt.key.as_deref(), excerpt.value, excerpt.value_bytes), (Some("k"), None, None));
}

#[test]
fn what_was_sent_is_shown_without_what_must_not_be() {
    let (hiding, sent) = (hiding(), content(Some("DE00 1234"), SENT.as_bytes()));
    let excerpt = hiding.view(&sent).of_content(&sent);
    assert_eq!(
        excerpt.value.unwrap(),
        r#"{"customer":{"iban":"[redacted]","name":"x"},"list":[1,"[redacted]"],"Password":"[redacted]"}"#
    );
    assert_eq!(excerpt.key.unwrap(), REDACTED);
}

#[test]
fn whatever_the_path_makes_of_it_nothing_hidden_is_shown() {
    let (hiding, sent) = (hiding(), content(None, SENT.as_bytes()));
    let view = hiding.view(&sent);
    let twice = json!(SENT).to_string();
    let wrapped = json!({"payload": serde_json::from_str::<Value>(SENT).unwrap()}).to_string();
    let renamed = SENT.replace("iban", "Iban");
    let landings = [&SENT[..40], &SENT[1..], &twice, &wrapped, &renamed, "DE00 1234", "[\"hunter2\"]"];
    for landing in landings {
        let landed = view.value(landing.as_bytes(), false);
        let differing = view.raw(landing.as_bytes());
        assert!(HIDDEN.iter().all(|text| !landed.contains(text) && !differing.contains(text)), "{landed}");
    }
    // What is only changed elsewhere is shown.
    let other = SENT.replace("\"x\"", "\"y\"");
    assert!(view.value(other.as_bytes(), false).contains(r#""name":"y""#));
}

#[test]
fn both_sides_of_a_difference_hide_it() {
    let (hiding, sent) = (hiding(), content(None, SENT.as_bytes()));
    let view = hiding.view(&sent);
    let (iban, other) = (json!("DE00 1234"), json!("DE00 1235"));
    for pointer in ["/customer/iban", "/customer/iban/0", "/token/value", "/a/Password/0"] {
        let sides = view.sides(pointer, Some(&iban), Some(&other));
        assert_eq!(sides, (REDACTED.to_owned(), REDACTED.to_owned()), "{pointer}");
    }
    let whole: Value = serde_json::from_str(SENT).unwrap();
    let (mine, theirs) = view.sides("", Some(&whole), Some(&json!(SENT)));
    assert!(HIDDEN.iter().all(|text| !mine.contains(text)) && theirs == REDACTED, "{mine} {theirs}");
    assert_eq!(view.sides("/extra", None, Some(&whole)), ("nothing".into(), REDACTED.to_owned()));
    // A hidden text in another place than its own.
    assert_eq!(
        view.sides("/customer/name", Some(&json!("x")), Some(&iban)),
        ("`\"x\"`".into(), format!("`\"{REDACTED}\"`"))
    );
    assert_eq!(view.sides("/list/0", Some(&json!(1)), Some(&json!(3))), ("`1`".into(), "`3`".into()));
}

#[test]
fn secrets_have_their_names_in_any_format() {
    let plain = quotes(500, &[]);
    for value in [r#"{"token":"t0p"}"#, r#"landfall:r.0.1.x {"token":"t0p"}"#, r#"{"token":"t0p"#] {
        let sent = content(None, value.as_bytes());
        let view = plain.view(&sent);
        assert!(!view.value(value.as_bytes(), true).contains("t0p"), "{value}");
        assert!(!view.raw(value.as_bytes()).contains("t0p"), "{value}");
    }
    let kept = "{ \"b\": 1.10 }";
    let sent = content(None, kept.as_bytes());
    assert_eq!(plain.view(&sent).value(kept.as_bytes(), true), kept);
}

#[test]
fn answers_that_may_repeat_it_are_not_quoted() {
    let says = |quotes: &Quotes, text: &str| quotes.note(&Note::from(text)).map(str::to_owned);
    let plain = quotes(500, &[]);
    assert_eq!(
        says(&plain, "The incoming token has expired").as_deref(),
        Some("The incoming token has expired")
    );
    assert_eq!(says(&plain, r#"400 cannot read {"password":"hunter2"}"#), None);
    assert_eq!(says(&hiding(), "anything"), None);
}
