//! The order in which people look for texts, and keys of bytes that have the same order.
//!
//! The platform's collation knows the order, and each question to it is dear: 100,000 texts ask it two million times. Texts of
//! ASCII get a key that says the same in bytes, where this device's collation puts ASCII in order as the root of the Unicode
//! collation does: that is tried out once. The keys of all other texts are near enough to be put right with few questions.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use sync_protocol::{Ordered, sort_few};

/// What has neither letters nor digits, in the order of the root collation. Digits follow, then letters.
const SIGNS: &[u8] = b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
/// What ends the letters of a text; smaller than each of them.
const END: u8 = 0;
/// What ends the letters of a text that has more.
const MORE: u8 = u8::MAX;
/// What ends a key that says little.
const ROUGH: u8 = 1;
/// What the first sign is written as.
const FIRST: u8 = 2;
const DIGITS: u8 = FIRST + SIGNS.len() as u8;
const LETTERS: u8 = DIGITS + 1;
const OTHERS: u8 = LETTERS + 26;
/// What each character of ASCII is written as; `END` for those that nobody sees.
const WRITTEN: [u8; 128] = written();
/// The collation counts the value of longer runs of digits in parts.
const MOST_DIGITS: usize = 200;

/// What the key of a text says of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// All: of two that are keyed wholly and have the same key, each is the other.
    Wholly,
    /// All but which of two with the same key is first.
    Openly,
    /// Nothing for sure: it is near its place.
    Roughly,
}

/// The order in which people look for texts: by the Unicode collation, numbers within them by size. It is for the screen only,
/// so it may follow the language of the device. Made when it is first asked: that takes a browser a while.
#[derive(Default)]
pub struct Collation(OnceCell<platform::Collator>);

/// Whether texts of ASCII are in the order of their keys: a device has one collation.
static BY_KEYS: OnceLock<bool> = OnceLock::new();

impl Collation {
    /// Which of two comes first; of two that people take for one, the one whose code points do.
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        let keys = (a.is_ascii() && b.is_ascii()).then(|| {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            let keyed = [self.key(a, usize::MAX, &mut one), self.key(b, usize::MAX, &mut other)];
            (!keyed.contains(&Keyed::Roughly)).then(|| one.cmp(&other))
        });
        let order = keys.flatten().unwrap_or_else(|| platform::compare(self.collator(), a, b));
        order.then_with(|| a.cmp(b))
    }

    fn collator(&self) -> &platform::Collator {
        self.0.get_or_init(platform::collator)
    }

    /// Adds a text's key, of so many bytes or a few more; a longer one is cut off.
    pub fn key(&self, text: &str, most: usize, key: &mut Vec<u8>) -> Keyed {
        match write(text, most, key) {
            keyed if keyed != Keyed::Roughly && *BY_KEYS.get_or_init(|| self.is_root()) => keyed,
            _ => {
                // never the key of a text that is keyed better
                key.push(ROUGH);
                Keyed::Roughly
            }
        }
    }

    /// Puts many texts in order at once: each gets its place.
    pub fn places<'a>(&self, texts: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
        let distinct: std::collections::BTreeSet<&str> = texts.ordered_set();
        let sorted = platform::sorted(self.collator(), distinct.into_iter().collect());
        sorted.into_iter().enumerate().map(|(at, text)| (text, at)).ordered_map()
    }

    /// Whether each character of ASCII stands alone and where it does in the root: some languages have letters of two
    /// (`ch`, `aa`), other places for some (`z` before `t`), or pass over signs.
    fn is_root(&self) -> bool {
        let letters = || ('a'..='z').flat_map(|letter| [letter, letter.to_ascii_uppercase()]);
        let signs = SIGNS.iter().map(|sign| char::from(*sign));
        let mut texts: Vec<String> = signs.chain('0'..='9').chain(letters()).map(String::from).collect();
        texts.extend(('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("{first}{second}"))));
        texts.extend(SIGNS.iter().map(|sign| format!("a{}b", char::from(*sign))));
        texts.extend(["a1", "a02", "a2", "a10", "a10b", "Ab", "aB"].map(String::from));
        let keyed = |text: String| {
            let mut key = Vec::new();
            write(&text, usize::MAX, &mut key);
            (key, text)
        };
        let mut texts: Vec<(Vec<u8>, String)> = texts.into_iter().map(keyed).collect();
        sort_few(&mut texts, Ord::cmp);
        let texts = || texts.iter().map(|(_, text)| text);
        let pairs = texts().zip(texts().skip(1));
        pairs
            .into_iter()
            .all(|(a, b)| platform::compare(self.collator(), a, b).then_with(|| a.cmp(b)).is_lt())
    }
}

/// Makes and tries out the collation of this device, ahead of the first question to it.
pub fn warm() {
    Collation::default().key("", 0, &mut Vec::new());
}

impl std::fmt::Debug for Collation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collation")
    }
}

