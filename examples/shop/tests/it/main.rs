//! The program as its users meet it: the real binary, real HTTP, real signals, a real browser.
#![cfg(unix)]

mod browser;
mod cli;
mod lifecycle;
mod load;
mod process;
mod relay;
mod service;
mod sources;
mod webdriver;
