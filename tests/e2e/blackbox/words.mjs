// What a client does with the npm package, in a page and in Node alike: plain data in and out.

const all = async collection => {
  const found = {};
  for (let after; ;) {
    const { rows, more } = await collection.all({ limit: 499, ...(after !== undefined && { after }) });
    for (const { key, fields } of rows) found[key] = fields;
    if (!more) return found;
    after = rows.at(-1).key;
  }
};

export const words = {
  insert: (workspace, collection, key, fields) => workspace.collection(collection).insert(fields, key),
  async set(workspace, key, value) {
    const seen = await workspace.get('registers', key);
    await workspace.collection('registers').edit(key, { value }, seen);
  },
  async add(workspace, key, by) {
    const seen = await workspace.get('counters', key);
    await workspace.collection('counters').edit(key, { n: seen.n + by }, seen);
  },
  read: (workspace, collection) => all(workspace.collection(collection)),
  reviews: async workspace => (await workspace.conflicts({ limit: 100 })).map(({ id }) => id),
  async resolve(workspace, id, decision) {
    const found = (await workspace.conflicts({ limit: 100 })).find(one => one.id === id);
    if (found) await workspace.resolve(found, decision);
  },
  /** What was refused: a decision about what somebody else had settled is given up, anything else is tried again. */
  async repair(workspace) {
    for (const refused of await workspace.rejected()) {
      await (refused.message.includes('settled this already') ? workspace.discard(refused) : workspace.retry(refused));
    }
  },
  async state(workspace) {
    const { pending, conflicts, rejected, phase, problem, verified } = workspace.status;
    const refused = rejected === 0 ? [] : await workspace.rejected();
    return { pending, conflicts, rejected, verified, phase, problem, refused: refused.map(({ collection, key, message }) => `${collection}/${key}: ${message}`) };
  },
  sync: workspace => workspace.syncNow(),
};
