//! How many replicas have to acknowledge a record, as the broker is asked.

use std::time::Duration;

use super::at_once::one;
use super::ground::{json, records};
use super::own::{Own, Wanted};
use crate::app::golden::Embedded;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Entry, Particulars, Procedure};
use crate::wire::produce::Api;

pub(super) async fn asked(embedded: &Embedded, api: Api, limit: Duration) -> Result<Account, RestError> {
    let topics = Procedure::Acknowledgements.topics();
    let own = Own::start(Wanted { embedded, topics, replicas: 1, faults: Vec::new(), limit }).await?;
    let ground = &own.ground;
    let topic = &ground.topics[0];
    let sendings =
        vec![one(ground, "the request".to_owned(), topic, json(api), vec![Entry::of(0, 0, None)]).await];
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    let particulars = Particulars::Acks(own.broker.acks_asked(topic));
    Ok(Account { sendings, landed, particulars, ..Account::default() })
}
