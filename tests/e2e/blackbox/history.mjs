// What clients did and saw, and what is wrong with it. It knows nothing of Mooring but what is promised:
//
// - what was acknowledged is there in the end, once, everywhere, and nothing else is;
// - a counter is the sum of what was added to it;
// - a value of a register that was acknowledged is among its versions or the sides of its reviews, or another one was written
//   over it on the same device, before it was sent;
// - what a client has seen or written it goes on seeing, also after it was killed;
// - in a workspace of one order (one partition) whoever sees a mark sees the one that its author names as seen.

/**
 * An event is what one client did: `{client, device, kind, outcome, …}`; two tabs are two clients on one device.
 * `outcome`: `ok` (acknowledged), `no` (refused: it did not happen), `unknown` (the client was killed, or the connection cut: it happened once or not at all).
 *
 * - `insert` `{key, fields}` of a mark; `fields.after` is a mark of others that the author had seen
 * - `set` `{key, value}`, `add` `{key, by}`
 * - `read` `{keys, ordered}`: the marks that were there; `ordered: false` where the order of the workspace is not promised
 */
export class History {
  constructor() { this.events = []; }

  /** What came of it, when that is known. `began`: how many events there were when the client was asked. */
  note(client, kind, outcome, more = {}) {
    const at = this.events.length;
    this.events.push({ client, device: client, kind, outcome, at, began: at, ...more });
  }

  of(...kinds) { return this.events.filter(event => kinds.includes(event.kind)); }
}

/**
 * What is wrong, in words. `views`: per client, and first of the server, `{marks, registers, counters}` in the end, each by key; a client may have only some.
 * `versions`: per register, the values of its versions and of the sides of its reviews. `ordered`: whether the workspace has one order.
 */
export function wrong(history, { views, versions, ordered }) {
  return [...divergent(views), ...lost(history, views), ...counted(history, views), ...replaced(history, versions), ...unseen(history), ...(ordered ? outOfOrder(history) : [])];
}

/** Views that differ from the first one in what they have. */
export function divergent(views) {
  const [[first, wanted], ...rest] = Object.entries(views);
  return rest.flatMap(([name, view]) => Object.keys(view).filter(part => canonical(view[part]) !== canonical(wanted[part])).map(part => `${part}: ${name} has ${differing(view[part], wanted[part])} otherwise than ${first}`));
}

function lost(history, views) {
  const inserts = new Map(history.of('insert').map(event => [event.key, event]));
  const found = [];
  for (const [name, { marks }] of Object.entries(views)) {
    for (const { key, outcome, client } of inserts.values()) {
      if (outcome === 'ok' && !(key in marks)) found.push(`${key}, acknowledged by ${client}, is not at ${name}`);
      if (outcome === 'no' && key in marks) found.push(`${key}, refused at ${client}, is at ${name}`);
    }
    for (const [key, fields] of Object.entries(marks)) {
      const made = inserts.get(key);
      if (!made) found.push(`${key} is at ${name}, and nobody made it`);
      else if (canonical(made.fields) !== canonical(fields)) found.push(`${key} is ${canonical(fields)} at ${name}, and was made ${canonical(made.fields)}`);
    }
  }
  return found;
}

function counted(history, views) {
  const found = [];
  for (const [name, { counters }] of Object.entries(views)) {
    for (const [key, { n }] of Object.entries(counters ?? {})) {
      const sum = outcome => history.of('add').filter(event => event.key === key && event.outcome === outcome).reduce((all, { by }) => all + by, 0);
      const [least, more] = [sum('ok'), sum('unknown')];
      if (n < least || n > least + more) found.push(`${key} is ${n} at ${name}: ${least} was added${more > 0 ? `, and perhaps ${more} more` : ''}`);
    }
  }
  return found;
}

function replaced(history, versions) {
  const sets = history.of('set');
  return sets.flatMap(({ client, device, key, value, outcome, at, began }) => {
    const own = sets.some(event => event.at !== at && event.at >= began && event.device === device && event.key === key && event.outcome !== 'no');
    return outcome !== 'ok' || versions[key]?.includes(value) || own ? [] : [`${value}, written to ${key} by ${client}, is in no version and no review`];
  });
}

function unseen(history) {
  const had = new Map();
  return history.of('insert', 'read').flatMap(({ client, kind, outcome, key, keys }) => {
    const known = had.get(client) ?? new Set();
    had.set(client, known);
    if (kind === 'insert') {
      if (outcome === 'ok') known.add(key);
      return [];
    }
    if (outcome !== 'ok') return [];
    const there = new Set(keys);
    const gone = [...known].filter(one => !there.has(one));
    keys.forEach(one => known.add(one));
    return gone.map(one => `${client} does not see ${one} any more`);
  });
}

function outOfOrder(history) {
  const after = new Map(history.of('insert').map(({ key, fields }) => [key, fields.after]));
  return history.of('read').filter(({ outcome, ordered }) => outcome === 'ok' && ordered !== false).flatMap(({ client, keys }) => {
    const there = new Set(keys);
    const without = keys.filter(key => after.get(key) && !there.has(after.get(key)));
    return without.map(key => `${client} sees ${key} without ${after.get(key)}, which its author had seen`);
  });
}

function differing(one, other) {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].filter(key => canonical(one[key]) !== canonical(other[key])).slice(0, 3).map(key => `${key} = ${canonical(one[key])} (${canonical(other[key])})`).join(', ');
}

/** Equal for equal values, whatever the order of their names. */
export function canonical(value) {
  return JSON.stringify(value, (_, part) => (part && typeof part === 'object' && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part));
}
