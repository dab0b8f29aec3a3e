//! Reading a token: alone, or as a header.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::TokenError;
use crate::doubles::authorizer::Presented;
use crate::secret::Secret;

/// Most bytes that are read.
const LIMIT: u64 = 1024 * 1024;
/// The header's name with its colon, in small letters.
const HEADER: &str = "authorization:";

/// A token as it was given.
#[derive(Clone)]
pub struct Input {
    text: Secret,
    /// Whether it is the value of a header, with a scheme before the token.
    header: bool,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Input {
    /// Reads a token from a file, or from standard input where none is named.
    ///
    /// # Errors
    /// [`TokenError`], where there is none.
    pub fn read(file: Option<&Path>) -> Result<Self, TokenError> {
        let text = match file.filter(|path| *path != Path::new("-")) {
            Some(path) => {
                let failed = |source| TokenError::Read { what: "token", path: path.to_owned(), source };
                text_of(File::open(path).map_err(failed)?, failed)?
            }
            None => text_of(io::stdin().lock(), TokenError::Stdin)?,
        };
        Self::parse(&text)
    }

    /// The token that a text is: alone, with the scheme before it, or with the header's name before that.
    ///
    /// # Errors
    /// [`TokenError::NoToken`] and [`TokenError::Lines`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.next().ok_or(TokenError::NoToken)?;
        let more = lines.count();
        if more > 0 {
            return Err(TokenError::Lines(more + 1));
        }
        let named = line.get(..HEADER.len()).is_some_and(|name| name.eq_ignore_ascii_case(HEADER));
        let value = if named { line[HEADER.len()..].trim_start() } else { line };
        let header = named || value.contains(char::is_whitespace);
        if value.is_empty() {
            Err(TokenError::NoToken)
        } else {
            Ok(Self { text: Secret::new(value), header })
        }
    }

    /// For who examines it.
    #[must_use]
    pub fn presented(&self) -> Presented<'_> {
        let text = self.text.expose();
        if self.header { Presented::Header(text) } else { Presented::Token(text) }
    }

    /// The token without what stands before it.
    #[must_use]
    pub fn token(&self) -> &str {
        self.text.expose().split_whitespace().next_back().unwrap_or_default()
    }
}

fn text_of(from: impl Read, failed: impl Fn(io::Error) -> TokenError) -> Result<String, TokenError> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(TokenError::TooLong(LIMIT));
    }
    // What is no text is no token either, which is found out by who looks at it.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_have_its_header_before_it() {
        for (text, header, token) in [
            ("a.b.c", false, "a.b.c"),
            ("\n  a.b.c\r\n\n", false, "a.b.c"),
            ("Bearer a.b.c\n", true, "a.b.c"),
            ("authorization:Bearer a.b.c", true, "a.b.c"),
            ("Authorization:  DPoP a.b.c", true, "a.b.c"),
            ("Authorization: a.b.c", true, "a.b.c"),
        ] {
            let input = Input::parse(text).unwrap();
            assert_eq!((input.header, input.token()), (header, token), "{text:?}");
            assert!(!format!("{input:?}").contains("a.b"));
        }
        for text in ["", " \n ", "Authorization:", "authorization: \n"] {
            assert!(matches!(Input::parse(text), Err(TokenError::NoToken)), "{text:?}");
        }
        assert!(matches!(Input::parse("a\n\nb\nc"), Err(TokenError::Lines(3))));
        assert!(Input::parse("äuthörization:").is_ok(), "no character is split");
    }

    #[test]
    fn what_is_read_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "a.b.c").unwrap();
        assert_eq!(Input::read(Some(&path)).unwrap().token(), "a.b.c");
        std::fs::write(&path, vec![b'a'; 1024 * 1024 + 1]).unwrap();
        assert!(matches!(Input::read(Some(&path)), Err(TokenError::TooLong(_))));
        assert!(matches!(Input::read(Some(folder.path())), Err(TokenError::Read { .. })));
    }
}
