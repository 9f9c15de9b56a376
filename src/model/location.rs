//! Azure regions.

use std::fmt;
use std::sync::Arc;

use crate::model::text::folded;

/// An Azure region. `West Europe` and `westeurope` are the same one.
#[derive(Clone)]
pub struct Location(Arc<str>);

impl Location {
    /// Wraps a region's name in either of its spellings.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The region as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = char> + '_ {
        self.0.chars().filter(|character| !character.is_whitespace()).map(folded)
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.folded().eq(other.folded())
    }
}

impl Eq for Location {}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn both_spellings_of_a_region_are_equal() {
        assert_eq!(Location::new("West Europe"), Location::new("westeurope"));
        assert_ne!(Location::new("westeurope"), Location::new("northeurope"));
    }
}
