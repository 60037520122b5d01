//! Fields that begin with `_` are the stand-in's own: kept with an object, never shown.

use serde_json::Value;

/// The object as clients and events show it.
pub(crate) fn without(object: &Value) -> Value {
    let mut shown = object.clone();
    strip(&mut shown);
    shown
}

/// Takes the stand-in's own fields out; metadata belongs to the client, whatever its keys begin with.
pub(crate) fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with('_'));
            fields.iter_mut().filter(|(name, _)| *name != "metadata").for_each(|(_, field)| strip(field));
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
