//! The shape of a JSON text: its keys in order, with the type of each value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON text as `{key:type,...}`; an array as the shape of its first element.
pub fn shape_of(text: &str) -> String {
    serde_json::from_str::<Shape>(text).map_or_else(|error| format!("no JSON ({error}): {text}"), |shape| shape.0)
}

struct Shape(String);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape("boolean".into()))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape("number".into()))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape("number".into()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape("number".into()))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape("string".into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape("null".into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut first = None;
        while let Some(Shape(shape)) = items.next_element()? {
            first.get_or_insert(shape);
        }
        Ok(Shape(format!("[{}]", first.unwrap_or_default())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
        let mut shown = Vec::new();
        while let Some((name, Shape(shape))) = members.next_entry::<String, Shape>()? {
            shown.push(format!("{name}:{shape}"));
        }
        Ok(Shape(format!("{{{}}}", shown.join(","))))
    }
}

#[test]
fn shapes_keep_order() {
    assert_eq!(
        shape_of(r#"{"b":1,"a":["x"],"c":{"d":null,"e":[]}}"#),
        "{b:number,a:[string],c:{d:null,e:[]}}"
    );
    assert!(shape_of("<html>").starts_with("no JSON"));
}
