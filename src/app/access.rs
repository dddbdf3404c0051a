//! Who is let in, out of the configuration.

use crate::{
    access::{
        allowance::Allowance,
        gate::{Anonymous, Gate},
        scope::Scope,
    },
    config::Access,
};

use super::error::AppError;

/// The gate that a configuration describes.
pub(super) fn gate(config: &Access) -> Result<Gate, AppError> {
    let scopes = config.anonymous.iter().map(|scope| scope.parse());
    let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
    let anonymous = match (scopes.is_empty(), &config.keys) {
        (false, _) => Anonymous::Everywhere(scopes.into()),
        (true, None) => Anonymous::OnThisMachine,
        (true, Some(_)) => Anonymous::Nothing,
    };
    let each_address = Allowance {
        rate: config.address_rate,
        concurrent: config.address_requests,
        ..Allowance::default()
    };
    Ok(Gate::open(config.keys.clone(), anonymous, each_address)?)
}
