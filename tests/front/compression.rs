//! Responses that the API asks the gateway to compress.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::json;

use crate::defined::{Defined, call, operation, proxy};

#[tokio::test]
async fn long_responses_are_compressed_for_clients_that_take_them_so() {
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } }))
        .with("/x-amazon-apigateway-minimum-compression-size", json!(100))
        .start()
        .await;
    let long = "r".repeat(100);
    backend.answer(200, &[("content-type", "text/plain")], long.clone());
    let reply = call(&gateway, "/a", &[("accept-encoding", "br, gzip")], "").await;
    assert_eq!(
        (reply.header("content-encoding"), reply.header("content-type")),
        (Some("gzip"), Some("text/plain"))
    );
    let mut unpacked = String::new();
    GzDecoder::new(reply.body.as_ref()).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, long);
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));

    let reply = call(&gateway, "/a", &[("accept-encoding", "deflate")], "").await;
    assert_eq!(reply.header("content-encoding"), Some("deflate"));
    unpacked.clear();
    ZlibDecoder::new(reply.body.as_ref()).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, long);

    for accepted in ["identity", "br", "gzip;q=0"] {
        let reply = call(&gateway, "/a", &[("accept-encoding", accepted)], "").await;
        assert_eq!((reply.header("content-encoding"), reply.text()), (None, long.as_str()), "{accepted}");
    }
    backend.answer(200, &[], "r".repeat(99));
    let reply = call(&gateway, "/a", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((reply.header("content-encoding"), reply.body.len()), (None, 99));
    // What the back end has compressed passes as it is.
    backend.answer(200, &[("content-encoding", "br")], long.clone());
    let reply = call(&gateway, "/a", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((reply.header("content-encoding"), reply.text()), (Some("br"), long.as_str()));
}

#[tokio::test]
async fn without_a_least_size_nothing_is_compressed() {
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } })).start().await;
    backend.answer(200, &[], "r".repeat(100_000));
    let reply = call(&gateway, "/a", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((reply.header("content-encoding"), reply.body.len()), (None, 100_000));
}
