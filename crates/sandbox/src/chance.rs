//! Chance that can be repeated: it depends on what it is drawn for, and on nothing else.

/// Draws a number for what it is told.
#[derive(Clone, Copy)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325 ^ mixed(seed))
    }

    /// FNV-1a, with an end that no text has.
    pub(crate) fn with(self, text: &str) -> Self {
        Self(text.bytes().chain([0xff]).fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// Of 0..1.
    pub(crate) fn share(self) -> f64 {
        (mixed(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// SplitMix64's: without it, texts that differ at their ends would draw nearly the same.
fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_what_it_is_for_alone() {
        let draw = |seed, text: &str| Draw::new(seed).with(text).share().to_bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn draws_are_even() {
        let below = (0..10_000).filter(|number| {
            Draw::new(7)
                .with("account")
                .with(&format!("{number}"))
                .share()
                < 0.3
        });
        let below = below.count();
        assert!((2_800..3_200).contains(&below), "{below} of 10000");
    }
}
