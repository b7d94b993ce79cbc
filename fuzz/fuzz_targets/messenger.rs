//! Reads what is no webhook of Facebook or Instagram.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omocast_contract::Channel;
use omocast_server::webhooks::fuzzing::is_readable;

fuzz_target!(|body: &[u8]| {
    is_readable(Channel::Facebook, body);
});
