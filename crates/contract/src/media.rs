//! The seed's two tables: which medium each channel takes, on the web and in the app;
//! and what an upload is, by its content and its name.

use serde::{Deserialize, Serialize};

use crate::limit::MAX_FILE_NAME;
use crate::{Channel, ChannelSet, ProblemCode};

/// Which version of omocast is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// WEB 網頁版: a desk.
    #[default]
    Web,
    /// APP 版: a phone.
    App,
}

impl Surface {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
        }
    }

    /// Reads [`Surface::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Web, Self::App]
            .into_iter()
            .find(|surface| surface.as_str() == text)
    }
}

/// A kind of content of a message, a row of the seed's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Plain text; every channel takes it.
    Text,
    /// The emoji button beside the text.
    Emoji,
    /// 圖片.
    Image,
    /// 影片.
    Video,
    /// 檔案.
    File,
    /// 預存回覆.
    SavedReply,
}

impl Medium {
    /// Every medium, in the order of the seed's tables.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Emoji,
        Self::Image,
        Self::Video,
        Self::File,
        Self::SavedReply,
    ];

    /// Whether broadcasts to `channel` may hold this medium when made on `surface`.
    pub fn is_supported(self, surface: Surface, channel: Channel) -> bool {
        use Channel::{Facebook, Instagram, Line, Web, Whatsapp};
        match (surface, self, channel) {
            (_, _, Web) => false,
            (
                _,
                Self::Text | Self::Image | Self::SavedReply,
                Line | Facebook | Instagram | Whatsapp,
            ) => true,
            (Surface::Web, Self::Emoji, Line | Facebook | Instagram | Whatsapp) => true,
            (Surface::App, Self::Emoji, Line | Facebook | Instagram | Whatsapp) => false,
            (_, Self::Video, Line | Facebook | Whatsapp) => true,
            (Surface::Web, Self::Video, Instagram) => false,
            (Surface::App, Self::Video, Instagram) => true,
            (_, Self::File, Line) => false,
            (_, Self::File, Facebook | Whatsapp) => true,
            (Surface::Web, Self::File, Instagram) => false,
            (Surface::App, Self::File, Instagram) => true,
        }
    }

    /// The chosen channels because of which this medium is not offered; empty if it is.
    /// A medium is offered only if every chosen channel has it.
    pub fn hidden_by(self, surface: Surface, channels: ChannelSet) -> ChannelSet {
        channels
            .iter()
            .filter(|&channel| !self.is_supported(surface, channel))
            .collect()
    }

    /// Whether this medium is offered for these channels; while none is chosen, what no channel has on this
    /// surface is not offered either, such as emoji on a phone, whose keyboard has its own.
    pub fn is_offered(self, surface: Surface, channels: ChannelSet) -> bool {
        let mut all = Channel::ALL.into_iter();
        all.any(|channel| self.is_supported(surface, channel))
            && self.hidden_by(surface, channels).is_empty()
    }

    /// Whether a 1:1 reply on `channel` may hold this medium: as a broadcast may,
    /// and on the web chat texts and images.
    pub fn is_taken_in_replies(self, surface: Surface, channel: Channel) -> bool {
        match channel {
            Channel::Web => matches!(
                self,
                Self::Text | Self::Emoji | Self::Image | Self::SavedReply
            ),
            Channel::Line | Channel::Facebook | Channel::Instagram | Channel::Whatsapp => {
                self.is_supported(surface, channel)
            }
        }
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Emoji => "emoji",
            Self::Image => "image",
            Self::Video => "video",
            Self::File => "file",
            Self::SavedReply => "saved_reply",
        }
    }

    /// Reads [`Medium::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.as_str() == text)
    }
}

/// What the rules must know of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaFacts {
    /// Which medium it is, by its content.
    pub medium: Medium,
    /// Its size.
    pub bytes: u64,
    /// Which kind of file; none for an image or a video.
    pub file_type: Option<FileType>,
}

