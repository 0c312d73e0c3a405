//! The command line as a client of the REST API: finds the running daemon, asks, and tells failures apart.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde_json::Value;

use super::failure::{Exit, Failure};
use crate::paths::DataFolder;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How an address begins that is the path of a Unix socket.
const SOCKET_PREFIX: &str = "unix:";
/// What requests over such a socket name as their host.
const SOCKET_BASE: &str = "http://localhost";

/// How to reach the daemon.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// The daemon's address, such as http://127.0.0.1:3001 or unix:/run/user/1000/codex.sock [default: that of the daemon of the data folder]
    #[arg(long, global = true, value_name = "URL", env = "CODEX_MANAGER_API_BASE", hide_env_values = true)]
    base_url: Option<String>,
    /// The bearer token [default: the one in the data folder, for a daemon on this machine]
    #[arg(long, global = true, value_name = "TOKEN", env = "CODEX_MANAGER_BEARER_TOKEN", hide_env_values = true)]
    bearer: Option<String>,
    /// How many seconds to wait for an answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

impl Remote {
    /// A client of the daemon that was named, or of the one that runs on the `data` folder.
    pub(super) fn client(&self, data: &DataFolder) -> Result<Client, Failure> {
        let place = match &self.base_url {
            Some(named) => Place::named(named)?,
            None => Place::of(data)?,
        };
        let bearer = match &self.bearer {
            Some(bearer) => Some(bearer.clone()),
            // The token opens this machine's daemon. It is nobody else's to see.
            None if is_here(&place.base) => fs::read_to_string(data.token()).ok().map(|text| text.trim().to_owned()),
            None => None,
        };
        Client::new(place, bearer, Duration::from_secs(self.timeout))
    }

    /// Whether a daemon was named, as opposed to being looked for.
    pub(super) fn is_named(&self) -> bool {
        self.base_url.is_some()
    }
}

/// Where a daemon is.
#[derive(Debug)]
struct Place {
    base: Url,
    /// The Unix socket that it is asked through, if it is.
    socket: Option<PathBuf>,
}

impl Place {
    /// The address that somebody gave, or wrote down.
    fn named(text: &str) -> Result<Self, Failure> {
        match text.strip_prefix(SOCKET_PREFIX) {
            Some(path) => Self::at(path.into()),
            None => Ok(Self { base: base(text)?, socket: None }),
        }
    }

    fn at(socket: PathBuf) -> Result<Self, Failure> {
        Ok(Self { base: base(SOCKET_BASE)?, socket: Some(socket) })
    }

    /// The daemon of the data folder: by its Unix socket where there is one, since who holds the network of this machine
    /// can read what passes over it; else where it says that it is.
    fn of(data: &DataFolder) -> Result<Self, Failure> {
        // The link to a socket may be longer than the path that it leads to, and short paths only will do.
        if let Ok(socket) = data.socket().canonicalize() {
            return Self::at(socket);
        }
        let text = fs::read_to_string(data.address()).map_err(|_| {
            Failure::new(Exit::Unreachable, format!("no daemon runs on {}", data.path().display())).hint(START_HINT)
        })?;
        let told = text.trim();
        Self::named(&if told.starts_with(SOCKET_PREFIX) { told.to_owned() } else { format!("http://{told}") })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "{SOCKET_PREFIX}{}", path.display()),
            None => self.base.fmt(f),
        }
    }
}

/// An answer of the daemon.
#[derive(Debug)]
pub(super) struct Answer {
    /// As it came.
    pub(super) text: String,
    /// As it was read.
    pub(super) json: Value,
}

/// A client of one daemon.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    place: Place,
    bearer: Option<String>,
    timeout: Duration,
}

impl Client {
    fn new(place: Place, bearer: Option<String>, timeout: Duration) -> Result<Self, Failure> {
        // A proxy or a redirect would take the token elsewhere.
        let http =
            reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).connect_timeout(CONNECT_MAX);
        let http = match &place.socket {
            Some(path) => http.unix_socket(path.as_path()),
            None => http,
        };
        let http = http.build().map_err(|error| Failure::because(Exit::Failed, &error))?;
        Ok(Self { http, place, bearer, timeout })
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, Failure> {
        self.ask(self.request(Method::GET, path, query)).await
    }

