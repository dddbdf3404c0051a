//! Whose work is done next where more want it than can be served: fair turns of those who ask,
//! within priorities. Pure: no clock, no thread.

pub mod claim;
pub mod drain;
mod flow;
pub mod line;
pub mod places;
pub mod priority;
pub mod shares;
mod shed;

#[cfg(test)]
mod tests;
