/**
 * Values as JSON, and back: JSON is itself, and what JSON lacks is an object whose `$` says what it is.
 *
 * An object that is met again is a reference: the names on the way to where it stands first.
 */

import { fromBase64, toBase64 } from './bytes.js';
import { failure } from './errors.js';

const VIEWS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array,
  Float64Array, BigInt64Array, BigUint64Array, DataView, globalThis.Float16Array].filter(Boolean);
const ERRORS = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, Error];

/** Classes of the platform that are some numbers: with what they are made again. */
const GEOMETRY = {
  DOMPoint: ['x', 'y', 'z', 'w'],
  DOMPointReadOnly: ['x', 'y', 'z', 'w'],
  DOMRect: ['x', 'y', 'width', 'height'],
  DOMRectReadOnly: ['x', 'y', 'width', 'height'],
};
const MATRICES = ['DOMMatrix', 'DOMMatrixReadOnly'];

const LONE = /\p{Cs}/u;
/** Whether a text is no Unicode: JSON of other programs does not have it. */
export const isLone = text => LONE.test(text);
const units = text => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
const fromUnits = codes => codes.map(code => String.fromCharCode(code)).join('');
const kindOf = value => Object.prototype.toString.call(value).slice(8, -1);

/** Numbers that JSON lacks. */
export const isOddNumber = number => !Number.isFinite(number) || Object.is(number, -0);
export const oddName = number => (Object.is(number, -0) ? '-0' : String(number));

export class Encoder {
  constructor() {
    this.seen = new Map();
    /** What has to be waited for before the JSON is complete. @type {(() => Promise<void>)[]} */
    this.later = [];
  }

  /** An object that is met again is a new one. */
  forget(object) {
    this.seen.delete(object);
    if (ArrayBuffer.isView(object)) this.seen.delete(object.buffer);
  }

  /**
   * @param {unknown} value a clone, so that it has no getters
   * @param {(string | number)[]} way names from the root of the JSON
   */
  encode(value, way) {
    switch (typeof value) {
      case 'boolean': return value;
      case 'number': return isOddNumber(value) ? { $: 'number', is: oddName(value) } : value;
      case 'string': return isLone(value) ? { $: 'text', units: units(value) } : value;
      case 'undefined': return { $: 'undefined' };
      case 'bigint': return { $: 'bigint', is: String(value) };
      case 'object': return value === null ? null : this.#met(value, way);
      default: throw failure('DataCloneError', `A ${typeof value} cannot be stored.`);
    }
  }

  #met(object, way) {
    const before = this.seen.get(object);
    if (before !== undefined) return { $: 'reference', to: before };
    this.seen.set(object, way);
    if (Array.isArray(object)) return this.#array(object, way);
    const kind = kindOf(object);
    const special = this.#special[kind];
    if (special) return special(object, way);
    if (ArrayBuffer.isView(object)) return this.#view(object, way);
    if (object instanceof Error) return this.#error(object, way);
    if (kind in GEOMETRY) return { $: kind, of: GEOMETRY[kind].map(name => this.encode(object[name], way)) };
    if (MATRICES.includes(kind)) return { $: kind, of: Array.from(object.toFloat64Array(), number => this.encode(number, way)) };
    if (kind !== 'Object') throw failure('DataCloneError', `A ${kind} cannot be stored.`);
    return this.#object(object, way);
  }

  #special = {
    Date: date => ({ $: 'date', at: Number.isNaN(date.getTime()) ? null : date.toISOString() }),
    RegExp: ({ source, flags }) => ({ $: 'regexp', source: this.encode(source, []), flags }),
    Map: (map, way) => ({ $: 'map', of: [...map].map((pair, at) => pair.map((one, side) => this.encode(one, [...way, 'of', at, side]))) }),
    Set: (set, way) => ({ $: 'set', of: [...set].map((one, at) => this.encode(one, [...way, 'of', at])) }),
    Boolean: (object, way) => ({ $: 'boxed', of: this.encode(object.valueOf(), way) }),
    Number: (object, way) => ({ $: 'boxed', of: this.encode(object.valueOf(), way) }),
    String: (object, way) => ({ $: 'boxed', of: this.encode(object.valueOf(), way) }),
    BigInt: (object, way) => ({ $: 'boxed', of: this.encode(object.valueOf(), way) }),
    ArrayBuffer: buffer => ({
      $: 'bytes', base64: toBase64(new Uint8Array(buffer)), ...(buffer.resizable ? { most: buffer.maxByteLength } : {}),
    }),
    ImageData: ({ data, width, height, colorSpace = 'srgb' }) => ({
      $: 'ImageData', base64: toBase64(new Uint8Array(data.buffer)), width, height, colorSpace,
    }),
    Blob: blob => this.#blob({ $: 'blob', type: blob.type }, blob),
    File: file => this.#blob({ $: 'file', type: file.type, name: file.name, modified: file.lastModified }, file),
  };

  #blob(json, blob) {
    this.later.push(async () => {
      json.base64 = toBase64(new Uint8Array(await blob.arrayBuffer()));
    });
    return json;
  }

  #view(view, way) {
    const type = kindOf(view);
    const length = type === 'DataView' ? view.byteLength : view.length;
    return { $: 'view', type, buffer: this.encode(view.buffer, [...way, 'buffer']), from: view.byteOffset, length };
  }

  #error(error, way) {
    const json = { $: 'error', name: error.name };
    for (const name of ['message', 'stack', 'cause']) {
      if (Object.hasOwn(error, name)) json[name] = this.encode(error[name], [...way, name]);
    }
    return json;
  }

  #array(array, way) {
    const names = Object.keys(array);
    const dense = names.length === array.length && names.every((name, at) => name === String(at));
    if (dense) return array.map((one, at) => this.encode(one, [...way, at]));
    return { $: 'array', length: array.length, of: this.#pairs(array, names, way) };
  }

  #object(object, way) {
    const names = Object.keys(object);
    if (names.some(name => name === '$' || name === '__proto__' || isLone(name))) return { $: 'object', of: this.#pairs(object, names, way) };
    const json = {};
    for (const name of names) put(json, name, this.encode(object[name], [...way, name]));
    return json;
  }

  #pairs(object, names, way) {
    return names.map((name, at) => [this.encode(name, []), this.encode(object[name], [...way, 'of', at, 1])]);
  }
}