/// A kind of file (檔案) that omocast takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A PDF document.
    Pdf,
    /// A Word document.
    Word,
    /// An Excel workbook.
    Excel,
    /// A PowerPoint presentation.
    PowerPoint,
    /// Plain text.
    Text,
    /// A table in plain text.
    Csv,
    /// A ZIP archive.
    Zip,
}

impl FileType {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Pdf,
        Self::Word,
        Self::Excel,
        Self::PowerPoint,
        Self::Text,
        Self::Csv,
        Self::Zip,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Word => "word",
            Self::Excel => "excel",
            Self::PowerPoint => "power_point",
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Zip => "zip",
        }
    }

    /// Reads [`FileType::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether `channel` takes this kind of file; whether it takes files at all is the seed's table.
    ///
    /// Sources: Instagram PDF alone (Messenger Platform, attachment upload for Instagram);
    /// WhatsApp PDF, Office and plain text (Cloud API, media: supported document types);
    /// Messenger any.
    pub fn is_taken_by(self, channel: Channel) -> bool {
        match channel {
            Channel::Facebook => true,
            Channel::Instagram => self == Self::Pdf,
            Channel::Whatsapp => match self {
                Self::Pdf | Self::Word | Self::Excel | Self::PowerPoint | Self::Text => true,
                Self::Csv | Self::Zip => false,
            },
            Channel::Line | Channel::Web => false,
        }
    }
}

/// What an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Which medium.
    pub medium: Medium,
    /// The media type that platforms and browsers are told.
    pub mime: &'static str,
    /// Which kind of file; none for an image or a video.
    pub file_type: Option<FileType>,
}

/// Bytes from the beginning of an upload that [`detect`] needs to see.
pub const DETECT_BYTES: usize = 4_096;

/// What an upload is, by its first bytes (up to [`DETECT_BYTES`]) and its name, or why it is not taken.
///
/// The content decides: a file renamed to .jpg is no image, and a program is refused whatever it is called.
/// The name is needed only where contents look alike, as those of Word and Excel do.
pub fn detect(name: &str, head: &[u8]) -> Result<Detected, ProblemCode> {
    if head.is_empty() {
        return Err(ProblemCode::UploadEmpty);
    }
    let of = |medium, mime| Detected {
        medium,
        mime,
        file_type: None,
    };
    if head.starts_with(b"\xff\xd8\xff") {
        return Ok(of(Medium::Image, "image/jpeg"));
    }
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(of(Medium::Image, "image/png"));
    }
    if is_mp4(head) {
        return Ok(of(Medium::Video, "video/mp4"));
    }
    let ending = ending(name);
    match ending.as_str() {
        "jpg" | "jpeg" | "png" | "gif" | "webp" | "heic" | "heif" | "bmp" | "avif" => {
            return Err(ProblemCode::NotAnImage);
        }
        "mp4" | "mov" | "m4v" | "avi" | "webm" | "mkv" => return Err(ProblemCode::NotAVideo),
        _ => {}
    }
    let (file_type, mime) = detect_file(&ending, head).ok_or(ProblemCode::FileTypeRefused)?;
    Ok(Detected {
        medium: Medium::File,
        mime,
        file_type: Some(file_type),
    })
}

/// An ISO base media file that is an MP4: not QuickTime (which no platform but Apple's plays),
/// not a still image or a sound in the same container.
fn is_mp4(head: &[u8]) -> bool {
    let brand = head.get(8..12);
    head.get(4..8) == Some(b"ftyp")
        && brand.is_some_and(|brand| {
            [
                b"iso", b"mp4", b"avc", b"M4V", b"MSN", b"3gp", b"dby", b"mmp",
            ]
            .iter()
            .any(|known| brand.starts_with(*known))
                || brand == b"dash"
                || brand == b"f4v "
        })
}

