//! Whether records of one key stand in the order in which their requests were sent.

use super::account::{Account, Sending};
use super::answered::{Receipt, receipts};
use crate::conform::rest::evaluate::Mismatch;

/// In what requests that were sent one after another did not land so.
pub(super) fn rising(account: &Account) -> Vec<Mismatch> {
    let ends = |sending: &Sending| {
        let told = sending.came.answer().map(receipts).unwrap_or_default();
        let position = |receipt: &Receipt| match receipt {
            Receipt::At(partition, offset) => Some((*partition, *offset)),
            Receipt::Refused(_) => None,
        };
        Some((told.first().and_then(position)?, told.last().and_then(position)?))
    };
    let mut found = Vec::new();
    for pair in account.sendings.windows(2) {
        // What was not answered so is told already.
        let (Some((_, before)), Some((after, _))) = (ends(&pair[0]), ends(&pair[1])) else { continue };
        if before.0 != after.0 || before.1 >= after.1 {
            let told = |(partition, offset)| format!("{partition}:{offset}");
            found.push(Mismatch::new(
                "order",
                format!("{}: behind {}, where {} stands", pair[1].what, told(before), pair[0].what),
                told(after),
            ));
        }
    }
    found
}
