//! What Azure takes at most passes, and one more is refused.

use super::{Refused, root_team};

fn tags(tags: &[(String, String)]) -> Refused {
    let all: Vec<String> =
        tags.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
    root_team("", "a", &format!("tags = {{ {} }}", all.join(", ")))
}

#[test]
fn a_resource_takes_fifty_tags_of_which_three_are_widctls_own() {
    let some = |count: usize| -> Vec<_> {
        (0..count).map(|number| (format!("t{number}"), "v".to_owned())).collect()
    };
    assert_eq!(tags(&some(47)).codes(), [""; 0]);
    assert_eq!(tags(&some(48)).codes(), ["WID-TAGS"]);
}

#[test]
fn names_and_values_of_tags_have_as_many_characters_as_azure_takes() {
    let one = |name: usize, value: usize| tags(&[("ä".repeat(name), "ä".repeat(value))]);
    assert_eq!(one(512, 256).codes(), [""; 0]);
    for (name, value) in [(0, 1), (513, 1), (600, 1), (1, 257), (1, 300)] {
        assert_eq!(one(name, value).codes(), ["WID-TAGS"], "{name} {value}");
    }
}
