//! Booleans, arrays and tables with free keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::DeValue;

use super::{At, Parse, Reader, Value, same_schema};

/// An array of values, where the key may be absent.
pub(crate) type List<T> = Option<At<Vec<At<T>>>>;

/// A table with free keys of one kind, sorted.
#[derive(Clone, Debug)]
pub(crate) struct Named<K, V>(pub(crate) Vec<(At<K>, At<V>)>);

/// A value in which `${NAME}` is not allowed.
#[derive(Clone, Debug)]
pub(crate) struct Literal<T>(pub(crate) T);

same_schema!(Literal);

/// The values of a list.
pub(crate) trait Items<T> {
    /// The values; none where the key is absent.
    fn items(&self) -> &[At<T>];
}

impl<T> Items<T> for List<T> {
    fn items(&self) -> &[At<T>] {
        self.as_ref().map_or(&[], |list| &list.value)
    }
}

impl Value for bool {
    const WHAT: &'static str = "true or false";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        if let DeValue::Boolean(value) = value.get_ref() {
            return Some(*value);
        }
        reader.wrong_type::<Self>(value);
        None
    }
}

impl<T: Value> Value for Vec<At<T>> {
    const WHAT: &'static str = "an array";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let DeValue::Array(array) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        let mut read = Self::with_capacity(array.len());
        for item in array {
            let at = reader.span(item.span());
            read.extend(T::read(reader, item).map(|value| At { value, at }));
        }
        (read.len() == array.len() || T::WHAT == "a table").then_some(read)
    }
}

impl<K: Parse, V: Value> Value for Named<K, V> {
    const WHAT: &'static str = "a table";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        let mut read = Vec::with_capacity(table.len());
        for (key, value) in table {
            let at = reader.span(key.span());
            let name = reader.key(key.get_ref(), at);
            let value_at = reader.span(value.span());
            let value = V::read(reader, value);
            if let (Some(name), Some(value)) = (name, value) {
                read.push((At { value: name, at }, At { value, at: value_at }));
            }
        }
        (read.len() == table.len()).then_some(Self(read))
    }
}

impl<T: Value> Value for Literal<T> {
    const WHAT: &'static str = T::WHAT;

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let before = reader.variables.forbid();
        let read = T::read(reader, value);
        reader.variables.restore(before);
        read.map(Self)
    }
}

impl<K: JsonSchema, V: JsonSchema> JsonSchema for Named<K, V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Tables of {}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = K::json_schema(generator);
        let values = generator.subschema_for::<V>();
        json_schema!({"type": "object", "propertyNames": names, "additionalProperties": values})
    }
}