/** Sets a property of an object's own, whatever its prototype has. */
export const put = (object, name, value) => {
  if (name in object) Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
};

export class Decoder {
  /** @param root the JSON whose names references follow */
  constructor(root) {
    this.root = root;
    this.made = new Map();
  }

  decode(json) {
    if (json === null || typeof json !== 'object') return json;
    if (this.made.has(json)) return this.made.get(json);
    if (Array.isArray(json)) return this.#fill(json, [], array => { for (const one of json) array.push(this.decode(one)); });
    if (typeof json.$ !== 'string') return this.#fill(json, {}, object => { for (const name of Object.keys(json)) put(object, name, this.decode(json[name])); });
    const read = this.#readers[json.$];
    return read ? read(json) : this.#platform(json);
  }

  #fill(json, object, filling) {
    this.made.set(json, object); // first, for what refers to itself
    filling(object);
    return object;
  }

  #keep(json, object) {
    this.made.set(json, object);
    return object;
  }

  #pairs(json, object) {
    return this.#fill(json, object, () => {
      for (const [name, value] of json.of) put(object, this.decode(name), this.decode(value));
    });
  }

  #readers = {
    number: ({ is }) => Number(is),
    text: json => fromUnits(json.units),
    undefined: () => undefined,
    bigint: ({ is }) => BigInt(is),
    reference: ({ to }) => this.decode(to.reduce((at, name) => at?.[name], this.root)),
    date: json => this.#keep(json, new Date(json.at ?? Number.NaN)),
    regexp: json => this.#keep(json, new RegExp(this.decode(json.source), json.flags)),
    map: json => this.#fill(json, new Map(), map => { for (const [key, value] of json.of) map.set(this.decode(key), this.decode(value)); }),
    set: json => this.#fill(json, new Set(), set => { for (const one of json.of) set.add(this.decode(one)); }),
    boxed: json => this.#keep(json, Object(this.decode(json.of))),
    bytes: json => this.#keep(json, bufferOf(json)),
    view: json => this.#view(json),
    error: json => this.#error(json),
    array: json => this.#pairs(json, new Array(json.length)),
    object: json => this.#pairs(json, {}),
    blob: json => this.#keep(json, new Blob([fromBase64(json.base64)], { type: json.type })),
    file: json => this.#keep(json, new File([fromBase64(json.base64)], json.name, { type: json.type, lastModified: json.modified })),
  };

  #view(json) {
    const View = VIEWS.find(one => one.name === json.type);
    return this.#keep(json, new View(this.decode(json.buffer), json.from, json.length));
  }

  #error(json) {
    const Class = ERRORS.find(one => one.name === json.name) ?? Error;
    return this.#fill(json, new Class(), error => {
      for (const name of ['message', 'stack', 'cause']) {
        if (name in json) Object.defineProperty(error, name, { value: this.decode(json[name]), writable: true, configurable: true });
      }
    });
  }

  #platform(json) {
    const Class = globalThis[json.$];
    if (json.$ in GEOMETRY && Class) return this.#keep(json, new Class(...json.of.map(number => this.decode(number))));
    if (MATRICES.includes(json.$) && Class) return this.#keep(json, new Class(json.of.map(number => this.decode(number))));
    if (json.$ === 'ImageData' && Class) {
      const { width, height, colorSpace } = json;
      return this.#keep(json, new Class(new Uint8ClampedArray(fromBase64(json.base64)), width, height, { colorSpace }));
    }
    return this.#fill(json, {}, object => Object.assign(object, json)); // of a later release, or of another platform
  }
}

function bufferOf({ base64, most }) {
  const bytes = fromBase64(base64);
  if (most === undefined) return bytes.buffer;
  const buffer = new ArrayBuffer(bytes.length, { maxByteLength: most });
  new Uint8Array(buffer).set(bytes);
  return buffer;
}
