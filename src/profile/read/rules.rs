//! The rules that hold while a file is read.

use crate::model::rule::rules;

rules! {
    SYNTAX = "WID-SYNTAX", Check;
        "a profile is TOML",
        "The file could not be read as TOML 1.1; nothing of it was looked at further.",
        "Fix the place that the message shows. Each string is in quotes, each table and key appears once.";
    FILE = "WID-FILE", Check;
        "a profile's files are readable text",
        "A file is not UTF-8, is larger than 10 MB, or holds nothing.",
        "Save the file as UTF-8 without a byte order mark of another encoding; remove an empty file.";
    TOO_LARGE = "WID-TOO-LARGE", Check;
        "a profile stays within what widctl reads",
        "Arrays, tables and keys are nested at most 80 deep; a file has at most 2,000,000 words and signs and all files together 10,000,000, and all workloads have at most 500,000 pairs of an identity and a cluster. Whatever is larger is more likely a slip or an attack than a profile.",
        "Remove what is nested or repeated, or split the profile into several of them.";
    ROOT_FILE = "WID-ROOT-FILE", Check;
        "exactly one file is the root",
        "The file with `version`, `estate`, `azure`, `clusters`, `policy` and `variables` is the root; what it says holds for all teams, so there is one.",
        "Keep these keys in one file, and only `[[team]]` in all others.";
    UNKNOWN_KEY = "WID-UNKNOWN-KEY", Check;
        "every key is known",
        "An unknown key would be ignored silently, and with it what it was meant to say.",
        "Correct the key's spelling, or remove it; `widctl schema` prints every key.";
    MISSING_KEY = "WID-MISSING-KEY", Check;
        "required keys are there",
        "The table cannot be understood without this key.",
        "Add the key.";
    WRONG_TYPE = "WID-TYPE", Check;
        "every value has its key's type",
        "The key takes another type of value.",
        "Write the value as the message says: texts in quotes, lists in square brackets.";
    CONTROL_CHARACTER = "WID-CONTROL-CHARACTER", Check;
        "no string holds characters that people cannot see",
        "Control characters and invisible or reordering characters can make a reviewer or a terminal see something else than what is applied.",
        "Remove the character.";
    VARIABLE = "WID-VARIABLE", Check;
        "environment variables are listed and set",
        "`${NAME}` is filled in from the environment in the root file alone, only for names in `variables`, never in `policy` or `variables`; an unset variable is never taken for an empty text.",
        "List the name in `variables` and set it, or write the value itself; `$${` is a literal `${`.";
    VERSION = "WID-VERSION", Check;
        "the profile's format version is 1",
        "This widctl reads version 1 of the profile's format alone.",
        "Write `version = 1`, or use a widctl that reads the newer format.";
}

/// How a grant of subjects is written.
pub(crate) const GRANTED_SUBJECTS: &str = "name the subjects: `federations = [{ issuer = \"https://token.actions.githubusercontent.com\", subjects = [\"repo:contoso@1234/{team}-*:*\"] }]`; `subjects = [\"*\"]` grants everybody behind the issuer";
