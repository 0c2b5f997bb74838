// Where the engine runs, and how texts travel to it and back: `{send, end}`. `say` takes every text that it has for us.
import { MooringError, wrong } from './error.js';

/** How the module is found: a file of this package in a browser; Node reads it from disk (`node.js`). */
let load = () => new URL('../engine/mooring_engine_bg.wasm', import.meta.url);

/** Sets how the module is found. */
export function loadWith(how) { load = how; }

let loaded;
async function engine() {
  loaded ??= (async () => {
    const module = await import('../engine/mooring_engine.js');
    await module.default({ module_or_path: await load() });
    return module.Engine;
  })();
  return loaded;
}

/** On this thread. `store` undefined: in memory. */
export async function here(store, device, say) {
  const Engine = await engine();
  const running = new Engine(store, device, say);
  return {
    id: running.id,
    send: (text) => running.ask(text),
    end: () => {
      running.leave();
      running.free();
    },
  };
}

let compiling;
/**
 * The module, compiled beside a worker that starts: each takes as long as the other. `undefined` where a page may not, and leaves
 * it to the worker. Pages that open several workspaces compile it once.
 */
function compiled() {
  compiling ??= (async () => WebAssembly.compileStreaming(fetch(await load())))().catch(() => undefined);
  return compiling;
}

/** A worker that waits for what it keeps where. */
let spare;

/** Loads the engine before somebody opens a workspace. `worker`: as for `open()`. */
export function loadAhead(worker) {
  if (worker === false || typeof Worker === 'undefined') engine().catch(() => {});
  else spare ??= started(typeof worker === 'string' ? worker : undefined, true);
}

/** A worker, with the module on its way to it. `ahead`: nobody waits for it yet. */
function started(url, ahead) {
  const worker = url
    ? new Worker(url, { type: 'module' })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const made = { worker, url, failed: false };
  worker.onerror = () => { made.failed = true; };
  compiled().then((module) => worker.postMessage({ module, ahead }));
  return made;
}

/** In a worker of this page, once it says who it is. `url`: where its script is served, if not with this package. */
export async function inWorker(store, device, say, url) {
  if (typeof Worker === 'undefined') throw wrong('There are no workers here: give worker: false.');
  const isSpare = spare && !spare.failed && spare.url === url;
  const { worker } = isSpare ? spare : started(url, false);
  if (isSpare) spare = undefined;
  const id = await new Promise((known, failed) => {
    worker.onmessage = ({ data }) => known(data.id);
    worker.onerror = () => failed(new MooringError('internal', 'This page does not let Mooring’s worker start.'));
    worker.postMessage({ store, device });
  });
  worker.onmessage = ({ data }) => say(data);
  worker.onerror = () => say('stopped');
  return {
    id,
    send: (text) => worker.postMessage(text),
    end: () => worker.terminate(),
  };
}
