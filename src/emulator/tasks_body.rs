//! Tasks as clients send them: what a PUT leaves, what a PATCH changes, and what becomes of secrets that were not sent.

use serde_json::{Map, Value};

use super::refusals::Refusal;
use super::tasks_shape::{Absent, CONTEXT, CUSTOM_REGISTRY, Kind, Member, SOURCE_IDENTITY, Shape, step_shape};

/// Why a body is no task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It cannot be made into the object that it should be: a wrong type of JSON, or a step without a known discriminator.
    Unreadable,
    /// A member that must be there is not.
    Missing { shape: &'static str, member: &'static str },
}

impl Problem {
    /// The refusal; `parameters` is how errors call the body.
    pub(super) fn refusal(self, parameters: &str) -> Refusal {
        match self {
            Problem::Unreadable => Refusal::unreadable(),
            Problem::Missing { shape, member } => {
                let mut letters = member.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                let called: String = first.into_iter().chain(letters).collect();
                let text = format!("The required property '{called}' is missing.");
                Refusal::inner(parameters, shape, "MissingRequiredProperty", &text)
            }
        }
    }
}

/// The members that a shape knows, with the service's own values where none were sent. `null` is as good as absent, and an
/// object without members vanishes.
pub(super) fn read(shape: &'static Shape, given: &Value) -> Result<Map<String, Value>, Problem> {
    let given = object(given)?;
    let mut read = Map::new();
    for member in shape.members {
        let value = match given.get(member.name).filter(|value| !value.is_null()) {
            Some(value) => read_member(member, value)?,
            None => filled(shape, member)?,
        };
        if let Some(value) = value {
            read.insert(member.name.into(), value);
        }
    }
    let flagged = |member: &&Member| matches!(member.kind, Kind::SecretIfFlagged);
    if let Some(member) = shape.members.iter().find(flagged)
        && !is_secret(&read)
        && !read.contains_key(member.name)
    {
        return Err(missing(shape, member));
    }
    Ok(read)
}

fn read_member(member: &Member, value: &Value) -> Result<Option<Value>, Problem> {
    let fits = |good: bool| good.then(|| value.clone()).ok_or(Problem::Unreadable).map(Some);
    match member.kind {
        Kind::Text | Kind::Secret | Kind::SecretIfFlagged | Kind::Clearable => fits(value.is_string()),
        Kind::Flag => fits(value.is_boolean()),
        Kind::Number => fits(value.as_i64().is_some_and(|number| i32::try_from(number).is_ok())),
        Kind::Texts => fits(array(value)?.iter().all(Value::is_string)),
        Kind::Object(inner) | Kind::HiddenObject(inner) => {
            let read = read(inner, value)?;
            Ok((!read.is_empty()).then_some(Value::Object(read)))
        }
        Kind::List(inner) => read_items(inner, value).map(Some),
        Kind::Named(inner) => Ok(Some(read_items(inner, value)?).filter(|items| items != &Value::Array(Vec::new()))),
        Kind::Step => {
            let shape = step_shape(object(value)?).ok_or(Problem::Unreadable)?;
            read(shape, value).map(|read| Some(Value::Object(read)))
        }
        Kind::Registries => {
            let mut servers = Map::new();
            for (server, entry) in object(value)? {
                let entry = match entry {
                    Value::Null => Value::Null,
                    entry => Value::Object(read(&CUSTOM_REGISTRY, entry)?),
                };
                servers.insert(server.clone(), entry);
            }
            Ok((!servers.is_empty()).then_some(Value::Object(servers)))
        }
        Kind::Dependencies => Ok(None),
    }
}

fn read_items(inner: &'static Shape, value: &Value) -> Result<Value, Problem> {
    let items = array(value)?.iter();
    let read: Result<Vec<Value>, Problem> = items.map(|item| read(inner, item).map(Value::Object)).collect();
    read.map(Value::Array)
}

fn filled(shape: &'static Shape, member: &Member) -> Result<Option<Value>, Problem> {
    Ok(match member.absent {
        Absent::Stays => None,
        Absent::Refused => return Err(missing(shape, member)),
        Absent::Text(text) => Some(text.into()),
        Absent::Flag(flag) => Some(flag.into()),
        Absent::Number(number) => Some(number.into()),
        Absent::EmptyList => Some(Value::Array(Vec::new())),
    })
}

/// What a PATCH makes of what is there. It takes nothing away: a `null` changes nothing, but for a custom registry's
/// credentials (recorded clients rely on that) and the source registry's identity (the Azure CLI does).
pub(super) fn merge(
    shape: &'static Shape,
    stored: &Map<String, Value>,
    change: &Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let mut merged = stored.clone();
    for member in shape.members {
        let Some(value) = change.get(member.name) else { continue };
        if value.is_null() {
            if matches!(member.kind, Kind::Clearable) {
                merged.remove(member.name);
            }
            continue;
        }
        let value = match (member.kind, stored.get(member.name)) {
            (Kind::Object(inner) | Kind::HiddenObject(inner), Some(Value::Object(old))) => {
                Value::Object(merge(inner, old, object(value)?)?)
            }
            (Kind::Named(inner), Some(Value::Array(old))) => Value::Array(merge_named(inner, old, array(value)?)?),
            (Kind::Step, Some(Value::Object(old))) => Value::Object(merge_step(old, object(value)?)?),
            (Kind::Registries, Some(Value::Object(old))) => {
                let mut servers = old.clone();
                servers.extend(object(value)?.clone());
                servers.retain(|_, entry| !entry.is_null());
                Value::Object(servers)
            }
            _ => value.clone(),
        };
        merged.insert(member.name.into(), value);
    }
    Ok(merged)
}

