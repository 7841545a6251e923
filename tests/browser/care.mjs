// Looking after a fleet: documents with findings, mended and compared; a dry run; certificates and their attachments; groups; search; long lists.
import {readFileSync} from 'node:fs'
import {accessible, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const test = (page, name) => page.locator(`[data-test="${name}"]`).first()
const tab = (page, name) => page.getByRole('tab', {name}).click()
const findings = page => test(page, 'policy-document-findings')

const calm = page => page.locator('[aria-busy=true]').first().waitFor({state: 'detached'})

// A question whose button does it; what is typed first confirms it.
async function confirmed(page, button, word) {
  await test(page, button).click()
  if (word) await test(page, `${button}-confirm-word`).fill(word)
  await test(page, `${button}-confirm`).click()
  await test(page, `${button}-confirm`).waitFor({state: 'detached'})
  await calm(page)
}

// What the modules without pages do, as they are served.
async function modules(page) {
  const told = await page.evaluate(async () => {
    const {jsonAt, jsonFault, lineOf, pretty} = await import('/assets/json-at.js')
    const {diffLines} = await import('/assets/diff.js')
    const {queryOf} = await import('/assets/page-things.js')
    const {csvCell} = await import('/assets/export.js')
    const text = '{\n  "a/b": [1, {"~": "x\\"}"}],\n  "c": {}\n}'
    const at = pointer => { const place = jsonAt(text, pointer); return place && text.slice(...place) }
    const signs = (a, b) => diffLines(a, b).map(row => row.sign + row.text).join('|')
    return {
      at: [at('/a~1b/0'), at('/a~1b/1/~0'), at('/c'), at('/d'), jsonAt('{"a": [1,', '/a')],
      line: lineOf(text, jsonAt(text, '/c')[0]),
      faults: [jsonFault('{}'), jsonFault('[1,]').at, jsonFault('').at, lineOf('{\n"a":\n}', jsonFault('{\n"a":\n}').at)],
      pretty: [pretty('{"a":1}'), pretty('{')],
      diff: [signs('a\nb\nc', 'a\nx\nc'), signs('a', 'a'), signs('', 'a'), signs('a\nb', 'b\nc')],
      large: diffLines(Array.from({length: 5000}, (_, i) => `a${i}`).join('\n'), 'b').length,
      query: ['', 'lamp', 'a b', 'x"*y', 'attributes.site:north', 'a:b:c', 'site: x'].map(queryOf),
      cells: ['=1+1', '-2', 'a,b', 'say "x"', null].map(csvCell)
    }
  })
  const want = {
    at: ['1', '"x\\"}"', '{}', null, null], line: 3, faults: [null, 3, 0, 3], pretty: ['{\n  "a": 1\n}', '{'],
    diff: [' a|-b|+x| c', ' a', '-|+a', '-a| b|+c'], large: 5001,
    query: ['thingName:*', 'thingName:lamp*', 'thingName:a\\ b*', 'thingName:x\\"\\*y*', 'attributes.site:north', 'a:b:c', 'thingName:site\\:\\ x*'],
    cells: ["'=1+1", "'-2", '"a,b"', '"say ""x"""', '']
  }
  for (const [name, value] of Object.entries(want)) {
    check(JSON.stringify(told[name]) === JSON.stringify(value), `${name}: ${JSON.stringify(told[name])} is not ${JSON.stringify(value)}`)
  }
}

async function editing(page) {
  await go(page, '/console#/policies/~new')
  await test(page, 'policy-document').fill(world.snippet)
  await findings(page).getByText('Refused').waitFor()
  await findings(page).getByRole('button', {name: 'line 5'}).click()
  check(await page.evaluate(() => document.activeElement.dataset.test === 'policy-document'), 'a finding leads to its line')
  await test(page, 'policy-document-mend').click()
  await findings(page).getByText('L6').waitFor()
  await test(page, 'policy-document-account').click()
  await findings(page).getByText('Refused').waitFor({state: 'detached'})
  await test(page, 'policy-name').fill('pubsub')
  await test(page, 'policy-save').click()
  await page.locator('.error-box').getByText('policy-exists').waitFor()
  await test(page, 'policy-name').fill('mended')
  await test(page, 'policy-save').click()
  await page.waitForURL('**/console#/policies/mended')
}

async function versions(page) {
  await test(page, 'policy-version-save').waitFor() // the page of the new policy, whose editor has the same name
  await test(page, 'policy-document').fill('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]}')
  await test(page, 'policy-version-default').uncheck()
  await test(page, 'policy-version-save').click()
  await page.getByText('Saved as version 2').waitFor()
  await calm(page)
  await tab(page, 'Versions')
  await test(page, 'policy-compare-2').click()
  await test(page, 'diff').getByText('"Deny"').waitFor()
  await accessible(page, 'versions of a policy')
  await test(page, 'policy-stand-2').click()
  await test(page, 'policy-stand-confirm').click()
  await calm(page)
  await test(page, 'policy-version-delete-1').click()
  await test(page, 'policy-version-delete-confirm').click()
  await test(page, 'policy-version-delete-1').waitFor({state: 'detached'})
  await confirmed(page, 'policy-delete', 'mended')
  await page.waitForURL('**/console#/policies')
}

async function template(page) {
  await go(page, `/console#/templates/${world.template}/try`)
  await test(page, 'template-try-ThingName').fill('not a name')
  await test(page, 'template-try').click()
  await page.locator('[data-test="template-plan"][data-outcome="parameter-invalid"]').waitFor()
  await test(page, 'template-try-ThingName').fill(world.thing)
  await test(page, 'template-try').click()
  const plan = page.locator('[data-test="template-plan"][data-outcome="ok"]')
  await plan.getByText(world.thing).waitFor()
  check((await plan.innerText()).includes('There already'), 'what is there already is told')
  await accessible(page, 'dry run')
  await tab(page, 'Settings')
  await test(page, 'template-mode').selectOption('replace-now')
  await test(page, 'template-takeover-save').click()
  await page.getByText('Saved').first().waitFor()
  await calm(page)
  await confirmed(page, 'template-disable')
  await confirmed(page, 'template-enable')
  await test(page, 'template-disable').waitFor()
}

async function certificate(page) {
  await go(page, '/console#/certificates')
  await test(page, 'certificate-create').click()
  await test(page, 'certificate-create-confirm').click()
  await test(page, 'certificate-made').waitFor()
  const [file] = await Promise.all([page.waitForEvent('download'), test(page, 'certificate-download-1').click()])
  check(readFileSync(await file.path(), 'utf8').includes('PRIVATE KEY'), 'the key is given, once')
  await test(page, 'certificate-made-open').click()
  await page.waitForURL(/certificates\/[0-9a-f]{64}$/)
  const id = page.url().slice(-64)
  await test(page, 'certificate-policy-attach').click()
  await test(page, 'certificate-policy-name').fill('nobody')
  await test(page, 'certificate-policy-attach-confirm').click()
  await page.locator('dialog .error-box').getByText('policy-missing').waitFor()
  await test(page, 'certificate-policy-name').fill('pubsub')
  await test(page, 'certificate-policy-attach-confirm').click()
  await test(page, 'certificate-policy-detach').waitFor()
  await test(page, 'certificate-thing-attach').click()
  await test(page, 'certificate-thing-name').fill(world.thing)
  await test(page, 'certificate-thing-attach-confirm').click()
  await test(page, 'certificate-thing-detach').waitFor()
  check(await test(page, 'certificate-delete').isDisabled(), 'what is in force is not deleted')
  await test(page, 'certificate-revoke').click()
  await test(page, 'certificate-revoke-confirm').click()
  await page.locator('dialog .field-error').getByText(id.slice(0, 8)).waitFor()
  await test(page, 'certificate-revoke-confirm-word').fill(id.slice(0, 8))
  await test(page, 'certificate-revoke-confirm').click()
  await page.locator('h1').getByText('Revoked').waitFor()
  await confirmed(page, 'certificate-delete', id.slice(0, 8))
  await page.waitForURL('**/console#/certificates')
}

async function groups(page) {
  await go(page, '/console#/groups')
  await test(page, 'group-create').click()
  await test(page, 'group-name').fill('attic')
  await test(page, 'group-create-confirm').click()
  await page.waitForURL('**/console#/groups/attic')
  await test(page, 'group-thing-add').click()
  await test(page, 'group-thing-name').fill(world.thing)
  await test(page, 'group-thing-add-confirm').click()
  await page.getByRole('link', {name: world.thing}).click()
  await page.waitForURL(`**/console#/things/${world.thing}`)
  await test(page, 'thing-edit').click()
  await test(page, 'thing-attributes').fill('no equals sign')
  await test(page, 'thing-edit-confirm').click()
  await page.locator('dialog .error-box').waitFor()
  await test(page, 'thing-attributes').fill('site=north')
  await test(page, 'thing-edit-confirm').click()
  await page.getByText('north', {exact: true}).waitFor()
  await test(page, 'thing-group-remove').click()
  await test(page, 'thing-group-remove-confirm').click()
  await test(page, 'thing-group-remove').waitFor({state: 'detached'})
  await confirmed(page, 'thing-delete', world.thing)
  await page.waitForURL('**/console#/things')
}

async function searching(page) {
  for (const [word, hit] of world.searches) {
    await go(page, `/console#/search?q=${encodeURIComponent(word)}`)
    await page.locator('[data-test="search-hit"]', {hasText: hit}).first().waitFor()
  }
  await go(page, '/console#/search?q=nothing-has-this-name')
  await page.getByText('Nothing has this name or id.').waitFor()
}

async function paging(page) {
  const first = () => test(page, 'thing-link').innerText()
  await go(page, '/console#/things')
  check(await page.locator('[data-test="thing-link"]').count() === 100, 'a page has a hundred')
  await page.getByRole('button', {name: 'Next'}).click()
  await page.getByText('Page 2').waitFor()
  check(await first() === 'many-100', `the second page begins with ${await first()}`)
  await test(page, 'things-search').fill('attributes.serialNumber:S7')
  await page.locator('[data-test="thing-link"]', {hasText: 'many-007'}).waitFor()
  await page.locator('[data-test="thing-link"]', {hasText: 'many-100'}).waitFor({state: 'detached'})
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'JSON'}).click()])
  check(JSON.parse(readFileSync(await file.path(), 'utf8'))[0].Name === 'many-007', 'what is shown is exported')
  await everything(page)
}

