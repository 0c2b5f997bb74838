// The words of IndexedDB over a workspace.
import { indexedDBOn } from './idb/index.js';
import { recordsOf } from './records.js';

export * from './idb/index.js';

/** A factory like `globalThis.indexedDB` whose databases are collections of a workspace, or of one that is being opened. */
export const indexedDBOf = (workspace, options) => indexedDBOn(recordsOf(workspace, options), options);
