//! Schemas of types that others own: the names of an enumeration, as serde reads them.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{
    Deserializer,
    de::{DeserializeOwned, Visitor, value::Error},
    forward_to_deserialize_any,
};

/// For `#[schemars(schema_with = "…")]` on an optional field: one of the names that `T` is read from, or nothing.
pub fn maybe_one_of<T: DeserializeOwned>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": names::<T>().iter().copied().map(Some).chain([None]).collect::<Vec<_>>() })
}

/// The same for a field that always has a value.
pub fn one_of<T: DeserializeOwned>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": names::<T>() })
}

fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It fails in any case, once it has asked for its variants.
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Reads nothing: it only hears which variants are asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        Err(serde::de::Error::custom("only its names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("no enumeration"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
