//! What types and policies are called, and what is wrong with an input.

use sync_protocol::schema::{Field, Format};
use sync_protocol::{FieldType, Misfit, Policy, RecordKey};

/// What a type is called.
pub fn type_label(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "Text",
        FieldType::LongText => "Long text",
        FieldType::Integer => "Whole number",
        FieldType::Decimal => "Decimal number",
        FieldType::YesNo => "Yes or no",
        FieldType::Date => "Date",
        FieldType::DateTime => "Date and time",
        FieldType::Time => "Time of day",
        FieldType::Choice => "Choice",
        FieldType::Tags => "Tags",
        FieldType::Counter => "Counter",
        FieldType::Json => "JSON",
        FieldType::Number => "Scientific number",
        FieldType::Uuid => "Identifier (UUID)",
        FieldType::Bytes => "Binary data",
        FieldType::Unknown => "Of a later version",
    }
}

/// What to write into a field of that type, where it does not go without saying.
pub fn type_hint(field_type: FieldType) -> Option<&'static str> {
    match field_type {
        FieldType::Decimal => Some("Such as 12.50"),
        FieldType::Tags => Some("Separate with commas"),
        FieldType::Counter => Some("What several people add at the same time is added up"),
        FieldType::Json => Some("Such as {\"colour\": \"red\"}"),
        FieldType::Number => Some("Such as 6.02e23, with about 16 digits"),
        FieldType::Uuid => Some("Such as 0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071"),
        FieldType::Bytes => Some("In base64, such as aGVsbG8="),
        FieldType::Unknown => Some("Update this app to change it"),
        _ => None,
    }
}

/// What a policy does, as a choice to make.
pub fn policy_label(policy: Policy) -> &'static str {
    match policy {
        Policy::Ask => "Ask: keep both, let a person decide",
        Policy::Last => "The last edit counts",
        Policy::First => "The first edit counts",
        Policy::Counter => "Add up what everybody added",
        Policy::Set => "Unite what everybody added and removed",
        Policy::Text => "Merge texts; ask where they overlap",
    }
}

/// What is wrong with an input, as a sentence.
pub fn misfit(misfit: &Misfit) -> String {
    sentence(&misfit.to_string())
}

/// Whether a decimal number is written with a point; where it has a comma, how to write it instead.
pub fn point(text: &str) -> Result<(), String> {
    let text = text.trim();
    let Some((whole, rest)) = text.split_once(',') else { return Ok(()) };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole.trim_start_matches(['+', '-'])) || !digits(rest) {
        return Ok(());
    }
    Err(match rest.len() {
        // in some countries a thousand and something, in others one and something
        3 => format!("Write it as {whole}{rest} or as {whole}.{rest}: with a comma it can mean either."),
        _ => format!("Write it with a point: {whole}.{rest}"),
    })
}

/// The same text with a capital at its start.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let mut all: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    all.push_str(chars.as_str());
    all
}

/// The same text with a capital at its start and a full stop at its end.
pub fn sentence(text: &str) -> String {
    let mut all = capital(text);
    if !all.ends_with(['.', '!', '?']) {
        all.push('.');
    }
    all
}

/// A label within a sentence: `Phone number` becomes `phone number`, `IATA` stays.
pub fn in_sentence(label: &str) -> String {
    let mut chars = label.chars();
    let (first, second) = (chars.next(), chars.next());
    match (first, second) {
        (Some(first), Some(second)) if second.is_lowercase() || second.is_whitespace() => {
            first.to_lowercase().chain(label.chars().skip(1)).collect()
        }
        _ => label.to_owned(),
    }
}

/// What a record's key is called; `None` for one that nobody chose.
pub fn key_label(key: &RecordKey) -> Option<String> {
    (!key.is_minted()).then(|| key.to_string())
}

/// What stands behind the numbers of a field: a percent sign, a currency.
pub fn unit(field: &Field) -> String {
    let sign = match &field.details.format {
        Some(Format::Percent) => "%",
        Some(Format::Currency(code)) => match code.as_str() {
            "EUR" => "€",
            "USD" => "$",
            "GBP" => "£",
            "JPY" => "¥",
            "INR" => "₹",
            code => code,
        },
        _ => return String::new(),
    };
    format!("\u{a0}{sign}")
}

/// As what values of a type can be shown: names of formats, and what people call them.
pub fn formats(field_type: FieldType) -> Vec<(&'static str, &'static str)> {
    const ALL: [(&str, &str); 21] = [
        ("email", "E-mail address"),
        ("phone", "Phone number"),
        ("link", "Address of a page"),
        ("percent", "Percent"),
        ("rating", "Rating, up to five stars"),
        ("duration", "Duration (hours, minutes, seconds)"),
        ("currency EUR", "Euro (EUR)"),
        ("currency USD", "US dollar (USD)"),
        ("currency GBP", "Pound sterling (GBP)"),
        ("currency CHF", "Swiss franc (CHF)"),
        ("currency JPY", "Yen (JPY)"),
        ("currency CNY", "Yuan (CNY)"),
        ("currency INR", "Indian rupee (INR)"),
        ("currency SEK", "Swedish krona (SEK)"),
        ("currency NOK", "Norwegian krone (NOK)"),
        ("currency DKK", "Danish krone (DKK)"),
        ("currency PLN", "Złoty (PLN)"),
        ("currency CZK", "Czech koruna (CZK)"),
        ("currency BRL", "Real (BRL)"),
        ("currency CAD", "Canadian dollar (CAD)"),
        ("currency AUD", "Australian dollar (AUD)"),
    ];
    ALL.into_iter().filter(|(name, _)| Format::from((*name).to_owned()).fits(field_type)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_a_minted_key() {
        assert_eq!(key_label(&RecordKey::Text("0192f3c4-5d6e-7f80-9a1b-2c3d4e5f6071".into())), None);
        assert_eq!(key_label(&RecordKey::Text("INV-7".into())).as_deref(), Some("INV-7"));
        assert_eq!(key_label(&RecordKey::Int(7)).as_deref(), Some("7"));
    }

    #[test]
    fn labels_fit_into_sentences() {
        for (label, wanted) in
            [("Phone number", "phone number"), ("IATA", "IATA"), ("", ""), ("Öl", "öl"), ("X", "X")]
        {
            assert_eq!(in_sentence(label), wanted);
        }
    }

    #[test]
    fn a_comma_in_a_decimal_is_asked_about() {
        assert_eq!(point("1,25").unwrap_err(), "Write it with a point: 1.25");
        assert!(point(" -1,200 ").unwrap_err().starts_with("Write it as -1200 or as -1.200:"));
        for other in ["1.25", "12", "a,b", ",5", "1,2,3", ""] {
            assert_eq!(point(other), Ok(()), "{other}");
        }
    }

    #[test]
    fn refusals_are_sentences() {
        let refused = FieldType::Integer.parse("x", &[]).unwrap_err();
        assert_eq!(misfit(&refused), "Not a whole number.");
    }
}