fn merge_named(inner: &'static Shape, stored: &[Value], change: &[Value]) -> Result<Vec<Value>, Problem> {
    let mut merged = stored.to_vec();
    for item in change {
        let item = object(item)?;
        let Some(name) = item.get("name").and_then(Value::as_str) else {
            return Err(Problem::Missing {
                shape: inner.name,
                member: "name",
            });
        };
        match merged.iter_mut().find(|known| is_named(known, name)) {
            Some(known) => *known = Value::Object(merge(inner, object(known)?, item)?),
            None => merged.push(Value::Object(item.clone())),
        }
    }
    Ok(merged)
}

/// A step of another type keeps nothing but its context, which is assumed.
fn merge_step(stored: &Map<String, Value>, change: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let shape = step_shape(change).ok_or(Problem::Unreadable)?;
    if step_shape(stored).is_some_and(|known| known.name == shape.name) {
        return merge(shape, stored, change);
    }
    let mut kept = stored.clone();
    kept.retain(|name, _| CONTEXT.contains(&name.as_str()));
    merge(shape, &kept, change)
}

/// Puts the stored secrets into places where a PUT sent none.
pub(super) fn carry_secrets(shape: &'static Shape, stored: &Map<String, Value>, fresh: &mut Map<String, Value>) {
    let both_secret = is_secret(stored) && is_secret(fresh);
    for member in shape.members {
        let Some(old) = stored.get(member.name) else { continue };
        match (member.kind, fresh.get_mut(member.name)) {
            (Kind::Secret | Kind::HiddenObject(_), None) => {
                fresh.insert(member.name.into(), old.clone());
            }
            (Kind::SecretIfFlagged, None) if both_secret => {
                fresh.insert(member.name.into(), old.clone());
            }
            (Kind::Object(inner) | Kind::HiddenObject(inner), Some(Value::Object(new))) => {
                if let Value::Object(old) = old {
                    carry_secrets(inner, old, new);
                }
            }
            (Kind::Named(inner) | Kind::List(inner), Some(Value::Array(new))) => carry_items(inner, old, new),
            (Kind::Step, Some(Value::Object(new))) => {
                if let (Some(shape), Value::Object(old)) = (step_shape(new), old) {
                    carry_secrets(shape, old, new);
                }
            }
            (Kind::Registries, Some(Value::Object(new))) => {
                for (server, entry) in new.iter_mut().filter(|(_, entry)| entry.is_null()) {
                    *entry = old.get(server).cloned().unwrap_or(Value::Null);
                }
            }
            _ => {}
        }
    }
}

fn carry_items(inner: &'static Shape, stored: &Value, fresh: &mut [Value]) {
    let stored = stored.as_array().map(Vec::as_slice).unwrap_or_default();
    for new in fresh.iter_mut().filter_map(Value::as_object_mut) {
        let name = new.get("name").and_then(Value::as_str).unwrap_or_default();
        let old = stored.iter().find(|known| is_named(known, name));
        if let Some(Value::Object(old)) = old {
            carry_secrets(inner, old, new);
        }
    }
}

/// Takes away the credentials of custom registries of which nothing but the server's name came.
pub(super) fn drop_empty_registries(properties: &mut Map<String, Value>) {
    let Some(Value::Object(credentials)) = properties.get_mut("credentials") else {
        return;
    };
    if let Some(Value::Object(servers)) = credentials.get_mut("customRegistries") {
        servers.retain(|_, entry| !entry.is_null());
        if servers.is_empty() {
            credentials.remove("customRegistries");
        }
    }
    if credentials.is_empty() {
        properties.remove("credentials");
    }
}

/// Takes away what an older version does not know. That it is lost instead of refused is assumed.
pub(super) fn drop_source_identity(properties: &mut Value) {
    let source = properties.pointer_mut("/credentials/sourceRegistry");
    if let Some(Value::Object(source)) = source {
        source.remove(SOURCE_IDENTITY);
    }
}

/// Whether an argument or value is flagged as a secret.
pub(super) fn is_secret(argument: &Map<String, Value>) -> bool {
    argument.get("isSecret") == Some(&Value::Bool(true))
}

fn is_named(item: &Value, name: &str) -> bool {
    item["name"]
        .as_str()
        .is_some_and(|known| known.eq_ignore_ascii_case(name))
}

fn missing(shape: &'static Shape, member: &Member) -> Problem {
    Problem::Missing {
        shape: shape.name,
        member: member.name,
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Problem> {
    value.as_object().ok_or(Problem::Unreadable)
}

fn array(value: &Value) -> Result<&Vec<Value>, Problem> {
    value.as_array().ok_or(Problem::Unreadable)
}

#[cfg(test)]
mod tests;
