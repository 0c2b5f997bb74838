// Mooring's service worker: the program starts without a network. It never touches data: what the server answers
// under /v1/ goes past it. A release is kept whole, with all parts of its program, or not at all. A new release waits
// until the person reloads into it; the files of the release before stay for one release, so that a page which is still
// open keeps working.
const CACHE = 'mooring-{{build}}';
const FILES = [
{{precache}}];

self.addEventListener('install', (event) => {
  const start = new Request('./', { cache: 'reload' });
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([start, ...FILES])));
});

self.addEventListener('message', (event) => {
  if (event.data === 'skip-waiting') self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    const others = (await caches.keys()).filter((name) => name.startsWith('mooring-') && name !== CACHE);
    // keys come in the order of their making: the last other one is the release before
    await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (/^\/(v1\/|healthz|openapi\.json|build\.json)/.test(url.pathname)) return;
  // a page always comes from the release that this worker belongs to, with or without a network
  const wanted = request.mode === 'navigate' ? './' : request;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = (await cache.match(wanted)) ?? (await caches.match(wanted));
    if (kept) return kept;
    const answer = await fetch(request);
    // what is loaded only when it is needed is there the next time, also without a network
    if (answer.ok && url.pathname.includes('/assets/')) await cache.put(request, answer.clone());
    return answer;
  })());
});
