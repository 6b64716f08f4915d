//! The program as its users meet it: the real binary, real HTTP, real signals.
#![cfg(unix)]

mod cli;
mod process;
mod relay;
mod service;
mod sources;
