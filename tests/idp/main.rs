//! Identity providers that nobody here wrote, at the end of landfall's path; and clients that nobody here wrote, at landfall's
//! identity provider.
//!
//! `LANDFALL_MOCK_OAUTH2` is a folder with the jars of mock-oauth2-server (`tests/clients/mock-oauth2.pom.xml`),
//! `LANDFALL_NODE_MODULES` one with what `tests/browser/package.json` names, and `LANDFALL_PYTHON` an interpreter with
//! Authlib, requests-oauthlib and `PyJWT`.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod clients;
mod external;
mod stage;
