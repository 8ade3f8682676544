//! The store on a real file.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::clock;

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tollgate-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LONG: Retention = Retention { keep: Duration::from_secs(3600), room: ByteSize(1 << 30) };

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(future)
}

fn answered(id: &str, previous: Option<&str>, made: u64) -> Answered {
    Answered {
        owner: Owner::MASTER,
        id: id.to_owned(),
        seed: id.to_owned(),
        made,
        asked: Bytes::from(format!("{{\"input\":\"asked {id}\"}}")),
        said: Bytes::from(format!(
            "{{\"id\":\"{id}\",\"output\":[{{\"id\":\"msg_{id}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":\"said {id}\"}}]}}"
        )),
        previous: previous.map(str::to_owned),
        conversation: None,
    }
}

fn find(store: &Store, id: &str) -> Option<Found> {
    run(store.response(Owner::MASTER, id.to_owned())).unwrap()
}

fn wanted(id: &str) -> Wanted {
    Wanted {
        owner: Owner::MASTER,
        previous: Some(id.to_owned()),
        conversation: None,
        items: Vec::new(),
        most: 1 << 20,
    }
}

fn texts(recalled: Recalled) -> Vec<String> {
    let Recalled::Here { history, .. } = recalled else { panic!("{recalled:?}") };
    history.into_iter().map(|item| item.json).collect()
}

#[test]
fn a_job_sees_what_was_left_before_it() {
    let folder = Folder::new();
    let store = Store::open(&folder.0, LONG).unwrap();
    for number in 0..500 {
        store.keep(answered(&format!("resp_{number}"), None, clock::unix_millis()), ()).unwrap();
        if number % 50 == 0 {
            assert!(matches!(find(&store, &format!("resp_{number}")), Some(Found::Here(_))));
        }
    }
    assert!(find(&store, "resp_499").is_some());
    assert!(store.is_idle());
}

#[test]
fn a_chain_is_recalled_in_its_order_and_lives_as_long_as_its_end() {
    let folder = Folder::new();
    let now = clock::unix_millis();
    let long_ago = now - 30_000;
    let retention = Retention { keep: Duration::from_secs(20), ..LONG };
    let connection = file::open(&folder.0).unwrap();
    for (id, previous, made) in
        [("a", None, long_ago), ("lonely", None, long_ago), ("b", Some("a"), long_ago), ("c", Some("b"), now)]
    {
        responses::keep(&connection, &answered(id, previous, made)).unwrap();
    }
    let recall = || texts(responses::recall(&connection, &wanted("c")).unwrap());
    let told = recall();
    let order: Vec<_> = told.iter().map(|json| json.contains("said")).collect();
    assert_eq!(order, [false, true, false, true, false, true]);
    for (place, id) in ["a", "a", "b", "b", "c", "c"].iter().enumerate() {
        assert!(told[place].contains(&format!(" {id}\"")), "{told:?}");
    }
    sweep::sweep(&connection, retention, now).unwrap();
    assert_eq!(responses::find(&connection, &Owner::MASTER, "lonely").unwrap(), None);
    assert_eq!(recall(), told);
}

