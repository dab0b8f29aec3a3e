//! Tests of a group's life, with times of their own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::group::{Entered, Group, MAX_MEMBERS, State};
use super::member::{Join, Joined};

const SECOND: Duration = Duration::from_secs(1);

/// A consumer that has no id yet, follows these protocols, may be silent for 10 s and take 60 s to come back.
fn newcomer(fresh: &str, protocols: &[&str]) -> Join {
    Join {
        member: String::new(),
        instance: None,
        fresh: fresh.to_owned(),
        twice: false,
        kind: "consumer".to_owned(),
        protocols: protocols.iter().map(|name| ((*name).to_owned(), words(fresh))).collect(),
        session: 10 * SECOND,
        rebalance: 60 * SECOND,
        client_id: "test".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
    }
}

/// The same, when it comes again.
fn member(id: &str, protocols: &[&str]) -> Join {
    Join { member: id.to_owned(), ..newcomer(id, protocols) }
}

fn words(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

fn joins(group: &mut Group, join: Join, now: Instant) -> String {
    match group.join(join, now) {
        Ok(Entered::Waits(id)) => id,
        other => panic!("{other:?}"),
    }
}

fn told(group: &Group, id: &str) -> Joined {
    group.joined((id, None)).unwrap().unwrap()
}

/// The leader assigns each member its own name.
fn assign(group: &mut Group, leader: &str, now: Instant) -> i32 {
    let joined = told(group, leader);
    assert_eq!(joined.leader, leader);
    let assignments = joined.members.iter().map(|(id, _, _)| (id.clone(), words(id))).collect();
    group.sync((leader, None), joined.generation, assignments, now).unwrap();
    joined.generation
}

/// A group in which `a` leads and `b` follows, in its generation.
fn pair(now: Instant) -> (Group, i32) {
    let mut group = Group::default();
    joins(&mut group, newcomer("a", &["range"]), now);
    assign(&mut group, "a", now);
    joins(&mut group, newcomer("b", &["range"]), now);
    joins(&mut group, member("a", &["range"]), now);
    let generation = assign(&mut group, "a", now);
    (group, generation)
}

#[test]
fn a_second_member_waits_until_the_first_has_come_again() {
    let now = Instant::now();
    let mut group = Group::default();
    joins(&mut group, newcomer("a", &["range"]), now);
    let first = told(&group, "a");
    assert_eq!((first.generation, first.protocol.as_str()), (1, "range"));
    assert_eq!(assign(&mut group, "a", now), 1);
    assert_eq!(group.synced(("a", None), 1), Some(Ok(words("a"))));

    joins(&mut group, newcomer("b", &["range"]), now);
    assert_eq!(group.joined(("b", None)), None);
    assert_eq!(group.heartbeat(("a", None), 1, now), Err(ResponseError::RebalanceInProgress));
    joins(&mut group, member("a", &["range"]), now);
    let (leads, follows) = (told(&group, "a"), told(&group, "b"));
    let everybody = [("a".to_owned(), None, words("a")), ("b".to_owned(), None, words("b"))];
    assert_eq!((leads.generation, leads.members.as_slice()), (2, &everybody[..]));
    assert_eq!((follows.leader.as_str(), follows.members.len()), ("a", 0));
    // Who asks before the leader has said it waits.
    group.sync(("b", None), 2, BTreeMap::new(), now).unwrap();
    assert_eq!(group.synced(("b", None), 2), None);
    assign(&mut group, "a", now);
    assert_eq!(group.synced(("b", None), 2), Some(Ok(words("b"))));
    assert_eq!((group.heartbeat(("b", None), 2, now), group.state()), (Ok(()), State::Stable));
}

#[test]
fn who_is_silent_for_too_long_is_gone() {
    let begun = Instant::now();
    let (mut group, generation) = pair(begun);
    assert_eq!(group.next_tick(), Some(begun + 10 * SECOND));
    let later = begun + 9 * SECOND;
    group.tick(later);
    assert_eq!(group.heartbeat(("a", None), generation, later), Ok(()));
    group.tick(begun + 10 * SECOND);
    assert_eq!(group.members().len(), 1);
    let beat = |group: &mut Group, id, generation| group.heartbeat((id, None), generation, later);
    assert_eq!(beat(&mut group, "b", generation), Err(ResponseError::UnknownMemberId));
    assert_eq!(beat(&mut group, "a", generation), Err(ResponseError::RebalanceInProgress));
    joins(&mut group, member("a", &["range"]), later);
    assert_eq!(assign(&mut group, "a", later), generation + 1);
    assert_eq!(beat(&mut group, "a", generation), Err(ResponseError::IllegalGeneration));
}

#[test]
fn a_rebalance_leaves_behind_who_does_not_come() {
    let begun = Instant::now();
    let (mut group, generation) = pair(begun);
    joins(&mut group, newcomer("c", &["range"]), begun);
    joins(&mut group, member("a", &["range"]), begun);
    let mut now = begun;
    for _ in 0..12 {
        assert_eq!(group.joined(("c", None)), None, "b has time left");
        now += 5 * SECOND;
        let _ = group.heartbeat(("b", None), generation, now);
        group.tick(now);
    }
    assert_eq!(told(&group, "c").generation, generation + 1);
    assert_eq!(group.joined(("b", None)), Some(Err(ResponseError::UnknownMemberId)));
}

#[test]
fn a_leader_that_assigns_nothing_is_left_behind() {
    let begun = Instant::now();
    let (mut group, generation) = pair(begun);
    joins(&mut group, member("a", &["range"]), begun);
    joins(&mut group, member("b", &["range"]), begun);
    group.sync(("b", None), generation + 1, BTreeMap::new(), begun).unwrap();
    group.tick(begun + 11 * SECOND);
    assert_eq!(group.synced(("b", None), generation + 1), Some(Err(ResponseError::RebalanceInProgress)));
    joins(&mut group, member("b", &["range"]), begun + 11 * SECOND);
    assert_eq!(told(&group, "b").leader, "b");
}

#[test]
fn who_leaves_is_not_waited_for_and_the_last_one_leaves_nothing() {
    let now = Instant::now();
    let (mut group, generation) = pair(now);
    assert_eq!(group.leave(("x", None), now), Err(ResponseError::UnknownMemberId));
    assert_eq!(group.leave(("a", None), now), Ok(()));
    joins(&mut group, member("b", &["range"]), now);
    assert_eq!(assign(&mut group, "b", now), generation + 1);
    assert_eq!(group.leave(("b", None), now), Ok(()));
    assert!(group.state() == State::Empty && group.is_nothing());
}

#[test]
fn the_first_protocol_that_all_can_follow_is_chosen_by_most() {
    let now = Instant::now();
    let mut group = Group::default();
    joins(&mut group, newcomer("a", &["new", "range", "old"]), now);
    assert_eq!(told(&group, "a").protocol, "new");
    let mut other = newcomer("b", &["strange"]);
    assert_eq!(group.join(other.clone(), now), Err(ResponseError::InconsistentGroupProtocol));
    other.kind = "connect".to_owned();
    assert_eq!(group.join(other, now), Err(ResponseError::InconsistentGroupProtocol));
    joins(&mut group, newcomer("b", &["old", "range"]), now);
    joins(&mut group, newcomer("c", &["range", "old"]), now);
    joins(&mut group, member("a", &["new", "range", "old"]), now);
    assert_eq!(told(&group, "a").protocol, "range");
    let mut short = newcomer("d", &["range"]);
    short.session = 5 * SECOND;
    assert_eq!(group.join(short, now), Err(ResponseError::InvalidSessionTimeout));
}

#[test]
fn a_member_without_an_id_comes_twice() {
    let now = Instant::now();
    let mut group = Group::default();
    let twice = Join { twice: true, ..newcomer("a", &["range"]) };
    assert_eq!(group.join(twice, now), Ok(Entered::Told("a".to_owned())));
    joins(&mut group, member("a", &["range"]), now);
    assert_eq!(assign(&mut group, "a", now), 1);
    assert_eq!(group.join(member("b", &["range"]), now), Err(ResponseError::UnknownMemberId));
    // Who was told an id is waited for, but not for ever.
    let twice = Join { twice: true, ..newcomer("c", &["range"]) };
    assert_eq!(group.join(twice, now), Ok(Entered::Told("c".to_owned())));
    joins(&mut group, member("a", &["range"]), now);
    assert_eq!(group.joined(("a", None)), None);
    group.tick(now + 10 * SECOND);
    assert_eq!(told(&group, "a").generation, 2);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance_and_its_old_id_is_nobodys() {
    let now = Instant::now();
    let (mut group, _) = pair(now);
    let instance =
        |fresh: &str| Join { instance: Some("one".to_owned()), twice: true, ..newcomer(fresh, &["range"]) };
    joins(&mut group, instance("s1"), now);
    joins(&mut group, member("a", &["range"]), now);
    joins(&mut group, member("b", &["range"]), now);
    let generation = assign(&mut group, "a", now);
    let mut again = instance("s2");
    again.protocols[0].1 = words("s1");
    let Ok(Entered::Back(back)) = group.join(again, now) else { panic!("it has not come back") };
    assert_eq!((back.generation, back.member.as_str(), group.state()), (generation, "s2", State::Stable));
    assert_eq!(group.synced(("s2", None), generation), Some(Ok(words("s1"))));
    let beat = group.heartbeat(("s1", Some("one")), generation, now);
    assert_eq!(beat, Err(ResponseError::FencedInstanceId));
    assert_eq!(group.heartbeat(("s2", Some("one")), generation, now), Ok(()));
    assert_eq!(group.leave(("", Some("one")), now), Ok(()));
    assert_eq!(group.members().len(), 2);
}

#[test]
fn only_members_of_the_generation_commit_while_there_are_any() {
    let now = Instant::now();
    let mut group = Group::default();
    assert_eq!(group.may_commit(("", None), -1, now), Ok(()));
    let (mut group, generation) = pair(now);
    assert_eq!(group.may_commit(("", None), -1, now), Err(ResponseError::UnknownMemberId));
    assert_eq!(group.may_commit(("b", None), generation, now), Ok(()));
    assert_eq!(group.may_commit(("b", None), generation - 1, now), Err(ResponseError::IllegalGeneration));
    joins(&mut group, member("a", &["range"]), now);
    joins(&mut group, member("b", &["range"]), now);
    let error = group.may_commit(("b", None), generation + 1, now);
    assert_eq!(error, Err(ResponseError::RebalanceInProgress));
}

#[test]
fn a_static_member_that_is_replaced_while_it_waits_is_told_so() {
    let now = Instant::now();
    let instance =
        |fresh: &str| Join { instance: Some("one".to_owned()), twice: true, ..newcomer(fresh, &["range"]) };
    // While it waits for the others to join.
    let (mut group, _) = pair(now);
    joins(&mut group, instance("s1"), now);
    assert_eq!(group.joined(("s1", Some("one"))), None);
    joins(&mut group, instance("s2"), now);
    assert_eq!(group.joined(("s1", Some("one"))), Some(Err(ResponseError::FencedInstanceId)));
    assert_eq!(group.joined(("s2", Some("one"))), None);
    // While it waits for its assignment.
    joins(&mut group, member("a", &["range"]), now);
    joins(&mut group, member("b", &["range"]), now);
    let generation = told(&group, "s2").generation;
    group.sync(("s2", Some("one")), generation, BTreeMap::new(), now).unwrap();
    assert_eq!(group.synced(("s2", Some("one")), generation), None);
    joins(&mut group, instance("s3"), now);
    let fenced = group.synced(("s2", Some("one")), generation);
    assert_eq!(fenced, Some(Err(ResponseError::FencedInstanceId)));
    assert_eq!(group.synced(("x", None), generation), Some(Err(ResponseError::UnknownMemberId)));
}

#[test]
fn a_group_has_no_more_members_than_there_is_room_for() {
    let now = Instant::now();
    let mut group = Group::default();
    for number in 0..MAX_MEMBERS {
        let twice = number % 2 == 0;
        let join = Join { twice, ..newcomer(&number.to_string(), &["range"]) };
        assert!(group.join(join, now).is_ok(), "{number}");
    }
    let full = group.join(newcomer("x", &["range"]), now);
    assert_eq!(full, Err(ResponseError::GroupMaxSizeReached));
    // Who was told an id has its place.
    assert!(group.join(member("0", &["range"]), now).is_ok());
}
