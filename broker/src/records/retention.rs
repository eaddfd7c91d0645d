//! Records that have had their time.

use super::{Aggregate, IndexPrefix, Repository};
use crate::store::StoreError;

/// Records removed in one go.
const PAGE: usize = 100;

impl Repository {
    /// Removes the records at the beginning of a list for as long as they are `over`, and gives their number. Whatever changes
    /// one of them in the meantime is looked at again.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn remove_first_while<T: Aggregate>(
        &self,
        prefix: &IndexPrefix,
        over: impl Fn(&T) -> bool,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        loop {
            let first = self.page::<T>(prefix, None, PAGE).await?.items;
            let first = first.iter().map(|found| &found.value);
            let keys: Vec<_> = first.take_while(|record| over(record)).map(T::key).collect();
            removed += self
                .transact(async |transaction| {
                    let mut removed = 0;
                    for key in &keys {
                        let found = transaction.get::<T>(key).await?;
                        if let Some(found) = found.filter(|found| over(&found.value)) {
                            transaction.remove(&found);
                            removed += 1;
                        }
                    }
                    Ok::<usize, StoreError>(removed)
                })
                .await?;
            if keys.len() < PAGE {
                return Ok(removed);
            }
        }
    }
}
