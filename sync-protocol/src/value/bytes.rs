//! Bytes as texts: base64 in its standard alphabet, with padding, in the one way of writing them.

/// Whether the text is bytes as fields hold them.
pub(super) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return false;
    }
    let six_bits = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    // bits of the last sign that no byte takes are zero, else the same bytes had several texts
    let spare: u8 = [0, 0b11, 0b1111][padding];
    body.bytes().all(|b| six_bits(b).is_some())
        && body.bytes().last().and_then(six_bits).is_none_or(|bits| bits & spare == 0)
}

/// How many bytes such a text stands for.
pub fn count(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_text() {
        for (text, bytes) in [("", 0), ("AA==", 1), ("/w==", 1), ("AAA=", 2), ("aGVs", 3), ("aGVsbG8+", 6)] {
            assert!(is_base64(text), "{text}");
            assert_eq!(count(text), bytes, "{text}");
        }
        for text in ["A", "AA", "AAA", "AA=", "AB==", "AAB=", "====", "A===", "A=A=", "AA-_", "AA A", "ÄÄ"]
        {
            assert!(!is_base64(text), "{text}");
        }
    }
}
