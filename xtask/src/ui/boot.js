// The page's start. In the desktop shell the screens talk to the native process: no worker, no service worker.
import init, { start_app } from './{{js}}';

const shell = '__TAURI_INTERNALS__' in window;
if (!shell) globalThis.__MOORING_WORKER__ = new URL('./{{worker}}', import.meta.url).href;

// Workbooks are read by a module of their own, loaded when one is chosen. Gives a table's text, or a sentence why not.
globalThis.__MOORING_WORKBOOK__ = (bytes) => new Promise((done, failed) => {
  const worker = new Worker(new URL('./{{workbook}}', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => {
    worker.terminate();
    if ('text' in data) done(data.text);
    else failed(data.why);
  };
  worker.onerror = () => {
    worker.terminate();
    failed('');
  };
  worker.postMessage(bytes, [bytes]);
});

// A page whose program was ended stands still, and only a fresh one goes on. WebKit ends programs that did nothing wrong
// (its bug 259441). Where a form is open, the person first copies what is typed; else the page is loaded again at once.
const notice = document.getElementById('stopped');
const stopped = ({ error, reason }) => {
  if (!((error ?? reason) instanceof WebAssembly.RuntimeError)) return;
  const last = Number(sessionStorage.getItem('mooring-stopped'));
  sessionStorage.setItem('mooring-stopped', Date.now());
  if (Date.now() - last > 60_000 && !document.querySelector('form, dialog[open]')) return location.reload();
  // the screens have taken the place of all that was in the page
  document.body.append(notice);
  notice.hidden = false;
  notice.querySelector('button').onclick = () => location.reload();
};
addEventListener('error', stopped);
addEventListener('unhandledrejection', stopped);

// The program. Where it comes over the network, how far it is: on a slow line that takes a while. What the browser keeps
// is left alone: it keeps it translated, too.
const program = async () => {
  const url = new URL('./{{wasm}}', import.meta.url);
  const bar = document.querySelector('#boot progress');
  if (shell || !bar || navigator.serviceWorker?.controller) return url;
  const response = await fetch(url);
  let have = 0;
  const counted = new TransformStream({
    transform(chunk, out) {
      have += chunk.length;
      bar.value = have / {{wasm_bytes}};
      out.enqueue(chunk);
    },
  });
  return response.ok ? new Response(response.body.pipeThrough(counted), response) : response;
};

try {
  await init({ module_or_path: await program() });
  start_app();
} catch (error) {
  console.error(error);
  document.getElementById('boot')?.remove();
  document.getElementById('boot-failed')?.removeAttribute('hidden');
}

// A new release waits until the person asks for it: the screens hear 'mooring-update' (and find
// __MOORING_UPDATE__ set), and call it to reload into the new release.
if ({{service_worker}} && !shell && 'serviceWorker' in navigator) {
  let reloading = false;
  const offer = (worker) => {
    globalThis.__MOORING_UPDATE__ = () => {
      // another tab has taken it already
      if (worker.state !== 'installed') return location.reload();
      navigator.serviceWorker.addEventListener('controllerchange', () => {
        if (!reloading) location.reload();
        reloading = true;
      });
      worker.postMessage('skip-waiting');
    };
    window.dispatchEvent(new CustomEvent('mooring-update'));
  };
  try {
    const registration = await navigator.serviceWorker.register(new URL('../sw.js', import.meta.url), {
      updateViaCache: 'none',
    });
    if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const worker = registration.installing;
      worker?.addEventListener('statechange', () => {
        if (worker.state === 'installed' && navigator.serviceWorker.controller) offer(worker);
      });
    });
    setInterval(() => registration.update().catch(() => {}), 60 * 60 * 1000);
  } catch (error) {
    console.warn('no offline start:', error);
  }
}
