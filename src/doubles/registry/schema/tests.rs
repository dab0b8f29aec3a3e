//! Schemas and data, and what becomes of them: seen from Java's Avro 1.11, everit's JSON Schema 1.14 and Protobuf's `JsonFormat`
//! 3.25.

use super::*;

/// The bytes in hexadecimal, or why there are none.
fn encoded(format: Format, schema: &str, data: &str) -> String {
    let Ok(schema) = Schema::parse(format, schema) else { return "no schema".to_owned() };
    match schema.encode(data.as_bytes(), Version::V2_18) {
        Ok(bytes) => hex::encode(bytes),
        Err(Misfit::Told(told)) => told,
        Err(Misfit::Unexpected) => "unexpected".to_owned(),
    }
}

fn text(format: Format, schema: &str) -> Option<String> {
    Schema::parse(format, schema).ok().map(|schema| schema.text().to_owned())
}

#[test]
fn avro_schemas_are_printed_as_java_prints_them() {
    for (schema, printed) in [
        (r#"{"type": "string"}"#, r#""string""#),
        (r#"{"logicalType":"date", "type":"int"}"#, r#"{"type":"int","logicalType":"date"}"#),
        (
            r#"{"name":"R","namespace":"x.y","type":"record","aliases":["Q"],"p":1.0,"doc":"d","fields":[
               {"default":null,"type":["null","R"],"name":"next","order":"ascending"},
               {"name":"e","type":{"type":"enum","name":"z.E","symbols":["A"],"default":"A"},"order":"descending"},
               {"name":"f","type":{"name":"F","type":"fixed","size":2}},{"name":"g","type":"F"}]}"#,
            r#"{"type":"record","name":"R","namespace":"x.y","doc":"d","fields":[{"name":"next","type":["null","R"],"default":null},{"name":"e","type":{"type":"enum","name":"E","namespace":"z","symbols":["A"],"default":"A"},"order":"descending"},{"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"g","type":"F"}],"p":1.0,"aliases":["Q"]}"#,
        ),
    ] {
        assert_eq!(text(Format::Avro, schema).as_deref(), Some(printed));
    }
    for schema in [
        "",
        r#""nope""#,
        r#"{"type":{"type":"string"}}"#,
        r#"["int","int"]"#,
        r#"["int",["string"]]"#,
        r#"{"type":"record","name":"R"}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}"#,
        r#"{"type":"record","name":"1R","fields":[]}"#,
        r#"{"type":"enum","name":"E","symbols":["A","A"]}"#,
        r#"{"type":"fixed","name":"F","size":1.5}"#,
    ] {
        assert_eq!(text(Format::Avro, schema), None, "{schema}");
    }
}

