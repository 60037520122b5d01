//! What is wrong is told by its kind.
