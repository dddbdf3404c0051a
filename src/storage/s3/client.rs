//! The client of a bucket, with an end to every wait: its own defaults wait for ever.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, RequestChecksumCalculation, ResponseChecksumValidation,
        StalledStreamProtectionConfig,
    },
};

use super::S3Settings;

/// Longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// Longest time until the first byte of an answer.
const READ: Duration = Duration::from_secs(3);

/// Longest time for one try of a request, bodies of answers not counted.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Longest time for all tries of a request.
const OPERATION: Duration = Duration::from_secs(20);

/// The region where nothing names one; stores beside AWS do not care.
const USUAL_REGION: &str = "us-east-1";

pub(super) async fn client(settings: &S3Settings) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let stalled = StalledStreamProtectionConfig::enabled()
        .grace_period(Duration::from_secs(3))
        .build();
    // Whoever polls asks again soon; whoever loads takes up again where it was.
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .stalled_stream_protection(stalled);
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    } else if settings.endpoint.is_some() {
        // A store of one's own is in no region of AWS, and asking the machine for one takes time.
        let named = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new())
            .or_else(Region::new(USUAL_REGION));
        loader = loader.region(named);
    }
    let shared = loader.load().await;
    let mut config = Builder::from(&shared)
        .force_path_style(settings.path_style)
        // Stores beside AWS do not know the newer checksums; digests are ours to check.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if shared.region().is_none() {
        config = config.region(Region::new(USUAL_REGION));
    }
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}
