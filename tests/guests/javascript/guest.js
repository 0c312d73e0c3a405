// Answers an event with a row of the transcript, unless the event tells it to misbehave.
import { get } from 'codex-manager:sessions/reader@1.0.0';

const misdeeds = {
  // Computes for ever.
  spin() {
    for (;;);
  },
  // Waits for an answer of the host that does not come.
  wait() {
    get('nothing');
  },
  // Fills its memory.
  hoard() {
    const hoard = [];
    for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
  },
};

export const handler = {
  handle({ header, payload }) {
    const asked = JSON.parse(payload).do;
    if (asked in misdeeds) misdeeds[asked]();
    const entry = {
      messageId: `heard-${header.seq}`,
      turnId: header.turn,
      role: 'system',
      type: 'javascript.heard',
      content: `heard ${header.kind}`,
      status: 'complete',
    };
    return [
      {
        kind: 'transcript.upsert',
        payload: JSON.stringify({ sessionId: header.session, entry }),
        idempotencyKey: undefined,
      },
    ];
  },
};
