//! Counts and sizes.

use super::locale;

/// `1 record`, `12,345 records`.
pub fn of(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `1 record`, `2 records`.
pub fn records(n: u64) -> String {
    of(n, "record", "records")
}

/// `1 change`, `2 changes`.
pub fn changes(n: u64) -> String {
    of(n, "change", "changes")
}

/// `1 decision`, `2 decisions`.
pub fn decisions(n: usize) -> String {
    of(n as u64, "decision", "decisions")
}

/// `12,345`, as people here write it.
pub fn number(n: u64) -> String {
    locale::number(&n.to_string())
}

/// `3.4 MB`, near enough for people.
pub fn bytes(n: u64) -> String {
    let mut size = n as f64;
    for unit in ["bytes", "KB", "MB", "GB"] {
        if size < 1000.0 || unit == "GB" {
            return if unit == "bytes" || size >= 100.0 {
                format!("{size:.0} {unit}")
            } else {
                format!("{size:.1} {unit}")
            };
        }
        size /= 1000.0;
    }
    unreachable!("the last unit always returns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        assert_eq!(records(1), "1 record");
        assert_eq!(records(1_234_567), "1,234,567 records");
        assert_eq!(number(999), "999");
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(3_400_000), "3.4 MB");
        assert_eq!(bytes(340_000_000_000), "340 GB");
    }
}
