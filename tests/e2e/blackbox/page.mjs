// A page with one client in it.
import * as mooring from '/node_modules/mooring/src/index.js';
import { words } from '/blackbox/words.mjs';

let workspace;
globalThis.begin = async options => { workspace = await mooring.open(options); };
globalThis.word = (name, given) => words[name](workspace, ...given);
