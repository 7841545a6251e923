// The installer with a phone at a device. The test starts the agents; here are the taps.
import {DESKTOP, PHONE, accessible, ask, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

const test = (page, name) => page.locator(`[data-test="${name}"]`)
const pathOf = uri => uri.slice(world.base.length)

// A QR code opened with the phone's camera, by somebody who is not signed in yet.
async function vouch(page, agent) {
  await page.goto(agent.uri)
  await page.waitForURL('**/sign-in*')
  await page.getByLabel('User name').fill(world.user)
  await page.getByLabel('Password').fill(world.password)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/install*')
  const main = page.locator('main')
  await main.getByText(agent.serialNumber).first().waitFor()
  check((await main.innerText()).replace(/\s/g, '').includes(agent.keyFingerprint), 'the fingerprint of the key is shown')
  await accessible(page, 'install-device')
  if (await page.getByLabel('Template').count()) await page.getByLabel('Template').selectOption(world.template).catch(() => {})
  const began = Date.now()
  await test(page, 'install-vouch').click()
  await test(page, 'install-done').waitFor()
  say({took: Date.now() - began})
  await accessible(page, 'install-done')
}

async function typed(page, agent) {
  await go(page, '/install')
  const swapped = agent.userCode.replace(/^(.)(.)/, (_, a, b) => b + a)
  if (swapped !== agent.userCode) {
    await test(page, 'install-code').fill(swapped)
    await page.getByText('mistyped', {exact: false}).or(page.locator('[aria-invalid=true]')).first().waitFor()
  }
  await test(page, 'install-code').fill(agent.userCode)
  await page.keyboard.press('Enter')
  await page.locator('main').getByText(agent.serialNumber).first().waitFor()
}

async function deny(page, agent) {
  await typed(page, agent)
  await test(page, 'install-deny').click()
  await page.locator('dialog .danger').click()
  await test(page, 'install-failed').waitFor()
}

// Somebody stands between this device and the server: what it saw as the root is not the server's.
async function between(page, agent) {
  await go(page, '/install')
  await page.goto(agent.uri.replace(/r=.{64}/, `r=${'0'.repeat(64)}`))
  await test(page, 'install-refused').waitFor()
  check(await test(page, 'install-vouch').count() === 0, 'nothing to vouch with')
  await accessible(page, 'install-refused')
}

async function restart(page, agent) {
  await page.goto(agent.uri)
  await page.locator('main').getByText(agent.serialNumber).first().waitFor()
  await ask({restart: true})
  await test(page, 'install-vouch').click()
  await test(page, 'install-done').waitFor()
}

// A claim for a device with a camera; it ends before anybody used it.
async function expired(page) {
  await go(page, '/install')
  await test(page, 'install-claim').click()
  await page.getByLabel('Template').waitFor()
  await test(page, 'install-claim-make').click()
  const picture = test(page, 'install-claim-qr')
  await picture.locator('svg, canvas, img').first().waitFor()
  await accessible(page, 'install-claim')
  say({picture: (await picture.screenshot({scale: 'css'})).toString('base64')})
  await page.clock.fastForward('06:00')
  await test(page, 'install-claim-over').waitFor()
}

// The console, while the server is away for a moment: it says so, waits, and goes on by itself.
async function away(page) {
  await go(page, '/console#/things')
  await page.getByText('lamp-SN-100').waitFor()
  await ask({away: true})
  await page.getByRole('link', {name: 'Templates'}).click()
  await page.getByText('The server does not answer. Trying again.').waitFor()
  check(await page.locator('.error-box').count() === 0, 'no error: it waits')
  await accessible(page, 'away')
  await ask({back: true})
  await page.getByRole('link', {name: world.template}).waitFor()
  await page.getByText('Trying again').waitFor({state: 'detached'})
  check(page.url().endsWith('#/templates'), `it is at ${page.url()}`)
}

await withBrowser(async open => {
  const phone = {viewport: PHONE, isMobile: true, hasTouch: true}
  const {page} = await open(phone)
  await vouch(page, await ask({agent: 'SN-100'}))
  await ask({provisioned: 'SN-100'})
  await deny(page, await ask({agent: 'SN-101'}))
  await ask({turned: 'SN-101'})
  await between(page, await ask({agent: 'SN-102'}))
  await restart(page, await ask({agent: 'SN-103'}))
  await ask({provisioned: 'SN-103'})
  await page.setViewportSize(DESKTOP)
  await away(page)
  const {page: other} = await open(phone)
  await other.clock.install()
  await signIn(other, {to: '/install'})
  await expired(other)
  say({end: true})
})
