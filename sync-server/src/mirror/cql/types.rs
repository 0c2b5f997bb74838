//! Types of columns, as `system_schema` writes them: `frozen<map<text, list<int>>>`.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep types may stand in each other: what is deeper no JSON value holds either.
const DEPTH: usize = sync_protocol::limits::JSON_DEPTH;

/// A type of one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as CQL names them")]
pub enum Plain {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
    Float,
    Inet,
    Int,
    Smallint,
    Text,
    Time,
    Timestamp,
    Timeuuid,
    Tinyint,
    Uuid,
    Varint,
}

impl Plain {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ascii" => Self::Ascii,
            "bigint" => Self::Bigint,
            "blob" => Self::Blob,
            "boolean" => Self::Boolean,
            "counter" => Self::Counter,
            "date" => Self::Date,
            "decimal" => Self::Decimal,
            "double" => Self::Double,
            "duration" => Self::Duration,
            "float" => Self::Float,
            "inet" => Self::Inet,
            "int" => Self::Int,
            "smallint" => Self::Smallint,
            "text" | "varchar" => Self::Text,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "timeuuid" => Self::Timeuuid,
            "tinyint" => Self::Tinyint,
            "uuid" => Self::Uuid,
            "varint" => Self::Varint,
            _ => return None,
        })
    }
}

/// What the values of a column look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One piece.
    Plain(Plain),
    /// `list<…>`.
    List(Box<Kind>),
    /// `set<…>`.
    Set(Box<Kind>),
    /// `map<…, …>`.
    Map(Box<Kind>, Box<Kind>),
    /// `tuple<…>`.
    Tuple(Vec<Kind>),
    /// `vector<…, n>`.
    Vector(Box<Kind>, u16),
    /// A type that users made.
    Made(Arc<Made>),
}

impl Kind {
    /// Whether this holds for the kind or for one within it.
    pub fn any(&self, holds: &dyn Fn(&Self) -> bool) -> bool {
        let within = match self {
            Self::Plain(_) => false,
            Self::List(of) | Self::Set(of) | Self::Vector(of, _) => of.any(holds),
            Self::Map(key, value) => key.any(holds) || value.any(holds),
            Self::Tuple(parts) => parts.iter().any(|part| part.any(holds)),
            Self::Made(made) => made.fields.iter().any(|(_, kind)| kind.any(holds)),
        };
        within || holds(self)
    }

    /// Whether values of that type are in it.
    pub fn contains(&self, plain: Plain) -> bool {
        self.any(&|kind| *kind == Self::Plain(plain))
    }
}

/// A type that users made: `CREATE TYPE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<(String, Kind)>,
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// As the database writes it.
    pub text: String,
    /// What its values look like.
    pub kind: Kind,
    /// Whether each element is a cell of its own: a collection, or a type that users made, that is not frozen.
    pub many_cells: bool,
}

/// The types that users made in a keyspace: fields and their types, as `system_schema.types` has them.
#[derive(Clone, Debug, Default)]
pub struct MadeTypes {
    /// Their keyspace.
    pub keyspace: String,
    /// By name.
    pub types: BTreeMap<String, Vec<(String, String)>>,
}

/// A type that nothing is known of: one that an extension brings, or of a release that this build does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the type {0} is unknown")]
pub struct UnknownType(pub String);

impl ColumnType {
    /// Reads the text of a type.
    ///
    /// # Errors
    ///
    /// What is no type, or none that is known.
    pub fn parse(text: &str, made: &MadeTypes) -> Result<Self, UnknownType> {
        let unknown = || UnknownType(text.to_owned());
        let mut reader = Reader { rest: text, made };
        let (kind, frozen) = reader.kind(0).ok_or_else(unknown)?;
        if !reader.rest.is_empty() {
            return Err(unknown());
        }
        let collects = matches!(kind, Kind::List(_) | Kind::Set(_) | Kind::Map(..) | Kind::Made(_));
        Ok(Self { text: text.to_owned(), kind, many_cells: collects && !frozen })
    }
}

struct Reader<'a> {
    rest: &'a str,
    made: &'a MadeTypes,
}

