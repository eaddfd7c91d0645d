//! The embedded store does what every store must do.

use std::sync::Arc;

use yinqiao::store::conformance::Subject;
use yinqiao::store::sled::SledStore;
use yinqiao::store::{EventSink, StoreError};

struct Folder(tempfile::TempDir);

impl Subject for Folder {
    type Store = SledStore;

    async fn open(&self, sink: Arc<dyn EventSink>) -> Result<Arc<SledStore>, StoreError> {
        SledStore::open(self.0.path(), sink).map(Arc::new)
    }
}

yinqiao::store_conformance!(Folder(tempfile::tempdir()?));
