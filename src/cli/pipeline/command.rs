//! The commands that widctl itself gives to the pipeline that runs it: values until they are written.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::cli::pipeline::Pipeline;
use crate::cli::pipeline::told::Output;
use crate::profile::resolved::Remark;
use crate::profile::{ProfileError, ProfileErrors};
use crate::report::escape;

/// How many errors, and how many warnings, are marked at their lines: GitHub shows no more of a step.
/// <https://docs.github.com/actions/reference/limits>
const MOST_MARKS: usize = 10;

/// A command of ours to the pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Marks a line of a file.
    Mark {
        /// How much it weighs.
        level: Level,
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
    /// Sets an output of the step. GitHub takes none from its log: its outputs are lines of a file.
    Output(Output),
    /// Shows a file of Markdown as a summary of the run. GitHub takes none from its log either.
    Summary(PathBuf),
}

/// How much a mark weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// It has to be fixed.
    Error,
    /// It should be known.
    Warning,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Command {
    /// Marks the first errors of a profile where they are.
    pub fn marks(errors: &ProfileErrors) -> Vec<Self> {
        let mark = |error: &ProfileError| {
            let (line, column) = error.position();
            Self::Mark {
                level: Level::Error,
                file: error.path().to_owned(),
                line,
                column,
                code: error.rule().code,
                message: error.to_string(),
            }
        };
        errors.iter().take(MOST_MARKS).map(mark).collect()
    }

    /// Marks the first remarks of a profile where they are.
    pub fn warnings(remarks: &[Remark]) -> Vec<Self> {
        let mark = |remark: &Remark| Self::Mark {
            level: Level::Warning,
            file: remark.place.path.to_string(),
            line: remark.place.line,
            column: remark.place.column,
            code: remark.code,
            message: remark.text.clone(),
        };
        remarks.iter().take(MOST_MARKS).map(mark).collect()
    }

    /// The command as a line of the pipeline's log; `None` where it takes no such command. What is put into it cannot
    /// end it or become another one.
    pub fn line(&self, pipeline: Pipeline) -> Option<String> {
        Some(match (pipeline, self) {
            (Pipeline::GitHub, Self::Mark { level, file, line, column, code, message }) => {
                let (level, file) = (level.as_str(), pipeline.place(file));
                format!(
                    "::{level} file={},line={line},col={column},title={code}::{}\n",
                    GitHub { text: &file, ends: "%\r\n:," },
                    GitHub { text: message, ends: "%\r\n" },
                )
            }
            (Pipeline::Azure, Self::Mark { level, file, line, column, code, message }) => {
                let (level, file) = (level.as_str(), pipeline.place(file));
                format!(
                    "##vso[task.logissue type={level};sourcepath={};linenumber={line};columnnumber={column};code={code}]{}\n",
                    Azure(&file),
                    Azure(message),
                )
            }
            (Pipeline::Azure, Self::Output(output)) => {
                let (name, value) = (output.name, output.value.to_string());
                format!("##vso[task.setvariable variable={name};isOutput=true]{}\n", Azure(&value))
            }
            (Pipeline::Azure, Self::Summary(file)) => {
                format!("##vso[task.uploadsummary]{}\n", Azure(&path(file)))
            }
            (Pipeline::GitHub, Self::Output(_) | Self::Summary(_)) => return None,
        })
    }
}

fn path(file: &Path) -> String {
    file.to_string_lossy().into_owned()
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
        let mut before = None;
        for character in escape::terminal(self.0).chars() {
            match character {
                '%' => formatter.write_str("%AZP25")?,
                ';' => formatter.write_str("%3B")?,
                ']' => formatter.write_str("%5D")?,
                // The agent looks for the next command anywhere in a line.
                '#' if before == Some('#') => formatter.write_str("\\u{23}")?,
                harmless => write!(formatter, "{harmless}")?,
            }
            before = Some(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Command, Level, Pipeline};
    use crate::cli::pipeline::told::Output;

    const HOSTILE: &str = "a,b;c]%: \r\n::add-path::/evil ##vso[task.complete]x";

    fn error(file: &str, message: &str) -> Command {
        let (file, message) = (file.to_owned(), message.to_owned());
        Command::Mark { level: Level::Error, file, line: 3, column: 8, code: "WID-TYPE", message }
    }

    #[test]
    fn a_command_is_one_line_in_the_pipelines_own_form() {
        let command = error("teams/c#/web.toml", "it is a number, 50 % of the time");
        let line = |pipeline| command.line(pipeline).unwrap();
        assert_eq!(
            line(Pipeline::GitHub),
            "::error file=teams/c#/web.toml,line=3,col=8,title=WID-TYPE::it is a number, 50 %25 of the time\n"
        );
        assert_eq!(
            line(Pipeline::Azure),
            "##vso[task.logissue type=error;sourcepath=teams/c#/web.toml;linenumber=3;columnnumber=8;code=WID-TYPE]it is a number, 50 %AZP25 of the time\n"
        );
    }

    #[test]
    fn an_output_of_azure_pipelines_is_a_command_and_one_of_github_none() {
        let output =
            Command::Output(Output::path("plan_file", Path::new("/a;b]#1##vso[x]\n%/plan.json")));
        assert_eq!(
            output.line(Pipeline::Azure).unwrap(),
            "##vso[task.setvariable variable=plan_file;isOutput=true]/a%3Bb%5D#1#\\u{23}vso[x%5D\\n%AZP25/plan.json\n"
        );
        assert_eq!(output.line(Pipeline::GitHub), None);
        let summary = Command::Summary("/tmp/a;b].md".into());
        assert_eq!(
            summary.line(Pipeline::Azure).unwrap(),
            "##vso[task.uploadsummary]/tmp/a%3Bb%5D.md\n"
        );
        assert_eq!(summary.line(Pipeline::GitHub), None);
    }

    #[test]
    fn nothing_in_a_command_ends_it_or_begins_another_one() {
        let command = error(HOSTILE, HOSTILE);
        let github = command.line(Pipeline::GitHub).unwrap();
        let (properties, message) = github[2..].split_once("::").unwrap();
        assert_eq!(properties.matches(',').count(), 3);
        assert!(!properties.contains(':') && message.ends_with('\n'));
        assert_eq!(github.lines().count(), 1);
        let azure = command.line(Pipeline::Azure).unwrap();
        let (properties, message) = azure.split_once(']').unwrap();
        assert_eq!(properties.matches(';').count(), 4);
        assert_eq!(azure.matches("##").count(), 1);
        assert!(!message.contains([']', ';']) && azure.lines().count() == 1);
    }
}
