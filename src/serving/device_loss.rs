//! The loss of the device that models run on.
//!
//! After an illegal access, a hang that the driver ended, or a card that fell off its bus, CUDA
//! refuses whatever else the process asks of it ("sticky" errors of the CUDA runtime's
//! `cudaError_t`): only a new process can use the device again. So the loss is noticed once and
//! told to whoever ends the process in good order.

use tokio::sync::watch;

use super::ServeError;

/// How ONNX Runtime and CUDA say that memory was short, which passes.
const OUT_OF_MEMORY: [&str; 2] = ["out of memory", "Failed to allocate memory"];

/// Whether the device is lost, and the engine's words on it. Clones share it.
#[derive(Clone, Debug)]
pub struct DeviceLoss(watch::Sender<Option<String>>);

impl Default for DeviceLoss {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl DeviceLoss {
    /// Waits for the loss, and gives the engine's words.
    pub async fn happened(&self) -> String {
        let mut told = self.0.subscribe();
        let words = told.wait_for(Option::is_some).await;
        words
            .ok()
            .and_then(|words| words.clone())
            .unwrap_or_default()
    }

    /// What a run's failure is, by how its runner fails on the input that it ran before it was
    /// served: the device's, where it does and memory was not short, else its own.
    pub(super) fn judge(&self, failure: ServeError, on_known: Option<ServeError>) -> ServeError {
        let Some(again) = on_known.filter(|again| !is_short_of_memory(again)) else {
            return failure;
        };
        let said = if let ServeError::Engine(error) = &again {
            error.device_words()
        } else {
            again.to_string()
        };
        self.0.send_if_modified(|words| {
            let is_news = words.is_none();
            words.get_or_insert(said);
            is_news
        });
        ServeError::DeviceLost
    }
}

fn is_short_of_memory(failure: &ServeError) -> bool {
    let words = failure.to_string();
    OUT_OF_MEMORY.iter().any(|known| words.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    fn engine(words: &str) -> ServeError {
        let error = EngineError::Open {
            path: "model.onnx".into(),
            reason: words.to_owned(),
        };
        error.into()
    }

    #[tokio::test]
    async fn a_device_is_lost_that_fails_on_what_it_ran() {
        let loss = DeviceLoss::default();
        let judge = |on_known: Option<&str>| {
            let failure = engine("the input does not fit");
            loss.judge(failure, on_known.map(engine)).to_string()
        };
        let own = judge(None);
        assert!(own.contains("does not fit"), "{own}");
        let short = judge(Some("CUDA failure 2: out of memory ; GPU=0"));
        assert!(short.contains("does not fit"), "{short}");
        let lost = judge(Some("CudaCall CUDA failure 719: launch failure ; GPU=0"));
        assert!(lost.contains("is lost"), "{lost}");
        judge(Some("CUDA failure 700: later"));
        assert_eq!(loss.happened().await, "CUDA failure 719: launch failure");
    }
}
