//! The program as its users meet it: the real binary, real HTTP, real signals.
#![cfg(unix)]

mod cli;
mod process;
mod service;
mod sources;
