// Somebody who may vouch with one template and do nothing else: pages offer that, and ask for nothing that is refused.
import {readFileSync} from 'node:fs'
import {PHONE, check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

await withBrowser(async open => {
  const {context, page} = await open()
  const refused = []
  let requests = 0
  context.on('response', answer => {
    requests++
    if (answer.status() >= 400 && !answer.url().endsWith('/_vouch/session')) refused.push(`${answer.status()} ${answer.url()}`)
  })
  await signIn(page, world.who)
  const offered = await page.locator('nav [data-page]').evaluateAll(links => links.map(link => link.dataset.page))
  check(offered.join() === 'overview,claims,settings', `offered: ${offered}`)
  for (const name of offered) {
    await go(page, `/console#/${name}`)
    await page.waitForLoadState('networkidle')
  }
  for (const name of ['things', 'users', 'ledger', 'live', 'pairings', 'policies']) {
    await go(page, `/console#/${name}`)
    await page.locator('main .empty').waitFor()
  }
  await page.setViewportSize(PHONE)
  await go(page, '/install')
  const template = page.locator('[data-test=install-template]')
  await template.waitFor()
  const choices = await template.locator('option').allInnerTexts()
  check(choices.join() === world.template && await template.inputValue() === world.template, `choices: ${choices}`)
  await page.locator('[data-test=install-claim-make]').click()
  await page.locator('[data-test=install-claim-qr]').waitFor() // no code of our own making: that claim is not of the AWS kind
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'File for vouch-agent'}).click()])
  check(JSON.parse(readFileSync(await file.path(), 'utf8')).templateName === world.template, 'the bundle is for that template')
  await page.waitForLoadState('networkidle')
  check(refused.length === 0, `asked in vain: ${refused}`)
  say({requests})
})
