//! Lists in pages.

use actix_web::web;
use serde::Deserialize;
use utoipa::IntoParams;

use yinqiao_protocol::page::Page;

use crate::http::problem::{ApiError, Kind};
use crate::records::{self, Aggregate, Cursor, IndexPrefix, Repository};

/// Items of a page where the caller does not say.
const DEFAULT_LIMIT: u16 = 50;
/// Items of a page at most.
const MOST: u16 = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Where the page begins: `next_cursor` of the page before.
    #[param(max_length = 700, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Items at most, 1 to 200; 50 where it is left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

impl PageQuery {
    /// For endpoints that have more in their query.
    pub fn new(cursor: Option<String>, limit: Option<u16>) -> Self {
        Self { cursor, limit }
    }

    /// Where the page begins, and how many it has at most.
    ///
    /// # Errors
    /// When the cursor is none, or the limit is out of range.
    pub fn parse(&self) -> Result<(Option<Cursor>, usize), ApiError> {
        let malformed = |text: String| ApiError::new(Kind::MalformedRequest, text);
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(malformed(format!("limit is 1 to {MOST}")));
        }
        let cursor = self
            .cursor
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: records::MalformedCursor| malformed(error.to_string()))?;
        Ok((cursor, usize::from(limit)))
    }

    /// Reads the page of an index, each item as `view` shows it.
    ///
    /// # Errors
    /// As [`PageQuery::parse`], what `view` says, and when the store fails.
    pub async fn read<T: Aggregate, V>(
        &self,
        repository: &Repository,
        prefix: &IndexPrefix,
        view: impl AsyncFn(T) -> Result<V, ApiError>,
    ) -> Result<web::Json<Page<V>>, ApiError> {
        let (after, limit) = self.parse()?;
        let page = repository.page::<T>(prefix, after.as_ref(), limit).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for found in page.items {
            items.push(view(found.value).await?);
        }
        Ok(web::Json(sent(records::Page { items, next: page.next })))
    }
}

/// A page as it is sent.
pub fn sent<T>(page: records::Page<T>) -> Page<T> {
    Page { items: page.items, next_cursor: page.next.map(|cursor| cursor.to_string()) }
}
