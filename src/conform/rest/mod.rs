//! What the produce side of a REST proxy promises: requirements and their cases, which are data, profiles that say in what an
//! implementation or a release is known to deviate, and whether an exchange is as it has to be.

mod catalogue;
mod evaluate;
mod excused;
mod landed;
mod pattern;
mod profile;
mod reading;
mod recorded;
mod surroundings;

pub use catalogue::{
    AnswerPattern, Api, Evidence, Expect, HeaderPattern, Later, Like, Requirement, RestCase, Standing,
    Statuses, TopicOf,
};
pub use evaluate::{Assessment, Mismatch, Seen, Standard, assess, expectation, mismatches};
pub use excused::{Excuse, excuse, read_excuses};
pub use landed::{LandedPattern, Now, Time};
pub use profile::{
    Deviation, Profile, ProfileError, SHIPPED_PROFILES, read_profile, shipped_profile, version,
};
pub use reading::{CatalogueError, catalogue, read_area};
pub use recorded::{CorpusTraits, Judged, judge};
pub use surroundings::{Brokers, Requires, Surroundings};
