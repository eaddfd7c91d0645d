//! Pages of what was issued.

use std::collections::BTreeSet;

use yinqiao_ca_sdk::ErrorClass;
use yinqiao_ca_sdk::messages::{ListQuery, ListedCertificate, Serial};
use yinqiao_ca_worker::AdapterHandle;

use crate::bench::{Bench, CALL, within};
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds};

/// The most pages that are read; a CA for tests has fewer.
const PAGES: usize = 20_000;

pub(crate) async fn complete(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    let handle = bench.handle().await?;
    let listed = all(&handle, 100).await?;
    for serial in pair.serials()? {
        let found = listed.iter().find(|one| one.serial == serial);
        let found = found
            .ok_or_else(|| failed(format!("the list lacks the certificate {serial}, which was issued")))?;
        if let Some(key) = &found.idempotency_key {
            ensure(*key == pair.idempotency_key, || {
                format!(
                    "the list names another idempotency key for the certificate {serial} than it was issued under"
                )
            })?;
        }
    }
    holds(format!("{} certificates", listed.len()))
}

pub(crate) async fn pages(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    bench.prepared(&handle, "page").await?;
    let whole: Vec<Serial> = all(&handle, 100).await?.into_iter().map(|one| one.serial).collect();
    let query = ListQuery { cursor: None, limit: Some(1) };
    let first = handle.list(&query, &within(CALL)).await.during("list with limit 1")?;
    ensure(first.certificates.len() <= 1, || {
        format!("a page of limit 1 has {} certificates", first.certificates.len())
    })?;
    ensure(first.next.is_some() || whole.len() <= 1, || {
        "a page of limit 1 says that it is the last".to_owned()
    })?;
    // Small pages over a long list would take hours; three of each size show the same.
    let limit = u32::try_from(whole.len() / 3).unwrap_or(1).max(1);
    let small: Vec<Serial> = all(&handle, limit).await?.into_iter().map(|one| one.serial).collect();
    let distinct: BTreeSet<&Serial> = small.iter().collect();
    ensure(distinct.len() == small.len(), || "a certificate stands on two pages".to_owned())?;
    ensure(small == whole, || {
        format!(
            "in pages of {limit} there are {} certificates, in pages of 100 {}, or in another order",
            small.len(),
            whole.len()
        )
    })?;
    // A cursor stays what it is while more is issued.
    let cursor = first.next.clone();
    let query = ListQuery { cursor, limit: Some(limit) };
    let before = handle.list(&query, &within(CALL)).await.during("list from a cursor")?;
    let newer = bench.prepared(&handle, "page").await?;
    let after = handle.list(&query, &within(CALL)).await.during("list from the same cursor")?;
    let new = newer.serials()?;
    let kept: Vec<&Serial> =
        after.certificates.iter().map(|one| &one.serial).filter(|serial| !new.contains(serial)).collect();
    let stable =
        before.certificates.iter().map(|one| &one.serial).zip(&kept).all(|(one, other)| one == *other);
    ensure(stable, || "the same cursor leads to other certificates after an issue".to_owned())?;
    drop(pair);
    HOLDS
}

pub(crate) async fn wrong_cursor(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    for cursor in ["../../etc", "\u{0}", "不是游标", "-1"] {
        let query = ListQuery { cursor: Some(cursor.to_owned()), limit: Some(1) };
        match handle.list(&query, &within(CALL)).await {
            Ok(page) => ensure(page.certificates.len() <= 1, || "a page of limit 1 has more".to_owned())?,
            Err(error) => ensure(error.class == ErrorClass::Permanent, || {
                format!("a cursor that it did not give is {}; permanent is the class", error.class)
            })?,
        }
    }
    HOLDS
}

/// Every certificate, in pages of `limit`.
pub(crate) async fn all(handle: &AdapterHandle, limit: u32) -> Result<Vec<ListedCertificate>, Stop> {
    let mut query = ListQuery { cursor: None, limit: Some(limit) };
    let mut listed = Vec::new();
    for _ in 0..PAGES {
        let page = handle.list(&query, &within(CALL)).await.during("list")?;
        ensure(page.certificates.len() <= limit as usize, || {
            format!("a page of limit {limit} has {} certificates", page.certificates.len())
        })?;
        listed.extend(page.certificates);
        match page.next {
            None => return Ok(listed),
            Some(next) => {
                ensure(query.cursor.as_ref() != Some(&next), || {
                    "a page's next leads to that page again".to_owned()
                })?;
                query.cursor = Some(next);
            }
        }
    }
    Err(failed(format!("the list does not end within {PAGES} pages")))
}
