//! How many files a server may have open at a time. Each connection is one.

use tracing::warn;

/// Files for each connection: its own, and one to a core, or to where a picture is fetched from.
const EACH: u64 = 2;

/// Files for all else: models, the cache, the ports, the log.
const OTHERS: u64 = 512;

/// Raises the limit as far as this process may, and warns where connections may run out of files.
pub(super) fn raise(connections: usize) {
    let open_files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(open_files) => open_files,
        Err(cause) => {
            warn!(%cause, "limit of open files cannot be raised");
            return;
        }
    };
    let wanted = wanted(connections);
    if open_files < wanted {
        warn!(
            open_files,
            wanted, "too few files may be open for http.connections; raise the limit (ulimit -Hn)"
        );
    }
}

/// Files that a server with so many connections may have open.
const fn wanted(connections: usize) -> u64 {
    (connections as u64)
        .saturating_mul(EACH)
        .saturating_add(OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_want_more_files() {
        assert_eq!(wanted(1), 514);
        assert_eq!(wanted(1024), 2560);
        assert_eq!(wanted(usize::MAX), u64::MAX);
    }
}
