//! How pictures are fetched that requests name by URL: nothing is, unless it is set.

use std::time::Duration;

use ipnet::IpNet;

use super::{
    reader::Reader,
    settings::{Change, Setting},
};

/// How pictures are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Of which schemes a URL may be; `None` for none: nothing is fetched.
    pub schemes: Option<Schemes>,
    /// Networks that may be asked though the internet cannot reach them.
    pub networks: Vec<IpNet>,
    /// Ports that may be asked beside those of the schemes.
    pub ports: Vec<u16>,
    /// Longest time for one picture.
    pub timeout: Duration,
    /// Pictures that are fetched at the same time.
    pub concurrent: usize,
}

/// Of which schemes a URL may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemes {
    /// Of https alone.
    Https,
    /// Of either.
    HttpsAndHttp,
}

/// Their rows in the table of settings.
pub(super) const FETCH: &[Setting] = &[SCHEMES, NETWORKS, PORTS, TIMEOUT, CONCURRENT];

const SCHEMES: Setting = Setting {
    key: "fetch.schemes",
    value: "SCHEMES",
    default: "",
    help: "Of which schemes URLs may be that pictures are fetched from: https, or https,http. Empty to fetch nothing",
    change: Change::AtStart,
};

const NETWORKS: Setting = Setting {
    key: "fetch.networks",
    value: "NETWORKS",
    default: "",
    help: "Networks that pictures may be fetched from though they are private, like 10.0.0.0/8, separated by commas",
    change: Change::AtStart,
};

const PORTS: Setting = Setting {
    key: "fetch.ports",
    value: "PORTS",
    default: "",
    help: "Ports that pictures may be fetched from beside 443, and 80 where http is allowed, separated by commas",
    change: Change::AtStart,
};

const TIMEOUT: Setting = Setting {
    key: "fetch.timeout_ms",
    value: "MILLISECONDS",
    default: "5000",
    help: "Longest time for fetching a picture, redirects and all",
    change: Change::AtStart,
};

const CONCURRENT: Setting = Setting {
    key: "fetch.concurrent",
    value: "COUNT",
    default: "64",
    help: "Pictures fetched at the same time; more wait in fair turns, then are answered 503",
    change: Change::AtStart,
};

pub(super) fn read(reader: &mut Reader) -> Fetch {
    let listed = reader.list(SCHEMES.key);
    let mut listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    listed.sort_unstable();
    let schemes = match listed.as_slice() {
        [] => None,
        ["https"] => Some(Schemes::Https),
        ["http", "https"] => Some(Schemes::HttpsAndHttp),
        _ => {
            reader.fault(SCHEMES.key, "https, or https,http, or empty");
            None
        }
    };
    let ports = reader.list(PORTS.key).into_iter();
    let ports = ports.map(|text| text.parse().ok().filter(|port| *port != 0));
    let ports = ports.collect::<Option<_>>().unwrap_or_else(|| {
        reader.fault(PORTS.key, "ports from 1 to 65535, separated by commas");
        Vec::new()
    });
    Fetch {
        schemes,
        networks: reader.networks(NETWORKS.key),
        ports,
        timeout: Duration::from_millis(reader.number(TIMEOUT.key, 1, 600_000)),
        concurrent: reader.number(CONCURRENT.key, 1, 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn with(key: &'static str, value: &str) -> Result<Fetch, String> {
        let mut layers = Layers::default();
        layers.flag(key, value.to_owned());
        let config = layers.parse();
        config.map(|c| c.fetch).map_err(|faults| faults.to_string())
    }

    #[test]
    fn nothing_is_fetched_unless_it_is_set() {
        let schemes = |text| with("fetch.schemes", text).expect("sound").schemes;
        assert_eq!(schemes(""), None);
        assert_eq!(schemes("https"), Some(Schemes::Https));
        assert_eq!(schemes("http, https"), Some(Schemes::HttpsAndHttp));
    }

    #[test]
    fn what_is_none_is_a_fault() {
        for (key, value) in [
            ("fetch.schemes", "http"),
            ("fetch.schemes", "https,file"),
            ("fetch.schemes", "yes"),
            ("fetch.ports", "0"),
            ("fetch.ports", "443,65536"),
            ("fetch.ports", "https"),
            ("fetch.networks", "10.0.0.0/33"),
            ("fetch.timeout_ms", "0"),
            ("fetch.concurrent", "0"),
        ] {
            let faults = with(key, value).expect_err(value);
            let flag = format!("--{} is {value:?}", key.replace(['.', '_'], "-"));
            assert!(faults.contains(&flag), "{faults}");
        }
    }
}