fn detect_file(ending: &str, head: &[u8]) -> Option<(FileType, &'static str)> {
    const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    match ending {
        "pdf" => head
            .starts_with(b"%PDF-")
            .then_some((FileType::Pdf, "application/pdf")),
        "doc" => head
            .starts_with(OLE)
            .then_some((FileType::Word, "application/msword")),
        "xls" => head
            .starts_with(OLE)
            .then_some((FileType::Excel, "application/vnd.ms-excel")),
        "ppt" => head
            .starts_with(OLE)
            .then_some((FileType::PowerPoint, "application/vnd.ms-powerpoint")),
        "docx" => is_office(head).then_some((
            FileType::Word,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        )),
        "xlsx" => is_office(head).then_some((
            FileType::Excel,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )),
        "pptx" => is_office(head).then_some((
            FileType::PowerPoint,
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        )),
        "txt" => is_plain(head).then_some((FileType::Text, "text/plain")),
        "csv" => is_plain(head).then_some((FileType::Csv, "text/csv")),
        "zip" => (first_zipped(head).is_some() || head.starts_with(b"PK\x05\x06"))
            .then_some((FileType::Zip, "application/zip")),
        _ => None,
    }
}

/// The name of the first file in a ZIP archive.
fn first_zipped(head: &[u8]) -> Option<&[u8]> {
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let length = usize::from(u16::from_le_bytes([*head.get(26)?, *head.get(27)?]));
    head.get(30..30 + length)
}

/// An Office document of today is a ZIP archive that begins with one of its own parts.
fn is_office(head: &[u8]) -> bool {
    let parts: [&[u8]; 7] = [
        b"[Content_Types].xml",
        b"_rels/",
        b"docProps/",
        b"customXml/",
        b"word/",
        b"xl/",
        b"ppt/",
    ];
    first_zipped(head).is_some_and(|first| parts.iter().any(|part| first.starts_with(part)))
}

/// Words in some encoding: nothing that only binary files have, and no script with an interpreter.
fn is_plain(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    !head.starts_with(b"#!") && (is_utf16 || !head.contains(&0))
}

