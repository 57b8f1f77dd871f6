//! `schemas/meshobs.json` is what the definitions of the settings give: the JSON schema by which editors complete and judge
//! `meshobs.toml`. MESHOBS_BLESS=1 rewrites it. Built for tests only, so that the program holds nothing of it.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::Options;

/// A table whose keys are the user's own.
pub(super) type Texts = BTreeMap<String, String>;

/// Leaves out what only JSON has, and what only flags do.
#[derive(Clone, Debug)]
struct ForToml;

impl Transform for ForToml {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        // TOML has no null: a setting that is not there is left out.
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                schema.remove("anyOf");
                // The description of the setting goes before that of its type.
                for (key, value) in only {
                    if schema.get(&key).is_none() {
                        schema.insert(key, value);
                    }
                }
            }
        }
        schema.remove("default");
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace(", in the file", "").replace(" (repeatable)", "");
        }
    }
}

fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.with_transform(ForToml).into_generator().into_root_schema_for::<Options>();
    schema.insert("title".to_owned(), "meshobs.toml".into());
    schema.to_value()
}

#[test]
fn the_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/meshobs.json");
    let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("MESHOBS_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &wanted).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == wanted, "schemas/meshobs.json is out of date; run the tests with MESHOBS_BLESS=1");
}

#[test]
fn the_schema_takes_the_printed_configuration_and_no_unknown_key() {
    /// Whether a value is of a type that the schema names, and of its choices.
    fn check(schema: &Value, value: &toml::Value, at: &str) {
        let of = |kind: &str| schema["type"] == kind;
        match value {
            toml::Value::Table(table) => {
                assert!(of("object"), "{at}: {schema}");
                let rest = &schema["additionalProperties"];
                for (key, value) in table {
                    let known = schema.pointer(&format!("/properties/{key}"));
                    let known = known.or_else(|| rest.is_object().then_some(rest));
                    check(known.unwrap_or_else(|| panic!("{at}.{key}")), value, &format!("{at}.{key}"));
                }
                assert!(rest.is_object() || rest == false, "{at}: unknown keys are taken");
            }
            toml::Value::Array(items) => {
                assert!(of("array"), "{at}: {schema}");
                items.iter().for_each(|item| check(&schema["items"], item, at));
            }
            toml::Value::String(text) => {
                let choices = schema["oneOf"].as_array().map(|choices| {
                    let named = |choice: &Value| choice["const"] == **text || choice["enum"][0] == **text;
                    choices.iter().any(named)
                });
                assert!(choices.unwrap_or_else(|| of("string")), "{at} = {text}: {schema}");
            }
            toml::Value::Boolean(_) => assert!(of("boolean"), "{at}: {schema}"),
            toml::Value::Integer(_) => assert!(of("integer"), "{at}: {schema}"),
            toml::Value::Float(_) => assert!(of("number"), "{at}: {schema}"),
            toml::Value::Datetime(_) => panic!("{at}: no setting is a date"),
        }
    }
    let printed: toml::Table = crate::cli::CONFIG_TEMPLATE.parse().unwrap();
    check(&schema(), &toml::Value::Table(printed), "");
}
