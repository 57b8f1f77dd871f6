//! Which bytes a text may hold at all, and what they mean in it.

/// Whether a text holds only what is read here: no control bytes but tabs and line feeds, no characters that YAML does
/// not allow, no byte order mark.
pub(super) fn are_common(bytes: &[u8]) -> bool {
    let (mut wrong, mut all) = (0, 0);
    for byte in bytes {
        let control = (*byte < b' ') & (*byte != b'\n') & (*byte != b'\t');
        wrong |= u8::from(control | (*byte == 0x7f));
        all |= byte;
    }
    wrong == 0 && (all < 0x80 || are_common_characters(bytes))
}

/// Whether the characters of more than one byte are none of U+0080 to U+009F, U+FEFF, U+FFFE and U+FFFF.
fn are_common_characters(bytes: &[u8]) -> bool {
    memchr::memchr2_iter(0xc2, 0xef, bytes).all(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [0xc2, second, ..] => *second >= 0xa0,
            [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] => false,
            _ => true,
        }
    })
}

#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[inline]
pub(super) fn is_blank_or_break(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

#[inline]
pub(super) fn is_bracket_or_comma(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
}

/// Where a plain scalar outside of brackets may end.
pub(super) const ENDS_PLAIN: u8 = 1;
/// Where a plain scalar inside of brackets may end.
pub(super) const ENDS_PLAIN_INSIDE: u8 = 2;
/// Where a scalar in `'` may end, or its line.
pub(super) const ENDS_SINGLE: u8 = 4;
/// Where a scalar in `"` may end, or its line, or where an escape begins.
pub(super) const ENDS_DOUBLE: u8 = 8;

/// Of each byte what may end there.
const ENDS: [u8; 256] = {
    let mut ends = [0; 256];
    let mut rest: &mut [u8] = &mut ends;
    let mut byte: u8 = 0;
    while let Some((first, more)) = rest.split_first_mut() {
        *first = ends_at(byte);
        rest = more;
        byte = byte.wrapping_add(1);
    }
    ends
};

const fn ends_at(byte: u8) -> u8 {
    match byte {
        b'\n' => ENDS_PLAIN | ENDS_PLAIN_INSIDE | ENDS_SINGLE | ENDS_DOUBLE,
        b':' | b'#' => ENDS_PLAIN | ENDS_PLAIN_INSIDE,
        b',' | b'[' | b']' | b'{' | b'}' => ENDS_PLAIN_INSIDE,
        b'\'' => ENDS_SINGLE,
        b'"' | b'\\' => ENDS_DOUBLE,
        _ => 0,
    }
}

/// How many bytes stand before the first at which the thing named may end.
#[inline]
pub(super) fn find(bytes: &[u8], end: u8) -> usize {
    let is_end = |byte: &u8| ENDS.get(usize::from(*byte)).is_some_and(|ends| ends & end != 0);
    bytes.iter().position(is_end).unwrap_or(bytes.len())
}

/// Whether a plain scalar outside of brackets may begin with a byte, given the one behind it.
#[inline]
pub(super) fn begins_plain(byte: u8, next: u8) -> bool {
    match byte {
        b'-' | b'?' | b':' => !is_blank_or_break(next),
        b' ' | b'\t' | b'\n' => false,
        b'[' | b']' | b'{' | b'}' | b',' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' => false,
        b'\'' | b'"' | b'%' | b'@' | b'`' => false,
        _ => true,
    }
}
