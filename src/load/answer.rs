//! An HTTP answer in the ledger's words.

use crate::ledger::answers::classify;
use crate::record::{Hop, Note, RecordAnswer};
use crate::secret::{REDACTED, Secret};
use crate::wire::http1::ID_HEADERS;
use crate::wire::produce::{ErrorEntity, ProduceFormat};

/// Longest note about an answer, in characters.
const NOTE: usize = 160;
/// What is shorter is no secret: a token or a key has more bytes, and a header `X-Source: eu` must not hide all of them.
const SHORTEST_SECRET: usize = 8;
/// Longest id of a request, in characters.
const ID: usize = 128;

/// What API Gateway says of an answer in its header.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks<'a> {
    /// `x-amzn-ErrorType`: the answer is the gateway's own.
    pub(super) error_type: Option<&'a str>,
    /// By which its logs and traces know the request, in the order of [`ID_HEADERS`].
    pub(super) ids: [Option<&'a str>; ID_HEADERS.len()],
}

/// What was sent that must not be told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Untold<'a> {
    pub(super) token: Option<&'a Secret>,
    /// The partner's own headers.
    pub(super) headers: &'a [(String, Secret)],
}

/// What an HTTP answer says of each of `records` records, into `answers`, one each. Returns how many
/// were acked and refused, and a note on what was said where that is not a plain ack.
pub(super) fn read_answer(
    status: u16,
    marks: Marks<'_>,
    body: &[u8],
    records: u32,
    format: ProduceFormat,
    untold: Untold<'_>,
    answers: &mut Vec<RecordAnswer>,
) -> (u64, u64, Option<Note>) {
    let has_items = classify(status, marks.error_type, body, records, format, answers);
    let count =
        |which: fn(RecordAnswer) -> bool| answers.iter().filter(|answer| which(**answer)).count() as u64;
    let acked = count(RecordAnswer::is_acked);
    let refused = count(|answer| answer == RecordAnswer::Refused);
    if acked == u64::from(records) {
        return (acked, refused, None);
    }
    (acked, refused, note(marks, has_items, body, untold))
}

/// The gist of an error: its code and message. Some gateways echo the token in the message; it is taken out. A gateway
/// marks its own errors, and a proxy's have a code.
fn note(marks: Marks<'_>, has_items: bool, body: &[u8], untold: Untold<'_>) -> Option<Note> {
    let Marks { error_type, ids } = marks;
    let entity = serde_json::from_slice::<ErrorEntity>(body).ok();
    let by = match (error_type, has_items || entity.is_some()) {
        (Some(_), _) => Some(Hop::Gateway),
        (None, true) => Some(Hop::Proxy),
        (None, false) => None,
    };
    let text = match entity {
        Some(error) => format!("{} {}", error.error_code, error.message),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    let secrets = untold.token.into_iter().chain(untold.headers.iter().map(|(_, value)| value));
    let long = secrets.filter(|secret| secret.expose().len() >= SHORTEST_SECRET);
    let is_told = |id: &str| !long.clone().any(|secret| id.contains(secret.expose()));
    let text = long.clone().fold(text, |text, secret| text.replace(secret.expose(), REDACTED));
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NOTE).collect();
    let text = text.trim();
    let text = match (error_type, text.is_empty()) {
        (None, true) => return None,
        (None, false) => text.to_owned(),
        (Some(kind), true) => kind.to_owned(),
        (Some(kind), false) => format!("{kind}: {text}"),
    };
    // What is no id is not repeated: it comes from outside.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_=+/;:".contains(&b);
    let is_id = |id: &&str| id.len() <= ID && id.bytes().all(fits) && is_told(id);
    let ids = ID_HEADERS.into_iter().zip(ids);
    Some(Note { by, text }.of_request(ids.filter_map(|(name, id)| Some((name, id.filter(is_id)?)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        status: u16,
        error_type: Option<&str>,
        body: &[u8],
        records: u32,
    ) -> (Vec<RecordAnswer>, Option<Note>) {
        let token = Secret::new("eyJ.secret.sig");
        let headers = [("x-api-key".to_owned(), Secret::new("k3y-of-the-shop"))];
        let sent = Untold { token: Some(&token), headers: &headers };
        let marks = Marks { error_type, ..Marks::default() };
        let mut answers = Vec::new();
        let (_, _, note) =
            read_answer(status, marks, body, records, ProduceFormat::V2Json, sent, &mut answers);
        (answers, note)
    }

    #[test]
    fn notes_hold_no_token_and_no_control_characters() {
        let body =
            br#"{"message":"'eyJ.secret.sig' not a valid key=value pair\n in 'Bearer eyJ.secret.sig'."}"#;
        let (answers, note) = read(403, Some("IncompleteSignatureException"), body, 2);
        assert_eq!(answers, [RecordAnswer::Refused; 2]);
        let Note { by, text: note } = note.unwrap();
        assert_eq!(by, Some(Hop::Gateway));
        assert!(note.starts_with("IncompleteSignatureException: ") && !note.contains("secret"), "{note}");
        assert!(!note.contains('\u{0}'));
    }

    #[test]
    fn notes_hold_no_key_that_a_partner_sent() {
        let (_, note) =
            read(403, Some("ForbiddenException"), br#"{"message":"no such key k3y-of-the-shop"}"#, 1);
        let note = note.unwrap().text;
        assert!(note.contains("no such key [redacted]") && !note.contains("k3y"), "{note}");
    }

    #[test]
    fn a_note_has_the_request_s_id_if_it_is_one() {
        let (token, long) = (Secret::new("0paque-t0ken"), "a".repeat(129));
        let of = |ids| {
            let marks = Marks { error_type: Some("UnauthorizedException"), ids };
            let (format, sent) = (ProduceFormat::V2Json, Untold { token: Some(&token), headers: &[] });
            read_answer(401, marks, b"", 1, format, sent, &mut Vec::new()).2.unwrap().text
        };
        let note = |id| of([Some(id), None, None]);
        assert_eq!(note("0f3c-1"), "UnauthorizedException [x-amzn-RequestId 0f3c-1]");
        assert_eq!(note("<script>"), "UnauthorizedException");
        assert_eq!(note("0paque-t0ken"), "UnauthorizedException");
        assert_eq!(note(&long), "UnauthorizedException");
        assert_eq!(of([None, None, Some("Root=1")]), "UnauthorizedException [X-Amzn-Trace-Id Root=1]");
        assert_eq!(
            of([Some("0f3c-1"), Some("YkJ_=/+"), Some("Root=1-65400001-00;Sampled=0")]),
            "UnauthorizedException [x-amzn-RequestId 0f3c-1, x-amz-apigw-id YkJ_=/+, X-Amzn-Trace-Id Root=1-65400001-00;Sampled=0]"
        );
    }

    #[test]
    fn an_ack_needs_no_note() {
        let body = br#"{"offsets":[{"partition":0,"offset":1}]}"#;
        assert_eq!(read(200, None, body, 1).1, None);
        assert_eq!(read(500, None, b"", 1).1, None);
        let entity = br#"{"error_code":50003,"message":"down"}"#;
        assert_eq!(
            read(500, None, entity, 1).1,
            Some(Note { by: Some(Hop::Proxy), text: "50003 down".into() })
        );
        let item = br#"{"offsets":[{"partition":null,"offset":null,"error_code":50002,"error":"x"}]}"#;
        assert_eq!(read(200, None, item, 1).1.and_then(|note| note.by), Some(Hop::Proxy));
        assert_eq!(read(503, None, b"<html>", 1).1.map(|note| note.by), Some(None));
    }
}
