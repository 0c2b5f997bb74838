//! Reading JSON: what serde gives each struct and enum, and half as much code of it.
//!
//! A struct is an object here. What serde derives takes arrays, too, field after field, and carries the code for it with every struct,
//! though nobody writes one that way: a quarter of all that reads, 100 KB of what a browser compiles. So every text is read by [`read`].

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use std::fmt;

/// Reads a whole text, as `serde_json::from_str` does; an array in place of a struct is an error.
///
/// # Errors
/// What is not JSON, or not such a value.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Within(&mut json))?;
    json.end()?;
    Ok(value)
}

/// Whatever serde hands on while it reads, with all that is read within it; structs are read as maps.
struct Within<T>(T);

/// The fields of a struct, or of an enum's variant.
struct Fields<V>(V);

/// Methods that hand on a visitor.
macro_rules! hand_on {
    ($($name:ident($($given:ident: $type:ty),*))*) => { $(
        #[inline]
        fn $name<V: Visitor<'de>>(self, $($given: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$name($($given,)* Within(visitor))
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Within<D> {
    type Error = D::Error;

    hand_on! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_seq() deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Fields(visitor))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Methods that hand on a value which holds no others.
macro_rules! plain {
    ($($name:ident($($value:ident: $type:ty)?))*) => { $(
        #[inline]
        fn $name<E: Error>(self, $($value: $type)?) -> Result<V::Value, E> {
            self.0.$name($($value)?)
        }
    )* };
}

/// Methods that hand on what others are within.
macro_rules! nested {
    ($($name:ident($trait:ident))*) => { $(
        #[inline]
        fn $name<A: $trait<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
            self.0.$name(Within(inner))
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Within<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    plain! {
        visit_bool(value: bool) visit_i64(value: i64) visit_i128(value: i128) visit_u64(value: u64) visit_u128(value: u128)
        visit_f64(value: f64) visit_str(value: &str) visit_borrowed_str(value: &'de str) visit_string(value: String)
        visit_bytes(value: &[u8]) visit_borrowed_bytes(value: &'de [u8]) visit_byte_buf(value: Vec<u8>) visit_none() visit_unit()
    }

    nested! {
        visit_some(Deserializer) visit_newtype_struct(Deserializer) visit_seq(SeqAccess) visit_map(MapAccess) visit_enum(EnumAccess)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    nested! { visit_map(MapAccess) }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Within<S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Within(json))
    }
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Within<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Within(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Within<A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Within(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Within(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Within<A> {
    type Error = A::Error;
    type Variant = Within<A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, content) = self.0.variant_seed(Within(seed))?;
        Ok((name, Within(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Within<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Within(seed))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Within(visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        // for JSON the same: an object
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct All<'a> {
        flag: bool,
        small: i8,
        whole: Option<u64>,
        part: f64,
        text: String,
        #[serde(borrow)]
        lent: Cow<'a, str>,
        list: Vec<Kind>,
        pair: (u8, Newtype),
        by_name: BTreeMap<u16, Inner>,
        anything: serde_json::Value,
        #[serde(flatten)]
        tagged: Option<Tagged>,
    }

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    struct Newtype(String);

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    struct Inner {
        x: i64,
        #[serde(default)]
        then: Option<Box<Inner>>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Kind {
        Bare,
        One(Inner),
        Two(u8, u8),
        Named { x: u8, y: Option<u8> },
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Point { x: u8 },
        Nothing,
    }

    /// Both readers, and what they agree on.
    fn both<'a, T: Deserialize<'a> + fmt::Debug + PartialEq>(text: &'a str) -> Option<T> {
        let (ours, plain) = (read::<T>(text), serde_json::from_str::<T>(text));
        assert_eq!(ours.as_ref().ok(), plain.as_ref().ok(), "{text}");
        ours.ok()
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        let text = r#"{
            "flag": true, "small": -5, "whole": 18446744073709551615, "part": 0.1, "text": "a\n\u00e9", "lent": "as it is",
            "list": ["Bare", {"One": {"x": 1}}, {"Two": [1, 2]}, {"Named": {"x": 1, "y": null}}], "pair": [7, "seven"],
            "by_name": {"12": {"x": -1, "then": {"x": 2, "then": null}}}, "anything": [null, {"deep": [1.5, "x"]}],
            "type": "Point", "x": 3, "unknown": {"skipped": [{}]}
        }"#;
        let all = both::<All<'_>>(text).expect("it reads");
        assert!(matches!(all.lent, Cow::Borrowed(_)), "a text that needs no copy is lent");
        assert_eq!(all.by_name[&12].then.as_ref().map(|then| then.x), Some(2));
        assert_eq!(all.list[3], Kind::Named { x: 1, y: None });
        assert_eq!(all.tagged, Some(Tagged::Point { x: 3 }));
        assert_eq!(
            both::<All<'_>>(r#"{"type":"Nothing"}"#).and_then(|all| all.tagged),
            Some(Tagged::Nothing)
        );
    }

    #[test]
    fn it_refuses_what_serde_json_refuses() {
        for text in ["", "{", "{}x", r#"{"flag":1}"#, r#"{"small":300}"#, r#"{"flag":true,"flag":true}"#, "3"]
        {
            assert!(both::<All<'_>>(text).is_none(), "{text}");
        }
        for text in [r#""Two""#, r#"{"Named":{}}"#, r#"{"Named":{"x":1},"Bare":null}"#, r#""Other""#] {
            assert!(both::<Kind>(text).is_none(), "{text}");
        }
        assert!(read::<All<'_>>(&"[".repeat(10_000)).is_err(), "nested too deep");
    }

    #[test]
    fn a_text_that_is_kept_as_it_is_stays_so() {
        let list: Vec<&RawValue> = read(r#"[ {"b": 1,  "a": 1.0}, 2e0 ]"#).expect("it reads");
        assert_eq!(list.iter().map(|raw| raw.get()).collect::<Vec<_>>(), [r#"{"b": 1,  "a": 1.0}"#, "2e0"]);
        let owned: BTreeMap<String, Box<RawValue>> = read(r#"{"k": [1, 2 ]}"#).expect("it reads");
        assert_eq!(owned["k"].get(), "[1, 2 ]");
    }

    #[test]
    fn an_array_is_no_struct() {
        assert!(serde_json::from_str::<Inner>("[1, null]").is_ok(), "serde would take it");
        assert!(read::<Inner>("[1, null]").is_err());
        assert!(read::<Kind>(r#"{"Named": [1, 2]}"#).is_err());
        assert!(read::<Vec<Inner>>("[[1, null]]").is_err());
    }
}
