//! Texts, and what Jackson makes of them: seen from Jackson itself, of each release.

use proptest::prelude::*;

use super::*;

const SOURCE: &str =
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column:";
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// What is written of a text, or the message of why it is none; what follows the value is looked at too.
fn outcome(text: &[u8], version: Version) -> Result<String, String> {
    let told = |problem: Box<Problem>| problem.message().to_owned();
    let source = Source::new(text).map_err(told)?;
    let mut parser = Parser::new(&source, version);
    let mut out = Vec::new();
    parser.advance().map_err(told)?;
    write_tree(&mut parser, &mut out).map_err(told)?;
    nothing_follows(&mut parser, "c").map_err(told)?;
    Ok(String::from_utf8(out).unwrap())
}

fn message(text: &[u8]) -> String {
    outcome(text, Version::V2_18).unwrap_err()
}

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

#[test]
fn doubles_are_javas_even_where_they_are_not_the_shortest() {
    for (sent, landed) in [
        ("5e-324", "4.9E-324"),
        ("6.237000967296e+290", "6.2370009672959994E290"),
        ("51676e17", "5.167600000000001E21"),
        ("385869522595.643", "3.85869522595643E11"),
        ("2.0E-3", "0.002"),
        ("1.0E23", "9.999999999999999E22"),
        ("2.2250738585072014e-308", "2.2250738585072014E-308"),
        ("1.7976931348623157e308", "1.7976931348623157E308"),
        ("9007199254740993.0", "9.007199254740992E15"),
        ("100000000000000000000.5", "1.0E20"),
    ] {
        assert_eq!(outcome(sent.as_bytes(), Version::V2_18).as_deref(), Ok(landed), "{sent}");
    }
    // Old Jacksons knew the number at which old Javas hung.
    let hanging = b"2.2250738585072012e-308";
    assert_eq!(outcome(hanging, Version::V2_10).as_deref(), Ok("4.9E-324"));
    assert_eq!(outcome(hanging, Version::V2_14).as_deref(), Ok("2.2250738585072014E-308"));
}

#[test]
fn of_members_of_one_name_the_last_value_stands_in_the_place_of_the_first() {
    for (sent, landed) in [
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
        ("{\"a\":1,\"b\":[2],\"a\":{\"c\":3},\"d\":4}", "{\"a\":{\"c\":3},\"b\":[2],\"d\":4}"),
        ("{\"a\":{\"x\":1,\"x\":\"long\"},\"b\":2,\"\\u0061\":0,\"b\":[]}", "{\"a\":0,\"b\":[]}"),
    ] {
        assert_eq!(outcome(sent.as_bytes(), Version::V2_18).as_deref(), Ok(landed), "{sent}");
    }
    // Many names are looked up in a table.
    let members: Vec<String> = (0..60).map(|index| format!("\"m{}\":{index}", index % 40)).collect();
    let landed: Vec<String> =
        (0..40).map(|name| format!("\"m{name}\":{}", if name < 20 { name + 40 } else { name })).collect();
    let sent = format!("{{{}}}", members.join(","));
    assert_eq!(outcome(sent.as_bytes(), Version::V2_18), Ok(format!("{{{}}}", landed.join(","))));
}

#[test]
fn strings_are_units_that_need_not_be_characters() {
    for (sent, landed) in [
        (&b"\"\xc0\xaf\""[..], "\"/\""),
        (b"\"\xed\xa0\x80\"", "\"\\uD800\""),
        (b"\"\xf4\x90\x80\x80\"", "\"\\uDC00\\uDC00\""),
        (b"\"\xf0\x9f\x98\x80\"", "\"\\uD83D\\uDE00\""),
        (b"{\"\\ud800\":1,\"\xed\xa0\x80\":2}", "{\"\\uD800\":2}"),
        (b"\xef\xbb\xbf 1", "1"),
        (b"\xff\xfe\"\0\xe9\0\"\0", "\"\u{e9}\""),
        (b"\0\0\0\"\0\x01\xf6\0\0\0\0\"", "\"\\uD83D\\uDE00\""),
    ] {
        assert_eq!(outcome(sent, Version::V2_18).as_deref(), Ok(landed), "{sent:?}");
    }
    let surrogate = b"\"\xed\xa0\x80\"";
    assert_eq!(
        outcome(surrogate, Version::V2_19),
        Err("Invalid UTF-8: Illegal surrogate character 0xd800".to_owned())
    );
}

