use std::io::{self, Write};
use std::sync::Mutex;

use super::*;
use crate::config::{self, Sources};
use crate::telemetry::{Access, Metrics};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn told(run: impl FnOnce(Exchange)) -> String {
    let sources = Sources {
        file: None,
        environment: [("OPENAI_API_KEY".to_owned(), "k".to_owned())].into_iter().collect(),
    };
    let world = Arc::new(config::load(&sources, 1).unwrap().snapshot);
    let lines = Lines::default();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (telemetry, listener) =
        Telemetry::start(Arc::clone(&metrics), Some(Access::json(Box::new(lines.clone()))), None, None)
            .unwrap();
    run(Exchange::new(world, Arc::clone(&telemetry)));
    assert_eq!(metrics.in_flight(), 0);
    drop(telemetry);
    drop(listener);
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_request_that_panics_leaves_its_record_and_harms_no_other() {
    let lines = told(|exchange| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let other = tokio::spawn(std::future::ready(7));
            let panics = tokio::spawn(async move {
                let _exchange = exchange;
                panic!("on purpose");
            });
            assert!(panics.await.unwrap_err().is_panic());
            assert_eq!(other.await.unwrap(), 7);
        });
    });
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("\"http.response.status_code\":500"), "{lines}");
    assert!(lines.contains("\"outcome\":\"internal\""), "{lines}");
}

#[test]
fn a_request_that_is_dropped_leaves_its_record_once() {
    let lines = told(drop);
    assert!(lines.contains("\"http.response.status_code\":503"), "{lines}");
    let lines = told(|mut exchange| {
        exchange.leave(200, (1, 2));
        exchange.leave(500, (1, 2));
    });
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("\"http.response.status_code\":200"), "{lines}");
}
