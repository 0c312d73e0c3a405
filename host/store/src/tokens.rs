//! Bearer tokens.

use codex_manager_model::{Token, TokenId};
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::column::{At, Word, at, id, maybe_at, word};
use crate::{Error, Tx, View};

impl View<'_> {
    /// All tokens, the oldest first, ended ones included.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.all("SELECT * FROM tokens ORDER BY created_at, id", [], token)
    }
}

impl Tx<'_> {
    /// Writes a new token.
    ///
    /// # Errors
    ///
    /// When its id or its secret has been used before.
    pub fn put_token(&self, token: &Token) -> Result<(), Error> {
        self.execute(
            "INSERT INTO tokens (id, name, role, hash, created_at, expires_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                token.id.as_str(),
                token.name,
                Word(token.role),
                token.hash,
                At(token.created_at),
                token.expires_at.map(At),
                token.revoked_at.map(At),
            ],
        )?;
        Ok(())
    }

    /// Ends a token. `false` if there is none, or if it had been ended before.
    pub fn revoke_token(&self, id: &TokenId, at: Timestamp) -> Result<bool, Error> {
        self.change(
            "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
            params![id.as_str(), At(at)],
        )
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: id(row, "id", TokenId::new)?,
        name: row.get("name")?,
        role: word(row, "role")?,
        hash: row.get("hash")?,
        created_at: at(row, "created_at")?,
        expires_at: maybe_at(row, "expires_at")?,
        revoked_at: maybe_at(row, "revoked_at")?,
    })
}
