//! Text from outside that would be markup, script or something else than itself.

use landfall::report::html;
use landfall::result::{
    AnswerCount, Calibration, Evidence, ExceededLimit, Excerpt, FileDigest, FileText, Finding, RunResult,
};

use crate::harness::found;

pub(crate) const TEXTS: [&str; 8] = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror=\"window.pwned = 2\">",
    "\"><svg onload='window.pwned = 3'>",
    "</style></script></title><iframe src=\"http://example.invalid/\">",
    "javascript:alert(1) &lt;b&gt; &#x3c;i&#x3e; ]]>",
    "nul \u{0} escape \u{1b}[31m delete \u{7f} next line \u{85}",
    "right \u{202e}to left\u{202c} \u{2066}isolate\u{2069} mark \u{200f} \u{61c} line \u{2028} \u{2029}",
    "{{7*7}} ${7*7} <!-- --> 日本語 عربى",
];

/// A result all of whose texts are hostile.
pub(crate) fn hostile() -> RunResult {
    let mut result = found();
    let all = TEXTS.concat();
    result.scenario.name.clone_from(&all);
    result.scenario.sets = vec![all.clone()];
    result.scenario.files = vec![FileText { path: all.clone(), text: all.clone() }];
    result.run.clone_from(&all);
    result.started.clone_from(&all);
    result.incomplete = Some(all.clone());
    result.reasons = TEXTS.map(str::to_owned).to_vec();
    result.notes = TEXTS.map(str::to_owned).to_vec();
    result.horizon.statement.clone_from(&all);
    result.answers = vec![AnswerCount {
        outcome: all.clone(),
        hop: Some(all.clone()),
        status: Some(200),
        said: Some(all.clone()),
        requests: 1,
    }];
    for check in &mut result.checks {
        check.name.clone_from(&all);
        check.seen.clone_from(&all);
        check.limit.clone_from(&all);
        check.because = Some(all.clone());
    }
    for part in result.phases.iter_mut().chain(&mut result.partners) {
        part.name.clone_from(&all);
    }
    let excerpt = || Some(Excerpt { key: Some(all.clone()), value: Some(all.clone()), value_bytes: Some(1) });
    result.findings = TEXTS
        .map(|text| Finding {
            kind: text.to_owned(),
            count: 1,
            meaning: text.to_owned(),
            examples: vec![Evidence {
                request: text.to_owned(),
                record: Some(text.to_owned()),
                answer: text.to_owned(),
                found: vec![text.to_owned()],
                detail: text.to_owned(),
                hop: Some(text.to_owned()),
                sent: excerpt(),
                landed: excerpt(),
                ..Evidence::default()
            }],
        })
        .to_vec();
    for part in &mut result.boxes {
        part.name.clone_from(&all);
        part.endpoint = Some(all.clone());
    }
    for part in &mut result.boxes {
        part.kind.clone_from(&all);
    }
    for fault in &mut result.faults {
        fault.box_name.clone_from(&all);
        fault.kind.clone_from(&all);
        fault.expected_finding = Some(all.clone());
    }
    result.scenario.payloads = vec![FileDigest { path: all.clone(), sha256: all.clone() }];
    result.scenario.hash.clone_from(&all);
    result.generator.local_error = Some(all.clone());
    result.generator.exceeded = vec![ExceededLimit { sentence: all.clone(), only_lifts: false }];
    result.generator.calibration = Some(Calibration {
        when: all.clone(),
        wakeup_p99_us: 1,
        honest_rate_per_s: 1.0,
        machine: result.machine.clone(),
    });
    result.machine.architecture.clone_from(&all);
    result.machine.processor = Some(all.clone());
    result.machine.system.clone_from(&all);
    result.versions.insert(all.clone(), all.clone());
    result
}

#[test]
fn what_is_hostile_is_shown_and_does_nothing() {
    let page = html(&hostile());
    let own = html(&found());
    // No element that the page of a harmless result has not.
    for tag in ["<script", "<style", "<img", "<iframe", "<svg onload", "<b>", "<i>", "<!--"] {
        assert_eq!(page.matches(tag).count(), own.matches(tag).count(), "{tag}");
    }
    for text in ["&lt;script&gt;window.pwned", "&lt;img src=x onerror=&quot;", "日本語 عربى"] {
        assert!(page.contains(text), "{text} must be readable");
    }
    let acts = |c: char| {
        let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'].contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c);
        c != '\n' && c != '\t' && (c.is_control() || turns)
    };
    assert_eq!(page.chars().find(|c| acts(*c)), None);
    assert!(page.contains("nul \u{fffd} escape \u{fffd}[31m"));
}
