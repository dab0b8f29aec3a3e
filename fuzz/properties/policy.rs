//! What a policy decides (`landfall::doubles::gateway::policy`), whatever stands in it: as the plain reading of IAM's rules
//! has it, in any order of its statements, and never past a Deny.

use landfall::doubles::gateway::policy::{Decision, evaluate};
use landfall::wire::lambda::{Effect, OneOrMany, PolicyDocument, Statement};

/// An input is the ARN of a method, and behind the first line break a policy.
pub(crate) fn holds(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let Some((arn, policy)) = input.split_once('\n') else { return };
    let Ok(policy) = serde_json::from_str::<PolicyDocument>(policy) else { return };
    let statements = policy.statement.as_slice();
    let decision = evaluate(&policy, arn);
    assert_eq!(decision, expected(statements, arn), "not what IAM's rules say");

    let reversed = statements.iter().rev().cloned().collect();
    assert_eq!(evaluate(&of(reversed), arn), decision, "the order of statements matters");

    let denied = [statements, &[deny_all()]].concat();
    assert_eq!(evaluate(&of(denied), arn), Decision::ExplicitDeny, "a Deny over everything does not deny");
}

fn of(statements: Vec<Statement>) -> PolicyDocument {
    PolicyDocument { version: None, statement: OneOrMany::Many(statements) }
}

fn deny_all() -> Statement {
    Statement {
        effect: Effect::Deny,
        action: OneOrMany::One("execute-api:Invoke".into()),
        resource: OneOrMany::One("*".into()),
        condition: None,
    }
}

/// The decision, by the shortest way to write the rules down.
fn expected(statements: &[Statement], arn: &str) -> Decision {
    let applies = |statement: &&Statement| {
        let invokes = |pattern: &String| fits(&pattern.to_ascii_lowercase(), "execute-api:invoke");
        statement.action.as_slice().iter().any(invokes)
            && statement.resource.as_slice().iter().any(|pattern| fits(pattern, arn))
    };
    let applying: Vec<&Statement> = statements.iter().filter(applies).collect();
    if applying.iter().any(|statement| statement.effect == Effect::Deny) {
        return Decision::ExplicitDeny;
    }
    let allows = applying.iter().any(|statement| statement.condition.is_none());
    if allows { Decision::Allow } else { Decision::ImplicitDeny }
}

/// Whether a text fits a pattern: all places of the text that the pattern's beginning may reach, character by character.
fn fits(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        if sign == '*' {
            let first = reached.iter().position(|reached| *reached).unwrap_or(next.len());
            next[first..].fill(true);
        } else {
            for (at, character) in text.iter().enumerate() {
                next[at + 1] = reached[at] && (sign == '?' || sign == *character);
            }
        }
        reached = next;
    }
    reached[text.len()]
}
