// Where the engine runs, and how texts travel to it and back: `{send, end}`. `say` takes every text that it has for us.
import { wrong } from './error.js';

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
    send: (text) => running.ask(text),
    end: () => {
      running.leave();
      running.free();
    },
  };
}

/** In a worker of this page. `url`: where its script is served, if not with this package. */
export function inWorker(store, device, say, url) {
  if (typeof Worker === 'undefined') throw wrong('There are no workers here: give worker: false.');
  const worker = url
    ? new Worker(url, { type: 'module' })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => say(data);
  worker.onerror = () => say('stopped');
  worker.postMessage({ store, device });
  return {
    send: (text) => worker.postMessage(text),
    end: () => worker.terminate(),
  };
}
