//! A Unix socket that this user alone can connect to: a mode on it, a folder around it, and a look at who comes.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf, absolute};

use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

const FOLDER_MODE: u32 = 0o700;
const SOCKET_MODE: u32 = 0o600;
const ANYTHING_BY_OTHERS: u32 = 0o077;

/// A bound socket. Dropped, its file is gone, and the link to it.
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    link: Option<PathBuf>,
}

impl UnixSocket {
    /// Binds at `path`. The folder around it must be this user's alone; it is made when it is missing.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let path = absolute(path)?;
        let folder = path.parent().unwrap_or(&path);
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        check_folder(folder)?;
        clear(&path)?;
        let listener = UnixListener::bind(&path)?;
        let socket = Self { listener, path, link: None };
        // Nobody else gets through the folder in the meantime.
        fs::set_permissions(&socket.path, Permissions::from_mode(SOCKET_MODE))?;
        Ok(socket)
    }

    /// Binds at `path` in a folder that this process alone has claimed, so that whatever link or dead socket lies there
    /// is an earlier one's.
    pub(super) fn bind_claimed(path: &Path) -> io::Result<Self> {
        clear_link(path)?;
        Self::bind(path)
    }

    /// Has a link at `path`, in such a folder, lead to it.
    pub(super) fn link_at(&mut self, path: &Path) -> io::Result<()> {
        clear_link(path)?;
        clear(path)?;
        symlink(&self.path, path)?;
        self.link = Some(path.to_owned());
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next process of this user. Others are turned away, should a mode ever let them through.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match stream.peer_cred() {
                Ok(peer) if is_ours(peer.uid()) => return Ok(stream),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "another user was turned away from the socket"),
                Err(error) => tracing::warn!(%error, "cannot tell who has connected to the socket"),
            }
        }
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Best effort: what is left over is cleared away by the next one.
        for path in [Some(&self.path), self.link.as_ref()].into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether a process of this user number may come in.
fn is_ours(uid: u32) -> bool {
    uid == geteuid().as_raw()
}

fn check_folder(folder: &Path) -> io::Result<()> {
    let found = fs::metadata(folder)?;
    if !is_ours(found.uid()) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "its folder belongs to another user"));
    }
    if found.mode() & ANYTHING_BY_OTHERS != 0 {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "its folder is open to other users; chmod 700 closes it",
        ));
    }
    Ok(())
}

fn clear_link(path: &Path) -> io::Result<()> {
    if path.is_symlink() { fs::remove_file(path) } else { Ok(()) }
}

/// Clears away the socket of a daemon that is gone, and nothing else.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::new(ErrorKind::AlreadyExists, "something else lies there"))
        }
        Ok(_) => match Probe::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "a process listens there")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_and_its_folder_are_for_this_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run/api.sock");
        let socket = UnixSocket::bind(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let (_client, accepted) = tokio::join!(UnixStream::connect(&path), socket.accept());
        accepted.unwrap();
        let taken = UnixSocket::bind(&path).err().expect("it is in use");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_dead_daemon_left_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(UnixSocket::bind(&path).unwrap());
        fs::write(&path, "theirs").unwrap();
        assert_eq!(UnixSocket::bind(&path).err().expect("it is a file").kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[tokio::test]
    async fn a_claimed_place_holds_the_socket_or_a_link_to_it_whatever_a_dead_daemon_left_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let (place, elsewhere) = (folder.path().join("socket"), folder.path().join("elsewhere"));
        let leave_link = || symlink(&elsewhere, &place).unwrap();
        let leave_socket = || drop(std::os::unix::net::UnixListener::bind(&place).unwrap());
        for leave in [&leave_link as &dyn Fn(), &leave_socket, &|| ()] {
            leave();
            drop(UnixSocket::bind_claimed(&place).unwrap());
            assert!(!place.is_symlink() && !place.exists());
            leave();
            let mut socket = UnixSocket::bind(&elsewhere).unwrap();
            socket.link_at(&place).unwrap();
            UnixStream::connect(place.canonicalize().unwrap()).await.unwrap();
            drop(socket);
            assert!(!place.is_symlink() && !elsewhere.exists());
        }
        fs::write(&place, "theirs").unwrap();
        assert!(UnixSocket::bind_claimed(&place).is_err());
        assert_eq!(fs::read_to_string(&place).unwrap(), "theirs");
    }

    #[tokio::test]
    async fn a_folder_that_others_can_enter_will_not_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let refused = UnixSocket::bind(&folder.path().join("api.sock")).err().expect("it is open to others");
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn another_user_is_not_us() {
        assert!(is_ours(geteuid().as_raw()));
        assert!(!is_ours(geteuid().as_raw().wrapping_add(1)));
    }
}
