//! An invoice provider in memory.
