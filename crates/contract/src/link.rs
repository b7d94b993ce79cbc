//! Links in texts, and whether they lead to an official site of the brand (導購連結).

use serde::{Deserialize, Serialize};

use crate::OutgoingMessage;

/// A link in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The byte at which it begins.
    pub start: usize,
    /// The byte after its end.
    pub end: usize,
    /// The link as it was typed.
    pub url: &'a str,
    /// Where it leads, in lower case.
    pub host: String,
}

/// Whose site a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// 官網: a domain that the team has named as its own.
    Official,
    /// 非官網.
    Other,
}

/// How many links a message, or all of them, hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkCount {
    /// Links to official sites.
    pub official: u32,
    /// Other links.
    pub other: u32,
}

/// Endings of domains that are taken for a link without `https://` or `www.` before them,
/// as the customers' apps do; the shops of this market and the link shorteners they use.
const BARE_ENDINGS: [&str; 24] = [
    "com", "net", "org", "tw", "hk", "mo", "cn", "sg", "my", "jp", "kr", "io", "co", "me", "cc",
    "ly", "ee", "gl", "shop", "store", "app", "link", "page", "site",
];

/// The links of `text` in their order.
///
/// A link is `https://…` or `http://…`, `www.…`, or a bare domain with a common ending.
/// It ends before white space, quotes and CJK punctuation; what closes a sentence is not part of it.
pub fn find_links(text: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let found = if is_boundary(text, at) {
            link_at(rest)
        } else {
            None
        };
        if let Some((length, host)) = found {
            let end = at + length;
            links.push(Link {
                start: at,
                end,
                url: &text[at..end],
                host,
            });
            at = end;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    links
}

/// Whether a link may begin at this byte: not within a word, a path or an e-mail address.
fn is_boundary(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_none_or(|before| {
        !(before.is_ascii_alphanumeric() || matches!(before, '@' | '.' | '-' | '_' | '/'))
    })
}

/// The length and the host of the link that `text` begins with.
fn link_at(text: &str) -> Option<(usize, String)> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| starts_with_ignoring_case(text, scheme));
    let (from, host) = match scheme {
        Some(scheme) => {
            let (length, host) = authority(&text[scheme.len()..])?;
            (scheme.len() + length, host)
        }
        None => {
            let host = ascii_host(text);
            let after = text[host.len()..].chars().next();
            // An e-mail address, or the beginning of a longer word.
            if matches!(after, Some('@' | '_')) || !is_domain(host) {
                return None;
            }
            let is_bare = host.rsplit('.').next().is_some_and(|ending| {
                BARE_ENDINGS
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(ending))
            });
            if !(is_bare || starts_with_ignoring_case(host, "www.")) {
                return None;
            }
            (host.len(), host)
        }
    };
    let length = from + tail(&text[from..]);
    Some((length, host.to_lowercase()))
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// Letters, digits, dots and hyphens at the beginning, without a dot or hyphen at the end.
fn ascii_host(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

/// Whether `host` is labels between dots, the last of them of letters.
fn is_domain(host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && labels.last().is_some_and(|ending| {
            ending.len() > 1 && ending.chars().all(|c| c.is_alphabetic() || c == '-')
                || ending.starts_with("xn--")
        })
}

/// The length of what stands before the path of an `https://` link, and the host in it.
/// A host before an `@` is no host: the name of a user may look like a brand's domain.
fn authority(text: &str) -> Option<(usize, &str)> {
    let user = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-._~:%!$&'*+,;=".contains(c)))
        .filter(|&end| text[end..].starts_with('@'))
        .map_or(0, |end| end + 1);
    let rest = &text[user..];
    let ascii = ascii_host(rest);
    let is_address =
        ascii.split('.').count() == 4 && ascii.split('.').all(|part| part.parse::<u8>().is_ok());
    let host = if is_domain(ascii) || is_address {
        // Words may follow without a space: 「https://example.com謝謝」.
        ascii
    } else {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
            .unwrap_or(rest.len());
        rest[..end].trim_end_matches(['.', '-'])
    };
    if !is_domain(host) && !is_address {
        return None;
    }
    let mut length = user + host.len();
    if let Some(port) = text[length..].strip_prefix(':') {
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            length += 1 + digits;
        }
    }
    Some((length, host))
}

/// The length of the path, query and fragment at the beginning of `text`.
fn tail(text: &str) -> usize {
    if !text.starts_with(['/', '?', '#']) {
        return 0;
    }
    let end = text.find(ends_link).unwrap_or(text.len());
    let mut tail = &text[..end];
    while let Some(last) = tail.chars().next_back() {
        let opening = match last {
            ')' => Some('('),
            ']' => Some('['),
            '.' | ',' | '!' | '?' | ':' | ';' | '\'' | '*' | '~' => None,
            _ => break,
        };
        // A closing bracket belongs to the link if the link opened it.
        if opening
            .is_some_and(|opening| tail.matches(opening).count() >= tail.matches(last).count())
        {
            break;
        }
        tail = &tail[..tail.len() - last.len_utf8()];
    }
    tail.len()
}

