//! The last moments of a connection whose client was refused in the middle of what it sends.
//!
//! A connection that is closed while data still comes is reset by the system, and the reset
//! overtakes the refusal: the client never reads why. So what comes is read away for a moment.

use std::time::Duration;

use pingora::protocols::{Shutdown, Stream};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

/// How long the client may go on sending.
const WHOLE: Duration = Duration::from_secs(5);

/// How long it may pause.
const PAUSE: Duration = Duration::from_millis(500);

/// Sees this connection off.
pub fn see_off(stream: Stream) {
    // At the process's end there is no runtime left, and nobody to be told.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(timeout(WHOLE, read_away(stream)));
    }
}

async fn read_away(mut stream: Stream) {
    Shutdown::shutdown(&mut *stream).await;
    let mut room = vec![0; 16 << 10];
    while let Ok(Ok(1..)) = timeout(PAUSE, stream.read(&mut room)).await {}
}
