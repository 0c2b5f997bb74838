// What a program asks for, as the engine reads it.
import { wrong } from './error.js';
import { valueIn } from './values.js';

const GROUP = Symbol('group');
/** Tests of one value, as programs write them and as the engine reads them. */
const TESTS = {
  is: 'is', isNot: 'is_not', anyOf: 'any_of', contains: 'contains', containsNot: 'contains_not', begins: 'begins',
  less: 'less', atMost: 'at_most', greater: 'greater', atLeast: 'at_least', between: 'between',
  hasAny: 'has_any', hasAll: 'has_all', hasNone: 'has_none',
};

/** Rows that pass all, one at least, or none of these. */
export const all = (...parts) => ({ [GROUP]: (read) => ({ all: parts.map(read) }) });
export const any = (...parts) => ({ [GROUP]: (read) => ({ any: parts.map(read) }) });
export const not = (part) => ({ [GROUP]: (read) => ({ not: read(part) }) });

/** What a program asks for, as the engine reads it. */
export function viewOf(collection, { where, search, sort }) {
  return {
    collection,
    ...(where ? { filter: filterOf(where) } : {}),
    ...(search ? { search } : {}),
    ...(sort ? { sort: [sort].flat().map(sortOf) } : {}),
  };
}

function filterOf(where) {
  if (where?.[GROUP]) return where[GROUP](filterOf);
  if (!where || typeof where !== 'object') throw wrong('where is an object of fields and tests, or all(), any(), not().');
  return { all: Object.entries(where).flatMap(([field, tests]) => testsOf(tests).map((test) => ({ field: { ...named(field), test } }))) };
}

/** `5` stands for `{is: 5}`, `{atLeast: 5, less: 9}` for two tests. */
function testsOf(tests) {
  const [plain] = valueIn(tests);
  if (plain === undefined) return ['empty'];
  if (typeof plain !== 'object' || Array.isArray(plain)) return [{ is: plain }];
  return Object.entries(tests).map(([name, value]) => {
    if (name === 'empty') return value ? 'empty' : 'filled';
    if (!(name in TESTS)) throw wrong(`There is no test “${name}”. There are: ${Object.keys(TESTS).join(', ')}, empty.`);
    return { [TESTS[name]]: Array.isArray(value) ? value.map((part) => valueIn(part)[0]) : valueIn(value)[0] };
  });
}

function sortOf(by) {
  const [text, descending] = by.startsWith('-') ? [by.slice(1), true] : [by, false];
  return { ...named(text), ...(descending ? { descending } : {}) };
}

/** `$key` is the key. */
const named = (field) => (field === '$key' ? {} : { field });

const EVERY = { all: [] };
const NONE = { any: [] };
/** What a row without a value passes. */
const WITHOUT = ['is_not', 'contains_not', 'has_none', 'empty'];

/**
 * The same view as far as it is about these fields; `undefined` where it is about no other. In a collection whose fields
 * appear as they are written, a field that nobody has written yet is one without a value in every row.
 */
export function among(view, fields) {
  let without = false;
  const has = ({ field }) => field === undefined || field in fields || !(without = true);
  const filter = (part) => {
    if (part.all) return { all: part.all.map(filter) };
    if (part.any) return { any: part.any.map(filter) };
    if (part.not) return { not: filter(part.not) };
    if (has(part.field)) return part;
    const { test } = part.field;
    return WITHOUT.includes(typeof test === 'string' ? test : Object.keys(test)[0]) ? EVERY : NONE;
  };
  const reduced = { ...view, ...(view.filter ? { filter: filter(view.filter) } : {}), ...(view.sort ? { sort: view.sort.filter(has) } : {}) };
  return without ? reduced : undefined;
}
