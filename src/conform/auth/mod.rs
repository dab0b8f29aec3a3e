//! The authentication suite: 76 groups of cases about what an authorizer takes and refuses.

mod algorithm;
mod authority;
mod cache;
mod carrier;
mod claims;
mod encoding;
mod forge;
mod group;
mod keys;
mod material;
mod outline;
mod provider;
mod structure;
mod times;

pub use material::{Attacker, Material, Object, Other, Signing};
pub use outline::outline;

use self::group::Group;
use crate::conform::{Case, Expected, Level, Probe};

/// Writes down the cases of a group, for tokens that are used `now` (seconds since 1970).
///
/// A group is written down right before it is tried: its tokens have times.
pub type WriteDown = fn(&Material, u64) -> Vec<Case>;

/// The groups, in the order of their numbers; but those in which keys come and go, or cannot be had, stand at the end, so
/// that nothing of them is left behind for others.
pub const GROUPS: [WriteDown; 76] = [
    algorithm::none,
    algorithm::odd,
    algorithm::stripped,
    algorithm::parts,
    algorithm::confusion,
    algorithm::guessed,
    algorithm::other,
    algorithm::mismatch,
    algorithm::zero,
    algorithm::ecdsa_form,
    keys::jwk,
    keys::urls,
    keys::certificates,
    keys::kid,
    keys::absent,
    keys::issuer,
    claims::issuer,
    claims::audience,
    claims::audiences,
    times::expired,
    times::leniency,
    times::without,
    times::types,
    times::extremes,
    times::fraction,
    times::not_before,
    times::issued,
    claims::subject,
    claims::client,
    claims::id,
    claims::doubled,
    encoding::alphabet,
    encoding::twins,
    encoding::not_json,
    encoding::critical,
    encoding::unencoded,
    encoding::serialised,
    structure::nested,
    structure::encryption,
    structure::large,
    structure::size,
    structure::lookalikes,
    structure::changed,
    authority::identity,
    authority::kinds,
    authority::types,
    authority::users,
    authority::scopes,
    authority::sources,
    authority::topics,
    authority::bound,
    authority::opaque,
    carrier::nothing,
    carrier::scheme,
    carrier::form,
    carrier::several,
    carrier::elsewhere,
    carrier::name,
    cache::paths,
    cache::clients,
    cache::stages,
    cache::denied,
    cache::twins,
    cache::contexts,
    cache::unknown,
    times::skew,
    keys::unknown,
    algorithm::rsa_form,
    algorithm::eddsa,
    keys::exchanged,
    keys::fresh,
    keys::company,
    cache::expiry,
    keys::rotated,
    provider::recovery,
    provider::troubles,
];

/// A request with the good token, as it should be sent: who refuses this has refused nothing else for its own sake.
#[must_use]
pub fn good_token(material: &Material) -> Probe {
    let about = (0, "control", "a good token");
    let group = Group::new(material, 0, about, Level::Must, &[]);
    group.probe("a good token", Expected::Accepted).bearer(material.token.expose())
}

#[cfg(test)]
mod tests;
