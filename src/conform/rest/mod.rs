//! What the produce side of a REST proxy promises: requirements and their cases, which are data, profiles that say in what an
//! implementation or a release is known to deviate, and whether an exchange is as it has to be.

mod catalogue;
mod evaluate;
mod exchange;
mod excused;
mod landed;
mod pattern;
mod positions;
mod procedure;
mod profile;
mod reading;
mod recorded;
mod surroundings;
mod weakness;

pub use catalogue::{
    AnswerPattern, Api, Evidence, Expect, HeaderPattern, Later, Like, Requirement, RestCase, Standing,
    Statuses, TopicOf,
};
pub use evaluate::{Assessment, Standard, assess, expectation};
pub use exchange::{Mismatch, Seen, mismatches};
pub use excused::{Excuse, excuse, read_excuses};
pub use landed::{LandedPattern, Now, Time, landed_in_words};
pub use pattern::TOLD;
pub use procedure::{
    Account, Came, Entry, Finding, Look, Own, Particulars, Procedure, ProcedureCase, ProcedureOutcome,
    Receipt, Sending, assess_procedure, judge_procedure, receipts,
};
pub use profile::{
    Deviation, Profile, ProfileError, SHIPPED_PROFILES, read_profile, shipped_profile, version,
};
pub use reading::{CatalogueError, catalogue, read_area};
pub use recorded::{CorpusTraits, Judged, judge};
pub use surroundings::{Brokers, Requires, Surroundings};
pub use weakness::{Reach, reach, read_weakness, shows};
