;; Fills eight memories with 10 MiB each. None of them is large; all together are too much. Rust has one memory, so this
;; is written as text, of a core module that becomes a component with the world of `codex-manager:on-event`.
(module
  (memory (export "memory") 2)
  (memory $second 1)
  (memory $third 1)
  (memory $fourth 1)
  (memory $fifth 1)
  (memory $sixth 1)
  (memory $seventh 1)
  (memory $eighth 1)

  ;; Where the event is written to; it is not looked at.
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))

  (func $refused (param $size_before i32) (result i32) (i32.eq (local.get $size_before) (i32.const -1)))

  ;; An empty group if all of them grew, a trap if one did not.
  (func (export "codex-manager:on-event/handler@1.0.0#handle") (param $event i32) (result i32)
    (block $one_did_not
      (br_if $one_did_not (call $refused (memory.grow $second (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $third (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $fourth (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $fifth (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $sixth (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $seventh (i32.const 160))))
      (br_if $one_did_not (call $refused (memory.grow $eighth (i32.const 160))))
      (return (i32.const 1024)))
    (unreachable)))
