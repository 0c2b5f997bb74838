// What the platform has, as it was when this package was loaded: a program may put the words of IndexedDB over a workspace
// in its place, and the engine goes on with the platform's own. On this thread it looks here first.
const KEPT = 'mooringPlatform';

if (!(KEPT in globalThis)) {
  const { indexedDB, IDBKeyRange } = globalThis;
  Object.defineProperty(globalThis, KEPT, { value: Object.freeze({ indexedDB, IDBKeyRange }) });
}

/** Whether records can be kept here. */
export const canKeep = globalThis[KEPT].indexedDB !== undefined;