#[test]
fn what_is_no_json_is_told_as_jackson_tells_it() {
    for (text, told) in [
        (&b"{"[..], format!("Unexpected end-of-input: expected close marker for Object (start marker at {SOURCE} 1])")),
        (b"[1}", format!("Unexpected close marker '}}': expected ']' (for Array starting at {SOURCE} 1])")),
        (b"[1,]", "Unexpected character (']' (code 93)): expected a value".to_owned()),
        (b"{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value".to_owned()),
        (b"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries".to_owned()),
        (b"{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name".to_owned()),
        (b"[nul]", format!("Unrecognized token 'nul': was expecting {VALUES}")),
        (b"[-INF]", "Non-standard token '-INF': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow".to_owned()),
        (b"[01]", "Invalid numeric value: Leading zeroes not allowed".to_owned()),
        (b"[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit".to_owned()),
        (b"[1e", "Unexpected end-of-input in START_ARRAY".to_owned()),
        (b"[-x]", "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value".to_owned()),
        (b"\"a\xff\"", "Invalid UTF-8 start byte 0xff".to_owned()),
        (b"\"a\xe4\xb8\"", "Invalid UTF-8 middle byte 0x22".to_owned()),
        (b"\"\\x\"", "Unrecognized character escape 'x' (code 120)".to_owned()),
        (b"\"\\u12\"", "Unexpected character ('\"' (code 34)): expected a hex-digit for character escape sequence".to_owned()),
        (b"1 // c", "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)".to_owned()),
        (b"1x", "Unexpected character ('x' (code 120)): Expected space separating root-level values".to_owned()),
        (b"1 2", "Trailing token (of type VALUE_NUMBER_INT) found after value (bound as `c`): not allowed as per `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`".to_owned()),
    ] {
        assert_eq!(message(text), told, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn limits_came_with_later_releases_and_nothing_recurses() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let number = |digits: usize| vec![b'1'; digits];
    let name = |length: usize| [&b"{\""[..], &vec![b'n'; length], b"\":1}"].concat();
    let refused = |what: &str, is: u32, limit: u32, getter: &str| {
        Err(format!(
            "{what} ({is}) exceeds the maximum allowed ({limit}, from `StreamReadConstraints.{getter}()`)"
        ))
    };
    for (within, beyond, told) in [
        (nested(1_000), nested(1_001), refused("Document nesting depth", 1_001, 1_000, "getMaxNestingDepth")),
        (number(1_000), number(1_001), refused("Number value length", 1_001, 1_000, "getMaxNumberLength")),
        (name(50_000), name(50_001), refused("Name length", 50_001, 50_000, "getMaxNameLength")),
    ] {
        assert!(outcome(&within, Version::V2_18).is_ok());
        assert_eq!(outcome(&beyond, Version::V2_18), told);
        assert!(outcome(&beyond, Version::V2_14).is_ok());
    }
    assert!(outcome(&nested(300_000), Version::V2_10).is_ok());
}

proptest! {
    /// What is valid is read, and written so that it stays the same.
    #[test]
    fn what_is_written_is_read_and_written_again(text in "[\\[\\]{}\",:\\\\a1.e\u{e9}\u{1f600} -]{0,30}") {
        for version in [Version::V2_10, Version::V2_14, Version::V2_18, Version::V2_19] {
            if let Ok(written) = outcome(text.as_bytes(), version) {
                prop_assert_eq!(outcome(written.as_bytes(), version), Ok(written));
            }
        }
    }

    /// A number becomes the same double again.
    #[test]
    fn doubles_read_back(double: f64) {
        prop_assume!(double.is_finite());
        prop_assert_eq!(super::double::to_java(double).parse(), Ok(double));
    }
}
