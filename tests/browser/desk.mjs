// At a desk: claims, users and keys, hooks, requests of others, the ledger, why; each by clicking, the test looks at what came of it.
import {readFileSync} from 'node:fs'
import {accessible, ask, check, say, withBrowser} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const test = (page, name) => page.locator(`[data-test="${name}"]`).first()
const EVIL = '<img src=x onerror="globalThis.hurt = 1">'

async function saved(page, act) {
  const [file] = await Promise.all([page.waitForEvent('download'), act()])
  return {name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8')}
}

const nothingHurt = async page => check(!await page.evaluate(() => 'hurt' in globalThis || document.querySelector('img, script[src=x]')), 'what others named is text')

async function claims(page, world) {
  await go(page, '/console#/claims')
  await test(page, 'claim-new').click()
  await test(page, 'claim-create-templateName').selectOption(world.template)
  await test(page, 'claim-create-parameters-name').waitFor()
  await test(page, 'claim-create-parameters-value').fill('desk-lamp')
  await test(page, 'claim-create-lifetimeSeconds').selectOption('300')
  const line = await page.locator('dialog .cli code').innerText()
  check(line === `vouch claim create --template ${world.template} --parameter ThingName=desk-lamp --out claim`, line)
  await accessible(page, 'new claim')
  await test(page, 'claim-create').click()
  await test(page, 'claim-made').waitFor()
  const drawing = (await test(page, 'claim-qr').locator('svg.qr').screenshot()).toString('base64')
  const {text} = await saved(page, () => test(page, 'claim-download-bundle.json').click())
  const id = await test(page, 'claim-id').innerText()
  await test(page, 'claim-done').click()
  await page.getByText('desk-lamp').first().waitFor()
  await ask({claim: {id, bundle: text, drawing}})
  await page.locator('tr', {hasText: 'desk-lamp'}).getByText('used').waitFor() // by itself
  await go(page, `/console#/claims/${id}`)
  await page.getByText(/is registered, by template/).waitFor()
}

async function cancelled(page, id) {
  await go(page, '/console#/claims')
  await test(page, 'claims-filter').fill('onerror')
  await page.locator('tr', {hasText: EVIL}).waitFor()
  await go(page, `/console#/claims/${id}`)
  await page.getByText(EVIL).first().waitFor()
  await nothingHurt(page)
  await test(page, 'claim-cancel').click()
  await test(page, 'claim-cancel-confirm').click()
  await page.locator('h1').getByText('cancelled').waitFor()
}

async function requests(page) {
  await go(page, '/console#/overview')
  await test(page, 'waiting-request').getByRole('link').click()
  await test(page, 'claim-request-approve').click()
  await test(page, 'claim-request-approve-confirm').click()
  await page.getByText('approved', {exact: true}).waitFor()
}

async function users(page) {
  await go(page, '/console#/users')
  await test(page, 'user-new').click()
  await test(page, 'user-create-userName').fill('desk.user')
  await test(page, 'user-create').click()
  await page.waitForURL('**/console#/users/desk.user')
  await test(page, 'user-key-new').click()
  await test(page, 'user-key-create').click()
  const [id, secret] = await Promise.all(['user-key-id', 'user-key-secret'].map(name => test(page, name).innerText()))
  const csv = await saved(page, () => test(page, 'user-key-download').click())
  check(csv.text.includes(secret) && csv.name === 'desk.user_accessKeys.csv', 'the key can be kept')
  await test(page, 'user-key-noted').click()
  await page.getByText(id).waitFor()
  check(!(await page.locator('body').innerText()).includes(secret), 'a secret is told once')
  await test(page, 'policy-new').click()
  await test(page, 'policy-save-policyName').fill('look')
  await test(page, 'policy-start-look').click()
  await test(page, 'policy-save').click()
  await page.getByText('look', {exact: true}).waitFor()
  await ask({key: {accessKeyId: id, secretAccessKey: secret}})
  await test(page, 'user-password').click()
  await test(page, 'user-password-set').click()
  const password = await test(page, 'user-password-made').innerText()
  await test(page, 'user-password-noted').click()
  return password
}

// The new user's own look: what reads is there, what changes is not.
async function looking(open, password) {
  const {context, page} = await open()
  await signIn(page, {user: 'desk.user', password})
  await go(page, '/console#/users/installer')
  await test(page, 'user-keys').waitFor()
  for (const name of ['user-key-new', 'user-delete', 'policy-new', 'limits-set']) check(await test(page, name).count() === 0, `${name} is not offered`)
  await go(page, '/console#/hooks')
  check(await test(page, 'hook-new').count() === 0, 'no new hooks')
  return {context, page}
}

async function signedOut(page, other) {
  await page.reload()
  await test(page, 'user-signout').click()
  await test(page, 'user-signout-confirm').click()
  await page.getByText('Not signed in anywhere.').waitFor()
  await other.page.reload()
  await other.page.waitForURL('**/sign-in?**')
  await other.context.close()
  await test(page, 'user-delete').click()
  await test(page, 'user-delete-confirm').click()
  await page.waitForURL('**/console#/users')
}

async function hooks(page) {
  await go(page, '/console#/hooks')
  await test(page, 'hook-new').click()
  await test(page, 'hook-save-hookName').fill('desk-list')
  await test(page, 'hook-save').click()
  await page.waitForURL('**/console#/hooks/desk-list')
  await test(page, 'hook-serials-add').click()
  await test(page, 'hook-serials-save-text').fill(`serial,Site\n"a ""quoted"" one","Porto, Norte"\nSN-2,\n${EVIL.replaceAll('"', "'")},x\n`)
  await test(page, 'hook-serials-save').click()
  await page.getByText('3 serials added.').waitFor()
  await page.getByText('Site=Porto, Norte').waitFor()
  await nothingHurt(page)
  for (const [serial, word] of [['a "quoted" one', 'yes'], ['SN-3', 'no']]) {
    await test(page, 'hook-test').click()
    await test(page, 'hook-test-go-parameters-value').fill(serial)
    await test(page, 'hook-test-go').click()
    await test(page, 'hook-answer').getByText(word, {exact: true}).waitFor()
  }
  await page.locator('tr', {hasText: 'SN-2'}).getByRole('button').click()
  await test(page, 'hook-serial-remove-confirm').click()
  await page.locator('tr', {hasText: 'SN-2'}).waitFor({state: 'detached'})
  const {text} = await saved(page, () => page.getByRole('button', {name: 'CSV'}).click())
  check(text.split('\r\n').length === 4, text)
}

async function ledger(page) {
  await go(page, '/console#/ledger')
  await test(page, 'ledger-verify').click()
  await test(page, 'ledger-verdict').getByText('The ledger is whole.').waitFor()
  await test(page, 'ledger-any').fill('desk-lamp')
  await page.locator('tbody tr').nth(1).waitFor({state: 'detached'})
  check(await page.locator('tbody tr').count() === 1, 'one row names the thing')
  await page.locator('tbody tr a').first().click()
  await page.locator('h1').getByText(/^Row \d+/).waitFor()
  await go(page, '/console#/ledger/checkpoints')
  await test(page, 'ledger-sign').click()
  await test(page, 'ledger-sign-confirm').click()
  await test(page, 'ledger-prune').waitFor()
  await go(page, '/console#/ledger')
  const {text} = await saved(page, () => test(page, 'ledger-export').click())
  await ask({ledger: text})
}

async function why(page, certificate) {
  await go(page, '/console#/why')
  await test(page, 'refusal').first().waitFor()
  await go(page, '/console#/why/explain')
  await test(page, 'explain-principal').fill(certificate)
  await test(page, 'explain-action').selectOption('iot:Publish')
  await test(page, 'explain-resource').fill('topic/nobody/allows/this')
  await test(page, 'explain').click()
  await test(page, 'explain-verdict').getByText('IMPLICIT_DENY').waitFor()
  await test(page, 'explain-suggestion').waitFor()
  await go(page, '/console#/why/test')
  await test(page, 'test-authorization-principal').fill(certificate)
  await test(page, 'test-authorization-actionType').selectOption('CONNECT')
  await test(page, 'test-authorization-resources').fill('client/desk-lamp')
  await test(page, 'test-authorization').click()
  await test(page, 'test-result').waitFor()
}

async function numbers(page) {
  const told = await page.evaluate(async () => {
    const {History, parse} = await import('/assets/metrics.js')
    const text = (n) => `# TYPE x counter\nx{a="1",b="q\\"\\n"} ${n}\nx{a="2"} 1\ny_bucket{le="0.1"} ${n}\ny_bucket{le="+Inf"} ${n * 2}\nbroken line\n`
    const history = new History()
    history.add(0, parse(text(10)))
    history.add(2000, parse(text(16)))
    history.add(4000, parse(text(4)))
    return [history.now('x'), history.now('x', {a: '2'}), history.rates('x', {a: '1'}), history.by('x', 'a').map(one => one.label), history.quantile('y', 0.25), history.quantile('none', 0.5)]
  })
  check(JSON.stringify(told) === JSON.stringify([5, 1, [3, 0], ['1', '2'], 0.05, null]), JSON.stringify(told))
}

await withBrowser(async open => {
  const {page} = await open({acceptDownloads: true})
  await signIn(page)
  const world = await ask({begin: true})
  await numbers(page)
  await claims(page, world)
  await cancelled(page, world.evil)
  await requests(page)
  const password = await users(page)
  await signedOut(page, await looking(open, password))
  await hooks(page)
  await ledger(page)
  await why(page, world.certificate)
  await nothingHurt(page)
  say({end: true})
})
