//! Every payload in events/ goes through the function it triggers.
