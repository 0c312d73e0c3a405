//! Items, as far as our own log knows them.

use codex_manager_model::{Item, ItemId, ItemStatus, SessionId, TurnId};
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::column::{At, Json, Word, at, id, json, maybe_at, word};
use crate::{Error, Tx, View};

/// An item's place among those of its session, in the order of first appearance. It keeps it for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemPlace(pub i64);

/// What orders items, without what they say.
#[derive(Debug, Clone, Copy)]
pub struct ItemOutline<'a> {
    /// Where it stands.
    pub place: ItemPlace,
    /// Its id.
    pub id: &'a str,
    /// The turn it belongs to.
    pub turn: &'a str,
    /// Codex's word for its kind.
    pub kind: &'a str,
}

impl View<'_> {
    /// The item of that id.
    pub fn item(&self, session: &SessionId, id: &ItemId) -> Result<Option<Item>, Error> {
        let sql = "SELECT * FROM items WHERE session = ?1 AND id = ?2";
        self.one(sql, [session.as_str(), id.as_str()], item)
    }

    /// All items of a session, in order of first appearance.
    pub fn items_of(&self, session: &SessionId) -> Result<Vec<Item>, Error> {
        self.all("SELECT * FROM items WHERE session = ?1 ORDER BY position", [session.as_str()], item)
    }

    /// All items of a turn, in order of first appearance.
    pub fn items_of_turn(&self, session: &SessionId, turn: &TurnId) -> Result<Vec<Item>, Error> {
        let sql = "SELECT * FROM items WHERE session = ?1 AND turn = ?2 ORDER BY position";
        self.all(sql, [session.as_str(), turn.as_str()], item)
    }

    /// Shows the outline of every item of a session, in order of first appearance, without gathering them.
    pub fn each_item_outline(&self, session: &SessionId, mut show: impl FnMut(ItemOutline<'_>)) -> Result<(), Error> {
        let sql = "SELECT position, id, turn, kind FROM items WHERE session = ?1 ORDER BY position";
        self.each(sql, [session.as_str()], |row| {
            let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
            show(ItemOutline {
                place: ItemPlace(row.get("position")?),
                id: text("id")?,
                turn: text("turn")?,
                kind: text("kind")?,
            });
            Ok(())
        })
    }

    /// The items of a session from one place to another, both included, in order of first appearance: no more than have
    /// `bytes_max` of text and body together, but one in any case.
    pub fn items_between(
        &self,
        session: &SessionId,
        first: ItemPlace,
        last: ItemPlace,
        bytes_max: usize,
    ) -> Result<Vec<(ItemPlace, Item)>, Error> {
        self.page(
            "SELECT *, octet_length(text) + octet_length(body) AS page_bytes FROM items
             WHERE session = ?1 AND position BETWEEN ?2 AND ?3 ORDER BY position",
            params![session.as_str(), first.0, last.0],
            bytes_max,
            |row| Ok((ItemPlace(row.get("position")?), item(row)?)),
        )
    }

    /// Items of a session after the given one, or from its first on, in order of first appearance: at most `limit`, and
    /// no more than have `bytes_max` of text and body together, but one in any case.
    pub fn items_after(
        &self,
        session: &SessionId,
        after: Option<&ItemId>,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Vec<Item>, Error> {
        self.page(
            "SELECT *, octet_length(text) + octet_length(body) AS page_bytes FROM items
             WHERE session = ?1 AND (?2 IS NULL OR position >
                 (SELECT position FROM items WHERE session = ?1 AND id = ?2)) ORDER BY position LIMIT ?3",
            params![session.as_str(), after.map(ItemId::as_str), limit],
            bytes_max,
            item,
        )
    }
}

impl Tx<'_> {
    /// Writes an item. One that was there before keeps its place.
    pub fn put_item(&self, item: &Item) -> Result<(), Error> {
        self.execute(
            "INSERT INTO items (id, session, turn, kind, status, text, body, started_at, completed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (session, id) DO UPDATE SET turn = excluded.turn, kind = excluded.kind,
                 status = excluded.status, text = excluded.text, body = excluded.body,
                 started_at = excluded.started_at, completed_at = excluded.completed_at",
            params![
                item.id.as_str(),
                item.session.as_str(),
                item.turn.as_str(),
                item.kind,
                Word(item.status),
                item.text,
                Json(&item.body),
                At(item.started_at),
                item.completed_at.map(At),
            ],
        )?;
        Ok(())
    }

    /// Ends the items of a turn that are still streaming, and gives them as they are now, in order of first
    /// appearance.
    pub fn close_open_items(
        &self,
        session: &SessionId,
        turn: &TurnId,
        status: ItemStatus,
        at: Timestamp,
    ) -> Result<Vec<Item>, Error> {
        let mut items = self.all(
            "SELECT * FROM items WHERE session = ?1 AND turn = ?2 AND status = 'streaming' ORDER BY position",
            [session.as_str(), turn.as_str()],
            item,
        )?;
        for item in &mut items {
            item.status = status;
            item.completed_at = Some(at);
            self.put_item(item)?;
        }
        Ok(items)
    }

    /// Ends every item that is still streaming, whatever became of its turn.
    pub fn close_all_items(&self, status: ItemStatus, at: Timestamp) -> Result<(), Error> {
        self.execute(
            "UPDATE items SET status = ?1, completed_at = ?2 WHERE status = 'streaming'",
            params![Word(status), At(at)],
        )?;
        Ok(())
    }
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: id(row, "id", ItemId::new)?,
        session: id(row, "session", SessionId::new)?,
        turn: id(row, "turn", TurnId::new)?,
        kind: row.get("kind")?,
        status: word(row, "status")?,
        text: row.get("text")?,
        body: json(row, "body")?,
        started_at: at(row, "started_at")?,
        completed_at: maybe_at(row, "completed_at")?,
    })
}
