//! A tree as serde reads it: every scalar is text until a type asks for more.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor, value::StrDeserializer,
};

use crate::config::tree::{Entry, Node, Step, Value};

use super::{Wrong, did_you_mean};

/// A node as serde reads it.
pub(super) struct Reader<'a>(pub(super) &'a Node);

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Wrong;

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u32(number(self.0)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u64(number(self.0)?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items { rest: items.iter().enumerate() }),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let Value::Text(text) = &self.0.value else {
            return Err(kind(self.0, &"true or false"));
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => visitor.visit_bool(true),
            "false" | "no" | "off" | "0" => visitor.visit_bool(false),
            _ => Err(Wrong::custom("expected true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Text(text) => visitor.visit_str(text),
            Value::Null | Value::List(_) | Value::Map(_) => Err(kind(self.0, &"text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Null => visitor.visit_none(),
            Value::Text(_) | Value::List(_) | Value::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::List(items) => visitor.visit_seq(Items { rest: items.iter().enumerate() }),
            Value::Null => visitor.visit_seq(Items { rest: [].iter().enumerate() }),
            Value::Text(_) | Value::Map(_) => Err(kind(self.0, &"a list: [one, two]")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.value {
            Value::Map(_) | Value::Null => visitor.visit_map(Fields {
                rest: self.0.entries().iter().enumerate(),
                known: None,
                current: None,
            }),
            Value::Text(_) | Value::List(_) => Err(kind(self.0, &"names with values: {name: value}")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if let (Value::Text(_), [field]) = (&self.0.value, fields) {
            return visitor.visit_map(Only { field: Some(field), node: self.0 });
        }
        if let (Value::Text(_), [field @ ("mode" | "target"), ..]) = (&self.0.value, fields) {
            return visitor.visit_map(Only { field: Some(field), node: self.0 });
        }
        match &self.0.value {
            Value::Map(_) | Value::Null => {
                let rest = self.0.entries().iter().enumerate();
                visitor.visit_map(Fields { rest, known: Some(fields), current: None })
            }
            Value::Text(_) | Value::List(_) => {
                let example =
                    fields.first().map_or_else(String::new, |field| format!(" such as \"{field}: …\""));
                Err(kind(self.0, &format!("fields{example}").as_str()))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let Value::Text(text) = &self.0.value else {
            return Err(kind(self.0, &format!("one of {}", variants.join(", ")).as_str()));
        };
        let word = text.trim().to_ascii_lowercase();
        visitor
            .visit_enum(Word(word.as_str().into_deserializer()))
            .map_err(|wrong: Wrong| Wrong { hint: did_you_mean(&word, variants.iter().copied()), ..wrong })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

fn number<T: std::str::FromStr>(node: &Node) -> Result<T, Wrong> {
    match &node.value {
        Value::Text(text) => {
            text.trim().parse().map_err(|_| Wrong::custom("expected a whole number, not below zero"))
        }
        Value::Null | Value::List(_) | Value::Map(_) => Err(kind(node, &"a whole number")),
    }
}

fn kind(node: &Node, expected: &dyn Expected) -> Wrong {
    let found = match &node.value {
        Value::Null => Unexpected::Unit,
        Value::Text(text) => Unexpected::Str(text),
        Value::List(_) => Unexpected::Seq,
        Value::Map(_) => Unexpected::Map,
    };
    Wrong::invalid_type(found, expected)
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        let Some((step, node)) = self.rest.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader(node)).map(Some).map_err(|wrong| wrong.within(node, &node.place, step))
    }
}

struct Fields<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Entry>>,
    /// The fields that there are; `None` when any name will do.
    known: Option<&'static [&'static str]>,
    current: Option<(Step, &'a Entry)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Wrong;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        for (step, entry) in self.rest.by_ref() {
            let key = entry.key.as_str();
            if let Some(known) = self.known {
                if !known.contains(&key) {
                    let unknown = Wrong {
                        hint: did_you_mean(key, known.iter().copied())
                            .or_else(|| Some(format!("the fields here are {}", known.join(", ")))),
                        ..Wrong::new(format!("unknown field \"{key}\""))
                    };
                    return Err(unknown.within(&entry.node, &entry.place, step));
                }
                // A field with nothing after its colon has its default.
                if matches!(entry.node.value, Value::Null) {
                    continue;
                }
            }
            self.current = Some((step, entry));
            let key: StrDeserializer<'_, Wrong> = key.into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        let Some((step, entry)) = self.current.take() else {
            return Err(Wrong::custom("a value without a key"));
        };
        seed.deserialize(Reader(&entry.node))
            .map_err(|wrong| wrong.within(&entry.node, &entry.node.place, step))
    }
}

/// What has one field, written as that field's value: `admin: off`.
struct Only<'a> {
    field: Option<&'static str>,
    node: &'a Node,
}

impl<'de> MapAccess<'de> for Only<'_> {
    type Error = Wrong;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        let Some(field) = self.field.take() else { return Ok(None) };
        let field: StrDeserializer<'_, Wrong> = field.into_deserializer();
        seed.deserialize(field).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        seed.deserialize(Reader(self.node))
    }
}

/// One word of an enumeration.
struct Word<'a>(StrDeserializer<'a, Wrong>);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Wrong> {
        Ok((seed.deserialize(self.0)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Wrong> {
        Err(Wrong::custom("expected one word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::custom("expected one word"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::custom("expected one word"))
    }
}
