// What the console's modules compute without a page: node console_units.mjs FOLDER (with the modules). Prints one JSON object.
import { pathToFileURL } from 'node:url'

const nothing = () => {}
Object.assign(globalThis, { location: new URL('https://iot.example.test:8443/install'), addEventListener: nothing, Node: class {}, setInterval: nothing })
const load = name => import(`${pathToFileURL(process.argv[2])}/${name}`)
const code = await load('pair-code.js')
const api = await load('api.js')
const ui = await load('ui.js')
const dom = await load('dom.js')
const device = await load('install-device.js')
const texts = await load('texts.js')
const input = JSON.parse(process.argv[3])

const root = 'ab'.repeat(32)
const pairing = { serverFingerprint: root, keyFingerprint: '0123456789abcdef'.repeat(4) }
console.log(JSON.stringify({
  judged: input.codes.map(code.judge),
  spelled: input.codes.map(code.spelled),
  handovers: input.handovers.map(code.parseHandover),
  local: input.paths.map(api.localPath),
  cells: input.cells.map(ui.csvCell),
  csv: ui.csvText([{ name: '=1+1', note: 'a,b' }, { name: 'x', more: { deep: 1 } }]),
  words: input.words.map(ui.shellWord),
  safe: input.addresses.map(dom.safeAddress),
  addresses: [api.address('/things', { a: 'x y', b: undefined, c: ['1', '2'], d: '' }), api.address('/things')],
  mismatches: [{}, { root }, { root: 'cd'.repeat(32) }, { key: '0123456789abcdef' }, { key: 'f123456789abcdef' }, { key: 'f123456789abcdef', root: 'cd'.repeat(32) }]
    .map(qr => device.mismatch(pairing, qr, root)),
  lying: device.mismatch({ ...pairing, serverFingerprint: 'cd'.repeat(32) }, { root }, root),
  said: [texts.t('ui.page', { page: 3 }), texts.t('ui.page', { page: '{name}' }), texts.t('no.such.key')]
}))
process.exit(0)
