//! Flags for settings, made from the table of settings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, builder::Resettable};

use crate::config::{Config, ConfigFaults, Layers, SETTINGS};

/// Name of the configuration file where none is named.
const USUAL_FILE: &str = "ocellus.toml";

/// The settings that were given as flags.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingArgs {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConfig {
    /// The file cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It has faults.
    #[error(transparent)]
    Faults(#[from] ConfigFaults),
}

impl SettingArgs {
    /// The configuration that defaults, file, environment and flags make.
    pub(super) fn read(self) -> Result<Config, NoConfig> {
        let mut layers = Layers::default();
        let (path, named) = (self.path().to_owned(), self.file.is_some());
        match fs::read_to_string(&path) {
            Ok(text) => layers.file(&path.display().to_string(), &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => (),
            Err(error) => return Err(NoConfig::File { path, error }),
        }
        layers.environment();
        for (key, value) in self.flags {
            layers.flag(key, value);
        }
        Ok(layers.parse()?)
    }

    /// Where the file is, if there is one.
    pub(super) fn path(&self) -> &Path {
        self.file
            .as_deref()
            .unwrap_or_else(|| Path::new(USUAL_FILE))
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = SETTINGS.iter().filter_map(|setting| {
            let value = matches.get_one::<String>(setting.key)?;
            Some((setting.key, value.clone()))
        });
        let file = matches.get_one::<PathBuf>("config").cloned();
        Ok(Self {
            file,
            flags: flags.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!(
                "Configuration file; {USUAL_FILE} is read where it exists"
            ));
        SETTINGS.iter().fold(command.arg(file), |command, setting| {
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
            command.arg(
                Arg::new(setting.key)
                    .long(Resettable::Value(setting.flag().into()))
                    .value_name(setting.value)
                    .help(help)
                    .help_heading("Settings"),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
