//! The use cases, each with what it works with.

use codex_manager_app_server as app_server;

use super::Builder;
use crate::claim::real;
use crate::deletion::Deletions;
use crate::extensions::Runner;
use crate::outbox::Outbox;
use crate::paths::DataFolder;
use crate::service::answers::Answers;
use crate::service::{
    Audit, Auth, Backups, Child, Codex, CodexHome, DefaultControls, Defaults, Deletion, Extensions, Health,
    Interactions, Operations, Projects, Requests, Services, SessionControls, Sessions, Settings, Suggestions, Tokens,
    Transcripts, UseCases,
};
use crate::storage::Storage;

impl Builder {
    pub(super) fn services(
        &self,
        storage: &Storage,
        outbox: &Outbox,
        child: &app_server::AppServer,
        runner: &Runner,
        deletions: &Deletions,
        tokens: Tokens,
    ) -> Services {
        let (store, outbox) = (storage.store().clone(), outbox.clone());
        let (child, clock, shelf) = (child.clone(), self.clock.clone(), runner.shelf().clone());
        let data_folder = real(&self.data_folder);
        let defaults = Defaults {
            controls: self.controls.clone(),
            cwd: std::path::absolute(&self.workspace).unwrap_or_default().display().to_string(),
            data_folder: data_folder.clone(),
            allow_uncontained: self.allow_uncontained,
        };
        let auth = Auth {
            has_openai_api_key: std::env::var_os("OPENAI_API_KEY").is_some(),
            home: CodexHome::new(self.codex_home.clone()),
        };
        let answers = Answers::new();
        let (sessions, deletion) = (
            Sessions::new(store.clone(), outbox.clone(), child.clone(), clock.clone(), defaults, answers.clone()),
            Deletion::new(store.clone(), deletions.clone(), self.codex_home.clone(), clock.clone()),
        );
        let controls = DefaultControls { configured: self.controls.clone(), locked: self.defaults_locked };
        let (asked, storage_outbox) = (Child::new(child.clone(), clock.clone()), outbox.clone());
        Services::new(UseCases {
            answers,
            projects: Projects::new(store.clone(), clock.clone(), sessions.clone(), deletion.clone()),
            controls: SessionControls::new(store.clone(), clock.clone(), controls.clone()),
            settings: Settings::new(store.clone(), clock.clone(), controls),
            suggestions: Suggestions::new(store.clone(), clock.clone()),
            sessions,
            transcripts: Transcripts::new(store.clone(), clock.clone()),
            deletion,
            interactions: Interactions::new(store.clone(), outbox.clone(), child.clone(), clock.clone()),
            extensions: Extensions::new(shelf, storage.clone(), child.clone(), clock.clone()),
            operations: Operations::new(store, outbox),
            requests: Requests::new(storage.store().clone(), self.clock.clone()),
            tokens,
            audit: Audit::new(storage.store().clone(), clock.clone()),
            codex: Codex::new(asked, storage_outbox, clock.clone(), data_folder),
            health: Health::new(child, storage.clone(), runner.status(), clock, auth),
            backups: Backups::new(storage.store().clone(), DataFolder::new(&self.data_folder)),
        })
    }
}
