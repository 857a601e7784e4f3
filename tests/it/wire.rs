//! The compiled protocol descriptors against a table of the wire facts.
//!
//! A field number that is off by one compiles, and the message then travels empty. `tests/fixtures/wire` states every message,
//! field, enumeration value and call once more, one a line; both are written by hand from the interface, so a slip in one shows.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

const TFPLUGIN5: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tfplugin5.descriptors"));
const PLUGIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plugin.descriptors"));
const TFPLUGIN5_TABLE: &str = include_str!("../fixtures/wire/tfplugin5.txt");
const PLUGIN_TABLE: &str = include_str!("../fixtures/wire/plugin.txt");

/// The calls of the provider service in the minor version that `proto/tfplugin5.proto` names.
const PROVIDER_CALLS: usize = 28;

/// Every declaration of a package, in the row format of the tables.
fn rows(descriptors: &[u8], package: &str) -> Vec<String> {
    let set = FileDescriptorSet::decode(descriptors).expect("the build script wrote a descriptor set");
    let mut files = set.file.iter().filter(|file| file.package() == package);
    let file = files.next().expect("the package is compiled");
    assert!(files.next().is_none(), "{package} is declared in one file");
    assert_eq!(file.syntax(), "proto3");
    let mut rows = Vec::new();
    for message in &file.message_type {
        message_rows(package, "", message, &mut rows);
    }
    for enumeration in &file.enum_type {
        enum_rows("", enumeration, &mut rows);
    }
    service_rows(package, file, &mut rows);
    rows
}

fn message_rows(package: &str, outer: &str, message: &DescriptorProto, rows: &mut Vec<String>) {
    let name = within(outer, message.name());
    rows.push(format!("message {name}"));
    for field in &message.field {
        let number = field.number();
        rows.push(format!(
            "field {name} {number} {} {}",
            field.name(),
            field_type(package, &name, message, field)
        ));
    }
    for range in &message.reserved_range {
        // The descriptor's end is exclusive, a `.proto` file's is not.
        rows.push(format!("reserved {name} {}-{}", range.start(), range.end() - 1));
    }
    for reserved in &message.reserved_name {
        rows.push(format!("reserved {name} {reserved}"));
    }
    for nested in message.nested_type.iter().filter(|it| !is_map_entry(it)) {
        message_rows(package, &name, nested, rows);
    }
    for enumeration in &message.enum_type {
        enum_rows(&name, enumeration, rows);
    }
}

fn enum_rows(outer: &str, enumeration: &EnumDescriptorProto, rows: &mut Vec<String>) {
    let name = within(outer, enumeration.name());
    rows.extend(
        enumeration
            .value
            .iter()
            .map(|value| format!("value {name} {} {}", value.number(), value.name())),
    );
}

fn service_rows(package: &str, file: &FileDescriptorProto, rows: &mut Vec<String>) {
    for service in &file.service {
        for method in &service.method {
            let stream = |on: bool| if on { "stream " } else { "" };
            rows.push(format!(
                "rpc {} {} {}{} -> {}{}",
                service.name(),
                method.name(),
                stream(method.client_streaming()),
                local(package, method.input_type()),
                stream(method.server_streaming()),
                local(package, method.output_type()),
            ));
        }
    }
}

fn field_type(package: &str, outer: &str, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let name = scalar(field.r#type()).map_or_else(|| local(package, field.type_name()), str::to_owned);
    let entry = message
        .nested_type
        .iter()
        .filter(|it| is_map_entry(it))
        .find(|it| within(outer, it.name()) == name);
    if let Some(entry) = entry {
        let [key, value] = [0, 1].map(|at| field_type(package, &name, entry, &entry.field[at]));
        return format!("map<{key}, {value}>");
    }
    let oneof = field
        .oneof_index
        .map(|at| message.oneof_decl[usize::try_from(at).unwrap()].name());
    match (field.label(), oneof) {
        (Label::Repeated, _) => format!("repeated {name}"),
        // An optional scalar is a oneof of its own, which the compiler makes up.
        _ if field.proto3_optional() => format!("optional {name}"),
        (_, Some(oneof)) => format!("oneof:{oneof} {name}"),
        _ => name,
    }
}

fn scalar(kind: Type) -> Option<&'static str> {
    Some(match kind {
        Type::Message | Type::Enum | Type::Group => return None,
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
    })
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|it| it.map_entry())
}