impl Reader<'_> {
    /// A kind, and whether it is frozen.
    fn kind(&mut self, depth: usize) -> Option<(Kind, bool)> {
        if depth > DEPTH {
            return None;
        }
        let (name, quoted) = self.name()?;
        let inner = |reader: &mut Self| Some(Box::new(reader.kind(depth + 1)?.0));
        if quoted || !self.takes('<') {
            let plain = if quoted { None } else { Plain::named(&name) };
            let kind = match plain {
                Some(plain) => Kind::Plain(plain),
                None => Kind::Made(Arc::new(self.made_type(&name, depth)?)),
            };
            return Some((kind, false));
        }
        let (kind, frozen) = match name.as_str() {
            "frozen" => (*inner(self)?, true),
            "list" => (Kind::List(inner(self)?), false),
            "set" => (Kind::Set(inner(self)?), false),
            "map" => {
                let key = inner(self)?;
                self.takes(',').then_some(())?;
                (Kind::Map(key, inner(self)?), false)
            }
            "tuple" => {
                let mut parts = vec![*inner(self)?];
                while self.takes(',') {
                    parts.push(*inner(self)?);
                }
                (Kind::Tuple(parts), true)
            }
            "vector" => {
                let of = inner(self)?;
                self.takes(',').then_some(())?;
                (Kind::Vector(of, self.name()?.0.parse().ok()?), true)
            }
            _ => return None,
        };
        self.takes('>').then_some((kind, frozen))
    }

    fn made_type(&self, name: &str, depth: usize) -> Option<Made> {
        let fields = self.made.types.get(name)?.iter().map(|(field, text)| {
            let mut reader = Reader { rest: text, made: self.made };
            let (kind, _) = reader.kind(depth + 1)?;
            reader.rest.is_empty().then(|| (field.clone(), kind))
        });
        Some(Made {
            keyspace: self.made.keyspace.clone(),
            name: name.to_owned(),
            fields: fields.collect::<Option<_>>()?,
        })
    }

    /// A word, or a name in double quotes, in which two stand for one.
    fn name(&mut self) -> Option<(String, bool)> {
        self.rest = self.rest.trim_start();
        if let Some(mut rest) = self.rest.strip_prefix('"') {
            let mut name = String::new();
            loop {
                let (part, after) = rest.split_once('"')?;
                name.push_str(part);
                let Some(more) = after.strip_prefix('"') else {
                    self.rest = after;
                    return Some((name, true));
                };
                name.push('"');
                rest = more;
            }
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| (name.to_owned(), false))
    }

    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> MadeTypes {
        let address = vec![("street".into(), "text".into()), ("at".into(), "frozen<\"Po\"\"int\">".into())];
        let point =
            vec![("x".into(), "double".into()), ("Y".into(), "list<frozen<tuple<int, text>>>".into())];
        MadeTypes {
            keyspace: "k".into(),
            types: BTreeMap::from([("address".into(), address), ("Po\"int".into(), point)]),
        }
    }

    fn parse(text: &str) -> Result<ColumnType, UnknownType> {
        ColumnType::parse(text, &made())
    }

    #[test]
    fn types_are_read_as_the_database_writes_them() {
        let plain = |plain| Box::new(Kind::Plain(plain));
        assert_eq!(parse("varchar").unwrap().kind, Kind::Plain(Plain::Text));
        let map = parse("frozen<map<text, frozen<list<int>>>>").unwrap();
        let list = Box::new(Kind::List(plain(Plain::Int)));
        assert_eq!(map.kind, Kind::Map(plain(Plain::Text), list));
        assert!(!map.many_cells && parse("map<text, int>").unwrap().many_cells);
        assert!(!parse("frozen<tuple<int, text>>").unwrap().many_cells);
        assert!(!parse("tuple<int,text>").unwrap().many_cells);
        assert_eq!(parse("vector<float, 3>").unwrap().kind, Kind::Vector(plain(Plain::Float), 3));

        let address = parse("address").unwrap();
        assert!(address.many_cells && !parse("frozen<address>").unwrap().many_cells);
        let Kind::Made(address) = address.kind else { panic!("not a type that users made") };
        let Kind::Made(point) = &address.fields[1].1 else { panic!("not a type that users made") };
        assert_eq!((point.name.as_str(), point.fields[1].0.as_str()), ("Po\"int", "Y"));
        assert!(Kind::Made(address.clone()).contains(Plain::Double));
        assert!(!Kind::Made(address).contains(Plain::Decimal));
    }

    #[test]
    fn what_is_no_type_is_unknown() {
        for text in [
            "",
            "strange",
            "list<",
            "list<int",
            "list<int>>",
            "map<int>",
            "'org.apache.cassandra.db.marshal.DynamicCompositeType'",
            "vector<float, x>",
            "\"address",
            "\"text\"",
            "empty",
        ] {
            assert_eq!(parse(text), Err(UnknownType(text.to_owned())), "{text}");
        }
        let deep = format!("{}int{}", "frozen<".repeat(1000), ">".repeat(1000));
        assert!(parse(&deep).is_err());
    }
}
