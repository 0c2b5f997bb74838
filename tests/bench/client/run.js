// What is done on the page, the same for every library: `peers/NAME.js` opens, writes, reads and synchronises.
const name = new URLSearchParams(location.search).get('peer');
const peer = await import(`./built/${name}.js`);

const words = 'pallet crane dock tide ledger hold valve rope beacon winch cargo lantern'.split(' ');
// 384 bytes as JSON, like the records of a warehouse
const record = (prefix, n) => {
  const mixed = (n * 2654435761) % 4294967296;
  const start = { id: `${prefix}${String(n).padStart(7, '0')}`, name: `${words[mixed % 12]} ${String(mixed % 100003).padStart(6, '0')}`, email: `person${n}@example.com`, phone: `+1-555-${String(n).padStart(7, '0')}`, city: words[(mixed >> 4) & 7], status: ['new', 'open', 'done', 'lost'][n % 4], amount: (mixed % 100000) / 100, notes: '' };
  const room = 384 - JSON.stringify(start).length;
  // half of it words, half of it numbers of chance: it packs about as well as what people write
  let chance = mixed;
  const next = () => (chance = (Math.imul(chance, 1664525) + 1013904223) >>> 0);
  const notes = Array.from({ length: 24 }, () => (next() & 256 ? words[next() % 12] : (next() % 1679616).toString(36)));
  return { ...start, notes: notes.join(' ').slice(0, room).padEnd(room, '.') };
};
const records = (prefix, count) => Array.from({ length: count }, (_, n) => record(prefix, n));
const now = () => performance.timeOrigin + performance.now();
const timed = async work => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

window.bench = {
  open: (database, options) => timed(() => peer.open(database, options)),
  async singles(count, from) {
    const all = records('s', from + count).slice(from);
    return timed(async () => { for (const one of all) await peer.insert(one); });
  },
  async bulk(count) {
    const all = records('r', count);
    return timed(() => peer.bulk(all));
  },
  connect: url => peer.connect(url),
  push: (url, count) => timed(async () => { await peer.connect(url); await peer.pushed(count); }),
  pushed: count => peer.pushed(count),
  async first(database, options, count) {
    return timed(async () => {
      await peer.open(database, options);
      await peer.connect(options.url);
      while ((await peer.count()) < count) await new Promise(later => setTimeout(later, 20));
      const { length } = await peer.page();
      if (length !== 50) throw new Error(`a page of ${length}`);
    });
  },
  cold: (database, options, count) => timed(async () => {
    await peer.open(database, options);
    const [all, found] = [await peer.count(), await peer.page()];
    if (all !== count || found.length !== 50) throw new Error(`${all} records and a page of ${found.length}`);
    const names = found.map(({ name }) => name);
    if (names.some((name, at) => at > 0 && name < names[at - 1])) throw new Error('the page is not in order');
  }),
  listen() {
    window.heard = [];
    peer.watch((id, { phone } = {}) => window.heard.push([now(), phone]));
  },
  async edit(id, phone) {
    const start = now();
    await peer.update(id, { phone });
    return start;
  },
};
window.ready = true;
