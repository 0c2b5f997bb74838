//! Names for good, made of what people call things: readable where letters allow it, and never shared by two labels.
//!
//! A *plain* label (letters a to z, digits, single spaces or underscores, a letter first) is its own name: `US gross`
//! becomes `us_gross`. Every other one carries a mark made of the whole label behind two underscores, which no plain
//! name has: `C++` becomes `c__…`, `Имя` becomes `imya__…`. So equal labels meet in one name wherever they are made,
//! and different ones do not. Letter case alone makes no other name.

use xxhash_rust::xxh3::xxh3_64;

use crate::limits::NAME_BYTES;

/// Between the readable part and the mark.
const BEFORE_MARK: &str = "__";
/// Characters of a mark, 5 bits each: among the fields of a collection two marks meet by chance once in 10^7 times.
const MARK: usize = 8;
/// Digits and letters without those that are read for others.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The name of a label that is in NFC.
pub(crate) fn of_label(label: &str) -> String {
    let label = label.trim();
    if is_plain(label) {
        label.to_ascii_lowercase().replace(' ', "_")
    } else {
        marked(label, label.to_lowercase().as_bytes())
    }
}

/// A name that reads like the label and is told from every other one by `salt`.
pub(crate) fn marked(label: &str, salt: &[u8]) -> String {
    let mut name = readable(label);
    name.truncate(NAME_BYTES - BEFORE_MARK.len() - MARK);
    let mut rest = xxh3_64(salt);
    let mut name = format!("{}{BEFORE_MARK}", name.trim_end_matches('_'));
    for _ in 0..MARK {
        name.push(char::from(LETTERS[(rest % 32) as usize]));
        rest /= 32;
    }
    name
}

fn is_plain(label: &str) -> bool {
    let words = label.split([' ', '_']);
    let starts = label.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    starts
        && label.len() <= NAME_BYTES
        && words.into_iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()))
        // names of labels that begin with a digit look like this
        && !label.to_ascii_lowercase().strip_prefix("f_").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What of a label can be read in a name: at least `f`.
fn readable(label: &str) -> String {
    let mut name = String::new();
    for c in label.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            // accents that stand behind their letter
            '\u{300}'..='\u{36f}' => {}
            _ => match latin(c) {
                Some(letters) => name.push_str(letters),
                None if !name.is_empty() && !name.ends_with('_') => name.push('_'),
                None => {}
            },
        }
    }
    let name = name.trim_end_matches('_');
    match name.bytes().next() {
        Some(b) if b.is_ascii_lowercase() => name.to_owned(),
        Some(_) => format!("f_{name}"),
        None => "f".to_owned(),
    }
}

/// A lower-case letter of the Latin, Cyrillic and Greek scripts in letters a to z, near enough for reading.
fn latin(c: char) -> Option<&'static str> {
    const FROM: [(&str, &str); 30] = [
        ("àáâãåāăąαά", "a"),
        ("äæ", "ae"),
        ("çćĉċč", "c"),
        ("ďđðδд", "d"),
        ("èéêëēĕėęěεέэеё", "e"),
        ("ĝğġģγг", "g"),
        ("ĥħ", "h"),
        ("ìíîïĩīĭįıиηήιίϊ", "i"),
        ("ĵ", "j"),
        ("ķκк", "k"),
        ("ĺļľŀłλл", "l"),
        ("ñńņňŋνн", "n"),
        ("òóôõōŏőøοόωώо", "o"),
        ("öœ", "oe"),
        ("ŕŗřρр", "r"),
        ("śŝşšșσςс", "s"),
        ("ß", "ss"),
        ("ţťŧțτт", "t"),
        ("ùúûũūŭůűųу", "u"),
        ("ü", "ue"),
        ("ŵвβ", "v"),
        ("ýÿŷυύыйї", "y"),
        ("źżžζз", "z"),
        ("ж", "zh"),
        ("хχ", "kh"),
        ("ц", "ts"),
        ("ч", "ch"),
        ("шщ", "sh"),
        ("ю", "yu"),
        ("я", "ya"),
    ];
    const MORE: [(&str, &str); 7] =
        [("а", "a"), ("б", "b"), ("μм", "m"), ("πп", "p"), ("φф", "f"), ("θþ", "th"), ("ъьіξψ", "")];
    FROM.iter().chain(&MORE).find(|(letters, _)| letters.contains(c)).map(|(_, latin)| *latin)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{CollectionId, FieldName};

    #[test]
    fn different_labels_never_share_a_name() {
        let labels = [
            "C",
            "C++",
            "C#",
            "C -",
            "c_",
            "Имя",
            "Город",
            "имена",
            "Price (€)",
            "Price ($)",
            "Price",
            "Größe",
            "Grüße",
            "Grosse",
            "城市",
            "名字",
            "商品",
            "客户",
            "a b",
            "a-b",
            "a  b",
            "a.b",
            "ab",
            "2024",
            "2025",
            "F 2024",
            "???",
            "!",
            "f",
            "😀",
            "😁",
            "א",
            "ب",
            "Straße",
            "Strasse",
            "café",
            "cafe",
            "Ä",
            "A",
            "x²",
            "x2",
            "x",
        ];
        let mut made = BTreeMap::new();
        for label in labels {
            let name = of_label(label);
            assert!(
                FieldName::new(name.clone()).is_ok() && CollectionId::new(name.clone()).is_ok(),
                "{name}"
            );
            if let Some(other) = made.insert(name.clone(), label) {
                panic!("“{other}” and “{label}” are both {name}");
            }
        }
    }

    #[test]
    fn names_can_be_read() {
        for (label, name) in [
            ("US Gross", "us_gross"),
            ("us_gross", "us_gross"),
            ("  Name ", "name"),
            ("Имя", "imya__"),
            ("Größe", "groesse__"),
            ("Straße 7", "strasse_7__"),
            ("Price (€)", "price__"),
            ("2024", "f_2024__"),
            ("???", "f__"),
            ("Αθήνα", "athina__"),
        ] {
            let made = of_label(label);
            assert!(
                if name.ends_with('_') { made.starts_with(name) } else { made == name },
                "{label}: {made}"
            );
        }
        assert_eq!(of_label("C++"), of_label("c++ "), "letter case and blanks around it make no other name");
    }

    #[test]
    fn long_labels_fit_and_differ() {
        let (a, b) = (format!("{} a", "word ".repeat(40)), format!("{} b", "word ".repeat(40)));
        assert!(of_label(&a).len() <= NAME_BYTES && of_label(&a) != of_label(&b));
        assert_eq!(of_label(&"x".repeat(NAME_BYTES)).len(), NAME_BYTES);
        assert!(of_label(&"x".repeat(NAME_BYTES + 1)).len() <= NAME_BYTES);
    }

    #[test]
    fn a_mark_is_fixed_for_good() {
        assert_eq!(of_label("C++"), "c__6dt0m546");
    }
}
