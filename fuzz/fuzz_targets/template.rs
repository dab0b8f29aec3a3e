//! Fuzzes `properties/template.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/template.rs"]
mod property;

fuzz_target!(|input: &[u8]| property::holds(input));
