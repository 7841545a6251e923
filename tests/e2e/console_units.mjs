// What the console's modules compute without a page: node console_units.mjs FOLDER (with the modules). Prints one JSON object.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'

const nothing = () => {}
Object.assign(globalThis, { location: new URL('https://iot.example.test:8443/install'), addEventListener: nothing, Node: class {}, setInterval: nothing })
const load = name => import(`${pathToFileURL(process.argv[2])}/${name}`)
const code = await load('pair-code.js')
const api = await load('api.js')
const ui = await load('ui.js')
const files = await load('export.js')
const dom = await load('dom.js')
const device = await load('install-device.js')
const texts = await load('texts.js')
const input = JSON.parse(process.argv[3])

// What early.js begins with for an address: {asked, links}.
function early(address) {
  const told = { asked: [], links: [] }
  const document = { documentElement: { dataset: {} }, createElement: () => ({}), head: { append: link => told.links.push(link.href) } }
  const fetch = async path => void told.asked.push(path)
  runInNewContext(readFileSync(`${process.argv[2]}/early.js`, 'utf8'), { document, fetch, location: new URL(address, 'https://iot.example.test'), localStorage: { getItem: () => null } })
  return told
}

// A file of many pages, as it would be saved.
async function saved(pages, form) {
  let blob
  Object.assign(globalThis, {
    document: { createElement: () => Object.assign(new Node(), { click: nothing, remove: nothing, setAttribute: nothing, append: nothing }), body: { append: nothing } }, setTimeout: nothing
  })
  URL.createObjectURL = given => (blob = given, 'blob:x')
  const told = await files.save(pages, 'x', form)
  return [await blob.text(), told.rows, told.more]
}

const root = 'ab'.repeat(32)
const pairing = { serverFingerprint: root, keyFingerprint: '0123456789abcdef'.repeat(4) }
console.log(JSON.stringify({
  judged: input.codes.map(code.judge),
  spelled: input.codes.map(code.spelled),
  handovers: input.handovers.map(code.parseHandover),
  local: input.paths.map(api.localPath),
  cells: input.cells.map(files.csvCell),
  csv: files.csvText([{ name: '=1+1', note: 'a,b' }, { name: 'x', more: { deep: 1 } }]),
  words: input.words.map(ui.shellWord),
  safe: input.addresses.map(dom.safeAddress),
  addresses: [api.address('/things', { a: 'x y', b: undefined, c: ['1', '2'], d: '' }), api.address('/things')],
  mismatches: [{}, { root }, { root: 'cd'.repeat(32) }, { key: '0123456789abcdef' }, { key: 'f123456789abcdef' }, { key: 'f123456789abcdef', root: 'cd'.repeat(32) }]
    .map(qr => device.mismatch(pairing, qr, root)),
  lying: device.mismatch({ ...pairing, serverFingerprint: 'cd'.repeat(32) }, { root }, root),
  early: Object.fromEntries(input.early.map(address => [address, early(address)])),
  files: [await saved([[{ a: '=1', b: 2 }], [{ b: 'x,y', c: 3 }], []], 'csv'), await saved([[{ a: 1 }], [{ a: [2] }]], 'json'), await saved([], 'json'), await saved([], 'csv')],
  bound: (await saved(Array(3).fill(Array(files.MOST_ROWS / 2 + 1).fill({ a: 1 })), 'csv')).slice(1),
  said: [texts.t('ui.page', { page: 3 }), texts.t('ui.page', { page: '{name}' }), texts.t('no.such.key')]
}))
process.exit(0)
