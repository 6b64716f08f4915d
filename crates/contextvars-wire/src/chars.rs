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

/// Returns `true` for a character of a token.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns `true` for a token: the name of a header, or the key of a baggage member or property.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_tchar(byte))
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
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';')
}

/// Returns the bytes as text if all of them are ASCII.
pub(super) fn ascii(bytes: &[u8]) -> Option<&str> {
    if bytes.is_ascii() { std::str::from_utf8(bytes).ok() } else { None }
}
