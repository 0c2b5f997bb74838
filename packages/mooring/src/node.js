// The package in Node: the module comes from disk, and records are kept in memory.
import { readFile } from 'node:fs/promises';
import { loadWith } from './host.js';

loadWith(() => readFile(new URL('../engine/mooring_engine_bg.wasm', import.meta.url)));

export * from './index.js';
