//! What is fed to everything that reads bytes from outside.

pub mod targets;
