// The engine in a worker: first comes what it keeps where, then texts for it.
import init, { Engine } from '../engine/mooring_engine.js';

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
let engine;
addEventListener('message', ({ data }) => {
  engine = typeof data === 'string' ? asked(data) : start(data);
});

async function start({ store, device, module }) {
  await init({ module_or_path: module ?? new URL('../engine/mooring_engine_bg.wasm', import.meta.url) });
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