#[test]
fn what_was_used_longest_ago_goes_where_there_is_no_room() {
    let folder = Folder::new();
    let connection = file::open(&folder.0).unwrap();
    let now = clock::unix_millis();
    for number in 0..200 {
        let mut answer = answered(&format!("resp_{number}"), None, now - 1000 + number);
        answer.asked = Bytes::from(format!("{{\"input\":\"{}\"}}", "x".repeat(1000)));
        responses::keep(&connection, &answer).unwrap();
    }
    let retention = Retention { room: ByteSize(100_000), ..LONG };
    sweep::sweep(&connection, retention, now).unwrap();
    assert_eq!(responses::find(&connection, &Owner::MASTER, "resp_0").unwrap(), None);
    assert!(responses::find(&connection, &Owner::MASTER, "resp_199").unwrap().is_some());
    let items: i64 = connection
        .query_row("SELECT count(*) FROM items WHERE parent NOT IN (SELECT id FROM responses)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(items, 0, "items of what went are left");
}

#[test]
fn a_response_is_only_for_its_owner_and_only_once_deleted() {
    let folder = Folder::new();
    let store = Store::open(&folder.0, LONG).unwrap();
    store.keep(answered("a", None, clock::unix_millis()), ()).unwrap();
    let other = Owner("other".into());
    assert_eq!(run(store.response(other.clone(), "a".to_owned())).unwrap(), None);
    assert!(!run(store.forget(other, "a".to_owned())).unwrap());
    assert!(run(store.forget(Owner::MASTER, "a".to_owned())).unwrap());
    assert!(!run(store.forget(Owner::MASTER, "a".to_owned())).unwrap());
    assert_eq!(run(store.recall(wanted("a"))).unwrap(), Recalled::Unknown("a".to_owned()));
}

#[test]
fn two_stores_share_a_file_as_during_an_upgrade() {
    let folder = Folder::new();
    let (old, new) = (Store::open(&folder.0, LONG).unwrap(), Store::open(&folder.0, LONG).unwrap());
    std::thread::scope(|scope| {
        for (store, name) in [(&old, "old"), (&new, "new")] {
            scope.spawn(move || {
                for number in 0..200 {
                    store
                        .keep(answered(&format!("{name}_{number}"), None, clock::unix_millis()), ())
                        .unwrap();
                    if number % 20 == 0 {
                        assert!(find(store, &format!("{name}_{number}")).is_some());
                    }
                }
                assert!(find(store, &format!("{name}_199")).is_some());
            });
        }
    });
    assert!(find(&new, "old_199").is_some());
    assert!(find(&old, "new_0").is_some());
}

#[test]
fn a_job_that_fails_leaves_nothing_and_harms_no_other() {
    let folder = Folder::new();
    let store = Store::open(&folder.0, LONG).unwrap();
    store
        .leave(|connection| {
            responses::keep(connection, &answered("half", None, clock::unix_millis()))?;
            connection.execute_batch("SELECT nothing FROM nowhere")
        })
        .unwrap();
    store.keep(answered("whole", None, clock::unix_millis()), ()).unwrap();
    assert!(find(&store, "whole").is_some());
    assert_eq!(find(&store, "half"), None);
    assert_eq!(run(store.ask(|_| Err::<(), _>(rusqlite::Error::InvalidQuery))), Err(Unavailable::Failed));
}

#[test]
fn the_file_is_private_and_a_folder_that_cannot_be_used_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = Store::open(&folder.0, LONG).unwrap();
    store.keep(answered("a", None, clock::unix_millis()), ()).unwrap();
    assert!(find(&store, "a").is_some());
    for entry in std::fs::read_dir(&folder.0).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
    let nowhere = Store::open(Path::new("/proc/nowhere"), LONG).unwrap_err().to_string();
    assert!(nowhere.starts_with("/proc/nowhere: "), "{nowhere}");
    let broken = Folder::new();
    std::fs::create_dir_all(&broken.0).unwrap();
    std::fs::write(broken.0.join("tollgate.db"), "this is no database, however long it may be").unwrap();
    assert!(Store::open(&broken.0, LONG).is_err());
}

#[test]
fn items_of_a_conversation_stand_before_a_response_that_was_made_in_it() {
    let folder = Folder::new();
    let connection = file::open(&folder.0).unwrap();
    let conversation = Conversation { id: "conv".into(), made: 1, metadata: "{}".into() };
    let item = |id: &str| Item { id: id.to_owned(), json: format!("{{\"id\":\"{id}\"}}") };
    conversations::make(&connection, &Owner::MASTER, &conversation, &[item("before")]).unwrap();
    let answer = Answered { conversation: Some("conv".into()), ..answered("a", None, clock::unix_millis()) };
    responses::keep(&connection, &answer).unwrap();
    conversations::append(&connection, &Owner::MASTER, "conv", &[item("after")], 2).unwrap();
    let told = texts(responses::recall(&connection, &wanted("a")).unwrap());
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("before") && told[2].contains("said a"), "{told:?}");
    assert!(conversations::delete(&connection, &Owner::MASTER, "conv").unwrap());
    assert_eq!(conversations::items(&connection, &Owner::MASTER, "conv").unwrap(), None);
    assert_eq!(texts(responses::recall(&connection, &wanted("a")).unwrap()).len(), 2);
}
