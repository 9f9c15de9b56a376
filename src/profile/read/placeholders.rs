//! What `${NAME}` stands for where no environment may be read: a value of the form that its place asks for, the same
//! for the same name on every machine.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A form that a place may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// A name: of a resource group, a namespace, a context.
    Name,
    /// A name without hyphens, as locations have them.
    Word,
    /// A subscription or a tenant.
    Guid,
    /// An issuer.
    Url,
}

impl Form {
    /// All of them, the first that a place takes first: what takes a GUID as a name is told more by a name.
    pub(crate) const ALL: [Self; 4] = [Self::Name, Self::Word, Self::Guid, Self::Url];

    /// The form of what follows in a text: a subscription's place is known wherever it is, also in texts that take any.
    pub(crate) fn after(self, text: &str) -> Self {
        const SUBSCRIPTIONS: &str = "/subscriptions/";
        let start = text.len().saturating_sub(SUBSCRIPTIONS.len());
        let is_subscription =
            text.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(SUBSCRIPTIONS));
        if is_subscription { Self::Guid } else { self }
    }

    /// What stands for the variable of this name. Names that differ have values that differ.
    pub(crate) fn value(self, name: &str) -> String {
        const LONGEST: usize = 24;
        let hash = HEXLOWER.encode(&Sha256::digest(name));
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        let word: String =
            letters.take(LONGEST).map(|letter| letter.to_ascii_lowercase()).collect();
        match self {
            Self::Name => format!("placeholder-{word}-{}", &hash[..6]),
            Self::Word => format!("placeholder{word}{}", &hash[..6]),
            Self::Guid => format!("00000000-0000-4000-8000-{}", &hash[..12]),
            Self::Url => format!("https://placeholder-{word}-{}.invalid", &hash[..6]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn a_name_has_one_value_of_each_form_and_no_other_name_has_it() {
        assert_eq!(Form::Name.value("RESOURCE_GROUP"), "placeholder-resourcegroup-f34d7a");
        for form in Form::ALL {
            assert_eq!(form.value("A_B"), form.value("A_B"));
            assert_ne!(form.value("A_B"), form.value("AB"), "the letters are the same");
        }
        assert!(Form::Url.value("A").starts_with("https://placeholder-a-"));
        assert_eq!(Form::Guid.value("A").len(), 36);
        assert!(Form::Name.value(&"LONG".repeat(100)).len() < 63, "a DNS label takes it");
    }

    #[test]
    fn what_follows_subscriptions_is_a_subscription_whatever_the_place_takes() {
        for before in ["/subscriptions/", "/providers/x/Subscriptions/"] {
            assert_eq!(Form::Name.after(before), Form::Guid);
        }
        for before in ["", "/subscriptions/x/", "é", "subscriptions/"] {
            assert_eq!(Form::Name.after(before), Form::Name, "{before}");
        }
    }
}
