//! The table of settings. Flags, variables, the keys of `ocellus.toml` and the table in the
//! README all come from it.

use super::fetch;

/// One setting: its key and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key in `ocellus.toml`, `section.name`.
    pub key: &'static str,
    /// What its value is, in one word.
    pub value: &'static str,
    /// The value where none is given.
    pub default: &'static str,
    /// What it does, with its unit.
    pub help: &'static str,
}

impl Setting {
    /// Its environment variable: `http.address` is `OCELLUS_HTTP_ADDRESS`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OCELLUS_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Its flag, without dashes: `http.address` is `http-address`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }
}

/// Every setting, in the order in which people read about them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "models",
        value: "ROOT",
        default: "models",
        help: "Where models live: a folder, or s3://bucket/prefix",
    },
    Setting {
        key: "s3.endpoint",
        value: "URL",
        default: "",
        help: "Address of an S3-compatible store; empty for AWS. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else AWS's tools read",
    },
    Setting {
        key: "s3.region",
        value: "REGION",
        default: "",
        help: "Region of the bucket; empty for what AWS's tools read, else us-east-1",
    },
    Setting {
        key: "s3.path_style",
        value: "WHEN",
        default: "auto",
        help: "Bucket in the path instead of the host name: yes, no; auto is yes where there is an endpoint",
    },
    Setting {
        key: "source.poll_ms",
        value: "MILLISECONDS",
        default: "1000",
        help: "Time between looks at the root's index.json",
    },
    Setting {
        key: "source.list_ms",
        value: "MILLISECONDS",
        default: "5000",
        help: "Time between listings of the root, for each 1000 objects in it",
    },
    Setting {
        key: "cache.folder",
        value: "FOLDER",
        default: ".ocellus/cache",
        help: "Where versions of a bucket are kept on this machine; processes may share it",
    },
    Setting {
        key: "cache.bytes",
        value: "BYTES",
        default: "21474836480",
        help: "Most bytes in it; what nobody uses goes first",
    },
    Setting {
        key: "providers",
        value: "LIST",
        default: "cpu",
        help: "What runs models, unless their contract says, best first: tensorrt,cuda,cpu",
    },
    Setting {
        key: "http.address",
        value: "ADDRESS",
        default: "127.0.0.1:8080",
        help: "Address of the API and the demo page",
    },
    Setting {
        key: "http.cors_origins",
        value: "ORIGINS",
        default: "",
        help: "Origins whose pages may call the API, separated by commas; * for all",
    },
    Setting {
        key: "http.tls_certificate",
        value: "FILE",
        default: "",
        help: "Certificate chain of the API, PEM, for https; read anew when it changes. Empty for http",
    },
    Setting {
        key: "http.tls_key",
        value: "FILE",
        default: "",
        help: "Its private key, PEM",
    },
    Setting {
        key: "http.connections",
        value: "COUNT",
        default: "1024",
        help: "Most connections at a time; more are closed at once",
    },
    Setting {
        key: "http.head_ms",
        value: "MILLISECONDS",
        default: "5000",
        help: "Longest wait for the head of a request, also between two; behind a proxy, longer than it keeps connections",
    },
    Setting {
        key: "http.trusted_proxies",
        value: "NETWORKS",
        default: "",
        help: "Networks of proxies that are believed where a request came from (X-Forwarded-For), like 10.0.0.0/8, separated by commas",
    },
    Setting {
        key: "access.keys",
        value: "FILE",
        default: "",
        help: "File of API keys, that `ocellus keys` writes; read anew every second. Empty for none",
    },
    Setting {
        key: "access.anonymous",
        value: "SCOPES",
        default: "",
        help: "What callers without a key may do, from everywhere, like infer:*,describe:*. Empty for nothing; but everything from this machine where no key is configured",
    },
    Setting {
        key: "access.address_rate",
        value: "NUMBER",
        default: "0",
        help: "Most requests of one address in a second; more are answered 429. 0 for no limit",
    },
    Setting {
        key: "access.address_requests",
        value: "NUMBER",
        default: "0",
        help: "Most requests of one address that are worked on at the same time; more are answered 429. 0 for no limit",
    },
    Setting {
        key: "grpc.address",
        value: "ADDRESS",
        default: "127.0.0.1:8500",
        help: "Address of gRPC, of a model core or of serve --grpc",
    },
    Setting {
        key: "grpc.tls_certificate",
        value: "FILE",
        default: "",
        help: "Certificate chain over gRPC, PEM: what a core shows its callers, and a gateway its cores; read anew when it changes. Empty for none",
    },
    Setting {
        key: "grpc.tls_key",
        value: "FILE",
        default: "",
        help: "Its private key, PEM",
    },
    Setting {
        key: "grpc.tls_ca",
        value: "FILE",
        default: "",
        help: "Certificates, PEM, that must have signed the other end's: a core asks its callers for one and lets them do everything; a gateway believes no other core",
    },
    Setting {
        key: "grpc.message_bytes",
        value: "BYTES",
        default: "268435456",
        help: "Largest message over gRPC, in either direction",
    },
    Setting {
        key: "core",
        value: "URLS",
        default: "http://127.0.0.1:8500",
        help: "Model cores that a gateway asks, separated by commas",
    },
    Setting {
        key: "operations.address",
        value: "ADDRESS",
        default: "127.0.0.1:9090",
        help: "Address of /livez, /readyz and /metrics",
    },
    fetch::SCHEMES,
    fetch::NETWORKS,
    fetch::PORTS,
    fetch::TIMEOUT,
    fetch::CONCURRENT,
    Setting {
        key: "limits.body_bytes",
        value: "BYTES",
        default: "33554432",
        help: "Largest request body, and largest picture that is fetched",
    },
    Setting {
        key: "limits.images",
        value: "COUNT",
        default: "32",
        help: "Most pictures in one request",
    },
    Setting {
        key: "limits.image_pixels",
        value: "PIXELS",
        default: "50000000",
        help: "Most pixels of a picture, read off its header",
    },
    Setting {
        key: "limits.image_side",
        value: "PIXELS",
        default: "12000",
        help: "Longest side of a picture, read off its header",
    },
    Setting {
        key: "limits.upload_bytes",
        value: "BYTES",
        default: "134217728",
        help: "Most memory for the bodies of all requests, and for what is fetched; who finds none waits, then is answered 503",
    },
    Setting {
        key: "limits.decode_bytes",
        value: "BYTES",
        default: "402653184",
        help: "Most memory for pictures being decoded, likewise; a picture that needs more is answered 413",
    },
    Setting {
        key: "limits.tensor_bytes",
        value: "BYTES",
        default: "536870912",
        help: "Most memory for the model inputs of all requests, likewise",
    },
    Setting {
        key: "limits.decodes",
        value: "COUNT",
        default: "0",
        help: "Pictures decoded at the same time; 0 for one a processor",
    },
    Setting {
        key: "limits.requests",
        value: "COUNT",
        default: "256",
        help: "Requests worked on at the same time; more are answered 503. One caller has seven eighths of them at most",
    },
    Setting {
        key: "limits.wait_ms",
        value: "MILLISECONDS",
        default: "1000",
        help: "Longest wait that a request is let in for; one that would wait longer is answered 503 before its body is read",
    },
    Setting {
        key: "limits.deadline_ms",
        value: "MILLISECONDS",
        default: "30000",
        help: "Longest time for a request; then it is answered 504",
    },
    Setting {
        key: "engine.library",
        value: "FILE",
        default: "",
        help: "ONNX Runtime's library; empty to look where `make engine` puts it",
    },
    Setting {
        key: "engine.threads",
        value: "COUNT",
        default: "0",
        help: "Threads for one run of a model, unless its contract says; 0 for half the processors",
    },
    Setting {
        key: "engine.instances",
        value: "COUNT",
        default: "2",
        help: "Copies of a model that run side by side, unless its contract says",
    },
    Setting {
        key: "engine.memory_bytes",
        value: "BYTES",
        default: "0",
        help: "Most memory that loaded models may take; 0 for 80 % of the machine's or container's",
    },
    Setting {
        key: "queue.pictures",
        value: "COUNT",
        default: "1024",
        help: "Most pictures that wait for one model version; more are answered 429",
    },
    Setting {
        key: "queue.bytes",
        value: "BYTES",
        default: "536870912",
        help: "Most bytes of their tensors",
    },
    Setting {
        key: "log.filter",
        value: "FILTER",
        default: "info,ort=warn",
        help: "What is logged: error, warn, info, debug, trace, or module=level,…",
    },
    Setting {
        key: "log.format",
        value: "FORMAT",
        default: "auto",
        help: "Log lines as human or json; auto is human on a terminal, json elsewhere",
    },
];
