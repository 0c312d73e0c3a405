;; Declines every approval that it is asked about, and leaves a row that says so: two actions, one group.
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

  (data (i32.const 4096) "approval.decline")
  (data (i32.const 4128) "transcript.upsert")
  (data (i32.const 4160) "\"approvalId\":\"")
  (data (i32.const 4192) "{\"sessionId\":\"")
  (data (i32.const 4224) "\",\"entry\":{\"messageId\":\"why\",\"turnId\":\"")
  (data (i32.const 4288) "\",\"role\":\"system\",\"type\":\"house.decliner\",\"content\":\"Nothing is allowed here.\",\"status\":\"complete\"}}")
  (data (i32.const 4480) "{}")

  ;; Writes a text behind the last one.
  (func $put (param $from i32) (param $long i32)
    (memory.copy (global.get $end) (local.get $from) (local.get $long))
    (global.set $end (i32.add (global.get $end) (local.get $long))))

  ;; Whether the 14 bytes at 4160 stand there.
  (func $is-id (param $at i32) (result i32)
    (local $n i32)
    (loop $on
      (if (i32.ne (i32.load8_u (i32.add (local.get $at) (local.get $n)))
                  (i32.load8_u (i32.add (i32.const 4160) (local.get $n))))
        (then (return (i32.const 0))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $on (i32.lt_u (local.get $n) (i32.const 14))))
    (i32.const 1))

  ;; The event's session is at 28, its turn at 40, its payload at 80. What is returned lies at 1024: ok, and two actions
  ;; at 2048.
  (func (export "codex-manager:on-event/handler@1.0.0#handle") (param $event i32) (result i32)
    (local $at i32)
    (local.set $at (i32.load offset=80 (local.get $event)))
    (loop $on
      (if (i32.eqz (call $is-id (local.get $at))) (then
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $on))))
    ;; {"approvalId":"apr_ and 32 digits"}
    (i32.store (i32.const 2056) (global.get $end))
    (call $put (i32.const 4480) (i32.const 1))
    (call $put (local.get $at) (i32.const 51))
    (call $put (i32.const 4481) (i32.const 1))
    (i32.store (i32.const 2060) (i32.const 53))
    (i32.store (i32.const 2048) (i32.const 4096))
    (i32.store (i32.const 2052) (i32.const 16))

    (i32.store (i32.const 2084) (global.get $end))
    (call $put (i32.const 4192) (i32.const 14))
    (call $put (i32.load offset=28 (local.get $event)) (i32.load offset=32 (local.get $event)))
    (call $put (i32.const 4224) (i32.const 39))
    (call $put (i32.load offset=40 (local.get $event)) (i32.load offset=44 (local.get $event)))
    (call $put (i32.const 4288) (i32.const 100))
    (i32.store (i32.const 2088) (i32.sub (global.get $end) (i32.load (i32.const 2084))))
    (i32.store (i32.const 2076) (i32.const 4128))
    (i32.store (i32.const 2080) (i32.const 17))

    (i32.store (i32.const 1028) (i32.const 2048))
    (i32.store (i32.const 1032) (i32.const 2))
    (i32.const 1024)))
