// The console's steps of the workshop, by clicking: settings, policies, template and its second version, claim; the thing and the certificate
// show up by themselves; the certificate is revoked, which the live page shows.
import {readFileSync} from 'node:fs'
import {ask, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const test = (page, name) => page.locator(`[data-test="${name}"]`).first()

async function ready(page, name) {
  await page.locator(`html[data-ready="${name}"]`).waitFor({state: 'attached'})
}

async function nav(page, name) {
  await page.locator(`nav [data-page="${name}"]`).click()
  await ready(page, name)
}

async function policy(page, name, text) {
  await nav(page, 'policies')
  await test(page, 'policy-create').click()
  await test(page, 'policy-name').fill(name)
  await test(page, 'policy-document').fill(text)
  await test(page, 'policy-document-account').click()
  await test(page, 'policy-save').click()
  await page.waitForURL(`**/console#/policies/${name}`)
  const stored = JSON.parse(await test(page, 'policy-document').inputValue())
  check(!JSON.stringify(stored).includes(':account:'), 'the account is put in')
}

async function template(page) {
  await nav(page, 'templates')
  await test(page, 'template-create').click()
  await test(page, 'template-name').fill(world.template)
  await test(page, 'template-save').click()
  await page.waitForURL(`**/console#/templates/${world.template}`)
  await test(page, 'template-body').fill(readFileSync(world.body, 'utf8'))
  await page.getByRole('button', {name: 'Save as new version'}).click()
  await page.getByText('Version 2').first().waitFor()
}

async function claim(page) {
  await page.getByRole('tab', {name: 'Claims'}).click()
  const [file] = await Promise.all([page.waitForEvent('download'), test(page, 'template-claim-download').click()])
  const text = readFileSync(await file.path(), 'utf8')
  check('PrivateKey' in JSON.parse(text).keyPair, 'the claim has its key')
  return text
}

// Without a reload: the page tells that there is something new.
async function appears(page) {
  await test(page, 'things-new').getByRole('link', {name: world.thing}).click()
  await page.waitForURL(`**/console#/things/${world.thing}`)
  await page.getByText('Active', {exact: true}).first().waitFor()
}

async function revoke(page, live, certificate) {
  await go(page, `/console#/certificates/${certificate}`)
await test(page, 'certificate-revoke').click()
  await page.locator('dialog input').fill(certificate.slice(0, 8))
  await page.locator('dialog .danger').click()
  await page.getByText('Revoked').first().waitFor()
  await test(live, 'live-feed').getByText(/revoked/i).first().waitFor()
  await test(live, 'live-feed').getByText(world.thing).first().waitFor()
}

await withBrowser(async open => {
  const {context, page} = await open({acceptDownloads: true})
  await signIn(page)
  await nav(page, 'settings')
  check((await test(page, 'settings-endpoint').innerText()).includes('localhost'), 'the endpoint is shown')
  await policy(page, 'TrustedUserProvisioningPolicy', world.claimPolicy)
  await policy(page, 'pubsub', world.devicePolicy)
  await template(page)
  const text = await claim(page)
  const things = await context.newPage()
  await go(things, '/console#/things')
  const live = await context.newPage()
  await go(live, '/console#/live')
  await test(live, 'live-state').getByText(/live/i).waitFor()
  const {certificate} = await ask({claim: text})
  await appears(things)
  await revoke(page, live, certificate)
  await ask({revoked: true})
  say({end: true})
})
