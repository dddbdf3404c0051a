use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    time::timeout,
};

/// Enough for a traceback and every output's line.
const KEPT_STDERR: usize = 64 << 10;
const LONGEST_LINE: u64 = 64 << 10;

/// How a process ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: ExitStatus,
    /// The last of what it said on standard error.
    pub(super) stderr: String,
}

impl Outcome {
    pub(super) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The lines that are the process's own word, without what libraries say.
    pub(super) fn errors(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter_map(|line| line.strip_prefix("error: "))
            .collect()
    }

    /// The last line that says anything.
    pub(super) fn last_line(&self) -> String {
        let last = self.stderr.lines().rfind(|line| !line.trim().is_empty());
        last.map_or("it said nothing".to_owned(), |line| line.trim().to_owned())
    }
}

/// Why it is not known how a process ended.
#[derive(Debug)]
pub(super) enum ProcessFault {
    TimedOut(Duration),
    Io(io::Error),
}

impl From<io::Error> for ProcessFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Runs a process to its end, and ends it when this is dropped or takes too long.
///
/// `heard` gets each line of its standard output as it comes.
pub(super) async fn run(
    mut command: Command,
    input: &str,
    limit: Duration,
    heard: &(dyn Fn(&str) + Send + Sync),
) -> Result<Outcome, ProcessFault> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = async {
        let ((), (), stderr, status) = tokio::try_join!(
            write(stdin, input),
            lines(stdout, heard),
            tail(stderr),
            child.wait()
        )?;
        Ok::<_, io::Error>(Outcome { status, stderr })
    };
    // Past the deadline the child is dropped on the way out, and dropping kills it.
    timeout(limit, ended)
        .await
        .map_err(|_| ProcessFault::TimedOut(limit))?
        .map_err(ProcessFault::Io)
}

async fn write(stdin: Option<ChildStdin>, input: &str) -> io::Result<()> {
    let Some(mut stdin) = stdin else {
        return Ok(());
    };
    match stdin.write_all(input.as_bytes()).await {
        // It ended before it had read everything; its exit code says why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

async fn lines(
    stdout: Option<impl AsyncRead + Unpin>,
    heard: &(dyn Fn(&str) + Send + Sync),
) -> io::Result<()> {
    let Some(stdout) = stdout else {
        return Ok(());
    };
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while 0
        < (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await?
    {
        heard(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

async fn tail(stderr: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut stderr) = stderr else {
        return Ok(String::new());
    };
    let mut kept = Vec::new();
    let mut part = vec![0; 8 << 10];
    loop {
        let count = stderr.read(&mut part).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend(part.iter().take(count));
        kept.drain(..kept.len().saturating_sub(KEPT_STDERR));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn shell() -> Command {
        let mut command = Command::new("sh");
        command.arg("-s");
        command
    }

    #[tokio::test]
    async fn lines_are_heard_and_the_end_is_told() {
        let heard = Mutex::new(Vec::new());
        let script = "echo one; echo two; echo 'error: no' >&2; echo noise >&2; exit 3";
        let outcome = run(shell(), script, Duration::from_secs(20), &|line| {
            heard.lock().unwrap().push(line.to_owned());
        })
        .await
        .unwrap();
        assert_eq!(*heard.lock().unwrap(), ["one", "two"]);
        assert_eq!(outcome.code(), Some(3));
        assert_eq!(outcome.errors(), ["no"]);
        assert_eq!(outcome.last_line(), "noise");
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_given_up() {
        let limit = Duration::from_millis(50);
        let fault = run(shell(), "exec sleep 60", limit, &|_| ()).await;
        assert!(matches!(fault, Err(ProcessFault::TimedOut(_))));
    }

    #[tokio::test]
    async fn a_process_ends_when_nobody_waits_for_it() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let hear = |line: &str| {
            if let Some(tell) = tell.lock().unwrap().take() {
                tell.send(line.to_owned()).unwrap();
            }
        };
        let pid = tokio::select! {
            pid = told => pid.unwrap(),
            _ = run(shell(), "echo $$; exec sleep 60", Duration::from_mins(1), &hear) => {
                unreachable!("it sleeps")
            }
        };
        // Killed, it is gone or waits to be reaped; the kernel takes a moment.
        let stat = format!("/proc/{pid}/stat");
        let begun = std::time::Instant::now();
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{stat} is there");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn only_the_last_of_a_long_standard_error_is_kept() {
        let script = "i=0; while [ $i -lt 9000 ]; do echo aaaaaaaaaaaaaaaa >&2; i=$((i+1)); done; echo last >&2";
        let outcome = run(shell(), script, Duration::from_secs(20), &|_| ())
            .await
            .unwrap();
        assert_eq!(outcome.stderr.len(), KEPT_STDERR);
        assert_eq!(outcome.last_line(), "last");
    }
}
