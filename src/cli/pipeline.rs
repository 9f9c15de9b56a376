//! The pipeline that runs this process, and the commands that widctl itself gives it. Nothing else that is
//! printed is a command: [`super::sink`] sees to that.

use std::fmt;

use crate::profile::{ProfileError, ProfileErrors};
use crate::report::escape;

/// How many errors are marked at their lines: GitHub shows no more of a step.
/// <https://docs.github.com/actions/reference/limits>
const MOST_MARKS: usize = 10;

/// A pipeline whose log takes commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pipeline {
    /// GitHub Actions.
    GitHub,
    /// Azure Pipelines.
    Azure,
}

/// A command of ours to the pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Marks a line of a file with an error.
    Error {
        /// The file, from where the program was started.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The rule's code.
        code: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl Pipeline {
    /// The pipeline that this process runs in.
    /// <https://docs.github.com/actions/reference/variables-reference>
    /// <https://learn.microsoft.com/azure/devops/pipelines/build/variables#system-variables-devops-services>
    #[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
    pub fn of_process() -> Option<Self> {
        let is_set =
            |name| std::env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let known = [("GITHUB_ACTIONS", Self::GitHub), ("TF_BUILD", Self::Azure)];
        known.into_iter().find_map(|(name, pipeline)| is_set(name).then_some(pipeline))
    }
}

impl Command {
    /// Marks the first errors of a profile where they are.
    pub fn marks(errors: &ProfileErrors) -> Vec<Self> {
        let mark = |error: &ProfileError| {
            let (line, column) = error.position();
            Self::Error {
                file: error.path().to_owned(),
                line,
                column,
                code: error.rule().code,
                message: error.to_string(),
            }
        };
        errors.iter().take(MOST_MARKS).map(mark).collect()
    }

    /// The command as a line of the pipeline's log. What is put into it cannot end it or become another one.
    pub fn line(&self, pipeline: Pipeline) -> String {
        let Self::Error { file, line, column, code, message } = self;
        match pipeline {
            Pipeline::GitHub => format!(
                "::error file={},line={line},col={column},title={code}::{}\n",
                GitHub { text: file, ends: "%\r\n:," },
                GitHub { text: message, ends: "%\r\n" },
            ),
            Pipeline::Azure => format!(
                "##vso[task.logissue type=error;sourcepath={};linenumber={line};columnnumber={column};code={code}]{}\n",
                Azure(file),
                Azure(message),
            ),
        }
    }
}

/// A value of a command of GitHub's, with what would end it encoded.
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>
struct GitHub<'t> {
    text: &'t str,
    ends: &'static str,
}

impl fmt::Display for GitHub<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in escape::terminal(self.text).chars() {
            if self.ends.contains(character) {
                write!(formatter, "%{:02X}", u32::from(character))?;
            } else {
                write!(formatter, "{character}")?;
            }
        }
        Ok(())
    }
}

/// A value of a command of Azure Pipelines.
/// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands>
struct Azure<'t>(&'t str);

impl fmt::Display for Azure<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in escape::terminal(self.0).chars() {
            match character {
                '%' => formatter.write_str("%AZP25")?,
                ';' => formatter.write_str("%3B")?,
                ']' => formatter.write_str("%5D")?,
                // The agent looks for the next command anywhere in a line.
                '#' => formatter.write_str("\\u{23}")?,
                harmless => write!(formatter, "{harmless}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Pipeline};

    const HOSTILE: &str = "a,b;c]%: \r\n::add-path::/evil ##vso[task.complete]x";

    fn error(file: &str, message: &str) -> Command {
        let (file, message) = (file.to_owned(), message.to_owned());
        Command::Error { file, line: 3, column: 8, code: "WID-TYPE", message }
    }

    #[test]
    fn a_command_is_one_line_in_the_pipelines_own_form() {
        let command = error("teams/web.toml", "it is a number, 50 % of the time");
        assert_eq!(
            command.line(Pipeline::GitHub),
            "::error file=teams/web.toml,line=3,col=8,title=WID-TYPE::it is a number, 50 %25 of the time\n"
        );
        assert_eq!(
            command.line(Pipeline::Azure),
            "##vso[task.logissue type=error;sourcepath=teams/web.toml;linenumber=3;columnnumber=8;code=WID-TYPE]it is a number, 50 %AZP25 of the time\n"
        );
    }

    #[test]
    fn nothing_in_a_command_ends_it_or_begins_another_one() {
        let command = error(HOSTILE, HOSTILE);
        let github = command.line(Pipeline::GitHub);
        let (properties, message) = github[2..].split_once("::").unwrap();
        assert_eq!(properties.matches(',').count(), 3);
        assert!(!properties.contains(':') && message.ends_with('\n'));
        assert_eq!(github.lines().count(), 1);
        let azure = command.line(Pipeline::Azure);
        let (properties, message) = azure.split_once(']').unwrap();
        assert_eq!(properties.matches(';').count(), 4);
        assert_eq!(azure.matches("##").count(), 1);
        assert!(!message.contains([']', ';']) && azure.lines().count() == 1);
    }
}
