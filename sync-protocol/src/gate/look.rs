//! Looks at a JSON text without making anything of it: how deep, how dear, and whether it comes through as it is written.

use std::collections::BTreeSet;

use crate::limits;

/// What a JSON text is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Lists and objects within one another.
    pub depth: usize,
    /// What it takes in memory, in cells ([`limits::CHANGE_CELLS`]). Beyond those of the dearest push nothing is looked at.
    pub cells: usize,
    /// Whether every number is one that a JSON number carries exactly: a whole one of 64 bits, or one that is the same
    /// after it was read as a floating-point number and written again.
    pub exact: bool,
    /// Whether no object has a name twice: all but the last value would be lost.
    pub once: bool,
}

enum Frame {
    List,
    Object { names: BTreeSet<String>, name_comes: bool },
}

/// Looks at a text that was found to be JSON.
pub fn look(json: &str) -> Look {
    let bytes = json.as_bytes();
    let mut frames: Vec<Frame> = Vec::new();
    let mut seen = Look { depth: 0, cells: 0, exact: true, once: true };
    let mut at = 0;
    while at < bytes.len() && seen.cells <= 2 * limits::PUSH_CELLS {
        let end = match bytes[at] {
            b'"' => text_end(bytes, at),
            b'-' | b'0'..=b'9' => number_end(bytes, at),
            b't' | b'n' => at + 4,
            b'f' => at + 5,
            _ => at + 1,
        };
        match bytes[at] {
            b'[' => {
                seen.cells += 2;
                frames.push(Frame::List);
                seen.depth = seen.depth.max(frames.len());
            }
            b'{' => {
                seen.cells += limits::OBJECT_CELLS;
                frames.push(Frame::Object { names: BTreeSet::new(), name_comes: true });
                seen.depth = seen.depth.max(frames.len());
            }
            b']' | b'}' => drop(frames.pop()),
            b',' => {
                if let Some(Frame::Object { name_comes, .. }) = frames.last_mut() {
                    *name_comes = true;
                }
            }
            b'"' => {
                seen.cells += 1;
                if let Some(Frame::Object { names, name_comes }) = frames.last_mut()
                    && std::mem::take(name_comes)
                {
                    // an escape is another spelling of the same name
                    let name = crate::json::read(json.get(at..end).unwrap_or_default());
                    seen.once &= name.is_ok_and(|name| names.insert(name));
                }
            }
            b'-' | b'0'..=b'9' => {
                seen.cells += 1;
                seen.exact &= json.get(at..end).is_some_and(is_exact);
            }
            b't' | b'f' | b'n' => seen.cells += 1,
            _ => {}
        }
        at = end;
    }
    seen
}

fn text_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn number_end(bytes: &[u8], from: usize) -> usize {
    let part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    from + bytes[from..].iter().take_while(|b| part(b)).count()
}

/// Whether a number stays the same when it is read and written again.
pub fn is_exact(number: &str) -> bool {
    number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() || exact_float(number).is_some()
}

/// The floating-point number that a text spells (`5`, `.5`, `-6.02e23`); `None` where it spells none, or would be another number when it is
/// written again.
pub fn exact_float(number: &str) -> Option<f64> {
    let spelled = digits(number)?;
    // by the reader that records go through: what is exact here is exact there (`float_roundtrip`)
    let read: f64 = crate::json::read(&spelled.as_json()).ok()?;
    let json = serde_json::Number::from_f64(read)?;
    // where two shortest texts are equally near, one writer takes this one and another that one
    let writers = [json.to_string(), format!("{read:e}")];
    writers.iter().any(|written| digits(written).as_ref() == Some(&spelled)).then_some(read)
}

/// A number as it is spelled.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    is_negative: bool,
    /// Without zeros around them; empty for zero.
    kept: String,
    /// The power of ten of the last one.
    power: i64,
}

impl Digits {
    fn as_json(&self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        if self.kept.is_empty() {
            format!("{sign}0.0")
        } else {
            format!("{sign}{}e{}", self.kept, self.power)
        }
    }
}

/// Whether a text spells a number: digits with a sign, a point and a power of ten, as in programs.
pub fn is_number(text: &str) -> bool {
    digits(text).is_some()
}

fn digits(number: &str) -> Option<Digits> {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(&all) || !is_digits(power.strip_prefix(['-', '+']).unwrap_or(power)) {
        return None;
    }
    let from_first = all.trim_start_matches('0');
    let kept = from_first.trim_end_matches('0');
    // a power beyond 64 bits is beyond every number, too
    let power = power.parse().unwrap_or(if power.starts_with('-') { i64::MIN } else { i64::MAX });
    let (dropped, places) = (from_first.len() - kept.len(), fraction.len());
    let power =
        if kept.is_empty() { 0 } else { power.saturating_add(dropped as i64).saturating_sub(places as i64) };
    Some(Digits { is_negative: number.len() > unsigned.len(), kept: kept.to_owned(), power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_stay_what_they_are() {
        for number in [
            "0",
            "-0",
            "-0.0",
            "1",
            "1.0",
            "1.10",
            "1E5",
            "1e5",
            "1e+5",
            "100e-2",
            "0.1",
            "12345678901234567890",
            "-9223372036854775808",
            "1e300",
            "5e-324",
            "0e999999999999999999999",
            "179.1e10",
            "146741265494428.12",
            "146741265494428.13",
        ] {
            assert!(is_exact(number), "{number}");
        }
        for number in [
            "18446744073709551616",
            "12345678901234567890123",
            "-9223372036854775809",
            "0.1234567890123456789",
            "1e-400",
            "1e400",
            "-1e400",
            "1e99999999999999999999",
            "9007199254740993.0",
            "0.30000000000000004441",
        ] {
            assert!(!is_exact(number), "{number}");
        }
    }

    #[test]
    fn names_twice_are_seen_in_every_spelling() {
        for (json, once) in [
            (r#"{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}"#, true),
            (r#"{"a":1,"a":2}"#, false),
            (r#"{"a":1,"\u0061":2}"#, false),
            (r#"[{"x":[1,2,{"b":1,"b":"a,\"b\""}]}]"#, false),
            (r#"{"a":"a","b":"a"}"#, true),
            (r#"{"a":{},"b":[],"c":"\\","d":"{\"a\":1,\"a\":1}"}"#, true),
        ] {
            assert_eq!(look(json).once, once, "{json}");
        }
    }

    #[test]
    fn cells_and_depth_are_those_of_the_value() {
        for json in ["1", "[]", "{}", r#"{"":0}"#, r#"[[1,"a]",{"b":{"c":[true,null,false]}}],-1.5e3]"#] {
            let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
            let seen = look(json);
            assert_eq!(seen.cells, crate::value::cells(&value), "{json}");
            let deep = |depth| crate::value::deeper_than(&value, depth);
            assert!(!deep(seen.depth) && (seen.depth == 0 || deep(seen.depth - 1)), "{json}");
        }
    }
}
