//! Who may do what, and how much of it: API keys and tokens, what they are for, and their limits.
//!
//! A key is 32 random bytes. Of those only a salted SHA-256 is kept, which is enough for a secret
//! that nobody chose: there is nothing to guess (NIST SP 800-63B, section 5.1.2, look-up secrets).

pub mod allowance;
pub mod caller;
#[cfg(test)]
mod fixture;
pub mod gate;
pub mod jwks;
pub mod key_file;
pub mod key_set;
pub mod key_source;
pub mod keyring;
pub mod meters;
pub mod policy;
pub mod published;
pub mod scope;
pub mod secret;
pub mod subject;
pub mod token;
