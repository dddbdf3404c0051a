//! Execution providers: how they are asked for, and what is said when they cannot start.

use std::{fs, path::Path};

use ort::{
    ep::{
        ArenaExtendStrategy, CPU, CUDA, ExecutionProviderDispatch, TensorRT,
        cuda::ConvAlgorithmSearch,
    },
    session::builder::SessionBuilder,
};

use super::{EngineError, SessionOptions};
use crate::provider::Provider;

/// How ONNX Runtime says that nodes were left to a processor that was not asked for.
const LEFT_TO_THE_CPU: &str = "fallback to CPU EP has been explicitly disabled";

/// How ONNX Runtime says that it was built without a provider.
const NOT_BUILT_IN: &str = "is not enabled in this build";

/// How the dynamic linker says that a library, which it names just before, is not there.
const NOT_THERE: &str = ": cannot open shared object file";

/// Registers what is asked for, in its order. No accelerator falls silently to the
/// processor: without `cpu` in the list, a graph that needs it is refused.
pub(super) fn register(
    mut builder: SessionBuilder,
    options: &SessionOptions,
) -> Result<SessionBuilder, EngineError> {
    for provider in &options.providers {
        let asked = match provider {
            Provider::Cpu => cpu(),
            Provider::Cuda => cuda(),
            Provider::Tensorrt => tensorrt(options.tensorrt_cache.as_deref())?,
        };
        builder = builder
            .with_execution_providers([asked.error_on_failure()])
            .map_err(|error| refused(*provider, &error.to_string()))?;
    }
    let accelerated = options.providers.iter().any(|p| *p != Provider::Cpu);
    if accelerated && !options.providers.contains(&Provider::Cpu) {
        builder = builder
            .with_config_entry("session.disable_cpu_ep_fallback", "1")
            .map_err(|error| EngineError::Start(error.into()))?;
    }
    Ok(builder)
}

/// Without an arena, which keeps what every batch size once took: three times the memory of the
/// demo's models, at the same speed (docs/performance.md).
fn cpu() -> ExecutionProviderDispatch {
    CPU::default().with_arena_allocator(false).build()
}

/// Kernels are picked by rule, not by trying all of them, which would stop the first request of
/// every new batch size for seconds. Memory is taken as it is needed, not doubled, because models
/// share the device.
fn cuda() -> ExecutionProviderDispatch {
    CUDA::default()
        .with_device_id(0)
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .build()
}

fn tensorrt(cache: Option<&Path>) -> Result<ExecutionProviderDispatch, EngineError> {
    let tensorrt = TensorRT::default().with_device_id(0).with_fp16(false);
    let Some(folder) = cache else {
        return Ok(tensorrt.build());
    };
    // ONNX Runtime makes the folder itself but not those above it.
    fs::create_dir_all(folder).map_err(|error| EngineError::Cache {
        path: folder.to_owned(),
        error,
    })?;
    let folder = folder.display().to_string();
    Ok(tensorrt
        .with_engine_cache(true)
        .with_engine_cache_path(&folder)
        .with_timing_cache(true)
        .with_timing_cache_path(&folder)
        .build())
}

/// The provider that a failed opening is to be laid to, if it is: providers are made only then,
/// which is when a missing driver or a missing device shows.
pub(super) fn culprit(providers: &[Provider], message: &str) -> Option<Provider> {
    if message.contains(LEFT_TO_THE_CPU) {
        return providers.first().copied();
    }
    let message = message.to_lowercase();
    let names = |provider: &Provider| -> &[&str] {
        match provider {
            Provider::Cpu => &[],
            Provider::Cuda => &["cuda", "cudnn", "cublas"],
            Provider::Tensorrt => &["tensorrt", "nvinfer"],
        }
    };
    // A message of TensorRT's may name CUDA too, so the more particular one is asked first.
    Provider::ALL
        .into_iter()
        .filter(|provider| providers.contains(provider))
        .find(|provider| names(provider).iter().any(|name| message.contains(name)))
}

