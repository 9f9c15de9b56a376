//! What `verify` found, as `JUnit` XML for the test views of pipelines
//! (<https://github.com/testmoapp/junitxml>).

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::style::Style;
use crate::report::{escape, verify};
use crate::verify::results::{CheckResult, Outcome, Results};
use crate::verify::verdict::{Cause, Finding, Verdict};

/// A suite for each cluster and each team, a case for each check that applies.
pub fn text(results: &Results) -> String {
    let mut report = Report::new("widctl verify");
    for (heading, subjects) in verify::groups(results) {
        let mut suite = TestSuite::new(escape::terminal(&heading));
        let cases = subjects.iter().flat_map(|subject| {
            let name = verify::named(subject);
            subject.checks.iter().filter_map(move |check| case(&name, check))
        });
        suite.add_test_cases(cases);
        report.add_test_suite(suite);
    }
    report.to_string().expect("memory takes whatever is written")
}

fn case(subject: &str, check: &CheckResult) -> Option<TestCase> {
    let CheckResult { code, title, outcome } = check;
    let mut warning = None;
    let status = match outcome {
        Outcome::Checked(Verdict::NotApplicable) => return None,
        Outcome::Checked(Verdict::Pass | Verdict::PassBy(_)) => TestCaseStatus::success(),
        Outcome::Checked(Verdict::Warn(finding)) => {
            warning = Some(format!("warning\n{}", told(finding)));
            TestCaseStatus::success()
        }
        Outcome::Checked(Verdict::Fail(finding)) => {
            let mut failure =
                because(TestCaseStatus::non_success(NonSuccessKind::Failure), finding.why);
            failure.set_description(told(finding));
            failure
        }
        Outcome::Checked(Verdict::Unknown { cause: Cause::Unread, why }) => {
            because(TestCaseStatus::non_success(NonSuccessKind::Error), &format!("not read: {why}"))
        }
        Outcome::Checked(Verdict::Unknown { cause: Cause::NotProvable, why }) => {
            because(TestCaseStatus::skipped(), &format!("not provable: {why}"))
        }
        Outcome::Skipped { blocked_by } => {
            because(TestCaseStatus::skipped(), &format!("needs {blocked_by}"))
        }
    };
    let mut case = TestCase::new(format!("{code} {title}"), status);
    case.set_classname(subject);
    case.system_out = warning.map(Into::into);
    Some(case)
}

/// With the sentence that views show beside the name.
fn because(mut status: TestCaseStatus, why: &str) -> TestCaseStatus {
    status.set_message(escape::terminal(why));
    status
}

/// What the text shows of a finding.
fn told(finding: &Finding) -> String {
    let mut text = String::new();
    verify::found(&mut text, finding, Style::PLAIN);
    let lines = text.lines().map(|line| line.strip_prefix("        ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}
