// The engine in a worker: the module comes, what it keeps where, then texts for it.
import init, { Engine, warm } from '../engine/mooring_engine.js';

// A program that was ended stands still and keeps its lock: going away gives that back to the next one.
const stopped = ({ error, reason }) => {
  if (!((error ?? reason) instanceof WebAssembly.RuntimeError)) return;
  postMessage('stopped');
  close();
};
addEventListener('error', stopped);
addEventListener('unhandledrejection', stopped);

const say = (text) => {
  postMessage(text);
  if (text === 'outdated') close();
};
let give;
const loaded = new Promise((given) => { give = given; })
  .then((module) => init({ module_or_path: module ?? new URL('../engine/mooring_engine_bg.wasm', import.meta.url) }));
let engine;
addEventListener('message', ({ data }) => {
  if (typeof data === 'string') engine = asked(data);
  else if ('ahead' in data) load(data);
  else engine = start(data);
});

async function load({ module, ahead }) {
  give(module);
  // what every engine needs once is done while nobody waits; whoever starts one hears why it does not load
  if (ahead) await loaded.then(() => engine ?? warm(), () => {});
}

async function start({ store, device }) {
  await loaded;
  const early = [];
  let began = false;
  const running = new Engine(store, device, (text) => (began ? say(text) : early.push(text)));
  // who it is comes before all that it says
  postMessage({ id: running.id });
  began = true;
  early.forEach(say);
  return running;
}

async function asked(text) {
  const running = await engine;
  running.ask(text);
  return running;
}
