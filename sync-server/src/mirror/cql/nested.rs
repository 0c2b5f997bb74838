//! Collections, tuples and types that users made, as JSON.
//!
//! Sets, and maps whose keys are no plain values, are sorted here by a rule of their own: the record's form then does not
//! depend on how the database orders them.

use scylla::value::CqlValue as C;
use serde_json::{Map, Value as J};
use std::cmp::Ordering;

use super::texts;
use super::types::{Kind, Made, Plain};
use super::value::{Unfit, back as value_back, out as value_out};

pub(super) fn out(cql: &C, kind: &Kind) -> Result<J, Unfit> {
    match (kind, cql) {
        (Kind::List(of), C::List(parts)) | (Kind::Vector(of, _), C::Vector(parts)) => list(parts, of),
        (Kind::Set(of), C::Set(parts)) => {
            let J::Array(mut parts) = list(parts, of)? else { unreachable!("a list") };
            parts.sort_by(order);
            Ok(J::Array(parts))
        }
        (Kind::Map(key, value), C::Map(pairs)) => map(pairs, key, value),
        (Kind::Tuple(kinds), C::Tuple(parts)) if parts.len() <= kinds.len() => {
            let part = |at: usize| match parts.get(at) {
                Some(Some(part)) => value_out(part, &kinds[at]),
                _ => Ok(J::Null),
            };
            (0..kinds.len()).map(part).collect::<Result<_, _>>().map(J::Array)
        }
        (Kind::Made(made), C::UserDefinedType { fields, .. }) => object(fields, made),
        _ => Err(Unfit::Retyped),
    }
}

fn list(parts: &[C], of: &Kind) -> Result<J, Unfit> {
    parts.iter().map(|part| value_out(part, of)).collect::<Result<_, _>>().map(J::Array)
}

fn map(pairs: &[(C, C)], key: &Kind, value: &Kind) -> Result<J, Unfit> {
    let pairs = pairs.iter().map(|(k, v)| Ok((value_out(k, key)?, value_out(v, value)?)));
    let mut pairs: Vec<(J, J)> = pairs.collect::<Result<_, Unfit>>()?;
    if let Kind::Plain(_) = key {
        return Ok(J::Object(pairs.into_iter().map(|(k, v)| (name(&k), v)).collect()));
    }
    pairs.sort_by(|(one, _), (other, _)| order(one, other));
    Ok(J::Array(pairs.into_iter().map(|(k, v)| J::Array(vec![k, v])).collect()))
}

/// The fields that are there: one that is null is as good as one that is not.
fn object(fields: &[(String, Option<C>)], made: &Made) -> Result<J, Unfit> {
    let mut object = Map::new();
    for (name, value) in fields {
        let known = made.fields.iter().find(|(known, _)| known == name);
        // one that was added since: to write the value without it would take it away
        let (_, kind) = known.ok_or(Unfit::Retyped)?;
        if let Some(value) = value {
            object.insert(name.clone(), value_out(value, kind)?);
        }
    }
    Ok(J::Object(object))
}

pub(super) fn back(value: &J, kind: &Kind) -> Result<C, Unfit> {
    match (kind, value) {
        (Kind::List(of), J::Array(parts)) => Ok(C::List(parts_back(parts, of)?)),
        (Kind::Vector(of, places), J::Array(parts)) if parts.len() == usize::from(*places) => {
            Ok(C::Vector(parts_back(parts, of)?))
        }
        (Kind::Vector(..), J::Array(_)) => Err(Unfit::Kind("a vector, whose number of places is fixed")),
        (Kind::Set(of), J::Array(parts)) => {
            once(parts.iter(), of)?;
            Ok(C::Set(parts_back(parts, of)?))
        }
        (Kind::Map(key, value), pairs) => map_back(pairs, key, value),
        (Kind::Tuple(kinds), J::Array(parts)) if parts.len() == kinds.len() => {
            let part = |(part, kind): (&J, &Kind)| match part {
                J::Null => Ok(None),
                part => value_back(part, kind).map(Some),
            };
            parts.iter().zip(kinds).map(part).collect::<Result<_, _>>().map(C::Tuple)
        }
        (Kind::Made(made), J::Object(object)) => {
            if object.keys().any(|name| made.fields.iter().all(|(known, _)| known != name)) {
                return Err(Unfit::Kind("a type of its own, which has no field of that name"));
            }
            let field = |(name, kind): &(String, Kind)| {
                let value = object.get(name).map(|value| value_back(value, kind)).transpose()?;
                Ok((name.clone(), value))
            };
            let fields = made.fields.iter().map(field).collect::<Result<_, Unfit>>()?;
            Ok(C::UserDefinedType { keyspace: made.keyspace.clone(), name: made.name.clone(), fields })
        }
        (Kind::List(_), _) => Err(Unfit::Kind("a list")),
        (Kind::Vector(..), _) => Err(Unfit::Kind("a vector: a list")),
        (Kind::Set(_), _) => Err(Unfit::Kind("a set: a list")),
        (Kind::Tuple(_), _) => Err(Unfit::Kind("a tuple: a list with a place for each of its parts")),
        (Kind::Made(_), _) => Err(Unfit::Kind("a type of its own: an object of its fields")),
        (Kind::Plain(_), value) => value_back(value, kind),
    }
}

