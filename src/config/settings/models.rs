//! Where models are, and how they are reached.

use super::{Change, Setting};

pub(super) const MODELS: &[Setting] = &[
    Setting {
        key: "models",
        value: "ROOT",
        default: "models",
        help: "Where models live: a folder, or s3://bucket/prefix",
        change: Change::AtStart,
    },
    Setting {
        key: "s3.endpoint",
        value: "URL",
        default: "",
        help: "Address of an S3-compatible store; empty for AWS. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else AWS's tools read",
        change: Change::AtStart,
    },
    Setting {
        key: "s3.region",
        value: "REGION",
        default: "",
        help: "Region of the bucket; empty for what AWS's tools read, else us-east-1",
        change: Change::AtStart,
    },
    Setting {
        key: "s3.path_style",
        value: "WHEN",
        default: "auto",
        help: "Bucket in the path instead of the host name: yes, no; auto is yes where there is an endpoint",
        change: Change::AtStart,
    },
    Setting {
        key: "source.poll_ms",
        value: "MILLISECONDS",
        default: "1000",
        help: "Time between looks at the root's index.json",
        change: Change::AtStart,
    },
    Setting {
        key: "source.list_ms",
        value: "MILLISECONDS",
        default: "5000",
        help: "Time between listings of the root, for each 1000 objects in it",
        change: Change::AtStart,
    },
    Setting {
        key: "cache.folder",
        value: "FOLDER",
        default: ".ocellus/cache",
        help: "Where versions of a bucket are kept on this machine; processes may share it",
        change: Change::AtStart,
    },
    Setting {
        key: "cache.bytes",
        value: "BYTES",
        default: "21474836480",
        help: "Most bytes in it; what nobody uses goes first",
        change: Change::AtStart,
    },
    Setting {
        key: "providers",
        value: "LIST",
        default: "cpu",
        help: "What runs models, unless their contract says, best first: tensorrt,cuda,cpu",
        change: Change::AtStart,
    },
];
