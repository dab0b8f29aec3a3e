//! The kinds of bytes that Jetty's parser tells apart, and what it calls them.

/// A kind of byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Cntl,
    Lf,
    Cr,
    Space,
    Htab,
    Colon,
    Alpha,
    Digit,
    Tchar,
    Vchar,
    Otext,
}

/// The kind of each byte.
static TOKENS: [Token; 256] = {
    let mut tokens = [Token::Cntl; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let kind = match byte as u8 {
            b'\n' => Token::Lf,
            b'\r' => Token::Cr,
            b' ' => Token::Space,
            b'\t' => Token::Htab,
            b':' => Token::Colon,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
            | b'|' | b'~' => Token::Tchar,
            b'0'..=b'9' => Token::Digit,
            b'A'..=b'Z' | b'a'..=b'z' => Token::Alpha,
            0x21..=0x7e => Token::Vchar,
            0x80.. => Token::Otext,
            _ => Token::Cntl,
        };
        tokens[byte] = kind;
        byte += 1;
    }
    tokens
};

impl Token {
    /// The kind of `byte`.
    pub(super) fn of(byte: u8) -> Self {
        TOKENS[usize::from(byte)]
    }

    /// Whether it may stand in a method or a header's name.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Alpha | Self::Digit | Self::Tchar)
    }

    /// Whether it may stand in a header's value, besides white space.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Alpha | Self::Digit | Self::Tchar | Self::Vchar | Self::Colon | Self::Otext)
    }
}

/// What Jetty says of a byte that may not stand where it does.
pub(super) fn illegal(byte: u8) -> String {
    let shown = char::from(byte);
    let token = match Token::of(byte) {
        Token::Space => "SPACE=' '".to_owned(),
        Token::Colon => "COLON=':'".to_owned(),
        Token::Alpha => format!("ALPHA='{shown}'"),
        Token::Digit => format!("DIGIT='{shown}'"),
        Token::Tchar => format!("TCHAR='{shown}'"),
        Token::Vchar => format!("VCHAR='{shown}'"),
        Token::Cr => "CR=\\r".to_owned(),
        Token::Lf => "LF=\\n".to_owned(),
        Token::Cntl => format!("CNTL=0x{byte:x}"),
        Token::Htab => format!("HTAB=0x{byte:x}"),
        Token::Otext => format!("OTEXT=0x{byte:x}"),
    };
    format!("Illegal character {token}")
}
