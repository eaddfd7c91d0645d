//! Checks of everything that is no session.

use super::{Breach, Subject, conflict, opened, same};
use crate::store::{Collection, RecordChange, Records, StoredRecord, Write};

fn change(key: &[u8], expected: u64, value: Option<&[u8]>) -> RecordChange {
    in_collection(Collection::Enrolment, key, expected, value)
}

fn in_collection(collection: Collection, key: &[u8], expected: u64, value: Option<&[u8]>) -> RecordChange {
    RecordChange { collection, key: key.to_vec(), expected, write: value.map(<[u8]>::to_vec).into() }
}

fn record(key: &[u8], version: u64, value: &[u8]) -> Option<StoredRecord> {
    Some(StoredRecord { key: key.to_vec(), version, value: value.to_vec() })
}

/// Compare-and-set, for removal as well.
pub async fn a_record_is_changed_from_its_version_only<S: Subject>(subject: &S) -> Result<(), Breach> {
    let store = opened(subject).await?;
    let read = async |key: &[u8]| store.record(Collection::Enrolment, key.to_vec()).await;
    same("nothing is there at first", None, read(b"a").await?)?;
    conflict("what is absent has no version", store.change(vec![change(b"a", 1, Some(b"x"))]).await)?;
    store.change(vec![change(b"a", 0, Some(b"one"))]).await?;
    same("a new record has version 1", record(b"a", 1, b"one"), read(b"a").await?)?;
    conflict("it cannot be made twice", store.change(vec![change(b"a", 0, Some(b"x"))]).await)?;
    store.change(vec![change(b"a", 1, Some(b""))]).await?;
    same("a change raises the version", record(b"a", 2, b""), read(b"a").await?)?;
    conflict("an old version cannot remove", store.change(vec![change(b"a", 1, None)]).await)?;
    let other = store.record(Collection::Seal, b"a".to_vec()).await?;
    same("another collection has its own keys", None, other)?;
    store.change(vec![change(b"a", 2, None)]).await?;
    same("the current one can", None, read(b"a").await?)
}

/// Changes of several records are one step.
pub async fn all_records_of_a_change_are_stored_or_none<S: Subject>(subject: &S) -> Result<(), Breach> {
    let store = opened(subject).await?;
    store.change(vec![change(b"a", 0, Some(b"1")), change(b"b", 0, Some(b"1"))]).await?;
    let changes = vec![
        change(b"a", 1, Some(b"2")),
        change(b"c", 0, Some(b"1")),
        change(b"b", 1, None),
        change(b"d", 3, None),
    ];
    conflict("one stale change refuses them all", store.change(changes).await)?;
    let left = store.records(Collection::Enrolment, Vec::new(), None, 10).await?;
    same(
        "nothing has changed",
        vec![record(b"a", 1, b"1"), record(b"b", 1, b"1")],
        left.into_iter().map(Some).collect(),
    )
}

/// A change may rest on a record that it leaves alone.
pub async fn a_change_is_refused_when_what_it_rests_on_has_changed<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let store = opened(subject).await?;
    let rests_on = |key: &[u8], expected| RecordChange { write: Write::Keep, ..change(key, expected, None) };
    store.change(vec![change(b"a", 0, Some(b"1"))]).await?;
    store.change(vec![rests_on(b"a", 1), rests_on(b"none", 0), change(b"b", 0, Some(b"1"))]).await?;
    let read = store.record(Collection::Enrolment, b"a".to_vec()).await?;
    same("what is kept keeps its version", record(b"a", 1, b"1"), read)?;
    same("what is absent stays so", None, store.record(Collection::Enrolment, b"none".to_vec()).await?)?;
    let stale = vec![change(b"c", 0, Some(b"1")), rests_on(b"a", 2)];
    conflict("another version refuses the change", store.change(stale).await)?;
    let appeared = vec![change(b"c", 0, Some(b"1")), rests_on(b"b", 0)];
    conflict("what has appeared refuses the change", store.change(appeared).await)?;
    same("nothing was stored", None, store.record(Collection::Enrolment, b"c".to_vec()).await?)
}

/// Lists are in the order of the keys, whatever bytes those hold.
pub async fn records_are_listed_by_prefix_and_page_by_page<S: Subject>(subject: &S) -> Result<(), Breach> {
    let store = opened(subject).await?;
    let keys: [&[u8]; 7] = [b"", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"\xff\xff"];
    for key in keys.iter().rev() {
        store
            .change(vec![change(key, 0, Some(key)), in_collection(Collection::Seal, key, 0, Some(b"other"))])
            .await?;
    }
    let list = async |prefix: &[u8], after: Option<&[u8]>, limit| -> Result<Vec<Vec<u8>>, Breach> {
        let page =
            store.records(Collection::Enrolment, prefix.to_vec(), after.map(<[u8]>::to_vec), limit).await?;
        Ok(page.into_iter().map(|record| record.value).collect())
    };
    let expected = |keys: &[&[u8]]| keys.iter().map(|key| key.to_vec()).collect::<Vec<_>>();
    same("all", expected(&keys), list(b"", None, 100).await?)?;
    same("by prefix", expected(&[b"a", b"a\0", b"a\xff", b"a\xff\xff"]), list(b"a", None, 100).await?)?;
    same("by the highest prefix", expected(&[b"\xff\xff"]), list(b"\xff", None, 100).await?)?;
    same("after one", expected(&[b"a\xff", b"a\xff\xff"]), list(b"a", Some(b"a\0"), 100).await?)?;
    same(
        "after one that is not there",
        expected(&[b"a\xff", b"a\xff\xff"]),
        list(b"a", Some(b"ab"), 100).await?,
    )?;
    same("after all of the prefix", expected(&[]), list(b"a", Some(b"b"), 100).await?)?;
    same("after one before the prefix", expected(&[b"b"]), list(b"b", Some(b"a"), 100).await?)?;
    same("up to the limit", expected(&[b"a", b"a\0"]), list(b"a", None, 2).await?)
}

/// A megabyte, and back.
pub async fn a_long_record_comes_back_whole_and_can_shrink<S: Subject>(subject: &S) -> Result<(), Breach> {
    let store = opened(subject).await?;
    let long: Vec<u8> = (0..1_000_003u32).map(|i| (i % 251) as u8).collect();
    let values: [&[u8]; 4] = [&long, b"short", &long, &[]];
    for (version, value) in (0..).zip(values) {
        store
            .change(vec![
                change(b"long", version, Some(value)),
                change(format!("{version}").as_bytes(), 0, Some(value)),
            ])
            .await?;
        let found = store.record(Collection::Enrolment, b"long".to_vec()).await?;
        same("it comes back whole", record(b"long", version + 1, value), found)?;
    }
    let lengths: Vec<usize> = store
        .records(Collection::Enrolment, Vec::new(), None, 10)
        .await?
        .iter()
        .map(|record| record.value.len())
        .collect();
    same("lists hold it whole, too", vec![1_000_003, 5, 1_000_003, 0, 0], lengths)
}
