//! How soon the list of a hundred sessions is answered.

use std::time::Instant;

use serde_json::json;

use crate::figures::{percentile, shown};
use crate::load::Load;
use crate::server::Server;

/// How many sessions there are to be.
const SESSIONS: usize = 100;
const PATH: &str = "/api/sessions?limit=100";
/// How often the list is asked for.
const ASKED: usize = 2000;
/// How long half of the answers may take at most, in milliseconds.
const HALF_MS_MAX: u32 = 2;

/// Measures over one connection.
pub(crate) async fn measure(server: &Server, prepare: bool) {
    let mut there = listed(server).await;
    while prepare && there < SESSIONS {
        server.api.session(json!({})).await;
        there += 1;
    }
    let there = listed(server).await;
    let mut connection = Load::get(&server.api, PATH).connect().await.expect("the server takes connections");
    let mut took = Vec::with_capacity(ASKED);
    let mut bytes = 0;
    for _ in 0..ASKED {
        let start = Instant::now();
        bytes = connection.ask().await.expect("the server answers");
        took.push(start.elapsed());
    }
    println!("sessions  a list of {there}, {bytes} bytes, asked for {ASKED} times over one connection");
    if there != SESSIONS {
        println!("  not what is to be measured: {SESSIONS} sessions; --prepare makes what is missing");
    }
    let (half, most) = (percentile(&mut took, 50), percentile(&mut took, 99));
    println!("  p50 {} (at most {HALF_MS_MAX} ms), p99 {}", shown(half), shown(most));
}

async fn listed(server: &Server) -> usize {
    let page = server.api.get(PATH).await;
    page.expect(200)["data"].as_array().map_or(0, Vec::len)
}
