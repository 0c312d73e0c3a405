use codex_manager_model::{Controls, Project, ProjectId, Session, Worker};
use codex_manager_store::Error;

use crate::fixture::{at, folder, open, session};

fn project(id: &str, name: &str) -> Project {
    let id = ProjectId::new(id);
    Project { id, name: name.into(), working_directory: Some("/g".into()), created_at: at(0), updated_at: at(0) }
}

fn in_project(id: &str, updated: i64) -> Session {
    Session { project: Some(ProjectId::new("p1")), updated_at: at(updated), ..session(id) }
}

#[tokio::test]
async fn a_project_is_found_by_its_name_however_it_is_written() {
    let folder = folder();
    let store = open(&folder);
    let (found, second, listed) = store
        .write(|tx| {
            tx.put_project(&project("p2", "shed"))?;
            tx.put_project(&project("p1", "Gärten"))?;
            tx.put_project(&Project { name: "GÄRTEN".into(), working_directory: None, ..project("p1", "") })?;
            let found = tx.project_named(" gärten\t", None)?;
            assert_eq!(tx.project_named("gärten", Some(&ProjectId::new("p1")))?, None, "its own name is free to it");
            Ok::<_, Error>((found, tx.put_project(&project("p3", "gärten")), tx.projects()?))
        })
        .await
        .unwrap();
    let renamed = Project { name: "GÄRTEN".into(), working_directory: None, ..project("p1", "") };
    assert_eq!(found.as_ref(), Some(&renamed));
    assert!(second.is_err(), "no two have one name");
    assert_eq!(listed, [renamed, project("p2", "shed")], "by name, each once");
    let (dropped, again, left) = store
        .write(|tx| {
            let id = ProjectId::new("p1");
            Ok::<_, Error>((tx.drop_project(&id)?, tx.drop_project(&id)?, tx.project(&id)?))
        })
        .await
        .unwrap();
    assert_eq!((dropped, again, left), (true, false, None));
}

/// Names are compared in another way than when this one was written down.
#[tokio::test]
async fn a_project_of_an_older_version_is_found_by_its_name() {
    let folder = folder();
    let store = open(&folder);
    store.write(|tx| tx.put_project(&project("p1", "Straße"))).await.unwrap();
    store.close().await;
    let file = rusqlite::Connection::open(folder.path().join("store.sqlite3")).unwrap();
    file.execute("UPDATE projects SET folded_name = 'straße'", []).unwrap();
    file.close().unwrap();
    let store = open(&folder);
    let found = store.read::<_, Error, _>(|view| view.project_named("STRASSE", None)).await.unwrap();
    assert_eq!(found.map(|project| project.name), Some("Straße".into()));
}

#[tokio::test]
async fn a_project_has_its_sessions_and_its_workers_apart() {
    let folder = folder();
    let store = open(&folder);
    let worker = |agent: &str| Some(Worker { owner: "p1".into(), agent: agent.into() });
    let (sessions, workers, none) = store
        .write(move |tx| {
            tx.put_session(&in_project("old", 1))?;
            tx.put_session(&Session { archived: true, ..in_project("new", 2) })?;
            tx.put_session(&session("elsewhere"))?;
            for agent in ["reviewer", "gardener"] {
                tx.put_session(&Session { worker: worker(agent), ..session(agent) })?;
            }
            let id = ProjectId::new("p1");
            Ok::<_, Error>((tx.sessions_of_project(&id)?, tx.sessions_of_workers("p1")?, tx.sessions_of_workers("p")?))
        })
        .await
        .unwrap();
    let ids = |sessions: &[Session]| sessions.iter().map(|session| session.id.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (ids(&sessions), ids(&workers)),
        (vec!["new".into(), "old".into()], vec!["gardener".into(), "reviewer".into()])
    );
    assert!(none.is_empty());
}

#[tokio::test]
async fn defaults_are_there_once_somebody_has_set_them() {
    let folder = folder();
    let store = open(&folder);
    let wanted = Controls { model: Some("m".into()), ..Controls::default() };
    let kept = wanted.clone();
    let (before, after) = store
        .write(move |tx| {
            let before = tx.default_controls()?;
            tx.put_default_controls(&Controls::default())?;
            tx.put_default_controls(&kept)?;
            Ok::<_, Error>((before, tx.default_controls()?))
        })
        .await
        .unwrap();
    assert_eq!((before, after), (None, Some(wanted)));
}
