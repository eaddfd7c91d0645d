//! Tables as people read them.

use comfy_table::{ContentArrangement, Table, presets};

use crate::cli::say;

/// Prints rows under a heading, columns aligned, also where Chinese characters take two places.
pub fn print(heading: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heading.to_vec());
    table.add_rows(rows);
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    say(&lines.join("\n"));
}
