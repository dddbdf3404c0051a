//! The sessions of a version: how many, on what, and for runs of how many pictures each.

use crate::{
    engine::{DeviceMemory, ModelFile, Session, SessionOptions},
    model::{
        contract::{Contract, input::Side, signature_check::Bindings},
        digest::Digest,
        signature::Signature,
    },
    provider::{self, Provider},
};

use super::{LoadContext, LoadError, warm_up};
use crate::serving::{
    batch::{BatchSize, device_sizes},
    instance::Runner,
};

/// On what the model is run: what the contract says, else what the server says.
pub(super) fn providers(context: &LoadContext, contract: &Contract) -> Vec<Provider> {
    let own = &contract.engine.providers;
    if own.is_empty() {
        context.providers.clone()
    } else {
        own.clone()
    }
}

/// What the contract says, completed by what the server says.
pub(super) fn options(
    context: &LoadContext,
    contract: &Contract,
    (providers, digest): (Vec<Provider>, Digest),
) -> SessionOptions {
    let tensorrt = providers.contains(&Provider::Tensorrt);
    let tensorrt_cache = tensorrt.then(DeviceMemory::read).flatten().map(|device| {
        let model = format!("{}-{}", digest.hex(), device.driver_version);
        context.tensorrt_cache.join(model)
    });
    SessionOptions {
        threads: contract
            .engine
            .threads
            .map_or(context.threads, |n| n as usize),
        providers,
        tensorrt_cache,
    }
}

/// Opens the sessions of each instance.
///
/// # Errors
/// When the engine refuses the model, or the contract does not fit it.
pub(super) fn open(
    context: &LoadContext,
    contract: &Contract,
    (model, options): (&ModelFile, &SessionOptions),
) -> Result<(Vec<Runner>, Signature, Bindings), LoadError> {
    let instances = contract.engine.instances;
    let count = instances.map_or(context.instances, |n| n as usize);
    let open = || Session::open(&context.runtime, model, options);
    let first = open()?;
    let signature = first.signature().clone();
    let bindings = contract.bind(&signature)?;
    let on_device = provider::on_device(&options.providers);
    let known_input = match on_device {
        true => warm_up::empty_input(&contract.input).ok(),
        false => None,
    };
    let sizes = sizes(contract, &bindings, on_device);
    let mut opened = Some(first);
    let mut runners = Vec::with_capacity(count);
    while runners.len() < count {
        let sessions = sizes.iter().map(|size| {
            let session = opened.take().map_or_else(open, Ok)?;
            Ok((*size, session))
        });
        runners.push(Runner {
            sessions: sessions.collect::<Result<_, LoadError>>()?,
            input: bindings.input.clone(),
            known_input: known_input.clone(),
        });
    }
    Ok((runners, signature, bindings))
}

/// The size of the runs of each of an instance's sessions. Where pictures differ in size anyway,
/// nothing is gained by keeping batches apart.
fn sizes(contract: &Contract, bindings: &Bindings, on_device: bool) -> Vec<BatchSize> {
    let size = batch_size(contract, bindings);
    let sides = [contract.input.height, contract.input.width];
    let is_fixed = sides.iter().all(|side| matches!(side, Side::Fixed(_)));
    match size {
        BatchSize::UpTo(most) if on_device && is_fixed => {
            let preferred = &contract.batching.preferred_batch_sizes;
            let sizes = device_sizes(most, preferred.iter().map(|size| *size as usize));
            sizes.into_iter().map(BatchSize::Fixed).collect()
        }
        BatchSize::UpTo(_) | BatchSize::Fixed(_) => vec![size],
    }
}

/// Pictures in a run, as the graph and the contract say.
pub(super) fn batch_size(contract: &Contract, bindings: &Bindings) -> BatchSize {
    match bindings
        .fixed_batch
        .and_then(|size| usize::try_from(size).ok())
    {
        Some(size) => BatchSize::Fixed(size.max(1)),
        None => BatchSize::UpTo(contract.batching.max_batch_size as usize),
    }
}
