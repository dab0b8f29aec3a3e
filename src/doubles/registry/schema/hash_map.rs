//! The order in which Java's `HashMap` gives its entries.

/// Entries by name, in the order of a map of strings that began with `places` places.
pub(super) fn in_order(names: Vec<String>, places: usize) -> Vec<String> {
    let entries = names.into_iter().map(|name| (name, ())).collect();
    in_order_of_strings(entries, places).into_iter().map(|(name, ())| name).collect()
}

/// The same for entries with values.
pub(super) fn in_order_of_strings<V>(entries: Vec<(String, V)>, places: usize) -> Vec<(String, V)> {
    let hash = |name: &str| name.encode_utf16().fold(0, |hash, unit| step(hash, i32::from(unit)));
    sorted(entries, places, hash)
}

/// The same where names are Avro's `Utf8`, whose hash is that of their bytes; it begins with `seed`.
pub(super) fn in_order_of_bytes<V>(entries: Vec<(String, V)>, places: usize, seed: i32) -> Vec<(String, V)> {
    let hash = |name: &str| name.bytes().fold(seed, |hash, byte| step(hash, i32::from(byte.cast_signed())));
    sorted(entries, places, hash)
}

fn step(hash: i32, next: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(next)
}

/// Entries of one bucket stay in the order in which they came.
fn sorted<V>(
    mut entries: Vec<(String, V)>,
    mut places: usize,
    hash: impl Fn(&str) -> i32,
) -> Vec<(String, V)> {
    while entries.len() > places * 3 / 4 {
        places *= 2;
    }
    let bucket = |name: &str| {
        let hash = hash(name).cast_unsigned();
        usize::try_from(hash ^ hash >> 16).unwrap_or_default() & (places - 1)
    };
    entries.sort_by_key(|(name, _)| bucket(name));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_javas_order() {
        let order = |names: &[&str], places| {
            in_order(names.iter().map(ToString::to_string).collect(), places).join(" ")
        };
        // Seen from Java.
        assert_eq!(order(&["name", "age", "zzz", "id", "city"], 16), "city name zzz id age");
        let entries = ["name", "age", "zzz", "id", "city", "é", "b"].map(|name| (name.to_owned(), ()));
        let order: Vec<String> =
            in_order_of_bytes(entries.into(), 1, 0).into_iter().map(|(name, ())| name).collect();
        assert_eq!(order.join(" "), "b city name é zzz id age");
    }
}
