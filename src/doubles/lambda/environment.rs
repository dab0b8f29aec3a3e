//! The environment that a function's process gets: what Lambda sets (Lambda Developer Guide, "Defined runtime
//! environment variables"), where to find programs, and what was configured. Nothing else of landfall's own
//! environment: secrets stay where they are, and a function behaves the same wherever it is tested. No AWS
//! credentials are invented.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use super::FunctionConfig;

/// The region that all doubles are in.
const REGION: &str = "eu-west-1";

/// Where a runtime finds its API. The one variable that cannot be configured.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What is passed on of landfall's own environment.
const INHERITED: [&str; 2] = ["PATH", "HOME"];

/// The ARN that a function is invoked by.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:123456789012:function:{name}")
}

/// All variables of worker `number`, which runs in `directory` and finds its Runtime API at `api`. `inherited` knows
/// landfall's own.
pub(super) fn variables(
    config: &FunctionConfig,
    number: u32,
    directory: &Path,
    api: SocketAddr,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<OsString, OsString> {
    let own = INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), inherited(name)?)));
    let mut variables: BTreeMap<String, OsString> = own.collect();
    let mut set = |name: &str, value: OsString| drop(variables.insert(name.to_owned(), value));
    let name = &config.name;
    for (variable, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{number}")),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
    ] {
        set(variable, value.into());
    }
    set("LAMBDA_TASK_ROOT", directory.into());
    set("LAMBDA_RUNTIME_DIR", directory.into());
    if let Some(handler) = &config.handler {
        set("_HANDLER", handler.into());
    }
    config.environment.iter().for_each(|(name, value)| set(name, value.expose().into()));
    set(RUNTIME_API, api.to_string().into());
    variables.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// Whether the system takes a variable of this name and value.
pub(super) fn is_settable(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') && name != RUNTIME_API
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_function_gets_what_lambda_sets_and_what_is_configured_and_nothing_else() {
        let mut config = FunctionConfig::new("check", vec!["x".to_owned()]);
        config.handler = Some("app.handler".to_owned());
        config.environment.insert("AWS_REGION".to_owned(), Secret::new("us-east-1"));
        config.environment.insert("JWKS".to_owned(), Secret::new("http://k"));
        let inherited = |name: &str| (name != "HOME").then(|| OsString::from(format!("{name} of landfall")));
        let api = SocketAddr::from(([127, 0, 0, 1], 9));
        let found: Vec<String> = variables(&config, 2, Path::new("/f"), api, inherited)
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(
            found,
            [
                "AWS_DEFAULT_REGION=eu-west-1",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
                "AWS_LAMBDA_FUNCTION_NAME=check",
                "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
                "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/check",
                "AWS_LAMBDA_LOG_STREAM_NAME=[$LATEST]2",
                "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9",
                "AWS_REGION=us-east-1",
                "JWKS=http://k",
                "LAMBDA_RUNTIME_DIR=/f",
                "LAMBDA_TASK_ROOT=/f",
                "LANG=en_US.UTF-8",
                "PATH=PATH of landfall",
                "TZ=:UTC",
                "_HANDLER=app.handler",
            ]
        );
    }

    #[test]
    fn names_that_no_system_takes() {
        assert!(is_settable("A", "b=c"));
        for (name, value) in [("", "b"), ("A=B", "c"), ("A\0", "b"), ("A", "b\0"), (RUNTIME_API, "b")] {
            assert!(!is_settable(name, value), "{name:?}");
        }
    }
}
