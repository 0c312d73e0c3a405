;; Leaves a row in the session of every event that it hears: one action.
(module
  (memory (export "memory") 16)
  (global $next (mut i32) (i32.const 524288))
  ;; Where the next text is written.
  (global $end (mut i32) (i32.const 65536))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))

  (data (i32.const 4096) "transcript.upsert")
  (data (i32.const 4128) "{\"sessionId\":\"")
  (data (i32.const 4160) "\",\"entry\":{\"messageId\":\"note\",\"turnId\":\"")
  (data (i32.const 4224) "\",\"role\":\"system\",\"type\":\"house.noter\",\"content\":\"It has ended.\",\"status\":\"complete\"}}")

  ;; Writes a text behind the last one.
  (func $put (param $from i32) (param $long i32)
    (memory.copy (global.get $end) (local.get $from) (local.get $long))
    (global.set $end (i32.add (global.get $end) (local.get $long))))

  ;; The event's session is at 28, its turn at 40. What is returned lies at 1024: ok, and the action at 2048.
  (func (export "codex-manager:on-event/handler@1.0.0#handle") (param $event i32) (result i32)
    (i32.store (i32.const 2048) (i32.const 4096))
    (i32.store (i32.const 2052) (i32.const 17))
    (i32.store (i32.const 2056) (global.get $end))
    (call $put (i32.const 4128) (i32.const 14))
    (call $put (i32.load offset=28 (local.get $event)) (i32.load offset=32 (local.get $event)))
    (call $put (i32.const 4160) (i32.const 40))
    (call $put (i32.load offset=40 (local.get $event)) (i32.load offset=44 (local.get $event)))
    (call $put (i32.const 4224) (i32.const 86))
    (i32.store (i32.const 2060) (i32.sub (global.get $end) (i32.load (i32.const 2056))))

    (i32.store (i32.const 1028) (i32.const 2048))
    (i32.store (i32.const 1032) (i32.const 1))
    (i32.const 1024)))
