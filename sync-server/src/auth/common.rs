//! Passwords that are tried first. A guesser has some thousand tries a day; these must not be among them.

/// Leaked passwords of at least 8 characters by how common they are, in lower case and sorted: the list of zxcvbn
/// (MIT, copyright Dan Wheeler and Dropbox, Inc.).
const LEAKED: &str = include_str!("common_passwords.txt");

/// Whether that password is among the first ones that somebody would try for that person: a leaked one, one made of the
/// login, the person's name or this program's, one character again and again, or a row of neighbours.
pub fn is_common(password: &str, about: &[&str]) -> bool {
    let folded = password.to_lowercase();
    let core = folded.trim_matches(|c: char| !c.is_alphabetic());
    let leaked = |text: &str| LEAKED.lines().any(|line| line == text);
    leaked(&folded) || is_dull(&folded) || (core.chars().count() >= 8 && leaked(core)) || {
        let words = about.iter().flat_map(|text| parts(text)).chain(["mooring".to_owned()]);
        words.filter(|word| word.chars().count() >= 3).any(|word| {
            // the name, once or again and again, with a number or a few letters around
            let rest = folded.replace(&word, "");
            let letters = rest.chars().filter(|c| c.is_alphabetic()).count();
            let digits = rest.chars().filter(|c| c.is_numeric()).count();
            letters < 4 && letters + digits < 8 && rest.len() < folded.len()
        })
    }
}

/// A text in lower case, whole and by words; of an address, the part before the `@` as well.
fn parts(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let mut parts: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    parts.extend(text.split('@').next().map(str::to_owned));
    parts.push(text);
    parts
}

/// Fewer than four different characters, or each the neighbour of the one before, as in `abcdefgh` and `98765432`.
fn is_dull(text: &str) -> bool {
    let mut different: Vec<char> = text.chars().collect();
    let neighbours = |by: i64| different.windows(2).all(|pair| pair[1] as i64 - pair[0] as i64 == by);
    if neighbours(1) || neighbours(-1) {
        return true;
    }
    different.sort_unstable();
    different.dedup();
    different.len() < 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_is_known_and_sentences_are_not() {
        let about = ["ann.smith@harbour.example", "Ann Smith"];
        for common in [
            "password",
            "Password1",
            "password!!!",
            "12345678",
            "1q2w3e4r",
            "iloveyou",
            "aaaaaaaa",
            "abababab",
            "abcdefgh",
            "98765432",
            "mooring1",
            "Mooring2026",
            "ann.smith",
            "Annsmith!",
            "smith123",
            "harbour1",
            "smith12345",
            "1987-Smith-12",
        ] {
            assert!(is_common(common, &about), "{common}");
        }
        for good in [
            "correct horse",
            "battery staple",
            "another password",
            "the pass phrase of ann",
            "mooring lines hold at low tide",
            "kX9-vB2q",
            "Übung macht den Meister",
            "潮の満ち引きと船",
        ] {
            assert!(!is_common(good, &about), "{good}");
        }
    }
}
