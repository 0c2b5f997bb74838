import type { FactoryOptions } from './idb/index.js';
import type { Workspace } from './index.js';

export * from './idb/index.js';

export interface WorkspaceFactoryOptions extends FactoryOptions {
  /**
   * Key generators count from 1, as the specification has it, and not from a number of this device's own. Only for a workspace
   * that no other device ever writes into: there two devices would give two records the same key.
   */
  countsFromOne?: boolean;
}

/** A factory like `globalThis.indexedDB` whose databases are collections of a workspace, or of one that is being opened. */
export function indexedDBOf(workspace: Workspace | Promise<Workspace>, options?: WorkspaceFactoryOptions): IDBFactory;
