//! What a record holds, and the buffer that it is made in.

/// How keys and values are encoded, which decides what bytes land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Keys and values are JSON values; their compact text lands.
    Json,
    /// Keys and values are bytes.
    Binary,
    /// Keys and values are UTF-8 text, which lands as it is.
    Text,
}

/// A record's header: its name, and its value; `None` is null.
pub type Header = (String, Option<Vec<u8>>);

/// What a record must hold when it has landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// `None` is null.
    pub key: Option<Vec<u8>>,
    /// `None` is null.
    pub value: Option<Vec<u8>>,
    /// In their order, with repetitions.
    pub headers: Vec<Header>,
    /// When it was created, in milliseconds since 1970, where the request says so.
    pub timestamp_ms: Option<i64>,
}

/// A buffer that contents are made in, one after another: once it has grown to the longest, making one allocates
/// nothing.
#[derive(Debug, Default)]
pub struct ContentBuf {
    pub(super) key: Vec<u8>,
    pub(super) has_key: bool,
    pub(super) value: Vec<u8>,
    pub(super) has_value: bool,
    pub(super) header_name: String,
    pub(super) header: Vec<u8>,
    pub(super) has_header: bool,
    pub(super) timestamp_ms: Option<i64>,
}

impl ContentBuf {
    /// The key; `None` is null.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.has_key.then_some(self.key.as_slice())
    }

    /// The value; `None` is null.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.has_value.then_some(self.value.as_slice())
    }

    /// The headers, in their order; a value that is `None` is null.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.has_header.then_some((self.header_name.as_str(), Some(self.header.as_slice()))).into_iter()
    }

    /// When it was created, in milliseconds since 1970, where the request says so.
    #[must_use]
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    /// The same as a value of its own.
    #[must_use]
    pub fn to_content(&self) -> Content {
        let owned = |(name, value): (&str, Option<&[u8]>)| (name.to_owned(), value.map(<[u8]>::to_vec));
        Content {
            key: self.key().map(<[u8]>::to_vec),
            value: self.value().map(<[u8]>::to_vec),
            headers: self.headers().map(owned).collect(),
            timestamp_ms: self.timestamp_ms,
        }
    }

    /// Empties it; what it has allocated stays.
    pub(super) fn clear(&mut self) {
        self.key.clear();
        self.value.clear();
        self.header_name.clear();
        self.header.clear();
        (self.has_key, self.has_value, self.has_header) = (false, false, false);
        self.timestamp_ms = None;
    }
}
