//! What holds for every profile.
