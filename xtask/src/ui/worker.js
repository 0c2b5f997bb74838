// The worker's start: the same module as the page's. What arrives before the worker listens is kept and given to it;
// start_worker() must set its message handler before it first waits for anything.
import init, { start_worker } from './{{js}}';

// A program that was ended stands still and keeps its lock. Going away gives the lock back, so that another tab's engine,
// or the next one of this page, goes on.
const stopped = ({ error, reason }) => {
  if (!((error ?? reason) instanceof WebAssembly.RuntimeError)) return;
  postMessage('stopped');
  close();
};
addEventListener('error', stopped);
addEventListener('unhandledrejection', stopped);

const early = [];
const keep = (event) => early.push(event);
self.addEventListener('message', keep);
await init({ module_or_path: new URL('./{{wasm}}', import.meta.url) });
self.removeEventListener('message', keep);
start_worker();
for (const { data, ports } of early) self.dispatchEvent(new MessageEvent('message', { data, ports }));
