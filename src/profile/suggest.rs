//! "Did you mean": the known word nearest to a wrong one.

/// Above this many known words no suggestion is looked for: an error must not cost more than the profile.
const MOST_CANDIDATES: usize = 2_000;

/// The known word nearest to `wrong`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = fold(wrong);
    known
        .into_iter()
        .take(MOST_CANDIDATES)
        .filter(|word| *word != wrong)
        .map(|word| (likeness(&folded, &fold(word)), word))
        .filter(|(likeness, _)| *likeness >= 0.65)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// A sentence that names the nearest known word, or lists the known ones where they are few.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    const MOST_LISTED: usize = 20;
    if let Some(word) = nearest(wrong, known.clone()) {
        return format!("did you mean `{word}`?");
    }
    let words: Vec<String> =
        known.into_iter().take(MOST_LISTED + 1).map(|word| format!("`{word}`")).collect();
    match words.len() {
        0 => String::new(),
        1..=MOST_LISTED => format!("known: {}", words.join(", ")),
        _ => format!("known: {}, …", words[..MOST_LISTED].join(", ")),
    }
}

/// Case and separators are what people get wrong most.
fn fold(word: &str) -> String {
    word.chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

fn likeness(wrong: &str, word: &str) -> f64 {
    let (longer, shorter) = (wrong.len().max(word.len()), wrong.len().min(word.len()));
    if shorter * 2 < longer {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(wrong, word)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn the_nearest_word_is_found_through_case_separators_and_slips() {
        let known = ["resource_group", "service_account", "cluster", "team"];
        assert_eq!(nearest("resourceGroup", known), Some("resource_group"));
        assert_eq!(nearest("service-acount", known), Some("service_account"));
        assert_eq!(nearest("teams", known), Some("team"));
        assert_eq!(nearest("namespace", known), None);
    }

    #[test]
    fn without_a_near_word_the_few_known_ones_are_listed() {
        assert_eq!(did_you_mean("x", ["weu", "neu"]), "known: `weu`, `neu`");
        assert_eq!(did_you_mean("x", []), "");
    }
}