// The element that has the focus: what it is, and whether one sees that.
const focused = page => page.evaluate(() => {
  const node = document.activeElement
  const {outlineStyle, outlineWidth} = getComputedStyle(node)
  const box = node.getBoundingClientRect()
  return {
    text: (node.getAttribute('aria-label') ?? node.textContent).trim(), within: node.closest('dialog') ? 'dialog' : node.closest('nav.side') ? 'side' : node.closest('header.top') ? 'top' : node.closest('main') ? 'main' : '',
    seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && box.top >= 0 && box.left >= 0 && box.width > 0, tag: node.tagName
  }
})

// Without a mouse: everything in its order, always seen; what opens keeps the focus, and gives it back.
async function keyboard(page) {
  await go(page, '/console#/settings')
  await page.reload()
  await page.locator('html[data-ready]').waitFor({state: 'attached'})
  const walk = []
  for (let i = 0; i < 22; i++) {
    await page.keyboard.press('Tab')
    const now = await focused(page)
    check(now.seen, `the focus is not seen on ${now.text}`)
    walk.push(now)
  }
  check(walk[0].text === 'Skip to content' && walk[1].within === 'side', `it begins at ${walk[0].text}, ${walk[1].text}`)
  const places = walk.slice(1).map(one => one.within)
  check(places.join() === [...places].sort((a, b) => ['side', 'top', 'main'].indexOf(a) - ['side', 'top', 'main'].indexOf(b)).join() && places.includes('main'), `the order is ${places}`)
  await page.locator('.account-button').focus()
  await page.keyboard.press('Enter')
  await page.locator('dialog[open]').waitFor()
  await page.locator('dialog').getByText('This session ends').waitFor()
  for (let i = 0; i < 14; i++) {
    await page.keyboard.press('Tab')
    const now = await focused(page)
    check(now.within === 'dialog' || now.tag === 'BODY', `Tab leads out of the dialog to ${now.text}`)
  }
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({state: 'detached'})
  check((await focused(page)).text.includes('admin'), 'the button has the focus again')
  await page.keyboard.press('/')
  await test(page, 'search').fill('pubsub')
  await test(page, 'search-all').waitFor()
  await page.keyboard.press('ArrowUp')
  check((await focused(page)).text.startsWith('All that'), 'arrows go through what was found')
  await page.keyboard.press('Enter')
  await page.waitForURL(/#\/search\?q=pubsub/)
  await page.locator('[data-test=search-hit]').first().waitFor()
  await page.locator('input[type=search]:focus').waitFor()
  await page.keyboard.press('/') // typed into the field of this page: no palette
  check(await page.locator('dialog').count() === 0, 'what is typed is typed')
  await page.locator('h1').focus()
  await page.keyboard.press('g')
  await page.keyboard.press('t')
  await page.waitForURL('**/console#/things')
  await page.locator('h1:focus').getByText('Things').waitFor()
  await page.emulateMedia({reducedMotion: 'reduce'})
  const turning = await page.evaluate(() => {
    const node = document.body.appendChild(Object.assign(document.createElement('span'), {className: 'spinner'}))
    const {animationIterationCount, animationDuration} = getComputedStyle(node)
    node.remove()
    return [animationIterationCount, parseFloat(animationDuration)]
  })
  check(turning[0] === '1' && turning[1] < 0.001, `it turns: ${turning}`)
  await page.emulateMedia({reducedMotion: 'no-preference'})
}

// All pages of a list as one file; or none, when one thinks better of it.
async function everything(page) {
  await test(page, 'things-search').fill('many-')
  await page.locator('[data-test="thing-link"]', {hasText: 'many-000'}).waitFor()
  await page.getByRole('button', {name: 'Next'}).click()
  await page.getByText('Page 2').waitFor()
  await page.getByLabel('all pages').check()
  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'CSV'}).click()])
  const lines = readFileSync(await csv.path(), 'utf8').trim().split('\r\n')
  check(lines.length === 251 && lines[1].startsWith('many-000') && lines[250].startsWith('many-249'), `${lines.length} lines`)
  await page.getByText('250 rows saved').waitFor()
  let go
  const held = new Promise(resolve => (go = resolve))
  await page.route('**/indices/search', async route => {
    if (route.request().postDataJSON().nextToken) await held
    await route.continue().catch(() => {})
  })
  let saved = false
  page.on('download', () => (saved = true))
  await page.getByRole('button', {name: 'JSON'}).click()
  await page.getByText('100 rows').waitFor()
  await test(page, 'export-stop').click()
  await page.getByText('nothing saved').waitFor()
  go()
  await page.unrouteAll({behavior: 'wait'})
  check(!saved, 'no file of what was stopped')
}

await withBrowser(async open => {
  const {page} = await open({acceptDownloads: true})
  await signIn(page)
  await modules(page)
  await editing(page)
  await versions(page)
  await template(page)
  await certificate(page)
  await groups(page)
  await searching(page)
  await paging(page)
  await keyboard(page)
  say({end: true})
})
