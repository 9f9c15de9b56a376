//! Tables that a test writes into a page of the documentation.

use std::fs;
use std::path::Path;

/// A page shows this table between its two marks; `WIDCTL_BLESS=1` writes it anew.
pub(crate) fn shows(page: &str, (begin, end): (&str, &str), table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).expect("the page can be read");
    let (head, rest) = text.split_once(begin).expect("the page has the first mark");
    let (shown, tail) = rest.split_once(end).expect("the page has the last mark");
    #[expect(clippy::disallowed_methods, reason = "whether to write the table anew")]
    let bless = std::env::var_os("WIDCTL_BLESS").is_some();
    if bless {
        let text = format!("{head}{begin}{table}{end}{tail}");
        fs::write(&path, text).expect("the page can be written");
    } else {
        assert_eq!(shown, table, "{page} shows another table: `just bless` writes it anew");
    }
}
