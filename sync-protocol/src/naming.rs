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

/// What the names of keys begin with that are no names themselves. No label's name has three underscores.
const OF_KEY: &str = "k___";

/// The name of what a program calls a member of its objects, and of nothing else: the key itself where it is a name; else
/// its small letters and digits as they are, `_a` for `A`, `__` for `_`, and `_20_` for any other character, by its number in
/// hexadecimal digits. `None` where that is longer than a name.
pub(crate) fn of_key(key: &str) -> Option<String> {
    let starts = key.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts && plain && !key.starts_with(OF_KEY) {
        return (key.len() <= NAME_BYTES).then(|| key.to_owned());
    }
    let mut name = OF_KEY.to_owned();
    for c in key.chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            'A'..='Z' => name.extend(['_', c.to_ascii_lowercase()]),
            '_' => name.push_str("__"),
            _ => {
                let number = format!("{:x}", u32::from(c));
                let zero = if number.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
                name.extend(["_", zero, &number, "_"]);
            }
        }
        if name.len() > NAME_BYTES {
            return None;
        }
    }
    Some(name)
}

/// The key whose name this is: what [`of_key`] was asked.
pub(crate) fn key_of(name: &str) -> String {
    let key = name.strip_prefix(OF_KEY).and_then(decoded);
    // what was made in another way stands for itself
    key.filter(|key| of_key(key).as_deref() == Some(name)).unwrap_or_else(|| name.to_owned())
}

fn decoded(mut code: &str) -> Option<String> {
    let mut key = String::new();
    while let Some(c) = code.chars().next() {
        code = &code[1..];
        if c != '_' {
            key.push(c);
            continue;
        }
        let after = code.chars().next()?;
        if after.is_ascii_digit() {
            let (number, rest) = code.split_once('_')?;
            key.push(char::from_u32(u32::from_str_radix(number, 16).ok()?)?);
            code = rest;
        } else {
            key.push(after.to_ascii_uppercase());
            code = &code[1..];
        }
    }
    Some(key)
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
    fn every_key_has_a_name_of_its_own_and_comes_back() {
        let keys = [
            "",
            "a",
            "A",
            "_",
            "__",
            "_a",
            "a_",
            "id",
            "firstName",
            "first name",
            "first_name",
            "FirstName",
            "é",
            "e\u{301}",
            "a.b",
            "a b",
            "__proto__",
            "constructor",
            "1",
            "0",
            "城市",
            "😀",
            "k___",
            "k___a",
            "k___more",
            "K___a",
            "\n",
            "\0",
            "a\u{2028}",
            "imya__6dt0m546",
            "x_20_",
            "Äb",
            "\u{10ffff}",
        ];
        let mut made = BTreeMap::new();
        for key in keys {
            let name = of_key(key).unwrap_or_else(|| panic!("{key:?} has a name"));
            assert!(
                FieldName::new(name.clone()).is_ok() && CollectionId::new(name.clone()).is_ok(),
                "{name}"
            );
            assert_eq!(key_of(&name), key, "{name}");
            if let Some(other) = made.insert(name.clone(), key) {
                panic!("{other:?} and {key:?} are both {name}");
            }
        }
        for (key, name) in [
            ("first_name", "first_name"),
            ("firstName", "k___first_name"),
            ("first name", "k___first_20_name"),
            ("é", "k____0e9_"),
            ("__proto__", "k_______proto____"),
        ] {
            assert_eq!(of_key(key).as_deref(), Some(name), "fixed for good");
        }
        assert_eq!(of_key(&"x".repeat(NAME_BYTES)).map(|name| name.len()), Some(NAME_BYTES));
        for long in ["x".repeat(NAME_BYTES + 1), "X".repeat(23), "城".repeat(8)] {
            assert_eq!(of_key(&long), None, "{long}");
        }
        for name in ["k___more", "k____", "k____z_", "k____0a0", "k____0d800_", "c__6dt0m546"] {
            assert_eq!(key_of(name), name, "no key's name, but {:?}", key_of(name));
        }
    }

    #[test]
    fn a_mark_is_fixed_for_good() {
        assert_eq!(of_label("C++"), "c__6dt0m546");
    }
}
