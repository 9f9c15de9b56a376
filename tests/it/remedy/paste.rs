//! Every command that advice prints, pasted into a shell: a program gets each name as one word, whatever is in it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use widctl::model::arm_id::ArmId;
use widctl::model::right::ArmRight;
use widctl::ports::remedy::catalogue;
use widctl::ports::remedy::roles;
use widctl::ports::remedy::template;

use super::world::{self, Names};

/// Programs that commands begin with.
const PROGRAMS: [&str; 7] = ["az", "kubectl", "helm", "curl", "date", "kubeadm", "widctl"];
/// What names hold that a shell, or a URL, reads as something else.
const HOSTILE: &str = "it's (Café) $HOME \"!x\" *;& 100%";

/// The commands in a text: what stands between backticks and begins with a program.
fn commands(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_command =
        |text: &&str| PROGRAMS.iter().any(|name| text.starts_with(&format!("{name} ")));
    quoted.filter(is_command).map(str::to_owned).collect()
}

/// What the programs were given, command by command.
fn pasted(commands: &[String]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    for name in PROGRAMS {
        let path = folder.path().join(name);
        let stub = format!(
            "#!/bin/sh\nprintf '%s\\0' {name} \"$@\" >>\"$RECORD\"\nprintf '\\n\\0' >>\"$RECORD\"\n"
        );
        fs::write(&path, stub).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = commands.join("\n") + "\n";
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).env_clear().env("PATH", folder.path()).env("RECORD", &record);
    let output = shell.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}\n{commands:#?}");
    let recorded = fs::read_to_string(&record).unwrap();
    let calls = recorded.trim_end_matches("\n\0").split("\n\0");
    calls.map(|call| call.trim_end_matches('\0').split('\0').map(str::to_owned).collect()).collect()
}

fn names(value: impl Fn(&str) -> String) -> Names {
    Names {
        group: value("group"),
        context: value("context"),
        namespace: value("namespace"),
        webhook: value("webhook"),
        scope: format!("/subscriptions/s/resourceGroups/{}", value("scope")),
        caller: value("caller"),
        claims: value("claims"),
        assignment: value("assignment"),
    }
}

/// The commands of all advice about these names, and of every row with these values.
fn printed(value: &dyn Fn(&str) -> String) -> Vec<String> {
    let names = names(value);
    let mut cases = world::of_azure(&names);
    cases.extend(world::of_clusters(&names));
    cases.extend(world::of_kubeconfigs(&names));
    cases.extend(world::of_connections(&names));
    let mut texts: Vec<String> = cases.iter().map(|(_, error)| error.help()).collect();
    for row in catalogue::all() {
        for text in [row.see, row.fix] {
            texts.push(template::fill(text, &|name| Some(vec![value(name)])).text);
        }
    }
    let scope =
        ArmId::parse("/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/GROUP");
    let right = ArmRight {
        scope: scope.unwrap(),
        action: "Microsoft.ManagedIdentity/userAssignedIdentities/write",
    };
    let remedy = roles::remedy(&right, None).unwrap().command;
    // The reader puts the object id in.
    texts.push(format!("`{}`", remedy.replace("<object id>", "b2")));
    texts
        .iter()
        .flat_map(|text| commands(text))
        .filter(|text| !text.contains("<object id>"))
        .collect()
}

#[test]
fn every_name_in_a_printed_command_is_one_word_whatever_it_holds() {
    let plain = |name: &str| format!("plain-{name}-");
    let hostile = |name: &str| format!("{HOSTILE}-{name}-");
    let (tame, wild) = (printed(&plain), printed(&hostile));
    assert!(tame.len() > 100, "{}", tame.len());
    let expected: Vec<Vec<String>> = pasted(&tame)
        .iter()
        .map(|call| {
            call.iter().map(|word| word.replace("plain-", &format!("{HOSTILE}-"))).collect()
        })
        .collect();
    for ((got, expected), command) in pasted(&wild).iter().zip(&expected).zip(&wild) {
        assert_eq!(got, expected, "{command}");
    }
    assert_eq!(pasted(&wild).len(), wild.len());
    let used: BTreeSet<&str> = expected.iter().map(|call| call[0].as_str()).collect();
    assert!(used.contains("az") && used.contains("kubectl"), "{used:?}");
}
