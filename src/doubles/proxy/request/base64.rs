//! Keys and values in base64, as Guava's `BaseEncoding` decodes them: padding may be missing or too much, trailing bits may be
//! set.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::doubles::jackson::bind::Node;
use crate::doubles::jackson::{with_plain_surrogates, write_string};

const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of `text`.
pub(in crate::doubles::proxy) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    UNPADDED.decode(&text[..text.len() - padding]).ok()
}

/// The bytes of a key or value, none of null; or why there are none.
pub(in crate::doubles::proxy) fn bytes(node: &Node<'_>) -> Result<Option<Vec<u8>>, String> {
    match node {
        Node::Null => Ok(None),
        Node::Text(text) => match decode(text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(format!("data={} is not a valid base64 string.", shown(node))),
        },
        Node::Other(_) => Err(format!("data={} is not a base64 string.", shown(node))),
    }
}

/// A value as messages show it.
pub(in crate::doubles::proxy) fn shown(node: &Node<'_>) -> String {
    match node {
        Node::Null => "null".to_owned(),
        Node::Text(text) => {
            let mut written = Vec::new();
            write_string(text, &mut written);
            with_plain_surrogates(&written)
        }
        Node::Other(written) => with_plain_surrogates(written),
    }
}
