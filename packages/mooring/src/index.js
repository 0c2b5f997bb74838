import { MooringError, wrong } from './error.js';
import { here, inWorker, loadAhead } from './host.js';
import { keepLink, Link } from './link.js';
import { canKeep } from './platform.js';
import { openIn, signIn } from './session.js';
import { Workspace } from './workspace.js';

export { MooringError };
export { all, any, not } from './view.js';

/** Loads the engine ahead of `open()`; see `index.d.ts`. */
export function preload({ store, worker } = {}) {
  loadAhead(canKeep && store !== 'memory' ? worker : false);
}

/** Opens a workspace on this device; see `index.d.ts`. */
export async function open(options) {
  const { server, workspace: name } = options ?? {};
  if (typeof name !== 'string') throw wrong('open() needs the name (or the id) of a workspace.');
  if (server !== undefined && typeof server !== 'string') throw wrong('The server is told by its address.');
  const store = place(options);
  const link = await Link.start((say) =>
    store !== undefined && (options.worker ?? true)
      ? inWorker(store, options.device, say, typeof options.worker === 'string' ? options.worker : undefined)
      : here(store, options.device, say));
  try {
    const paused = options.paused ? link.ask('pause') : undefined;
    const known = server === undefined ? link.ask('session') : signIn(link, options);
    const [session] = await Promise.all([known, paused]);
    const workspace = Workspace.over(link, options, ...(await openIn(link, options, session)));
    keepLink(workspace, link, store);
    return workspace;
  } catch (error) {
    link.end();
    throw error;
  }
}

/** The name of what is kept in this browser profile; `undefined`: in memory. */
function place({ workspace, store }) {
  if (store === 'memory' || !canKeep) {
    if (store !== undefined && store !== 'memory') {
      throw wrong('Nothing can be kept here, there is no IndexedDB: give store: "memory".');
    }
    return undefined;
  }
  return encodeURIComponent(store ?? workspace);
}