/// Whether a link ends before this character: white space, quotes, brackets of markup,
/// or the punctuation of Chinese and Japanese.
fn ends_link(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^')
        || matches!(c, '\u{2013}'..='\u{2026}' | '\u{3000}'..='\u{303f}' | '\u{fe10}'..='\u{fe4f}')
        || matches!(c, '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
        || matches!(c, '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}')
}

/// Whether `host` is one of the official domains or lies under one, in any case.
/// A punycode name is compared as it was typed.
pub fn kind(host: &str, official_domains: &[String]) -> LinkKind {
    let host = host.trim_end_matches('.').to_lowercase();
    let is_official = official_domains.iter().any(|domain| {
        let domain = domain.trim().trim_matches('.').to_lowercase();
        !domain.is_empty()
            && host
                .strip_suffix(&domain)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    if is_official {
        LinkKind::Official
    } else {
        LinkKind::Other
    }
}

/// The links that one recipient of `messages` gets, captions included; each counts as often as it stands there.
pub fn count_links(messages: &[OutgoingMessage], official_domains: &[String]) -> LinkCount {
    let words = messages.iter().filter_map(OutgoingMessage::words);
    count_links_in(words, official_domains)
}

/// The links in all of `texts`; each counts as often as it stands there.
pub fn count_links_in<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    official_domains: &[String],
) -> LinkCount {
    let mut count = LinkCount::default();
    for link in texts.into_iter().flat_map(find_links) {
        match kind(&link.host, official_domains) {
            LinkKind::Official => count.official += 1,
            LinkKind::Other => count.other += 1,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::MediaId;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let links = find_links(text);
        let found: Vec<_> = links
            .iter()
            .map(|link| (link.url, link.host.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_link_ends_where_the_sentence_does() {
        check(
            "看 https://shop.tw/a?b=1#c。謝謝",
            &[("https://shop.tw/a?b=1#c", "shop.tw")],
        );
        check("(https://shop.tw/a).", &[("https://shop.tw/a", "shop.tw")]);
        check(
            "https://shop.tw/a_(b)！",
            &[("https://shop.tw/a_(b)", "shop.tw")],
        );
        check("「https://shop.tw」", &[("https://shop.tw", "shop.tw")]);
        check("https://shop.tw, 好", &[("https://shop.tw", "shop.tw")]);
        check("https://shop.tw謝謝", &[("https://shop.tw", "shop.tw")]);
    }

    #[test]
    fn chinese_in_a_path_or_a_host_belongs_to_the_link() {
        check(
            "https://shop.tw/商品/外套，快來",
            &[("https://shop.tw/商品/外套", "shop.tw")],
        );
        check("https://例子.tw/a", &[("https://例子.tw/a", "例子.tw")]);
    }

    #[test]
    fn a_link_needs_no_scheme_where_the_apps_need_none() {
        check(
            "請看www.Example.com.tw/a謝謝",
            &[("www.Example.com.tw/a謝謝", "www.example.com.tw")],
        );
        check("lin.ee/abc", &[("lin.ee/abc", "lin.ee")]);
        check("REURL.CC/x", &[("REURL.CC/x", "reurl.cc")]);
    }

    #[test]
    fn what_only_looks_like_a_link_is_none() {
        for text in [
            "mail@shop.tw",
            "first.last@shop.tw",
            "1.5 折",
            "e.g. this",
            "https://",
            "http:// shop",
            "https://localhost/a",
            "好..tw",
            "檔案.pdf file.pdf",
            "shop.tw_old",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn the_host_is_what_comes_after_the_user() {
        check(
            "https://brand.com@evil.io/a",
            &[("https://brand.com@evil.io/a", "evil.io")],
        );
        check(
            "HTTPS://Brand.com:8443/a",
            &[("HTTPS://Brand.com:8443/a", "brand.com")],
        );
        check("http://127.0.0.1/a", &[("http://127.0.0.1/a", "127.0.0.1")]);
    }

    #[test]
    fn subdomains_are_official_and_lookalikes_are_not() {
        let official = ["Brand.com.tw".to_owned(), "xn--brand-x.tw".to_owned()];
        for host in [
            "brand.com.tw",
            "SHOP.brand.com.tw",
            "brand.com.tw.",
            "xn--brand-x.tw",
        ] {
            assert_eq!(kind(host, &official), LinkKind::Official, "{host}");
        }
        for host in [
            "mybrand.com.tw",
            "brand.com.tw.evil.io",
            "com.tw",
            "evil.io",
            "",
        ] {
            assert_eq!(kind(host, &official), LinkKind::Other, "{host}");
        }
        assert_eq!(kind("brand.com.tw", &[String::new()]), LinkKind::Other);
    }

    #[test]
    fn every_link_counts_also_in_captions_and_twice_if_it_stands_there_twice() {
        let messages = [
            OutgoingMessage::Text {
                text: "https://brand.tw https://brand.tw https://evil.io".to_owned(),
            },
            OutgoingMessage::Image {
                media: MediaId(Uuid::nil()),
                caption: Some("https://m.brand.tw/x".to_owned()),
            },
        ];
        assert_eq!(
            count_links(&messages, &["brand.tw".to_owned()]),
            LinkCount {
                official: 3,
                other: 1
            }
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_links_follow_one_another(text in "(\\PC|https://|www\\.|\\.com|\\.tw/|[。，）@]){0,40}") {
            let mut at = 0;
            for link in find_links(&text) {
                prop_assert!(link.start >= at && link.end > link.start);
                prop_assert_eq!(&text[link.start..link.end], link.url);
                prop_assert!(!link.url.chars().any(char::is_whitespace));
                at = link.end;
            }
        }

        #[test]
        fn a_link_between_words_is_found_whole(path in "[a-z0-9/]{0,12}[a-z0-9]", before in "[中文 「（]{0,4}", after in "([。，」 ！）][中文]{0,4})?") {
            let url = format!("https://shop.example.com/{path}");
            let text = format!("{before}{url}{after}");
            let links = find_links(&text);
            prop_assert_eq!(links.len(), 1);
            prop_assert_eq!(links[0].url, url.as_str());
        }
    }
}
