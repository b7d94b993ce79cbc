//! Reading JSON: into a tree first, and from there into the types.
//!
//! `serde_json` reads straight into each type, which makes its whole reader part of every type. A tree is read once
//! for all, and what is left of a type is small: the first visit has that much less to load.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// What was wrong with it, for the console.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, Unreadable> {
    let tree = serde_json::from_str(json).map_err(|error| Unreadable(error.to_string()))?;
    T::deserialize(Tree(tree))
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Error for Unreadable {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    // Which field it was says enough; telling the value would bring in the printing of numbers with fractions.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self(["expected ", &expected.to_string()].concat())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self(["expected ", &expected.to_string()].concat())
    }
}

struct Tree(Value);

impl Tree {
    fn wrong(&self) -> Unreadable {
        Unreadable(
            match self.0 {
                Value::Null => "null is not expected here",
                Value::Bool(_) => "a bool is not expected here",
                Value::Number(_) => "this number is not expected here",
                Value::String(_) => "a text is not expected here",
                Value::Array(_) => "a list is not expected here",
                Value::Object(_) => "an object is not expected here",
            }
            .to_owned(),
        )
    }

    fn into_text(self) -> Result<String, Unreadable> {
        match self.0 {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong()),
        }
    }

    fn unsigned(&self) -> Result<u64, Unreadable> {
        self.0.as_u64().ok_or_else(|| self.wrong())
    }

    fn signed(&self) -> Result<i64, Unreadable> {
        self.0.as_i64().ok_or_else(|| self.wrong())
    }
}

// Each method takes what it is asked for and nothing else: every further case would be compiled for every type.
impl<'de> Deserializer<'de> for Tree {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(is_so) => visitor.visit_bool(is_so),
            Value::Number(number) => {
                if let Some(number) = number.as_u64() {
                    visitor.visit_u64(number)
                } else if let Some(number) = number.as_i64() {
                    visitor.visit_i64(number)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Bool(is_so) => visitor.visit_bool(is_so),
            _ => Err(self.wrong()),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_i64(self.signed()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.into_text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.into_text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.into_text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            _ => Err(self.wrong()),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Object(entries) => visitor.visit_map(Entries {
                rest: entries.into_iter(),
                value: None,
            }),
            _ => Err(self.wrong()),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let variant = match self.0 {
            Value::String(name) => Some((name, None)),
            Value::Object(entries) => entries
                .into_iter()
                .next()
                .map(|(name, content)| (name, Some(content))),
            _ => None,
        };
        let Some((name, content)) = variant else {
            return Err(Unreadable("a variant is expected here".to_owned()));
        };
        visitor.visit_enum(Variant { name, content })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        match self.0.next() {
            Some(item) => seed.deserialize(Tree(item)).map(Some),
            None => Ok(None),
        }
    }
}

struct Entries {
    rest: serde_json::map::IntoIter,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(Tree(Value::String(name))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Unreadable> {
        // Asked for once after each key; a missing one reads as null.
        seed.deserialize(Tree(self.value.take().unwrap_or_default()))
    }
}

struct Variant {
    name: String,
    content: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Unreadable;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content), Unreadable> {
        let name = seed.deserialize(Tree(Value::String(self.name)))?;
        Ok((name, Content(self.content)))
    }
}

struct Content(Option<Value>);

impl<'de> VariantAccess<'de> for Content {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Unreadable> {
        seed.deserialize(Tree(self.0.unwrap_or_default()))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        Tree(self.0.unwrap_or_default()).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        Tree(self.0.unwrap_or_default()).deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::api::Thread;
    use omocast_contract::live::LiveEvent;
    use omocast_contract::{Audience, Broadcast, OutgoingMessage, Problem, ProblemCode};
    use serde::Serialize;

    use super::*;

    /// Reads as `serde_json` does, and is written as it was.
    fn reads_back<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(json: &str) {
        let known: T = serde_json::from_str(json).unwrap();
        assert_eq!(read::<T>(json).as_ref(), Ok(&known));
        let written = serde_json::to_string(&known).unwrap();
        assert_eq!(read::<T>(&written), Ok(known));
    }

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    #[test]
    fn every_shape_of_the_contract_is_read_as_serde_json_reads_it() {
        let id = |json: &str| json.replace("ID", &format!("{ID:?}"));
        reads_back::<LiveEvent>(&id(r#"{"type":"event_changed","event":ID}"#));
        reads_back::<LiveEvent>(r#"{"type":"missed"}"#);
        reads_back::<LiveEvent>(r#"{"type":"bound_customers_changed"}"#);
        reads_back::<Problem>(
            &serde_json::to_string(&Problem::new(ProblemCode::SignedOut)).unwrap(),
        );
        reads_back::<Audience>(&serde_json::to_string(&Audience::default()).unwrap());
        reads_back::<Vec<OutgoingMessage>>(&id(
            r#"[{"type":"text","text":"哈囉"},{"type":"image","media":ID}]"#,
        ));
        let row = r#"{"id":ID,"customer":ID,"name":"陳怡君","channel":"line","account":"a","account_id":ID,
            "status":"in_progress","owner":null,"owner_id":null,"last_text":"","last_medium":"text",
            "last_message_at":"2026-11-23T07:00:00.000Z","last_inbound_at":null,"unread":2,"is_blocked":false,
            "tags":["VIP"]}"#;
        let at = "2026-11-23T07:00:00.000Z";
        reads_back::<Thread>(&id(&format!(
            r#"{{"event":{row},"customer":{{"id":ID,"name":"n","phone":null,"created_at":"{at}","tags":[]}},
            "messages":[
                {{"id":ID,"at":"{at}","origin":{{"direction":"inbound"}},"content":{{"type":"text","text":"\u4f60"}}}},
                {{"id":ID,"at":"{at}","origin":{{"direction":"outbound","sender":"s","broadcast":null,
                "status":"failed","reason":"blocked"}},"content":{{"type":"image","media":null}}}}],
            "has_older":true,"unknown":[1.5,{{}}]}}"#
        )));
        let progress = r#"{"queued":0,"sending":0,"sent":1,"delivered":0,"read":0,"failed":0,"skipped":0,"unknown":0}"#;
        reads_back::<Broadcast>(&id(&format!(
            r#"{{"id":ID,"title":"t","status":"held","sender":"s","sender_id":ID,"created_at":"{at}",
            "starts_at":"{at}","retry_of":ID,"completed_at":null,"message_count":1,"progress":{progress},"stopped":3,"messages":[],"media":[],
            "links":{{"official":0,"other":0}},"channels":[],
            "tells_delivered":0,"tells_read":0,"retryable":1,"seconds_left":6,"waits":{{"customers":2,"until":"{at}"}},
            "outcomes":[{{"status":"failed","reason":"other","part":{{"got":1,"of":3}},"channel":"line","customers":1}}],
            "paused":[{{"account":ID,"name":"n","channel":"line","reason":"monthly_limit","platform_code":null,
            "since":"{at}","tried_at":"{at}","waiting":9}}],
            "log":[{{"at":"{at}","member":"m","event":"accepted","recipients":9}},
            {{"at":"{at}","member":null,"event":"completed"}}]}}"#
        )));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"tags":1}"#,
            r#"{"tags":[1]}"#,
            r#"{"tags":null}"#,
        ] {
            assert!(read::<omocast_contract::api::Tags>(json).is_err(), "{json}");
        }
        assert!(read::<u32>("-1").is_err());
        assert!(read::<u32>("5000000000").is_err());
    }
}