#[test]
fn json_becomes_avro_as_javas_decoder_reads_it() {
    let user = r#"{"type":"record","name":"User","fields":[{"name":"name","type":"string"},{"name":"age","type":["null","int"],"default":null}]}"#;
    for (schema, data, seen) in [
        (user, r#"{"name":"ann","age":{"int":7}}"#, "06616e6e020e"),
        (user, r#"{"age":null,"name":"x"}"#, "027800"),
        (user, r#"{"name":"x","age":null,"zzz":1}"#, "027800"),
        (user, r#"{"name":"bob"}"#, "Expected start-union. Got END_OBJECT"),
        (user, r#"{"name":"bob","age":7}"#, "Expected start-union. Got VALUE_NUMBER_INT"),
        (user, r#"{"name":"bob","age":{"long":7}}"#, "Unknown union branch long"),
        (user, r#"{"age":null}"#, "Expected field name not found: name"),
        (user, "5", "Expected record-start. Got VALUE_NUMBER_INT"),
        (
            user,
            r#"{"name":"x","age":{"int":2147483648}}"#,
            "Numeric value (2147483648) out of range of int (-2147483648 - 2147483647)\n at [Source: REDACTED \
             (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 36]",
        ),
        // Fields that nobody knows are told only where something follows.
        (
            r#"{"type":"array","items":{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}}"#,
            r#"[{"z":1,"a":1}]"#,
            "Expected Unknown fields: [z]. Got END_OBJECT",
        ),
        (r#""bytes""#, "\"a\u{ff}\u{101}\"", "61ff3f"),
        (r#"{"type":"array","items":"bytes"}"#, r#"["ab"]"#, "0204616200"),
        (r#""int""#, "7.9", "0e"),
        (r#""float""#, "0.1", "cdcccc3d"),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, r#""B""#, "02"),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, r#""C""#, "Unknown symbol in enum C"),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""abc""#, "Expected fixed length 2, but got3"),
        // Java keeps the entries in a hash map.
        (
            r#"{"type":"map","values":"int"}"#,
            r#"{"name":1,"age":1,"zzz":1,"id":1,"b":1}"#,
            "0a086e616d6502026202067a7a7a0204696402066167650200",
        ),
    ] {
        assert_eq!(encoded(Format::Avro, schema, data), seen, "{schema} {data}");
    }
}

#[test]
fn data_in_schemas_that_hold_themselves_end() {
    let list = r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}"#;
    let nested =
        |depth: usize| format!("{}{{\"r\":null}}{}", "{\"r\":{\"R\":".repeat(depth), "}}".repeat(depth));
    assert_eq!(encoded(Format::Avro, list, &nested(100)), format!("{}00", "02".repeat(100)));
    assert_eq!(encoded(Format::Avro, list, &nested(480)), "unexpected");
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#;
    assert_eq!(encoded(Format::Avro, endless, "{}"), "unexpected");
    let everywhere = "{\"$ref\":\"#\"}";
    assert_ne!(encoded(Format::Json, everywhere, "{}"), "no schema");
}

#[test]
fn json_schemas_are_violated_in_everits_words() {
    let object = r#"{"type":"object","properties":{"name":{"type":"string","minLength":2},"n":{"type":"integer","maximum":5}},"required":["name"],"additionalProperties":false}"#;
    for (schema, data, seen) in [
        (object, r#"{"name":1}"#, "#/name: expected type: String, found: Integer"),
        (object, "{}", "#: required key [name] not found"),
        (object, r#"{"name":"x"}"#, "#/name: expected minLength: 2, actual: 1"),
        (object, r#"{"name":"xy","z":1}"#, "#: extraneous key [z] is not permitted"),
        (object, r#"{"name":"xy","n":6}"#, "#/n: 6 is not less or equal to 5"),
        (object, r#"{"name":"xy","n":1.0}"#, "#/n: expected type: Integer, found: Double"),
        (object, r#"{"name":"xy","n":null}"#, "#/n: expected type: Integer, found: Null"),
        (object, r#"{"n":6}"#, "#: 2 schema violations found"),
        (object, "[]", "#: expected type: JSONObject, found: JSONArray"),
        (r#"{"enum":["a",1]}"#, r#""b""#, "#: b is not a valid enum value"),
        (r#"{"type":["string","null"]}"#, "1", "#: #: no subschema matched out of the total 2 subschemas"),
        (r#"{"oneOf":[{},{}]}"#, "1", "#: #: 2 subschemas matched instead of one"),
        (r#"{"type":"string","pattern":"^a+$"}"#, r#""b""#, "#: string [b] does not match pattern ^a+$"),
        (
            r#"{"items":{"type":"object","properties":{"a/b":{"type":"null"}}}}"#,
            r#"[{"a/b":1}]"#,
            "#/0/a~1b: expected: null, found: Integer",
        ),
        (r#"{"uniqueItems":true}"#, "[1,1.0]", "#: array items are not unique"),
        (
            r##"{"$ref":"#/definitions/a","definitions":{"a":{"type":"boolean"}}}"##,
            "1",
            "#: expected type: Boolean, found: Integer",
        ),
        (r#"{"type":"nope"}"#, "1", "no schema"),
        (r##"{"$ref":"#/nowhere"}"##, "1", "no schema"),
    ] {
        assert_eq!(encoded(Format::Json, schema, data), seen, "{schema} {data}");
    }
}

#[test]
fn what_fits_a_json_schema_lands_as_the_release_writes_it() {
    let schema = r#"{"type": "object", "properties": {"name": {"default": "x"}}}"#;
    let schema = Schema::parse(Format::Json, schema).unwrap();
    assert_eq!(schema.text(), r#"{"type":"object","properties":{"name":{"default":"x"}}}"#);
    let data = br#"{"zzz":1,"id":2}"#;
    let seen = |version| String::from_utf8(schema.encode(data, version).unwrap()).unwrap();
    assert_eq!(seen(Version::V2_14), r#"{"zzz":1,"id":2}"#);
    assert_eq!(seen(Version::V2_18), r#"{"name":"x","zzz":1,"id":2}"#);
}

#[test]
fn definitions_are_printed_as_confluents_registry_prints_them() {
    let given = "syntax=\"proto3\"; package a.b; import \"google/protobuf/timestamp.proto\"; option java_package = \"x\"; // c\n\
        message Foo { reserved 5, 7 to 9; string f1 = 1 [deprecated=true]; repeated int32 r=2; map<string, int64> m = 3; \
        oneof o { string x=4; int32 y = 6;} enum E { A=0; } message In { optional string s=1; } In i=10; \
        google.protobuf.Timestamp t=11; E e=12;}\nenum Z { ZERO=0; }";
    insta::assert_snapshot!("protobuf_text", text(Format::Protobuf, given).unwrap());
    for bad in ["nonsense", "syntax=\"proto3\"; message A { B b = 1; }", "import \"other.proto\";"] {
        assert_eq!(text(Format::Protobuf, bad), None, "{bad}");
    }
}

#[test]
fn json_becomes_messages_as_javas_json_format_reads_it() {
    let schema = "syntax=\"proto3\"; import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/wrappers.proto\"; \
        message M { string a_b=1; int32 b=2; repeated int64 c=3; map<string,int32> d=4; oneof o { string e=5; bool f=6; } \
        M n=7; E en=8; bytes g=9; optional int32 j=12; google.protobuf.Timestamp t=19; google.protobuf.StringValue u=20; \
        enum E {A=0; B=1;} }";
    for (data, seen) in [
        (r#"{"a_b":"x","b":7}"#, "000a01781007"),
        (r#"{"aB":"x"}"#, "000a0178"),
        // What is the default is not written, unless it can be told from nothing.
        (r#"{"b":0,"j":0,"e":""}"#, "002a006000"),
        (r#"{"c":[1,"2"]}"#, "001a020102"),
        (r#"{"d":{"z":1,"a":0}}"#, "0022050a017a100122050a01611000"),
        (r#"{"n":{"b":1}}"#, "003a021001"),
        (r#"{"en":"B"}"#, "004001"),
        (r#"{"t":"1970-01-01T00:00:01Z","u":5}"#, "009a01020801a201030a0135"),
        (r#"{"zzz":1}"#, "Cannot find field: zzz in message M"),
        (r#"{"b":"x"}"#, "Not an int32 value: \"x\""),
        (r#"{"b":{}}"#, "Invalid value: {} for expected type: INT32"),
        (r#"{"a_b":"x","aB":"y"}"#, "Field M.a_b has already been set."),
        (
            r#"{"e":"x","f":true}"#,
            "Cannot set field M.f because another field M.e belonging to the same oneof has already been set ",
        ),
        (r#"{"en":"C"}"#, "Invalid enum value: C for enum type: M.E"),
        (r#"{"t":"x"}"#, "Failed to parse timestamp: \"x\""),
        (r#"{"g":"!!"}"#, "com.google.common.io.BaseEncoding$DecodingException: Unrecognized character: !"),
        ("5", "Expect message object but got: 5"),
    ] {
        assert_eq!(encoded(Format::Protobuf, schema, data), seen, "{data}");
    }
}

/// Records `R0` to `R<count>`, of which each holds the one before, `times` times over; the last is in a field of its own.
fn chain(count: usize, times: usize, default: &str) -> String {
    chain_on("[]", "all", count, times, default)
}

/// The same with `R0` of the fields `bottom`, and all of them in the field `name`, which has a default.
fn chain_on(bottom: &str, name: &str, count: usize, times: usize, default: &str) -> String {
    let record = |index: usize| {
        let fields = |field| format!(r#"{{"name":"f{field}","type":"R{}"{default}}}"#, index - 1);
        let fields: Vec<String> = (0..times).map(fields).collect();
        format!(r#"{{"type":"record","name":"R{index}","fields":[{}]}}"#, fields.join(","))
    };
    let first = format!(r#"{{"type":"record","name":"R0","fields":{bottom}}}"#);
    let records: Vec<String> = std::iter::once(first).chain((1..=count).map(record)).collect();
    let all = format!(r#"{{"name":"{name}","type":["null",{}],"default":null}}"#, records.join(","));
    format!(
        r#"{{"type":"record","name":"All","fields":[{all},{{"name":"last","type":"R{count}"{default}}}]}}"#
    )
}

#[test]
fn a_record_that_is_being_read_has_no_default() {
    for (schema, is_schema) in [
        (
            r#"{"type":"record","name":"O","fields":[{"name":"r","type":{"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]}},{"name":"x","type":"R","default":{}}]}"#,
            false,
        ),
        (r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"],"default":null}]}"#, true),
        (r#"{"type":"record","name":"R","fields":[{"name":"a","type":["R","null"],"default":{}}]}"#, false),
        (
            r#"{"type":"record","name":"O","fields":[{"name":"r","type":{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":1}]}},{"name":"x","type":"R","default":{}}]}"#,
            true,
        ),
    ] {
        assert_eq!(text(Format::Avro, schema).is_some(), is_schema, "{schema}");
    }
}

#[test]
fn schemas_that_lead_too_far_are_refused() {
    let default = r#","default":{}"#;
    assert!(text(Format::Avro, &chain(100, 1, default)).is_some());
    // These would need more stack, or more time, than there is.
    assert_eq!(text(Format::Avro, &chain(5_000, 1, default)), None);
    assert_eq!(text(Format::Avro, &chain(64, 2, default)), None);
    let options = format!("syntax=\"proto3\"; option (x) = {};", "{ r ".repeat(100_000));
    assert_eq!(text(Format::Protobuf, &options), None);
    let harmless = format!("syntax=\"proto3\"; /* {{ {} */ message M {{}} // {{", "{ \" ' ".repeat(1_000));
    assert!(text(Format::Protobuf, &harmless).is_some());
}

#[test]
fn long_chains_are_compared_as_far_as_stack_and_time_allow() {
    let schema = |text: &str| Schema::parse(Format::Avro, text).unwrap();
    let kinds = |reader: &str, writer: &str| -> Vec<&str> {
        schema(reader).reads(&schema(writer)).into_iter().map(|obstacle| obstacle.kind).collect()
    };
    let chains =
        |bottom, count| (chain_on("[]", "written", count, 2, ""), chain_on(bottom, "read", count, 2, ""));
    let (writer, reader) = chains("[]", 90);
    assert_eq!(kinds(&reader, &writer), [""; 0]);
    let (writer, reader) = chains("[]", 5_000);
    assert_eq!(kinds(&reader, &writer)[0], "TYPE_MISMATCH");
    // What is wrong at the bottom is wrong everywhere above.
    let (writer, reader) = chains(r#"[{"name":"a","type":"int"}]"#, 90);
    assert_eq!(kinds(&reader, &writer), ["READER_FIELD_MISSING_DEFAULT_VALUE"; 1_000]);
}

#[test]
fn what_was_found_while_branches_were_tried_is_found_again() {
    let read = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    let written = r#"{"type":"record","name":"R","fields":[]}"#;
    let schema = |record: &str| {
        let fields = format!(r#"[{{"name":"u","type":[{record},"null"]}},{{"name":"r","type":"R"}}]"#);
        format!(r#"{{"type":"record","name":"T","fields":{fields}}}"#)
    };
    let reads = |reader: &str, writer: &str| -> Vec<String> {
        let parse = |text| Schema::parse(Format::Avro, text).unwrap();
        parse(reader).reads(&parse(writer)).into_iter().map(|obstacle| obstacle.path).collect()
    };
    // The second is found where it was found first.
    let found = ["/fields/0/type/0", "/fields/0/type/0/fields/0"];
    assert_eq!(reads(&schema(read), &schema(written)), found);
}

#[test]
fn data_of_records_of_records_end() {
    assert_eq!(encoded(Format::Avro, &chain(64, 2, ""), r#"{"all":null}"#), "unexpected");
}

#[test]
fn a_message_without_a_required_field_is_none() {
    let schema = "syntax=\"proto2\"; message M { required int32 a=1; optional M m=2; repeated M r=3; }";
    for (data, seen) in [
        (r#"{"a":0}"#, "000800"),
        (r#"{"a":1,"m":{"a":2}}"#, "00080112020802"),
        ("{}", "unexpected"),
        (r#"{"a":1,"m":{}}"#, "unexpected"),
        (r#"{"a":1,"r":[{}]}"#, "unexpected"),
        (r#"{"a":null}"#, "unexpected"),
    ] {
        assert_eq!(encoded(Format::Protobuf, schema, data), seen, "{data}");
    }
}

#[test]
fn structs_keep_the_order_of_their_members() {
    let schema = "syntax=\"proto3\"; import \"google/protobuf/struct.proto\"; message M { google.protobuf.Struct s=1; \
        google.protobuf.Value v=2; google.protobuf.ListValue l=3; }";
    for (data, seen) in [
        // The numbers of members are 1 for null, 2 for a number, 3 for a text, 4 for a boolean, 5 for a struct, 6 for a list.
        (
            r#"{"s":{"z":null,"y":"","x":false,"w":{},"v":[],"a":1}}"#,
            "000a3d0a070a017a120208000a070a017912021a000a070a0178120220000a070a017712022a000a070a01761202320\
             00a0e0a0161120911000000000000f03f",
        ),
        (r#"{"v":null}"#, "0012020800"),
        (r#"{"l":[null,true]}"#, "001a080a0208000a022001"),
        (r#"{"s":1}"#, "Expect a map object but found: 1"),
        (r#"{"l":1}"#, "Expected an array for values but found 1"),
    ] {
        assert_eq!(encoded(Format::Protobuf, schema, data), seen, "{data}");
    }
}

#[test]
fn extensions_and_what_enums_reserve_are_printed() {
    let given = "syntax = \"proto2\"; message M { extensions 100 to 200; extend M { optional int32 in = 101; } } \
        enum E { reserved 2, 4 to 6, 9 to max; reserved \"X\"; A = 0; } extend M { optional string out = 100; }";
    let printed = "syntax = \"proto2\";

message M {
  extensions 100 to 200;

  extend M {
    optional int32 in = 101;
  }
}
enum E {
  reserved 2, 4 to 6, 9 to max;
  reserved \"X\";

  A = 0;
}

extend M {
  optional string out = 100;
}
";
    assert_eq!(text(Format::Protobuf, given).as_deref(), Some(printed));
    assert_eq!(text(Format::Protobuf, printed).as_deref(), Some(printed));
}

#[test]
fn drafts_tell_exclusive_limits_in_their_own_ways() {
    let fourth = "http://json-schema.org/draft-04/schema#";
    for (draft, exclusive, data, seen) in [
        (fourth, "true", "5", "#: 5 is not greater than 5"),
        (fourth, "false", "5", "35"),
        (fourth, "5", "5", "no schema"),
        ("http://json-schema.org/draft-07/schema#", "true", "5", "no schema"),
        ("http://json-schema.org/draft-07/schema#", "5", "5", "#: 5 is not greater than 5"),
    ] {
        let schema = format!(r#"{{"$schema":"{draft}","minimum":5,"exclusiveMinimum":{exclusive}}}"#);
        assert_eq!(encoded(Format::Json, &schema, data), seen, "{schema}");
    }
}

#[test]
fn patterns_know_the_characters_that_javas_know() {
    for (pattern, text, matches) in [
        (r"^\\d+$", "12", true),
        (r"^\\d+$", "\u{663}", false),
        (r"^[\\w-]+$", "a-b_1", true),
        (r"^[\\w-]+$", "\u{e9}", false),
        (r"^\\s$", "\u{a0}", false),
        (r"^\\S$", "\u{a0}", true),
        (r"^\\\\d$", "\\\\d", true),
    ] {
        let schema = format!(r#"{{"pattern":"{pattern}"}}"#);
        let told = encoded(Format::Json, &schema, &format!("\"{text}\""));
        assert_eq!(!told.starts_with("#: string"), matches, "{pattern} {text} {told}");
    }
}
