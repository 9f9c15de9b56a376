//! Why an approved plan no longer fits, as text.

use serde_json::Map;

use crate::plan::approval::Difference;
use crate::plan::row::ChangeRow;
use crate::report::escape;
use crate::report::style::{Label, Style};
use crate::report::text::{self, View};

/// The changes that are wanted now and were not approved like this, each with what was approved instead.
pub fn text(differences: &[Difference], style: Style) -> String {
    let heading = "The approved plan no longer fits. Nothing was written.";
    let mut text = style.paint(Label::Error, heading);
    text.push_str("\n\n");
    for difference in differences {
        match difference {
            Difference::Unapproved(wanted) => {
                text::place(&mut text, &wanted.place, View::whole(style));
                text::change(&mut text, wanted, View::whole(style));
                text.push_str("      approved: nothing at this address and place\n");
            }
            Difference::Changed { wanted, approved } => {
                text::place(&mut text, &wanted.place, View::whole(style));
                text::change(&mut text, wanted, View::whole(style));
                not_as_approved(&mut text, wanted, approved);
            }
            Difference::Taken(approved) => {
                text::place(&mut text, &approved.place, View::whole(style));
                text::change(&mut text, approved, View::whole(style));
                text.push_str(
                    "      it was approved to be created, and somebody else has created it since\n",
                );
            }
        }
        text.push('\n');
    }
    text.push_str("Plan again and have the new plan approved.\n");
    text
}

fn not_as_approved(text: &mut String, wanted: &ChangeRow, approved: &ChangeRow) {
    if wanted.action != approved.action {
        push!(text, "      approved: {}\n", approved.action);
    }
    let owners = [
        ("team", &wanted.team, &approved.team),
        ("cluster", &wanted.cluster, &approved.cluster),
        ("identity", &wanted.identity, &approved.identity),
    ];
    for (what, wanted, approved) in owners {
        if wanted != approved {
            let approved = approved.as_deref().unwrap_or("none");
            push!(text, "      approved: {what} {}\n", escape::terminal(approved));
        }
    }
    let sides = [
        ("as it was when it was approved, and as it is now", &approved.before, &wanted.before),
        ("as it was approved, and as it is wanted now", &approved.after, &wanted.after),
    ];
    for (what, approved, wanted) in sides {
        let (approved, wanted) = (approved.as_ref(), wanted.as_ref());
        if approved != wanted {
            push!(text, "      {what}:\n");
            let none = Map::new();
            text::fields(text, approved.unwrap_or(&none), wanted.unwrap_or(&none));
        }
    }
}
