//! What the holder sees.

use serde::Serialize;

use yinqiao_phone::Review;
use yinqiao_phone::error::purpose_words;
use yinqiao_protocol::phone::Claimed;
use yinqiao_protocol::task::Purpose;

use super::CliError;

/// One JSON object on a line of its own.
pub fn json(value: &impl Serialize) -> Result<(), CliError> {
    let line = serde_json::to_string(value).map_err(|error| CliError::Input(error.to_string()))?;
    println!("{line}");
    Ok(())
}

/// While items are awaited: what the claim's answer says, none of which is signed.
pub fn waiting(claimed: &Claimed) {
    heading(claimed.purpose);
    println!("  {}   {}", claimed.relying_party.name, claimed.relying_party.domain);
    println!("  match code  {}", claimed.match_code);
    println!("  waiting for the bid system's documents …");
}

/// The review, whole.
pub fn review(review: &Review) {
    heading(review.purpose);
    println!("  for         {}   {}", review.relying_party, review.domain);
    println!("  match code  {}   — is this the number on the page?", review.match_code);
    match &review.enterprise {
        Some(enterprise) => println!("  as          {}, for {enterprise}", review.holder),
        None => println!("  as          {}", review.holder),
    }
    if let Some(seal) = &review.seal {
        println!("  seal        {seal}");
    }
    println!("  dated       {}", review.stated_at);
    if !review.title.is_empty() {
        println!("\n  {}", review.title);
    }
    for line in review.text.lines() {
        println!("  {line}");
    }
    for (number, item) in (1..).zip(&review.items) {
        println!("\n  {number}. {}", item.name);
        if let Some(size) = item.size {
            println!("     {size} bytes");
        }
        if let Some(sm3) = item.sm3 {
            println!("     SM3 {sm3}");
        }
        for detail in &item.details {
            println!("     {detail}");
        }
    }
    println!();
}

fn heading(purpose: Purpose) {
    let (chinese, english) = purpose_words(purpose);
    let spaced = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let line = "━".repeat(60);
    println!("{line}\n  {}   {}\n{line}", spaced(chinese), spaced(english));
}
