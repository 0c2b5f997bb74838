/** Key paths: which are valid, what they find in a value, and how a generated key is put where they point. */

const NAME = '[$_\\p{ID_Start}][$\\u200c\\u200d\\p{ID_Continue}]*';
const PATH = new RegExp(`^(?:${NAME}(?:\\.${NAME})*)?$`, 'u');

/** Whether a key path, one or a list of them, is valid. */
export function isValid(path) {
  return Array.isArray(path) ? path.length > 0 && path.every(one => PATH.test(one)) : PATH.test(path);
}

function step(value, name) {
  if (typeof value === 'string') return name === 'length' ? value.length : undefined;
  if (value === null || typeof value !== 'object') return undefined;
  if (typeof Blob !== 'undefined' && value instanceof Blob) {
    if (name === 'size' || name === 'type') return value[name];
    if (typeof File !== 'undefined' && value instanceof File && (name === 'name' || name === 'lastModified')) return value[name];
  }
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** What a key path finds in a value that was cloned before; `undefined` where it fails. */
export function evaluate(value, path) {
  if (Array.isArray(path)) {
    const found = path.map(one => evaluate(value, one));
    return found.includes(undefined) ? undefined : found;
  }
  if (path === '') return value;
  let at = value;
  for (const name of path.split('.')) {
    at = step(at, name);
    if (at === undefined) return undefined;
  }
  return at;
}

/** Whether a key can be put where the path points. */
export function canInject(value, path) {
  const names = path.split('.');
  const last = names.pop();
  let at = value;
  for (const name of names) {
    if (at === null || typeof at !== 'object') return false;
    if (!Object.hasOwn(at, name)) return true;
    at = at[name];
  }
  return at !== null && typeof at === 'object' && last !== undefined;
}

// a program may have put setters on Object.prototype
const set = (object, name, value) =>
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });

/** Puts a key where the path points; `canInject` was asked before. */
export function inject(value, path, key) {
  const names = path.split('.');
  const last = names.pop();
  let at = value;
  for (const name of names) {
    if (!Object.hasOwn(at, name)) set(at, name, {});
    at = at[name];
  }
  set(at, last, key);
}
