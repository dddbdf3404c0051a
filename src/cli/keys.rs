//! `ocellus keys`: API keys made, listed and revoked.

use std::{
    io::{self, Write as _},
    num::NonZeroU32,
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use clap::Subcommand;
use comfy_table::{Table, presets::NOTHING};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    access::{
        allowance::Allowance,
        key_file::{self, KeyRecord},
        scope::Scope,
        secret::{ApiKey, KeyHash, KeyId},
    },
    fairness::priority::Priority,
};

use super::{Failure, print, settings::SettingArgs};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and print it, this once
    Create(CreateArgs),
    /// List the keys, without their secrets
    List(ListArgs),
    /// Revoke a key; servers that read the same file refuse it within five seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// What its owner calls it
    #[arg(long)]
    name: String,
    /// What it is for, like infer:*, describe:cats, admin:team-a-*; may be given several times
    #[arg(long = "scope", default_value = "infer:*")]
    scopes: Vec<Scope>,
    /// When it ends: a date, a time (2027-01-31T12:00:00Z), or how long it lasts (90d, 12h)
    #[arg(long)]
    expires: Option<Expiry>,
    /// The highest priority that its requests may have: high, normal or low
    #[arg(long, default_value_t)]
    priority: Priority,
    /// Most requests in a second
    #[arg(long)]
    rate: Option<NonZeroU32>,
    /// Most requests at once, beyond which the rate holds; as many as in a second where not given
    #[arg(long, requires = "rate")]
    burst: Option<NonZeroU32>,
    /// Most requests that are worked on at the same time
    #[arg(long)]
    concurrent: Option<NonZeroU32>,
    /// Most requests in a day, UTC
    #[arg(long)]
    daily: Option<NonZeroU32>,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// Its id: what stands between the key's first two underscores
    id: KeyId,
    #[command(flatten)]
    settings: SettingArgs,
}

/// When a key ends.
#[derive(Clone, Copy, Debug)]
struct Expiry(Timestamp);

impl FromStr for Expiry {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = || text.parse::<Timestamp>().ok();
        let date = || {
            let start = text
                .parse::<Date>()
                .ok()?
                .to_zoned_datetime(TimeZone::UTC)
                .ok()?;
            Some(start.timestamp())
        };
        let span = || {
            let now = Timestamp::now().to_zoned_datetime(TimeZone::UTC);
            let end = now.checked_add(text.parse::<Span>().ok()?).ok()?;
            Some(end.timestamp())
        };
        let end = time().or_else(date).or_else(span);
        let end = end.ok_or("a date like 2027-01-31, a time like 2027-01-31T12:00:00Z, or 90d")?;
        if end <= Timestamp::now() {
            return Err("that has passed already");
        }
        Ok(Self(end))
    }
}

pub(super) fn run(command: KeysCommand) -> Result<ExitCode, Failure> {
    match command {
        KeysCommand::Create(args) => create(args),
        KeysCommand::List(args) => list(args),
        KeysCommand::Revoke(args) => revoke(args),
    }
}

fn file(settings: SettingArgs) -> Result<PathBuf, Failure> {
    let missing = "access.keys names no file of keys; --access-keys keys.toml does";
    Ok(settings.read()?.access.keys.ok_or(missing)?)
}

fn create(args: CreateArgs) -> Result<ExitCode, Failure> {
    let path = file(args.settings)?;
    let key = ApiKey::generate()?;
    let record = KeyRecord {
        id: key.id().clone(),
        name: args.name,
        created: Timestamp::now(),
        expires: args.expires.map(|Expiry(end)| end),
        scopes: args.scopes,
        priority: args.priority,
        secret: KeyHash::of(&key)?,
        limits: Allowance {
            rate: args.rate,
            burst: args.burst,
            concurrent: args.concurrent,
            daily: args.daily,
        },
    };
    key_file::change(&path, |records| records.keys.push(record))?;
    writeln!(io::stderr(), "Keep this key; nobody can show it again.").ok();
    print(key.reveal())
}

fn list(args: ListArgs) -> Result<ExitCode, Failure> {
    let records = key_file::read(&file(args.settings)?)?;
    let now = Timestamp::now();
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "ID", "NAME", "SCOPES", "CREATED", "ENDS", "PRIORITY", "LIMITS",
    ]);
    for key in records.keys {
        let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
        let ends = match key.expires {
            Some(end) if end <= now => format!("ended {end:.0}"),
            Some(end) => format!("{end:.0}"),
            None => "never".to_owned(),
        };
        table.add_row([
            key.id.to_string(),
            key.name,
            scopes.join(" "),
            format!("{:.0}", key.created),
            ends,
            key.priority.to_string(),
            limits(&key.limits),
        ]);
    }
    print(table)
}

fn limits(allowance: &Allowance) -> String {
    let Allowance {
        rate,
        burst,
        concurrent,
        daily,
    } = allowance;
    let limits = [
        rate.map(|most| format!("{most}/s")),
        burst.map(|most| format!("{most} at once")),
        concurrent.map(|most| format!("{most} at a time")),
        daily.map(|most| format!("{most}/day")),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    if limits.is_empty() {
        return "none".to_owned();
    }
    limits.join(", ")
}

fn revoke(args: RevokeArgs) -> Result<ExitCode, Failure> {
    let path = file(args.settings)?;
    let revoked = key_file::change(&path, |records| {
        let before = records.keys.len();
        records.keys.retain(|key| key.id != args.id);
        before != records.keys.len()
    })?;
    if !revoked {
        // What was given is not shown: it may be a whole key.
        return Err(format!(
            "{} holds no key of that id, which stands between a key's first two underscores",
            path.display()
        )
        .into());
    }
    print(format!("revoked {}", args.id))
}