    /// Fails unless there is such a session: to a filter, it would be one of which there is nothing to tell. Asks for
    /// what the daemon knows without Codex.
    pub(super) async fn find_session(&self, session: &str) -> Result<(), Failure> {
        match self.get(&["sessions", session, "session-controls"], &[]).await {
            // A worker's session is there, and has no controls to show. Who may not look is told so by what follows.
            Err(failure) if failure.exit == Exit::Denied => Ok(()),
            looked => looked.map(drop),
        }
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        self.ask(self.request(Method::POST, path, &[]).json(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.delete_with(path, &[]).await
    }

    pub(super) async fn delete_with(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, Failure> {
        self.ask(self.request(Method::DELETE, path, query)).await
    }

    /// Opens a stream of server-sent events, which has no end to wait for.
    pub(super) async fn stream(&self, query: &[(&str, String)], last: Option<&str>) -> Result<Response, Failure> {
        let request = self.request(Method::GET, &["stream"], query).header("accept", "text/event-stream");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let answer = tokio::time::timeout(self.timeout, request.send());
        self.begun(answer.await.map_err(|_| timed_out())?).await
    }

    /// Begins to read an answer that is not for the memory.
    pub(super) async fn download(&self, path: &[&str]) -> Result<Response, Failure> {
        let answer = tokio::time::timeout(self.timeout, self.request(Method::GET, path, &[]).send());
        self.begun(answer.await.map_err(|_| timed_out())?).await
    }

    async fn begun(&self, response: reqwest::Result<Response>) -> Result<Response, Failure> {
        let response = response.map_err(|error| self.unsent(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, answer) = (response.status(), self.read(response).await?);
        Err(self.refused(status, &answer))
    }

    /// Each part of the path is escaped: an id from elsewhere names a thing and never a route.
    fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.place.base.clone();
        url.path_segments_mut().expect("the base is an http address").pop_if_empty().push("api").extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.timeout(self.timeout).send().await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        let answer = self.read(response).await?;
        if status.is_success() { Ok(answer) } else { Err(self.refused(status, &answer)) }
    }

    async fn read(&self, mut response: Response) -> Result<Answer, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unsent(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(Failure::new(Exit::Failed, format!("the answer is larger than {ANSWER_BYTES_MAX} bytes")));
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { text, json })
    }

    fn refused(&self, status: StatusCode, answer: &Answer) -> Failure {
        let failure = Failure::answered(status, answer);
        if status == StatusCode::UNAUTHORIZED && self.bearer.is_none() {
            return failure
                .hint("name a token in --bearer or CODEX_MANAGER_BEARER_TOKEN, or the data folder in --data-dir");
        }
        failure
    }

    fn unsent(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            return timed_out();
        }
        if error.is_connect() {
            return Failure::new(Exit::Unreachable, format!("no daemon answers at {}", self.place)).hint(START_HINT);
        }
        Failure::because(Exit::Failed, error)
    }
}

/// What to do when there is no daemon.
const START_HINT: &str = "start it with `codex-manager serve`, or name another in --base-url";

fn timed_out() -> Failure {
    Failure::new(Exit::Timeout, "the daemon did not answer in time").hint("give it longer with --timeout")
}

/// `http://host:port`, with or without the `/api` that every path of ours begins with.
fn base(text: &str) -> Result<Url, Failure> {
    let trimmed = text.trim_end_matches('/');
    let url = Url::parse(trimmed.strip_suffix("/api").unwrap_or(trimmed)).ok();
    url.filter(|url| url.scheme() == "http" && url.has_host()).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{text} is not an http address")).hint("it looks like http://127.0.0.1:3001")
    })
}

fn is_here(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        Client::new(Place::named(base).unwrap(), None, Duration::from_secs(5)).unwrap()
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        let request = client("http://127.0.0.1:1/api/").request(Method::GET, &["sessions", "../a/b?c"], &[]);
        let url = request.build().unwrap().url().to_string();
        assert_eq!(url, "http://127.0.0.1:1/api/sessions/..%2Fa%2Fb%3Fc");
    }

    #[test]
    fn the_token_of_this_machine_is_for_this_machine() {
        for (base, here) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost", true),
            ("http://[::1]:9", true),
            ("http://127.0.0.1.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_here(&super::base(base).unwrap()), here, "{base}");
        }
    }

    #[test]
    fn a_socket_in_the_data_folder_comes_before_the_address_there() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        assert_eq!(Place::of(&data).unwrap_err().exit, Exit::Unreachable);
        fs::write(data.address(), "127.0.0.1:9\n").unwrap();
        assert_eq!(Place::of(&data).unwrap().to_string(), "http://127.0.0.1:9/");
        fs::write(data.address(), "unix:/told\n").unwrap();
        assert_eq!(Place::of(&data).unwrap().to_string(), "unix:/told");
        let elsewhere = folder.path().canonicalize().unwrap().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, data.socket()).unwrap();
        assert_eq!(Place::of(&data).unwrap().to_string(), format!("unix:{}", elsewhere.display()));
    }

    #[test]
    fn what_is_no_http_address_is_wrong_usage() {
        for text in ["", "127.0.0.1:3001", "ftp://h", "https://h"] {
            assert_eq!(base(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_apart_from_nobody_answering() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut silent = client(&address);
        silent.timeout = Duration::from_millis(50);
        assert_eq!(silent.get(&["health"], &[]).await.unwrap_err().exit, Exit::Timeout);
        drop(listener);
        assert_eq!(client(&address).get(&["health"], &[]).await.unwrap_err().exit, Exit::Unreachable);
    }
}
