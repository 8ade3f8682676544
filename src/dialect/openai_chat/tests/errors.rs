//! Errors.

use super::*;
