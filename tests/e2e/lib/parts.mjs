// What a package says that it is made of: a list as CycloneDX has it, and the texts of the licences.
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { equal, truthy } from './harness.mjs';

/** `folder`: where the package has its documents; `some`: names of parts that are in it for certain. */
export function madeOf(folder, some) {
  const read = name => gunzipSync(fs.readFileSync(path.join(folder, name))).toString();
  const bill = JSON.parse(read('sbom.cdx.json.gz'));
  equal([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.5'], 'what it is');
  const names = new Set(bill.components.map(({ name }) => name));
  equal(some.filter(name => !names.has(name)), [], 'parts that are not listed');
  equal([...names].filter(name => name.startsWith('sync-') || name === 'mooring-ui'), [], 'our own among them');
  equal(new Set(bill.components.map(({ purl }) => purl)).size, bill.components.length, 'each part is listed once');
  const incomplete = bill.components.filter(({ purl, licenses, hashes }) => !licenses[0].expression || (purl.startsWith('pkg:cargo/') && !/^[0-9a-f]{64}$/.test(hashes?.[0].content)));
  equal(incomplete.map(({ purl }) => purl), [], 'parts without a licence or a sum');
  const texts = read('licences-of-others.txt.gz');
  for (const { name, version, licenses: [{ expression }] } of bill.components) truthy(texts.includes(`\n${name} ${version}: ${expression} (texts: `), `${name} in the list of licences`);
  const known = new Set(texts.match(/^----- text \d+$/gm).map(line => line.split(' ').at(-1)));
  const named = new Set(texts.match(/\(texts: [\d, ]+\)$/gm).flatMap(list => list.match(/\d+/g)));
  equal([...named].filter(n => !known.has(n)), [], 'texts that are not there');
  for (const words of ['Permission is hereby granted, free of charge', 'Redistributions in binary form']) truthy(texts.includes(words), words);
}
