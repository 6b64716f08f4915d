//! The character classes of HTTP's header fields and of the W3C specifications. They take bytes, because input need not
//! be UTF-8.

/// Returns `true` for optional white space (space and tab), which may surround a value and is not part of it.
fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Returns `bytes` without the white space at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let Some(start) = bytes.iter().position(|&byte| !is_ows(byte)) else { return &[] };
    let end = bytes.iter().rposition(|&byte| !is_ows(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// Splits at the first `separator`, which is ASCII. Headers are so short that the search of `str::split_once` costs more.
pub(super) fn split_once(text: &str, separator: u8) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Returns `true` for a token: the name of a header, or the key of a baggage member or property.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| CLASSES[usize::from(byte)] & TOKEN != 0)
}

/// Returns `true` for printable ASCII, the characters of a plain header's value.
pub(super) fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Returns `true` for a character that is accepted in a baggage value: printable ASCII without space, double quote, comma
/// and semicolon.
///
/// The specification's grammar excludes the backslash too, but some senders do not encode it, and it separates nothing, so
/// it stands for itself, as a `%` does that begins no escape. It is never written: see `ENCODED`.
pub(super) fn is_baggage_octet(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & BAGGAGE_OCTET != 0
}

const TOKEN: u8 = 1;
const BAGGAGE_OCTET: u8 = 2;

/// The classes of each byte, looked up because every byte of every header is asked for them.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        let is_token = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        let is_baggage_octet = !matches!(byte, b'"' | b',' | b';');
        classes[byte as usize] =
            (TOKEN * is_token as u8) | (BAGGAGE_OCTET * is_baggage_octet as u8);
        byte += 1;
    }
    classes
};