/// Why a provider cannot be used and what to do about it, out of ONNX Runtime's words.
pub(super) fn refused(provider: Provider, message: &str) -> EngineError {
    let missing = missing_library(message).map(str::to_owned);
    let (reason, remedy) = match missing.as_deref() {
        Some(library) if library.starts_with("libcuda.so") => (
            format!("{library} is missing, which comes with NVIDIA's driver"),
            "install the driver, or ask for cpu".to_owned(),
        ),
        Some(library) => (format!("{library} is missing"), remedy(provider)),
        None if message.contains(NOT_BUILT_IN) => (
            format!("this ONNX Runtime is built without {provider}"),
            remedy(provider),
        ),
        None if message.contains(LEFT_TO_THE_CPU) => (
            "the model has nodes that only the processor can run".to_owned(),
            "end the list of providers with cpu".to_owned(),
        ),
        None => match cuda_failure(message) {
            Some(failure) => (
                failure.to_owned(),
                "it needs a GPU with free memory and a driver of CUDA 13, 580 or newer, which \
                 `nvidia-smi` shows; or ask for cpu"
                    .to_owned(),
            ),
            None => (message.trim().to_owned(), remedy(provider)),
        },
    };
    EngineError::Provider {
        provider,
        reason,
        missing,
        remedy,
    }
}

fn remedy(provider: Provider) -> String {
    let libraries = match provider {
        Provider::Cpu | Provider::Cuda => "",
        Provider::Tensorrt => ", and those of TensorRT 10,",
    };
    format!(
        "`make gpu-bundle` gathers what a GPU needs; or install the Python package \
         onnxruntime-gpu[cuda,cudnn], name its libonnxruntime.so with --engine-library and put \
         the packages' lib folders{libraries} on LD_LIBRARY_PATH; or ask for cpu"
    )
}

/// The library that the dynamic linker did not find.
fn missing_library(message: &str) -> Option<&str> {
    let (before, _) = message.split_once(NOT_THERE)?;
    let name = before
        .rsplit(|c: char| c.is_whitespace() || c == '/' || c == '"')
        .next()?;
    Some(name).filter(|name| name.contains(".so"))
}

/// What CUDA itself said, without the place in ONNX Runtime's sources where it said it.
pub(super) fn cuda_failure(message: &str) -> Option<&str> {
    let begin = message.find("CUDA failure ")?;
    message.get(begin..)?.split(" ;").next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_with_what_to_do() {
        let check = |message: &str, parts: &[&str]| {
            let text = refused(Provider::Cuda, message).to_string();
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        };
        let linker = "Failed to load library libonnxruntime_providers_cuda.so with error: \
                      libcudnn.so.9: cannot open shared object file: No such file or directory";
        check(linker, &["libcudnn.so.9 is missing", "make gpu-bundle"]);
        let driver = "libcuda.so.1: cannot open shared object file: No such file or directory";
        check(driver, &["libcuda.so.1", "install the driver"]);
        let plain = "CUDA execution provider is not enabled in this build. ";
        check(plain, &["built without cuda", "--engine-library"]);
        let device = "info.cc:63 FromProviderOptions FAIL : Parse \"device_id\": CUDA failure 35: \
                      CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; x";
        let reason = "used: CUDA failure 35: CUDA driver version is insufficient for CUDA runtime \
                      version; it needs";
        check(device, &[reason, "nvidia-smi"]);
        check(
            "something else",
            &["used: something else; `make gpu-bundle`"],
        );
    }

    #[test]
    fn a_failed_opening_is_laid_to_the_provider_that_it_names() {
        use Provider::{Cpu, Cuda, Tensorrt};
        let check = |providers: &[Provider], message: &str, expected: Option<Provider>| {
            assert_eq!(culprit(providers, message), expected, "{message}");
        };
        check(&[Cuda, Cpu], "CUDA failure 100: no device", Some(Cuda));
        check(&[Cuda, Cpu], "Protobuf parsing failed.", None);
        check(&[Cpu], "CUDA failure 100: no device", None);
        let both = "TensorRT EP failed: CUDA failure 2: out of memory";
        check(&[Tensorrt, Cuda, Cpu], both, Some(Tensorrt));
        check(&[Cuda], LEFT_TO_THE_CPU, Some(Cuda));
    }
}
