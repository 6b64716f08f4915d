//! End-to-end tests of the program: the real binary, HTTP, signals and a browser.
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
