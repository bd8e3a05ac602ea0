//! Refuses content that would delete what it should update.
