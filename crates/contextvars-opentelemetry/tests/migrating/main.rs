//! The programs of `docs/migrating/opentelemetry.md`, before and after the migration.

#[path = "../../../../tests/support/programs.rs"]
mod programs;

use programs::program;

program!(before, "../../../../docs/migrating/opentelemetry.md", "programs/before.rs");
program!(after, "../../../../docs/migrating/opentelemetry.md", "programs/after.rs");