/// Adds the key of a text: first what its characters are, numbers by their value, then which of them are capital letters.
fn write(text: &str, most: usize, key: &mut Vec<u8>) -> Keyed {
    if !text.is_ascii() {
        letters(&super::folded(text), most, key);
        return Keyed::Roughly;
    }
    let (keyed, is_whole) = letters(text, most, key);
    if is_whole {
        capitals(text.as_bytes(), key);
    }
    keyed
}

/// Adds what the characters of a text are. How far that says their order, and whether it is all of them.
fn letters(text: &str, most: usize, key: &mut Vec<u8>) -> (Keyed, bool) {
    let mut keyed = Keyed::Wholly;
    let most = key.len().saturating_add(most);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if key.len() >= most {
            // behind a text that ends here
            key.push(MORE);
            return (if keyed == Keyed::Roughly { keyed } else { Keyed::Openly }, false);
        }
        match WRITTEN.get(usize::from(*byte)) {
            Some(&DIGITS) => {
                let digits = run(&bytes[at..]);
                let value = &bytes[at..at + digits];
                let value = &value[value.iter().take_while(|digit| **digit == b'0').count()..];
                if value.len() > MOST_DIGITS {
                    keyed = Keyed::Roughly;
                } else if value.len() < digits && keyed == Keyed::Wholly {
                    // zeros before a number are not part of its value
                    keyed = Keyed::Openly;
                }
                key.extend([DIGITS, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
                key.extend(value);
                at += digits;
                continue;
            }
            // the collation passes over it
            Some(&END) => keyed = Keyed::Roughly,
            Some(written) => key.push(*written),
            None => {
                let c = text[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                let [_, a, b, d] = u32::from(c).to_be_bytes();
                key.extend([OTHERS, a, b, d]);
                at += c.len_utf8();
                continue;
            }
        }
        at += 1;
    }
    key.push(END);
    (keyed, true)
}

/// Adds where capital letters are: after small ones, where all else is alike. A number counts as one character.
fn capitals(text: &[u8], key: &mut Vec<u8>) {
    let (mut at, mut small) = (0, 0);
    while let Some(byte) = text.get(at) {
        if byte.is_ascii_uppercase() {
            key.extend(std::iter::repeat_n(1, small));
            key.push(2);
            small = 0;
        } else {
            small += 1;
        }
        at += run(&text[at..]).max(1);
    }
    key.push(END);
}

/// How many digits a text begins with.
fn run(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

const fn written() -> [u8; 128] {
    let mut written = [END; 128];
    let mut at = 0;
    while at < SIGNS.len() {
        written[SIGNS[at] as usize] = FIRST + at as u8;
        at += 1;
    }
    at = 0;
    while at < 26 {
        written[b'a' as usize + at] = LETTERS + at as u8;
        written[b'A' as usize + at] = LETTERS + at as u8;
        if at < 10 {
            written[b'0' as usize + at] = DIGITS;
        }
        at += 1;
    }
    written
}

#[cfg(target_arch = "wasm32")]
mod platform {
    use std::cmp::Ordering;

    use js_sys::{Array, Function, Intl, Object, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    /// The browser's own comparison.
    pub(super) type Collator = Function;

    thread_local! {
        static COLLATOR: Function = made();
    }

    pub(super) fn collator() -> Collator {
        COLLATOR.with(Clone::clone)
    }

    fn made() -> Collator {
        let options = Object::new();
        // setting a property of a fresh plain object cannot fail
        drop(Reflect::set(&options, &JsValue::from_str("numeric"), &JsValue::TRUE));
        Intl::Collator::new(&Array::new(), &options).compare()
    }

    pub(super) fn compare(collator: &Collator, a: &str, b: &str) -> Ordering {
        let order = collator.call2(&JsValue::UNDEFINED, &JsValue::from_str(a), &JsValue::from_str(b));
        let order = order.ok().and_then(|order| order.as_f64()).unwrap_or_default();
        order.partial_cmp(&0.0).unwrap_or(Ordering::Equal)
    }

    pub(super) fn sorted(collator: &Collator, texts: Vec<&str>) -> Vec<String> {
        let all: Array = texts.into_iter().map(JsValue::from_str).collect();
        // sorted by the browser with its own comparison: no call of this module for each pair
        let sort = Reflect::get(&all, &JsValue::from_str("sort")).ok();
        if let Some(sort) = sort.and_then(|sort| sort.dyn_into::<Function>().ok()) {
            drop(sort.call1(&all, collator));
        }
        all.iter().filter_map(|text| text.as_string()).collect()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    use std::cmp::Ordering;

    use icu_collator::options::CollatorOptions;
    use icu_collator::preferences::CollationNumericOrdering;
    use icu_collator::{CollatorBorrowed, CollatorPreferences};

    /// `None`: without its tables, which are part of the program, the order of code points is left.
    pub(super) type Collator = Option<CollatorBorrowed<'static>>;

    pub(super) fn collator() -> Collator {
        let mut wanted = CollatorPreferences::default();
        wanted.numeric_ordering = Some(CollationNumericOrdering::True);
        icu_collator::Collator::try_new(wanted, CollatorOptions::default()).ok()
    }

    pub(super) fn compare(collator: &Collator, a: &str, b: &str) -> Ordering {
        collator.as_ref().map_or(Ordering::Equal, |collator| collator.compare(a, b))
    }

    pub(super) fn sorted(collator: &Collator, texts: Vec<&str>) -> Vec<String> {
        let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        texts.sort_by(|a, b| compare(collator, a, b));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_order_is_the_one_people_look_for() {
        let sorted = |texts: &[&str]| {
            let places = Collation::default().places(texts.iter().copied());
            let mut all = texts.to_vec();
            all.sort_by_key(|text| places[*text]);
            all.join(" ")
        };
        assert_eq!(
            sorted(&["Zebra", "Öl", "item 10", "apple", "Éclair", "item 2", "zoo", "Äpfel", "Ångström"]),
            "Ångström Äpfel apple Éclair item 2 item 10 Öl Zebra zoo"
        );
        assert_eq!(sorted(&["R100", "R1", "R10", "R2"]), "R1 R2 R10 R100");
        assert_eq!(sorted(&["10001", "90210", "00501", "02108"]), "00501 02108 10001 90210");
    }

    fn key(text: &str) -> (Vec<u8>, Keyed) {
        let mut key = Vec::new();
        let keyed = Collation::default().key(text, usize::MAX, &mut key);
        (key, keyed)
    }

    /// Texts as they are in tables: words with numbers and signs, in letters of any kind.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            "[a-cA-C0-3 ._-]{0,8}",
            "0{0,3}[1-9]{0,4}[a-b]0{0,2}[1-2]{0,3}",
            "[a-cäéßøÅçA-C0-2 ]{0,8}",
            "\\PC{0,6}",
            "[\\x00-\\x7f]{0,6}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn keys_have_the_order_of_the_collation(a in texts(), b in texts()) {
            let collation = Collation::default();
            let wanted = platform::compare(collation.collator(), &a, &b).then_with(|| a.cmp(&b));
            prop_assert_eq!(collation.compare(&a, &b), wanted);
            for most in [3, usize::MAX] {
                let (mut one, mut other) = (Vec::new(), Vec::new());
                let keyed = [collation.key(&a, most, &mut one), collation.key(&b, most, &mut other)];
                if keyed.contains(&Keyed::Roughly) {
                    continue;
                }
                if one != other {
                    prop_assert_eq!(one.cmp(&other), wanted);
                } else if keyed == [Keyed::Wholly; 2] {
                    prop_assert_eq!(&a, &b);
                }
            }
        }
    }

    #[test]
    fn keys_say_how_much_they_tell() {
        assert!(Collation::default().is_root(), "or all of this is for nothing");
        for (text, keyed) in [
            ("item 10", Keyed::Wholly),
            ("item 010", Keyed::Openly),
            ("0", Keyed::Openly),
            ("Café", Keyed::Roughly),
            ("a\u{1}b", Keyed::Roughly),
        ] {
            assert_eq!(key(text).1, keyed, "{text}");
        }
        assert_eq!(key(&"1".repeat(MOST_DIGITS + 1)).1, Keyed::Roughly);
        let near = ["Cafd", "Café", "Cafz"].map(|text| key(text).0);
        assert!(near.is_sorted(), "near its place");
    }
}
