//! Values and what lands of them.
use super::*;

/// What recordings of REST Proxy 7.9 show for each value.
#[test]
fn values_land_as_a_java_proxy_writes_them() {
    for (sent, landed) in [
        ("1.10", "1.1"),
        ("1e2", "100.0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("0.001", "0.001"),
        ("0.00012", "1.2E-4"),
        ("12345678.9", "1.23456789E7"),
        ("9999999.0", "9999999.0"),
        ("1E400", "\"Infinity\""),
        ("-1e400", "\"-Infinity\""),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("\"\\ud83d\\ude00 \\u00e9 \\/ \\u001f\"", "\"\\uD83D\\uDE00 \u{e9} / \\u001F\""),
        ("{ \"b\" : [ 1 , true , null ] , \"a\" : \"\" }", "{\"b\":[1,true,null],\"a\":\"\"}"),
    ] {
        let value: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(String::from_utf8(write(&value)).unwrap(), landed, "{sent}");
    }
}
