//! Checks what is no signature: the first line is the header, the rest what it is said to sign.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omocast_server::webhooks::fuzzing::is_signed;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (header, body) = data.split_at(end.unwrap_or(data.len()));
    is_signed("Jefe", header, body.get(1..).unwrap_or_default());
});
