import type { FactoryOptions } from './idb/index.js';
import type { Workspace } from './index.js';

export * from './idb/index.js';

/** A factory like `globalThis.indexedDB` whose databases are collections of a workspace, or of one that is being opened. */
export function indexedDBOf(workspace: Workspace | Promise<Workspace>, options?: FactoryOptions): IDBFactory;
