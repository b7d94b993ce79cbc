//! Ids of drafts, made in the browser: a draft is kept under its id before the server knows of it.

use omocast_contract::DraftId;

/// A new id: UUIDv7, so that drafts sort by when they were begun.
pub fn new_id() -> DraftId {
    let random = || (js_sys::Math::random() * 4_294_967_296.0) as u32;
    uuid_v7(js_sys::Date::now() as u64, [random(), random(), random()])
        .parse()
        .expect("thirty-two hexadecimal digits in five groups are a UUID")
}

fn uuid_v7(at: u64, [a, b, c]: [u32; 3]) -> String {
    format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:04x}{:08x}",
        (at >> 16) & 0xffff_ffff,
        at & 0xffff,
        a & 0xfff,
        0x8000 | (a >> 16) & 0x3fff,
        b & 0xffff,
        c
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_the_seventh_kind() {
        let id = uuid_v7(1_795_000_000_000, [u32::MAX, 7, u32::MAX]);
        let parsed: DraftId = id.parse().unwrap();
        assert_eq!((parsed.0.get_version_num(), parsed.to_string()), (7, id));
        let later: DraftId = uuid_v7(1_795_000_000_001, [0, 0, 0]).parse().unwrap();
        assert!(parsed < later);
    }
}