/// What follows the last dot of a name, in lower case.
fn ending(name: &str) -> String {
    name.rsplit_once('.')
        .map(|(_, ending)| ending.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

/// An uploaded file's name as it is kept and shown: the last part of a path, in one line,
/// without characters that turn the direction of reading (「甲fdp.exe」), cut before its ending.
pub fn clean_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last
        .chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        })
        .collect();
    let shown = shown.trim();
    if shown.is_empty() {
        return "file".to_owned();
    }
    let length = shown.chars().count();
    if length <= MAX_FILE_NAME {
        return shown.to_owned();
    }
    let (stem, ending) = shown.rsplit_once('.').unwrap_or((shown, ""));
    let ending: String = ending.chars().take(10).collect();
    let stem: String = stem.chars().take(MAX_FILE_NAME - 11).collect();
    format!("{stem}.{ending}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Columns: LINE, Facebook, Instagram, WhatsApp.
    #[track_caller]
    fn check(surface: Surface, medium: Medium, row: [bool; 4]) {
        for (channel, expected) in Channel::ALL.into_iter().zip(row) {
            assert_eq!(
                medium.is_supported(surface, channel),
                expected,
                "{surface:?} {medium:?} {channel:?}"
            );
        }
        assert!(!medium.is_supported(surface, Channel::Web));
    }

    #[test]
    fn the_web_table_of_the_seed() {
        check(Surface::Web, Medium::Emoji, [true, true, true, true]);
        check(Surface::Web, Medium::Image, [true, true, true, true]);
        check(Surface::Web, Medium::Video, [true, true, false, true]);
        check(Surface::Web, Medium::File, [false, true, false, true]);
        check(Surface::Web, Medium::SavedReply, [true, true, true, true]);
        check(Surface::Web, Medium::Text, [true, true, true, true]);
    }

    #[test]
    fn the_app_table_of_the_seed() {
        check(Surface::App, Medium::Image, [true, true, true, true]);
        check(Surface::App, Medium::Video, [true, true, true, true]);
        check(Surface::App, Medium::File, [false, true, true, true]);
        check(Surface::App, Medium::SavedReply, [true, true, true, true]);
        check(Surface::App, Medium::Text, [true, true, true, true]);
    }

    #[test]
    fn the_app_offers_no_emoji_button() {
        check(Surface::App, Medium::Emoji, [false, false, false, false]);
        for channels in [
            ChannelSet::EMPTY,
            Channel::ALL[..1].iter().copied().collect(),
        ] {
            assert!(!Medium::Emoji.is_offered(Surface::App, channels));
            assert!(Medium::Emoji.is_offered(Surface::Web, channels));
        }
    }

    #[track_caller]
    fn check_detect(
        name: &str,
        head: &[u8],
        expected: Result<(Medium, Option<FileType>), ProblemCode>,
    ) {
        let found = detect(name, head).map(|found| (found.medium, found.file_type));
        assert_eq!(found, expected, "{name}");
    }

    fn zip(first: &str) -> Vec<u8> {
        let mut head = b"PK\x03\x04".to_vec();
        head.resize(26, 0);
        head.extend((first.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        head.extend(first.as_bytes());
        head
    }

    const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
    const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ";

    #[test]
    fn the_content_decides_what_an_upload_is() {
        check_detect("a.png", b"\xff\xd8\xff\xe0", Ok((Medium::Image, None)));
        check_detect("影片", MP4, Ok((Medium::Video, None)));
        check_detect(
            "型錄.PDF",
            b"%PDF-1.7",
            Ok((Medium::File, Some(FileType::Pdf))),
        );
        check_detect(
            "a.docx",
            &zip("[Content_Types].xml"),
            Ok((Medium::File, Some(FileType::Word))),
        );
        check_detect(
            "a.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
            Ok((Medium::File, Some(FileType::Excel))),
        );
        check_detect(
            "a.zip",
            &zip("photo.jpg"),
            Ok((Medium::File, Some(FileType::Zip))),
        );
        check_detect(
            "a.csv",
            "姓名,電話".as_bytes(),
            Ok((Medium::File, Some(FileType::Csv))),
        );
    }

    #[test]
    fn a_file_renamed_is_not_what_it_is_called() {
        check_detect("a.jpg", b"%PDF-1.7", Err(ProblemCode::NotAnImage));
        check_detect("a.jpg", b"hello", Err(ProblemCode::NotAnImage));
        check_detect("a.gif", b"GIF89a", Err(ProblemCode::NotAnImage));
        check_detect("a.mp4", b"hello", Err(ProblemCode::NotAVideo));
        check_detect("a.mov", MOV, Err(ProblemCode::NotAVideo));
        check_detect("a.pdf", b"hello", Err(ProblemCode::FileTypeRefused));
        check_detect(
            "a.docx",
            &zip("setup.exe"),
            Err(ProblemCode::FileTypeRefused),
        );
    }

    #[test]
    fn programs_are_refused_whatever_they_are_called() {
        for (name, head) in [
            ("setup.exe", &b"MZ\x90\0\x03"[..]),
            ("invoice.pdf.exe", b"MZ\x90\0\x03"),
            ("invoice.pdf", b"MZ\x90\0\x03"),
            ("notes.txt", b"MZ\x90\0\x03"),
            ("run.sh", b"#!/bin/sh\n"),
            ("run.txt", b"#!/bin/sh\n"),
            ("app.apk", b"PK\x03\x04"),
            ("page.html", b"<script>"),
            ("pdf", b"%PDF-1.7"),
        ] {
            check_detect(name, head, Err(ProblemCode::FileTypeRefused));
        }
    }

    #[test]
    fn an_empty_upload_is_refused_as_empty() {
        for name in ["a.jpg", "a.mp4", "a.pdf", "a.exe", ""] {
            check_detect(name, b"", Err(ProblemCode::UploadEmpty));
        }
    }

    /// Columns: LINE, Facebook, Instagram, WhatsApp.
    #[track_caller]
    fn check_file_type(file_type: FileType, row: [bool; 4]) {
        for (channel, expected) in Channel::ALL.into_iter().zip(row) {
            assert_eq!(
                file_type.is_taken_by(channel),
                expected,
                "{file_type:?} {channel:?}"
            );
        }
    }

    #[test]
    fn each_channel_takes_kinds_of_files_of_its_own() {
        check_file_type(FileType::Pdf, [false, true, true, true]);
        check_file_type(FileType::Word, [false, true, false, true]);
        check_file_type(FileType::Excel, [false, true, false, true]);
        check_file_type(FileType::PowerPoint, [false, true, false, true]);
        check_file_type(FileType::Text, [false, true, false, true]);
        check_file_type(FileType::Csv, [false, true, false, false]);
        check_file_type(FileType::Zip, [false, true, false, false]);
    }

    #[test]
    fn a_file_name_is_one_line_that_reads_as_it_is() {
        assert_eq!(clean_file_name("型錄 2026.pdf"), "型錄 2026.pdf");
        assert_eq!(clean_file_name("C:\\Users\\a\\型錄.pdf"), "型錄.pdf");
        assert_eq!(clean_file_name("../../etc/passwd"), "passwd");
        assert_eq!(clean_file_name("甲\u{202e}fdp.exe\r\n"), "甲fdp.exe");
        assert_eq!(clean_file_name(" \u{feff} "), "file");
        let long = clean_file_name(&format!("{}.pdf", "中".repeat(300)));
        assert!(long.ends_with("中.pdf") && long.chars().count() <= MAX_FILE_NAME);
    }

    #[test]
    fn names_read_back() {
        for medium in Medium::ALL {
            assert_eq!(Medium::parse(medium.as_str()), Some(medium));
            assert_eq!(serde_json::to_value(medium).unwrap(), medium.as_str());
        }
        for surface in [Surface::Web, Surface::App] {
            assert_eq!(Surface::parse(surface.as_str()), Some(surface));
            assert_eq!(serde_json::to_value(surface).unwrap(), surface.as_str());
        }
        for kind in FileType::ALL {
            assert_eq!(FileType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    fn channels() -> impl Strategy<Value = ChannelSet> {
        proptest::sample::subsequence(Channel::ALL.to_vec(), 0..=5)
            .prop_map(|list| list.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_medium_is_hidden_exactly_by_the_channels_that_lack_it(
            channels in channels(),
            medium in proptest::sample::select(Medium::ALL.to_vec()),
            surface in proptest::sample::select(vec![Surface::Web, Surface::App]),
        ) {
            let hidden_by = medium.hidden_by(surface, channels);
            for channel in Channel::ALL {
                let lacks = channels.contains(channel) && !medium.is_supported(surface, channel);
                prop_assert_eq!(hidden_by.contains(channel), lacks);
            }
        }

        #[test]
        fn any_name_is_cleaned_to_a_short_line(name in "(\\PC|[/\\\\.\n\u{202e}]){0,200}") {
            let clean = clean_file_name(&name);
            prop_assert!(!clean.is_empty() && clean.chars().count() <= MAX_FILE_NAME);
            let has_refused = clean.contains(['/', '\\', '\n', '\u{202e}']);
            prop_assert!(!has_refused);
            prop_assert_eq!(clean_file_name(&clean), clean);
        }

        #[test]
        fn any_content_is_read_without_a_crash(name in "[a-z.]{0,8}", head in prop::collection::vec(any::<u8>(), 0..64)) {
            let zipped: Vec<u8> = b"PK\x03\x04".iter().copied().chain(head.iter().copied()).collect();
            prop_assert!(detect(&name, &head).is_ok() || !head.starts_with(b"\xff\xd8\xff"));
            prop_assert_eq!(detect("a.exe", &zipped), Err(ProblemCode::FileTypeRefused));
        }

        #[test]
        fn choosing_one_more_channel_never_offers_more(
            channels in channels(),
            extra in proptest::sample::select(Channel::ALL.to_vec()),
            medium in proptest::sample::select(Medium::ALL.to_vec()),
        ) {
            let wider: ChannelSet = channels.iter().chain([extra]).collect();
            let was_hidden = !medium.hidden_by(Surface::Web, channels).is_empty();
            let is_hidden = !medium.hidden_by(Surface::Web, wider).is_empty();
            prop_assert!(!was_hidden || is_hidden);
        }
    }
}
