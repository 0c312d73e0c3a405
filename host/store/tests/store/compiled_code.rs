//! What came of compiling components, by engine.

use codex_manager_store::{CompiledCode, Config, Error, Store, restore};

use crate::fixture::{folder, open};

fn of(component: &str, outcome: Result<&str, &str>) -> CompiledCode {
    let outcome = outcome.map(str::to_owned).map_err(str::to_owned);
    CompiledCode { component: component.to_owned(), outcome }
}

async fn put(store: &Store, engine: &'static str, of: CompiledCode) {
    store.write(move |tx| tx.put_compiled_code(engine, &of)).await.map_err(|error: Error| error).unwrap();
}

async fn recorded(store: &Store, engine: &'static str) -> Vec<CompiledCode> {
    store.read(move |view| view.compiled_code(engine)).await.map_err(|error: Error| error).unwrap()
}

#[tokio::test]
async fn the_last_word_on_a_component_counts_for_its_engine_alone() {
    let folder = folder();
    let store = open(&folder);
    put(&store, "e", of("one", Err("it takes too much"))).await;
    put(&store, "e", of("two", Ok("code two"))).await;
    put(&store, "other", of("one", Ok("code one of the other"))).await;
    put(&store, "e", of("one", Ok("code one"))).await;
    assert_eq!(recorded(&store, "e").await, [of("one", Ok("code one")), of("two", Ok("code two"))]);

    let dropped =
        store.write(|tx| Ok::<_, Error>((tx.drop_compiled_code("e", "one")?, tx.drop_compiled_code("e", "x")?)));
    assert_eq!(dropped.await.unwrap(), (true, false));
    assert_eq!(recorded(&store, "e").await, [of("two", Ok("code two"))]);
    assert_eq!(recorded(&store, "other").await.len(), 1);
}

#[tokio::test]
async fn what_is_for_other_engines_goes_and_what_is_old_beyond_the_bound() {
    let folder = folder();
    let store = open(&folder);
    for component in ["a", "b", "c"] {
        put(&store, "e", of(component, Ok(component))).await;
        put(&store, "was", of(component, Ok(component))).await;
    }
    store.write(|tx| tx.prune_compiled_code("e", 2)).await.map_err(|error: Error| error).unwrap();
    assert_eq!(recorded(&store, "e").await, [of("c", Ok("c")), of("b", Ok("b"))]);
    assert_eq!(recorded(&store, "was").await, []);
}

/// A file from anywhere must not name what is run as machine code.
#[tokio::test]
async fn a_backup_says_nothing_of_code() {
    let (data, elsewhere) = (folder(), folder());
    let (file, into) = (elsewhere.path().join("backup"), elsewhere.path().join("data"));
    let store = open(&data);
    put(&store, "e", of("one", Ok("code one"))).await;
    store.back_up(file.clone(), Vec::new()).await.unwrap();
    restore(&file, &into).unwrap();
    let restored = Config { folder: into, size_bytes_max: None }.open().unwrap();
    assert_eq!(recorded(&restored, "e").await, []);
}
