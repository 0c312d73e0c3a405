// node build.mjs COMPONENT: makes guest.js, for the world in wit/, a component that imports nothing of WASI.
import { readFile, writeFile } from 'node:fs/promises';

import { componentize } from '@bytecodealliance/componentize-js';

const { component } = await componentize(await readFile('guest.js', 'utf8'), {
  witPath: 'wit',
  worldName: 'guest',
  disableFeatures: ['http', 'fetch-event', 'random', 'clocks', 'stdio'],
});
await writeFile(process.argv[2], component);