fn parts_back(parts: &[J], of: &Kind) -> Result<Vec<C>, Unfit> {
    parts.iter().map(|part| value_back(part, of)).collect()
}

fn map_back(pairs: &J, key: &Kind, value: &Kind) -> Result<C, Unfit> {
    let pairs: Vec<(J, &J)> = match (key, pairs) {
        (Kind::Plain(plain), J::Object(object)) => {
            let pair = |(name, value): (&String, _)| Some((named(name, *plain)?, value));
            object
                .iter()
                .map(pair)
                .collect::<Option<_>>()
                .ok_or(Unfit::Kind("a map with keys of another type"))?
        }
        (Kind::Plain(_), _) => return Err(Unfit::Kind("a map: an object")),
        (_, J::Array(pairs)) => {
            let pair = |pair: &J| match pair.as_array().map(Vec::as_slice) {
                Some([key, _]) => Some(key.clone()),
                _ => None,
            };
            let keys: Option<Vec<J>> = pairs.iter().map(pair).collect();
            let keys = keys.ok_or(Unfit::Kind("a map: a list of pairs"))?;
            keys.into_iter().zip(pairs.iter().map(|pair| &pair[1])).collect()
        }
        _ => return Err(Unfit::Kind("a map: a list of pairs")),
    };
    once(pairs.iter().map(|(key, _)| key), key)?;
    let pair = |(k, v): &(J, &J)| Ok((value_back(k, key)?, value_back(v, value)?));
    pairs.iter().map(pair).collect::<Result<_, Unfit>>().map(C::Map)
}

/// The name of a plain key in an object.
pub(super) fn name(key: &J) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// The plain key of that name. More names than one can lead to a key: all but one are found to be of another form.
pub(super) fn named(name: &str, plain: Plain) -> Option<J> {
    match plain {
        Plain::Tinyint | Plain::Smallint | Plain::Int | Plain::Bigint | Plain::Counter => {
            name.parse::<i64>().ok().map(J::from)
        }
        Plain::Boolean => name.parse::<bool>().ok().map(J::from),
        Plain::Float | Plain::Double => match name {
            "NaN" | "Infinity" | "-Infinity" => Some(J::from(name)),
            _ => serde_json::from_str(name).ok().filter(J::is_number),
        },
        _ => Some(J::from(name)),
    }
}

/// Whether nothing comes twice, as the database sees it: to a set, 1.0 and 1.00 are one.
fn once<'a>(parts: impl Iterator<Item = &'a J>, of: &Kind) -> Result<(), Unfit> {
    let exact = of.contains(Plain::Decimal);
    let mut parts: Vec<J> = parts.map(|part| if exact { by_size(part) } else { part.clone() }).collect();
    parts.sort_by(order);
    if parts.windows(2).any(|two| order(&two[0], &two[1]) == Ordering::Equal) {
        return Err(Unfit::Kind("nothing twice"));
    }
    Ok(())
}

pub(super) fn by_size(part: &J) -> J {
    match part {
        J::String(text) => texts::by_size(text).map_or_else(|| part.clone(), J::from),
        J::Array(parts) => parts.iter().map(by_size).collect(),
        J::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), by_size(value))).collect(),
        other => other.clone(),
    }
}

/// An order of values of one kind: numbers by size, texts by their letters, all else part by part.
fn order(one: &J, other: &J) -> Ordering {
    let rank = |value: &J| match value {
        J::Null => 0,
        J::Bool(_) => 1,
        J::Number(_) => 2,
        J::String(_) => 3,
        J::Array(_) => 4,
        J::Object(_) => 5,
    };
    match (one, other) {
        (J::Bool(one), J::Bool(other)) => one.cmp(other),
        (J::Number(one), J::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one.cmp(&other),
            // never NaN: that is a text
            _ => one.as_f64().unwrap_or(0.0).total_cmp(&other.as_f64().unwrap_or(0.0)),
        },
        (J::String(one), J::String(other)) => one.cmp(other),
        (J::Array(one), J::Array(other)) => {
            let parts = one.iter().zip(other).map(|(one, other)| order(one, other));
            parts.fold(Ordering::Equal, Ordering::then).then(one.len().cmp(&other.len()))
        }
        (J::Object(one), J::Object(other)) => {
            let parts = one.iter().zip(other).map(|((name, one), (other_name, other))| {
                name.cmp(other_name).then_with(|| order(one, other))
            });
            parts.fold(Ordering::Equal, Ordering::then).then(one.len().cmp(&other.len()))
        }
        (one, other) => rank(one).cmp(&rank(other)),
    }
}
