//! What evidence of findings shows: `evidence: { examples: 5, bytes: 200B, redact: [/customer/iban] }`.

use super::decode::Item;
use super::error::Problems;
use super::model::EvidenceSpec;
use super::workload::read_pointer;

/// Reads what evidence shows.
pub(super) fn read_evidence(item: &Item<'_>, problems: &mut Problems) -> EvidenceSpec {
    let plain = EvidenceSpec::default();
    let Some(mut fields) = item.fields(problems) else { return plain };
    let examples = fields.optional("examples").and_then(|item| item.integer(&(1..=1000), problems));
    let bytes = fields.optional("bytes").and_then(|item| item.size(&(0..=1 << 20), problems));
    let redact = fields.optional("redact").and_then(|item| item.list(problems)).unwrap_or_default();
    let redact = redact.iter().filter_map(|item| read_pointer(item, problems)).collect();
    fields.finish(&[], problems);
    EvidenceSpec {
        examples: examples.unwrap_or(plain.examples),
        bytes: bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(plain.bytes),
        redact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn evidence(text: &str) -> Result<EvidenceSpec, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n{text}"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.evidence)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_shown_can_be_said() {
        assert_eq!(evidence(""), Ok(EvidenceSpec::default()));
        let spec = evidence("evidence: { examples: 20, bytes: 1KiB, redact: [/a/b, /c] }\n").unwrap();
        assert_eq!((spec.examples, spec.bytes, spec.redact), (20, 1024, vec!["/a/b".into(), "/c".into()]));
        for bad in ["examples: 0", "bytes: 2MiB", "bytes: 5", "redact: [a]", "redact: x", "example: 3"] {
            let error = evidence(&format!("evidence: {{ {bad} }}\n")).unwrap_err();
            assert!(error.contains("evidence.") && error.lines().count() == 1, "{error}");
        }
    }
}