fn within(outer: &str, name: &str) -> String {
    if outer.is_empty() {
        name.to_owned()
    } else {
        format!("{outer}.{name}")
    }
}

/// A type's name as the tables write it: without the own package, with a foreign one.
fn local(package: &str, name: &str) -> String {
    let name = name.trim_start_matches('.');
    name.strip_prefix(package)
        .and_then(|it| it.strip_prefix('.'))
        .unwrap_or(name)
        .to_owned()
}

/// What one side has more often than the other: `+` compiled only, `-` in the table only. Order is no difference.
fn differences(compiled: &[String], table: &str) -> Vec<String> {
    let mut count = BTreeMap::<&str, i32>::new();
    compiled.iter().for_each(|row| *count.entry(row).or_default() += 1);
    table
        .lines()
        .filter(|row| !row.is_empty())
        .for_each(|row| *count.entry(row).or_default() -= 1);
    let rows = count.into_iter().filter(|(_, surplus)| *surplus != 0);
    rows.map(|(row, surplus)| format!("{} {row}", if surplus > 0 { '+' } else { '-' }))
        .collect()
}

#[test]
fn the_compiled_protocol_is_what_the_table_says() {
    for (descriptors, package, table) in [
        (TFPLUGIN5, "tfplugin5", TFPLUGIN5_TABLE),
        (PLUGIN, "plugin", PLUGIN_TABLE),
    ] {
        let differences = differences(&rows(descriptors, package), table);
        assert!(
            differences.is_empty(),
            "{package}: + compiled only, - table only\n{}",
            differences.join("\n")
        );
    }
}

#[test]
fn the_provider_service_is_complete() {
    let compiled = rows(TFPLUGIN5, "tfplugin5");
    assert_eq!(
        compiled.iter().filter(|row| row.starts_with("rpc Provider ")).count(),
        PROVIDER_CALLS
    );
}

#[test]
fn every_changed_row_is_noticed() {
    let compiled = rows(TFPLUGIN5, "tfplugin5");
    let lines: Vec<&str> = TFPLUGIN5_TABLE.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let mut changed = lines.clone();
        let text = format!("{line}x");
        changed[at] = &text;
        let expected = vec![format!("+ {line}"), format!("- {text}")];
        assert_eq!(differences(&compiled, &changed.join("\n")), expected);

        changed.remove(at);
        assert_eq!(differences(&compiled, &changed.join("\n")), [format!("+ {line}")]);
    }
}

#[test]
fn a_row_that_stands_twice_is_noticed() {
    let twice = format!("{PLUGIN_TABLE}\nmessage ConnInfo\n");
    assert_eq!(differences(&rows(PLUGIN, "plugin"), &twice), ["- message ConnInfo"]);
}

#[test]
fn a_changed_descriptor_is_noticed() {
    let mut set = FileDescriptorSet::decode(PLUGIN).unwrap();
    let file = set.file.iter_mut().find(|file| file.package() == "plugin").unwrap();
    let data = file
        .message_type
        .iter_mut()
        .find(|it| it.name() == "StdioData")
        .unwrap();
    data.field[1].set_type(Type::String);
    let differences = differences(&rows(&set.encode_to_vec(), "plugin"), PLUGIN_TABLE);
    assert_eq!(
        differences,
        ["- field StdioData 2 data bytes", "+ field StdioData 2 data string"]
    );
}
