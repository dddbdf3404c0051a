//! The GPU's own memory, read through NVIDIA's management library.

use std::sync::OnceLock;

use nvml_wrapper::Nvml;

/// What the first GPU has; sessions are opened on that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMemory {
    /// Its memory, in bytes.
    pub total: u64,
    /// What of it nobody uses now, in bytes.
    pub free: u64,
    /// Version of the driver; engines that TensorRT compiled belong to it.
    pub driver_version: String,
}

/// The management library, which comes with the driver and is loaded once.
static LIBRARY: OnceLock<Option<Nvml>> = OnceLock::new();

impl DeviceMemory {
    /// Reads it now. `None` where there is no driver or no GPU.
    #[must_use]
    pub fn read() -> Option<Self> {
        let library = LIBRARY.get_or_init(|| Nvml::init().ok()).as_ref()?;
        let memory = library.device_by_index(0).ok()?.memory_info().ok()?;
        Some(Self {
            total: memory.total,
            free: memory.free,
            driver_version: library.sys_driver_version().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_gpu_has_none_and_one_with_it_makes_sense() {
        if let Some(memory) = DeviceMemory::read() {
            assert!(0 < memory.total && memory.free <= memory.total);
            assert!(!memory.driver_version.is_empty());
        }
    }
}
