//! The README has every check.
#![allow(clippy::unwrap_used, reason = "a test")]

use yinqiao_ca_conformance::markdown_table;

#[test]
fn the_table_of_the_readme_is_the_one_of_the_code() {
    let readme = include_str!("../README.md");
    let table = readme.split("<!-- checks -->\n").nth(1).unwrap().split("<!-- end -->").next().unwrap();
    assert!(table == markdown_table(), "replace the table of the README by this:\n{}", markdown_table());
}
