//! Fuzzes `properties/http_front.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/http_front.rs"]
mod property;

fuzz_target!(|input: &[u8]| property::holds(input));
