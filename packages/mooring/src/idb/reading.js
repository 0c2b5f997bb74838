/** Records of a collection as rows of a store. */

import { compare, convert, valueOf } from './key.js';
import { canInject, evaluate, inject } from './keypath.js';
import { read } from './recordkey.js';
import { Row } from './state.js';
import { fromFields, KEY } from './value.js';

/** Records that are read at once. */
const PAGE = 1000;

/** All records of a collection, page by page. */
export async function* recordsOf(records, collection) {
  let after;
  for (let more = true; more;) {
    const page = await records.read(collection, { after, limit: PAGE });
    yield* page.rows;
    more = page.more;
    after = page.rows.at(-1)?.key;
  }
}

/** All rows of a store. */
export async function rowsOf(records, store) {
  const rows = [];
  for await (const { key, fields } of recordsOf(records, store.collection)) rows.push(rowOf(store, key, fields));
  return rows;
}

/** A record as the program's own: what is missing of its key in the value is put there. */
export function rowOf(store, recordKey, fields) {
  const key = read(fields[KEY] ?? recordKey);
  if (KEY in fields) store.shortened.set(recordKey, key);
  const value = fromFields(fields);
  const { keyPath } = store;
  if (typeof keyPath === 'string') {
    const found = convert(evaluate(value, keyPath));
    const isSame = typeof found !== 'symbol' && compare(found, key) === 0;
    if (!isSame && keyPath !== '' && canInject(value, keyPath)) inject(value, keyPath, valueOf(key));
  }
  return new Row(key, value);
}
